"""Notebooks run unchanged in the real profiles: on stand-ins in a Hub cache, with the network closed."""

import json
import re
import subprocess
import sys
from pathlib import Path

import badges
import hub
import nbformat
import pytest
import standins
import standins_encoders
import standins_senses

import labs
from labs.data.real import COLAB as COLAB_DATA
from labs.data.real import FULL as FULL_DATA
from labs.models.real import COLAB, FULL

NOTEBOOKS = badges.notebooks()
# Those that open a checkpoint of the catalogue; only the demos are long enough to be worth a second real profile, and
# the one that tunes shows most of it. Of a section's notebook one or two cells differ from what runs in profile mini.
# What is left out here is run by scripts/test.sh --all.
OPENING = [path for path in NOTEBOOKS if "catalog.load(" in path.read_text(encoding="utf-8")]
BRIEFLY = re.compile(r"0[1-47]_.* colab|06_1_.* full")
ON_REAL = [pytest.param(path, profile, marks=[pytest.mark.long] if BRIEFLY.match(f"{path.stem} {profile}") else [])
           for path in OPENING for profile in ("colab", "full")
           if profile == "colab" or path.stem.startswith("06")]  # fmt: skip
RUN = """
import json, sys
from pathlib import Path
import nbformat
from execute_notebooks import run
path, minutes = Path(sys.argv[1]), int(sys.argv[2])
book = nbformat.read(path, as_version=4)
error = run(book, path.parent, 60 * minutes)
nbformat.write(book, path)
sys.exit(error)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of a Hub cache with all that the notebooks open."""
    folder = tmp_path_factory.mktemp("hub")
    hub.put(folder, COLAB["multimodal"].name, standins.idefics3())
    hub.put(folder, COLAB["generative"].name, standins.git())
    hub.put(folder, COLAB["dual_encoder"].name, standins_encoders.siglip2())
    hub.put(folder, FULL["multimodal"].name, standins.llava_next())
    for role, standin in {"audio_encoder": "ast", "audio_text": "clap", "time_series": "patchtst"}.items():
        hub.put(folder, COLAB[role].name, getattr(standins_senses, standin)())
    for entry in dict.fromkeys([COLAB_DATA["vqa"], FULL_DATA["vqa"]]):
        hub.put_data(folder, entry, rows=60)
    return folder


def execute(path: Path, home: Path, runs: Path, profile: str) -> list[str]:
    """Run a notebook in a process of its own; what each of its code cells has printed."""
    environment = hub.environment(home) | {
        "LABS_PROFILE": profile, "LABS_RUNS": str(runs), "LABS_HOME": str(labs.home()),
        "PYTHONPATH": str(labs.home() / "scripts"), "PYTHONWARNINGS": "default",
    }  # fmt: skip
    call = [sys.executable, "-c", RUN, str(path), "9"]
    done = subprocess.run(call, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return ["".join(out.get("text", "") for out in cell.outputs) for cell in cells]


@pytest.mark.parametrize("path, profile", ON_REAL, ids=lambda part: getattr(part, "stem", part))
def test_a_notebook_runs_unchanged_on_real_classes(path, profile, home, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    told = "\n".join(execute(copy, home, tmp_path / "runs", profile))
    assert f"profile {profile} (asked for)" in told
    (record,) = (tmp_path / "runs").rglob("downloads.json")
    table = {"colab": COLAB, "full": FULL}[profile]
    asked = set(re.findall(r'catalog\.load\(\s*"(\w+)"', path.read_text(encoding="utf-8").replace('\\"', '"')))
    asked &= table.keys()  # some roles are played in one profile only
    assert asked and {table[role].name for role in asked} == set(json.loads(record.read_text())["models"])


def test_a_lost_session_goes_on_with_the_finished_runs_of_the_repository(home, tmp_path):
    (path,) = [path for path in NOTEBOOKS if path.stem.startswith("06_2")]
    text = path.read_text(encoding="utf-8")
    assert text.count("lost = False") == 1
    copy = tmp_path / path.name
    copy.write_text(text.replace("lost = False", "lost = True"), encoding="utf-8")
    told = "\n".join(execute(copy, home, tmp_path / "runs", "mini"))
    curves = {run: json.loads((labs.home() / "data" / "finished" / "06_2" / run / "metrics.json").read_text())
              for run in ("lora", "qlora")}  # fmt: skip
    assert f"200 steps in {curves['lora']['seconds']:.0f} s" in told  # those of the shipped run, not of another
    assert not list((tmp_path / "runs").rglob("checkpoints"))
    assert "QLoRA (NF4) learned the skill" in told
