"""python scripts/execute_notebooks.py [NOTEBOOK...]        (by default all of notebooks/ and labs/; --jobs 2)

Execute notebooks in place, top to bottom, and save them as they may be committed, with runs of their own. Several run
at a time, and share the cores. Each has a budget of minutes; at three times the budget it is stopped, and its outputs
up to there are kept. Said of each: its seconds, and after how many there was something to read; then all together.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import nbformat
from badges import notebooks
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from tqdm import tqdm

from labs.preflight.costs import BUDGET

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / "runs" / "executed"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--jobs", type=int, default=2, help="notebooks at a time")
    asked = parser.parse_args()
    paths = [path.resolve() for path in asked.notebooks] or notebooks()
    for path in paths:
        forget(path)
    jobs = max(1, min(asked.jobs, len(paths)))
    os.environ.setdefault("LABS_PROFILE", "mini")
    os.environ.setdefault("LABS_RUNS", str(RUNS))
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    failed, together, began = [], 0.0, time.monotonic()
    fresh = multiprocessing.get_context("spawn")  # a kernel must not inherit what this process has loaded
    with ProcessPoolExecutor(jobs, fresh) as pool:
        running = {pool.submit(execute, path): path for path in paths}
        for done in tqdm(as_completed(running), "notebooks", len(paths)):
            path, (seconds, first, error) = running[done], done.result()
            together += seconds
            told = f"{path.name}: {seconds:.0f} s of {BUDGET}, first output after {first:.0f} s"
            tqdm.write(told if error is None else f"{told}  FAILED")
            if error is not None:
                failed.append(f"{path.name}: {error}")
    minutes, waited = together / 60, (time.monotonic() - began) / 60
    print(f"{len(paths)} notebooks: {minutes:.1f} minutes together, {waited:.1f} with {jobs} at a time")
    if failed:
        sys.exit("\n".join(failed))


def forget(path: Path) -> None:
    """Remove what the notebook ran before, so that nothing of it is opened."""
    for folder in RUNS.glob("*/"):
        if path.stem.startswith(folder.name):
            shutil.rmtree(folder)


def execute(path: Path) -> tuple[float, float, str | None]:
    """Run one notebook and save it; return its seconds, those to its first output, and what a failed cell said."""
    book, start, seen = nbformat.read(path, as_version=4), time.monotonic(), []
    error = run(book, path.parent, 3 * BUDGET, lambda: seen.append(time.monotonic()))
    nbformat.write(tidied(book), path)
    return time.monotonic() - start, (seen[0] if seen else time.monotonic()) - start, error


def run(
    book: nbformat.NotebookNode, folder: Path, seconds: int, seen: Callable[[], None] = lambda: None
) -> str | None:  # fmt: skip
    """Execute all cells in `folder` within so many seconds; the outputs are put into the book. Returns what failed.

    `seen` is called after each cell that has put out something.
    """
    start = time.monotonic()
    client = NotebookClient(
        book, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda cell: max(1, seconds - int(time.monotonic() - start)),
        on_cell_executed=lambda cell, **_: seen() if cell.get("outputs") else None,
    )  # fmt: skip
    try:
        client.execute()
    except CellExecutionError as failure:
        return f"{failure.ename}: {failure.evalue}"
    except CellTimeoutError:
        return f"it was not done within {seconds} seconds"
    return None


def tidied(book: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what hinders reading or differs from run to run: widget state, progress bars, timings, random ids."""
    book.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for number, cell in enumerate(book.cells):
        cell["id"] = f"c{number:03d}"
        cell.metadata = {"tags": cell.metadata["tags"]} if cell.metadata.get("tags") else {}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_progress(output)]
    return book


def _is_progress(output: nbformat.NotebookNode) -> bool:
    """Progress bars come on the error stream, or as displays whose text holds a bar."""
    text = str(output.data.get("text/plain", "")) if output.output_type == "display_data" else ""
    return output.get("name") == "stderr" or "%|" in text


if __name__ == "__main__":
    main()
