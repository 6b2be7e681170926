"""python scripts/book.py [--to outputs/book]

Bind the executed notebooks, the worksheets with their hints folded, the pages in labs/, the claims, the map of papers
and the code into one site. It opens from the disk, without a server, and asks no host for anything.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the exercises and the map are asked

from binding import code, notebooks, pages, sources  # noqa: E402
from sphinx.cmd.build import build_main  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=ROOT / "outputs" / "book", metavar="DIR")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as written:
        write(Path(written))
        failed = build(Path(written), arguments.to)
    if failed:
        return failed
    print(f"Open {arguments.to.resolve() / 'index.html'}")
    return 0


def write(folder: Path) -> None:
    """All that the site is made from, in the layout of the repository, so that links from page to page hold."""
    shutil.copytree(ROOT / "scripts" / "book", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "scripts" / "vendor" / "mathjax", folder / "static" / "mathjax")
    for part in (pages, notebooks, code, sources):
        part.write(folder)


def build(folder: Path, to: Path) -> int:
    """The site from what was written; the exit code. Whatever Sphinx warns of is an error."""
    shutil.rmtree(to, ignore_errors=True)
    with tempfile.TemporaryDirectory() as kept:
        return build_main(["-q", "-W", "--keep-going", "-j", "2", "-d", kept, str(folder), str(to)])


if __name__ == "__main__":
    sys.exit(main())
