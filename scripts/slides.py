"""python scripts/slides.py [--path 90] [--to outputs/slides]

A deck for each notebook of the tutorial, from the sections that its timetable shows (labs/PRESENTERS.md): a slide for
each heading with its question, slides beneath it for what the cells show, and speaker notes (press S) with the minutes
and what there is to say. The decks open from the disk; nothing in them asks for another host.
"""

import argparse
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import SlidesExporter

from labs.teaching import schedule
from labs.teaching.schedule import Row

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "scripts" / "vendor"
LINES = 18  # of printed text that a slide holds
READ, PREDICT = "*Read.*", "> **Predict.**"
ELSEWHERE = re.compile(r"""(?:src|href)=["'](?:https?:)?//[^"']+["'][^>]*>|@import|url\((?:https?:)?//""")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", choices=schedule.LENGTHS, default="225", help="the timetable that is followed")
    parser.add_argument("--to", type=Path, default=ROOT / "outputs" / "slides", metavar="DIR")
    arguments = parser.parse_args()
    arguments.to.mkdir(parents=True, exist_ok=True)
    shutil.copytree(VENDOR, arguments.to / "vendor", dirs_exist_ok=True)
    for name, shown in by_notebook(arguments.path).items():
        file = arguments.to / f"{name}.html"
        file.write_text(page(deck(name, shown), name), encoding="utf-8")
        print(f"{file}: {sum(row.minutes for row in shown)} minutes, {len(shown)} sections")


def by_notebook(path: str) -> dict[str, list[Row]]:
    """The rows of a timetable, notebook by notebook."""
    found: dict[str, list[Row]] = {}
    for row in schedule.rows(path):
        if row.section:
            found.setdefault(row.section.notebook, []).append(row)
    return found


def deck(name: str, shown: list[Row]) -> nbformat.NotebookNode:
    """The notebook's shown sections as slides."""
    cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells
    made = [cell for row in shown for cell in slides(row, cells[row.section.first - 1 : row.section.last])]
    return nbformat.v4.new_notebook(cells=made, metadata={"title": shown[0].section.heading})


def slides(row: Row, cells: list[nbformat.NotebookNode]) -> Iterator[nbformat.NotebookNode]:
    """The heading's slide, one for each thing that is shown, and the notes of each."""
    opening, *rest = cells
    minutes = f"{row.minutes} minute{'s' if row.minutes > 1 else ''}, from {row.start // 60}:{row.start % 60:02d}"
    yield _text(opening.source, "slide")
    yield _text(f"{minutes}. {'Run it live.' if row.live else 'Shown as executed.'}", "notes")
    for cell in rest:
        text = cell.source
        if cell.cell_type == "code":
            yield from _shown(cell)
        elif text.startswith(READ):
            yield _text(text, "notes")
        elif text.startswith(PREDICT) or not text.startswith(("[", "#")):
            yield _text(text, "subslide")


def page(book: nbformat.NotebookNode, name: str) -> str:
    """The deck as one page. Raises ValueError where it would ask another host for anything."""
    exporter = SlidesExporter(template_name="deck", extra_template_basedirs=[str(ROOT / "scripts" / "slides")])
    exporter.exclude_input = exporter.exclude_output_prompt = exporter.exclude_input_prompt = True
    exporter.reveal_url_prefix = "vendor/reveal"
    text, _ = exporter.from_notebook_node(book, resources={"metadata": {"name": name}})
    text = text.replace("vendor/reveal/dist/reveal.css", "vendor/reveal/reveal.css")
    text = re.sub(r"<link [^>]*/theme/[^>]*>", "", text)
    if asked := [found for found in ELSEWHERE.findall(text) if not found.startswith("href")]:
        raise ValueError(f"{name} asks another host: {asked[0]}")
    return text


def _shown(cell: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """One slide for all that a cell shows: its pictures, and what it printed, cut to what a slide holds."""
    if "setup" in cell.metadata.get("tags", []) or "run_folder(" in cell.source:
        return  # what a machine says of itself
    kept = [_cut(output) for output in cell.outputs if output.output_type != "error"]
    if kept:
        yield nbformat.v4.new_code_cell("", outputs=kept, metadata=_kind("subslide"))


def _cut(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if "text" not in output or len(lines := output.text.splitlines()) <= LINES:
        return output
    return nbformat.from_dict(output | {"text": "\n".join([*lines[:LINES], "..."])})


def _text(text: str, kind: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_markdown_cell(text, metadata=_kind(kind))


def _kind(kind: str) -> dict[str, Any]:
    return {"slideshow": {"slide_type": kind}}


if __name__ == "__main__":
    main()
