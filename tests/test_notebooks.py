"""Every notebook runs from top to bottom as it was committed: in profile mini, offline, in any folder."""

import os
import re
import subprocess
import sys

import badges
import nbformat
import pytest

import labs
from labs.preflight.costs import BUDGET

NOTEBOOKS = badges.notebooks()
FIRST_OUTPUT = 15  # seconds; a budget, so that a test fails at three times as many


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_executes_offline_in_any_folder(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    environment = os.environ | {"LABS_HOME": str(labs.home()), "LABS_RUNS": str(tmp_path / "runs")}
    environment.pop("LABS_PROFILE", None)
    call = [sys.executable, str(labs.home() / "scripts" / "execute_notebooks.py"), copy.name]
    done = subprocess.run(call, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    said = re.search(rf" s of {BUDGET}, first output after (\d+) s", done.stdout + done.stderr)
    assert said and int(said[1]) <= 3 * FIRST_OUTPUT
    cells = [cell for cell in nbformat.read(copy, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
