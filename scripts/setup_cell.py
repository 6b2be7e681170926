"""python scripts/setup_cell.py [NOTEBOOK...]        (by default all of notebooks/ and labs/)

Write the cell tagged `setup` into notebooks, as their first code cell, and their badges. Nothing else of them changes.
A notebook that gets another cell than it had loses that cell's output: execute it anew.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from badges import address, notebooks, with_badges
from hosted import MEGABYTES

# The folder beside the notebook is not called `labs`: Python would take it for the package.
FROM_ZIP = """\
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import unpack_archive
from subprocess import getstatusoutput

if find_spec("labs") is None:  # on Colab and Kaggle: unpack labs.zip, install what is missing there ({megabytes} MB)
    for file in [*Path().glob("*labs*.zip"), *Path("/kaggle/input").rglob("*labs*.zip")]:
        unpack_archive(file, "multimodal-labs")
    found = [*Path("multimodal-labs").rglob("scripts/hosted.py"), *Path("/kaggle/input").rglob("scripts/hosted.py")]
    assert found, "The labs are not here: upload labs.zip beside this notebook, or choose a checkout's .venv as kernel."
    failed, said = getstatusoutput(f"'{{sys.executable}}' '{{found[0]}}'")
    assert not failed, said
    print(said)
    sys.path.insert(0, os.environ.setdefault("LABS_HOME", str(found[0].resolve().parents[1])))
"""
FROM_ADDRESS = """\
import os
import sys
from importlib.util import find_spec
from subprocess import getstatusoutput

if find_spec("labs") is None:  # on Colab and Kaggle: clone the labs, install what is missing there ({megabytes} MB)
    hosted = {{"COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"}} & set(os.environ)
    assert hosted, "The labs are not here: choose a checkout's .venv as kernel."
    home = os.path.abspath("multimodal-labs")
    clone = f"git clone --quiet --depth 1 {address} '{{home}}'"
    failed, said = (0, "") if os.path.exists(home) else getstatusoutput(clone)
    assert not failed, f"The labs cannot be cloned; on Kaggle, choose Settings > Internet > On: {{said}}"
    failed, said = getstatusoutput(f"'{{sys.executable}}' '{{home}}/scripts/hosted.py'")
    assert not failed, said
    print(said)
    sys.path.insert(0, os.environ.setdefault("LABS_HOME", home))
"""
START = """
from labs.preflight.notebook import start

choice = start()"""


def source(found: str | None) -> str:
    """The text of the cell: with a public address it clones the labs, without one it unpacks an uploaded zip."""
    fetch = (FROM_ADDRESS if found else FROM_ZIP).format(address=found, megabytes=sum(MEGABYTES.values()))
    return fetch + START


def written(book: nbformat.NotebookNode, path: Path, found: str | None) -> nbformat.NotebookNode:
    """The notebook with this cell and its badges. Raises ValueError if another cell is the one tagged `setup`."""
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    tagged = [cell for cell in code if "setup" in cell.metadata.get("tags", [])]
    if tagged and tagged != code[:1]:
        raise ValueError(f"{path}: the cell tagged setup has to be the first code cell, and the only one")
    cell = tagged[0] if tagged else _insert(book, code)
    if cell.source != source(found):
        cell.update(source=source(found), outputs=[], execution_count=None)
    title = next((cell for cell in book.cells if cell.cell_type == "markdown"), None)
    if title is not None:
        title.source = with_badges(title.source, path, found)
    return book


def _insert(book: nbformat.NotebookNode, code: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    """A new cell, before all code."""
    cell = nbformat.v4.new_code_cell(id="setup", metadata={"tags": ["setup"]})
    book.cells.insert(book.cells.index(code[0]) if code else len(book.cells), cell)
    return cell


def write(path: Path, found: str | None) -> bool:
    """Whether the notebook had to change."""
    before = path.read_text(encoding="utf-8")
    book = nbformat.reads(before, as_version=nbformat.NO_CONVERT)
    after = nbformat.writes(written(book, path, found)) + "\n"
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    return after != before


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", type=Path)
    try:
        found = address()
        for path in parser.parse_args(arguments).notebooks or notebooks():
            print(f"{path.name}: {'written' if write(path, found) else 'has it already'}")
    except (OSError, ValueError) as problem:  # a file that is no notebook is a ValueError too
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
