"""python scripts/section_seconds.py [NOTEBOOK...]        (by default all of notebooks/)

Run notebooks in the mini profile on one core, without earlier runs and without saving them, and write how many seconds
each section took to data/bench/sections.json: so presenters know what they can run live (labs/teaching/schedule.py).
"""

import argparse
import json
import os
import sys
import tempfile
from datetime import date, datetime
from pathlib import Path

import nbformat
from execute_notebooks import run

from labs.teaching.sections import sections

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "data" / "bench" / "sections.json"
LONGEST = 900  # seconds for a notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    for path in parser.parse_args().notebooks or sorted((ROOT / "notebooks").glob("*.ipynb")):
        seconds = measured(path.resolve())
        known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
        known[path.stem] = {"date": date.today().isoformat(), "cores": 1, "seconds": seconds}
        FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{path.stem}: {sum(seconds.values()):.0f} s", flush=True)


def measured(path: Path) -> dict[str, float]:
    """The seconds of each section of a notebook, by its heading. Ends with a sentence where a cell fails."""
    book = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as runs:
        os.environ |= {"LABS_PROFILE": "mini", "LABS_RUNS": runs, "OMP_NUM_THREADS": "1"}
        failed = run(book, path.parent, LONGEST)
    if failed is not None:
        sys.exit(f"{path.name}: {failed}")
    return {part.heading: round(sum(map(_took, book.cells[part.first - 1 : part.last])), 1) for part in sections(path)}


def _took(cell: dict) -> float:
    """The seconds between a cell's start and its end, which the client notes; 0 for text."""
    noted = cell["metadata"].get("execution", {})
    if not noted:
        return 0.0
    start, end = (datetime.fromisoformat(noted[name]) for name in ("iopub.execute_input", "shell.execute_reply"))
    return (end - start).total_seconds()


if __name__ == "__main__":
    main()
