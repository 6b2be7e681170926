"""python scripts/check_real.py [--profile colab] [NOTEBOOK...]        (by default all of notebooks/ and labs/)
python scripts/check_real.py --true-shapes

Run each lab end to end on this machine, as it stands in the repository, and write what it cost to
data/cards/PROFILE-DEVICE.json: download, minutes, peak memory, held-out figures, versions, date. A lab that was
measured before is measured again; those that are not named keep their figures and their dates. The notebooks stay as
they are.

With --true-shapes, and by itself on a GPU that cannot reach the Hub: memory and speed of tuning models as large as the
real ones, with random weights (benching.true_shape), written to a card of their own.
"""

import argparse
import datetime
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from badges import notebooks
from benching import true_shape
from execute_notebooks import ROOT, run
from tqdm import tqdm

from labs.errors import LabsError
from labs.files import write_json
from labs.models.downloads import gigabytes
from labs.preflight.costs import device_of
from labs.preflight.decide import decide
from labs.preflight.machine import Machine, look
from labs.preflight.problems import problems

HOURS = 3  # a lab may take; real models on a slow network take long
LAST = "from labs.preflight.costs import measured\n\nmeasured(figures)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--profile", help="mini, colab or full; by default the largest that this machine can run")
    parser.add_argument("--true-shapes", action="store_true")
    parser.add_argument("--to", type=Path, default=ROOT / "data" / "cards")
    asked = parser.parse_args()
    try:
        check(asked.notebooks, asked.profile, asked.true_shapes, asked.to)
    except LabsError as error:
        print(error, file=sys.stderr)
        sys.exit(2)


def check(paths: list[Path], profile: str | None, true_shapes: bool, to: Path) -> Path:
    """Measure the labs, or models of true shapes, and write the card. Returns its path."""
    machine = look()
    choice = decide(machine, **({"profile": profile} if profile else {}))
    alone = choice.device == "cuda" and choice.download and (machine.offline or machine.hub is False)
    if true_shapes or alone:
        tqdm.write("Models of true shapes with random weights are measured, which need no Hub.")
        return write(open_card(to, "true shapes", machine) | {"shapes": true_shape.measure_all()}, to)
    if stops := [problem for problem in problems(machine, choice) if problem.stops]:
        raise LabsError(f"{stops[0].what}: {stops[0].mend}.")
    card = open_card(to, choice.profile, machine)
    for path in tqdm(paths or notebooks(), desc=f"labs in {choice.profile}"):
        card["labs"] |= {path.stem: cost_of(path, choice.profile)}
        file = write(card, to)  # after each, so that an interruption keeps what is measured
        tqdm.write(f"{path.stem}: {json.dumps(card['labs'][path.stem])}")
    return file


def cost_of(path: Path, profile: str) -> dict:
    """What one notebook costs. Raises LabsError, naming the cell's error, if it does not run to its end."""
    book = nbformat.read(path, as_version=4)
    book.cells.append(nbformat.v4.new_code_cell(LAST))
    with tempfile.TemporaryDirectory() as runs:
        # set, not handed over: the notebook's kernel inherits them
        os.environ |= {"LABS_PROFILE": profile, "LABS_RUNS": runs}
        start = time.monotonic()
        error = run(book, path.parent, HOURS * 3600)
        minutes = (time.monotonic() - start) / 60
        downloaded = sum(gigabytes(record.parent) for record in Path(runs).rglob("downloads.json"))
    if error:
        raise LabsError(f"{path.stem} stopped: {error}")
    said = json.loads(book.cells[-1].outputs[-1]["text"])
    return {"download_gb": round(downloaded, 2), "minutes": round(minutes, 1), "date": today()} | said


def open_card(to: Path, profile: str, machine: Machine) -> dict:
    """The card of this profile and device, with what was measured before."""
    device = device_of(profile, machine)
    file = to / f"{slug(profile)}-{slug(device)}.json"
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"labs": {}}
    return before | {"profile": profile, "device": device, "date": today(), "memory_gb": round(machine.memory),
                     "python": ".".join(map(str, machine.python)), "versions": machine.versions}  # fmt: skip


def write(card: dict, to: Path) -> Path:
    """Write the card whole or not at all."""
    to.mkdir(parents=True, exist_ok=True)
    file = to / f"{slug(card['profile'])}-{slug(card['device'])}.json"
    write_json(file, card)
    return file


def today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def slug(device: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")


if __name__ == "__main__":
    main()
