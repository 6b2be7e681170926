"""python scripts/execute_notebooks.py [NOTEBOOK...]        (by default all of notebooks/)

Execute notebooks in place, top to bottom, and save them as they may be committed, with runs of their own. Each has a
budget of minutes; at three times the budget it is stopped, and its outputs up to there are kept.
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[1]
BUDGET = 180  # seconds a notebook


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    paths = parser.parse_args().notebooks or sorted((ROOT / "notebooks").glob("*.ipynb"))
    failed = []
    os.environ.setdefault("LABS_PROFILE", "mini")
    os.environ.setdefault("LABS_RUNS", str(ROOT / "runs" / "executed"))
    shutil.rmtree(ROOT / "runs" / "executed", ignore_errors=True)  # nothing is to be opened from before
    for path in (bar := tqdm(paths)):
        bar.set_description(path.stem)
        seconds, error = execute(path)
        tqdm.write(f"{path.name}: {seconds:.0f} s of {BUDGET}{'' if error is None else '  FAILED'}")
        if error is not None:
            failed.append(f"{path.name}: {error}")
    if failed:
        sys.exit("\n".join(failed))


def execute(path: Path) -> tuple[float, str | None]:
    """Run one notebook and save it; return the seconds and, if a cell failed, what it said."""
    book, start = nbformat.read(path, as_version=4), time.monotonic()
    error = run(book, path.parent, 3 * BUDGET)
    nbformat.write(tidied(book), path)
    return time.monotonic() - start, error


def run(book: nbformat.NotebookNode, folder: Path, seconds: int) -> str | None:
    """Execute all cells in `folder` within so many seconds; the outputs are put into the book. Returns what failed."""
    start = time.monotonic()
    client = NotebookClient(
        book, kernel_name="python3", resources={"metadata": {"path": str(folder)}},
        timeout_func=lambda cell: max(1, seconds - int(time.monotonic() - start)),
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
