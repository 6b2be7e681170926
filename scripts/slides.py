"""python scripts/slides.py [--path 90] [--to outputs/slides]

A deck for each notebook of the tutorial, from the sections that its timetable shows (labs/PRESENTERS.md): a slide for
each heading with its question, slides beneath it for what the cells show, and speaker notes (press S) with the minutes
and what there is to say. The decks open from the disk; nothing in them asks for another host.
"""

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby
from pathlib import Path

import nbformat
import slide_bodies
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode

from labs.teaching import schedule
from labs.teaching.schedule import Row
from labs.teaching.sections import heading

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "scripts" / "vendor"
# An environment that sees another's packages does not look for nbconvert's own templates where those lie.
TEMPLATES = [ROOT / "scripts" / "slides", Path(sys.base_prefix) / "share" / "jupyter" / "nbconvert" / "templates"]
READ, QUESTION = "*Read.*", "> "
TOGETHER = 520  # letters that a heading, what it says and what it asks have room for on one slide
LOCAL_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]*\)")
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
        file.write_text(page(deck(name, arguments.path), name), encoding="utf-8")
        print(f"{file}: {sum(row.minutes for row in shown)} minutes, {len(shown)} sections")


def by_notebook(path: str) -> dict[str, list[Row]]:
    """The rows of a timetable, notebook by notebook."""
    found: dict[str, list[Row]] = {}
    for row in schedule.rows(path):
        if row.section:
            found.setdefault(row.section.notebook, []).append(row)
    return found


def deck(name: str, path: str) -> NotebookNode:
    """The notebook's sections in a timetable as slides, between one that opens the deck and one that ends it."""
    cells, shown = _cells(name), by_notebook(path)[name]
    made = list(_title(cells[0].source, shown))
    for row in shown:
        made += slides(row, cells[row.section.first - 1 : row.section.last])
    made += _end(name, [row for row in schedule.rows(path) if row.start >= _end_of(shown[-1])])
    seconds = 60 * sum(row.minutes for row in shown)
    return nbformat.v4.new_notebook(cells=made, metadata={"title": heading(cells[0]), "seconds": seconds})


def slides(row: Row, cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    """The heading's slide, one for each question and each thing that is shown, and the notes of each."""
    opening, *rest = cells
    minutes = f"{row.minutes} minute{'s' if row.minutes > 1 else ''}, from {_clock(row.start)}"
    said, asked = _parts(opening.source)
    if len(said) + len(asked) <= TOGETHER:  # its question stands beneath it
        said, asked = f"{said}\n\n{asked}", ""
    if row.section.first > 1:  # the title's own slide is there already
        yield _text(said, "slide")
    yield _text(f"{minutes}. {'Run it live.' if row.live else 'Shown as executed.'}", "notes")
    if row.section.first == 1:
        yield _text(said.partition("\n\n")[2], "notes")
    yield from _beneath(row, asked)
    for computed, together in groupby(rest, key=lambda cell: cell.cell_type == "code"):
        for said, asked in [] if computed else [_parts(cell.source) for cell in together]:
            if said.startswith(READ):
                yield _text(said, "notes")
                yield from _beneath(row, asked)
            elif not said.startswith(("[", "#")):
                yield from _beneath(row, f"{said}\n\n{asked}")
        yield from _shown(row, together)


def page(book: NotebookNode, name: str) -> str:
    """The deck as one page. Raises ValueError where it would ask another host for anything."""
    folders = [str(folder) for folder in TEMPLATES]
    exporter = SlidesExporter(template_name="deck", extra_template_basedirs=folders, extra_template_paths=folders[1:])
    exporter.exclude_input = exporter.exclude_output_prompt = exporter.exclude_input_prompt = True
    exporter.reveal_url_prefix = "vendor/reveal"
    text, _ = exporter.from_notebook_node(book, resources={"metadata": {"name": name}})
    text = text.replace("vendor/reveal/dist/reveal.css", "vendor/reveal/reveal.css")
    text = re.sub(r"<link [^>]*/theme/[^>]*>", "", text)
    if asked := [found for found in ELSEWHERE.findall(text) if not found.startswith("href")]:
        raise ValueError(f"{name} asks another host: {asked[0]}")
    return text


def _title(first: str, shown: list[Row]) -> Iterator[NotebookNode]:
    """The first slide: the notebook's question, what one will be able to do, and the sections with their minutes."""
    title, promise, *_ = first.split("\n\n")
    number, start, end = shown[0].part, shown[0].start, _end_of(shown[-1])
    part = f"Part {number} · {schedule.PARTS[number][0]} · {end - start} minutes"
    rows = [f"| {row.section.heading} | {row.minutes} min |" for row in shown if row.section.first > 1]
    yield _text("\n\n".join([_running(part), title, promise, "\n".join(["| | |", "|---|--:|", *rows])]), "slide")
    yield _text(f"From {_clock(start)} to {_clock(end)}.", "notes")


def _end(name: str, after: list[Row]) -> Iterator[NotebookNode]:
    """The last slide: what comes next, and when."""
    follows = next((row.section.notebook for row in after if row.section), None)
    pause = f"A break of {after[0].minutes} minutes, then: " if after and not after[0].section else ""
    when = next((f"Go on at {_clock(row.start)}" for row in after if row.section), "The end")
    said = (
        f"# Next: {pause}{heading(_cells(follows)[0])}" if follows else "# This was the last part. What would you ask?"
    )
    yield _text(f"{_running(when)}\n\n{said}\n\nAll of this, to run and to change: `{name}.ipynb`", "slide")
    yield _text(f"{when}.", "notes")


def _beneath(row: Row, body: str) -> Iterator[NotebookNode]:
    """A slide beneath the section's own, with the section's name above it; nothing for an empty body."""
    if not body.strip():
        return
    yield _text(f"{_running(row.section.heading)}\n\n{body}", "subslide")
    yield _until(row)


def _shown(row: Row, cells: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """The slides of what cells show that no text parts."""
    told = [cell for cell in cells if "setup" not in cell.metadata.get("tags", []) and "run_folder(" not in cell.source]
    for body in slide_bodies.bodies(told):
        html = f'<div class="shown">{_running(row.section.heading)}{body}</div>'
        shown = nbformat.v4.new_output("display_data", {"text/html": html})
        yield nbformat.v4.new_code_cell("", outputs=[shown], metadata={"slideshow": {"slide_type": "subslide"}})
        yield _until(row)


def _until(row: Row) -> NotebookNode:
    return _text(f"Until {_clock(_end_of(row))}: {row.section.heading}", "notes")


def _parts(text: str) -> tuple[str, str]:
    """What a cell says, and the question that it asks (a quotation)."""
    blocks = text.strip().split("\n\n")
    return tuple("\n\n".join(block for block in blocks if block.startswith(QUESTION) is asks) for asks in (False, True))


def _running(text: str) -> str:
    return f'<p class="running">{escape(text)}</p>'


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}"


def _end_of(row: Row) -> int:
    return row.start + row.minutes


def _cells(name: str) -> list[NotebookNode]:
    return nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", 4).cells


def _text(text: str, kind: str) -> NotebookNode:
    """A cell of a deck. Links to files beside the notebook would lead nowhere from a deck: their words are left."""
    return nbformat.v4.new_markdown_cell(LOCAL_LINK.sub(r"\1", text), metadata={"slideshow": {"slide_type": kind}})


if __name__ == "__main__":
    main()
