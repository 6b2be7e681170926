"""python scripts/claims.py [SYSTEM...]        (by default all; --jobs 2, --seeds 3)

Measure the claims of all systems and write data/claims.json and the figures of all claims and of their verdicts,
data/samples/claims.png and verdicts.png. Each system runs in a process of its own on one core. A run that is stopped
goes on where it was, unless the code of the system has changed since.
"""

import argparse
import ast
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import version
from pathlib import Path

from bench import machine
from tqdm import tqdm

from labs.files import write_json
from labs.systems.claim import SEEDS, systems
from labs.systems.outcome import all_kept
from labs.teaching.forest import forest
from labs.teaching.show import png
from labs.teaching.tally import tally

ROOT = Path(__file__).resolve().parents[1]
SHIPPED, SAMPLES = ROOT / "data" / "claims.json", ROOT / "data" / "samples"
RUNS = ROOT / "runs" / "claims"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="*", default=systems(), metavar="SYSTEM")
    parser.add_argument("--jobs", type=int, default=2, help="systems at a time, one core each")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    if unknown := set(arguments.systems) - set(systems()):
        parser.error(f"there is no system {', '.join(unknown)}: choose of {', '.join(systems())}")
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.exists() else {"claims": {}, "systems": {}}
    where = machine() | {"threads": 1}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        running = {pool.submit(measure, name, arguments.seeds): name for name in arguments.systems}
        for done in tqdm(as_completed(running), "systems", len(running)):
            name, (claims, minutes) = running[done], done.result()
            others = {key: one for key, one in shipped["claims"].items() if not key.startswith(f"{name}/")}
            shipped["claims"] = dict(sorted((others | claims).items()))
            shipped["systems"][name] = {"minutes": minutes, "machine": where, "versions": versions()}
            write_json(SHIPPED, shipped)
    draw_figures()
    for name, outcome in all_kept().items():
        print(f"{name}: {outcome.show(outcome.gap, signed=True)}: {outcome.verdict}")


def draw_figures() -> None:
    """Every claim with its interval, and every verdict on one screen."""
    (SAMPLES / "claims.png").write_bytes(png(forest(all_kept()), 110, 32))
    (SAMPLES / "verdicts.png").write_bytes(png(tally(all_kept()), 110, 32))


def measure(system: str, seeds: int) -> tuple[dict, float]:
    """All claims of a system in a process of its own, with what it says in a log; the results and the minutes.

    The minutes are those of its arms, also of what an earlier run has measured.
    """
    folder = RUNS / f"{system}-{fingerprint(system)}"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "labs", "claim", system, "--seeds", str(seeds), "--keep", str(folder),
               "--json", str(folder / "result.json")]  # fmt: skip
    with (folder / "log.txt").open("a", encoding="utf-8") as log:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        code = subprocess.run(command, cwd=ROOT, env=environment, stdout=log, stderr=log).returncode
    if code:
        raise SystemExit(f"{system} stopped with {code}: see {folder / 'log.txt'}, mend it and run this again.")
    claims = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    seconds = [one for claim in claims.values() for each in claim["seconds"].values() for one in each]
    return claims, round(sum(seconds) / 60, 1)


def fingerprint(system: str) -> str:
    """Of the code that measures a system: its own file and the parts it is built from."""
    digest, seen = hashlib.sha256(), {f"labs.systems.{system}"}
    queue = list(seen)
    while queue:
        file = ROOT / (queue.pop().replace(".", "/") + ".py")
        if file.exists():
            digest.update(file.read_bytes())
            found = {name for name in imported(file) if name.startswith("labs.systems.")} - seen
            seen |= found
            queue += sorted(found)
    return digest.hexdigest()[:12]


def imported(file: Path) -> Iterator[str]:
    """Every module that a file may import, also as `from package import module`."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def versions() -> dict[str, str]:
    """Of what the figures may depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in ("torch", "transformers", "numpy")}


if __name__ == "__main__":
    main()
