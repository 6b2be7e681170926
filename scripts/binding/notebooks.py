"""The executed notebooks as chapters; beneath each exercise its hints and its reference, folded."""

import html
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from badges import MARKED, notebooks
from binding.links import in_the_book

from labs.teaching.examine import reference
from labs.teaching.exercise import task

ROOT = Path(__file__).resolve().parents[2]
EXERCISE = re.compile(r'^@exercise\("([\w.]+)"\)', re.MULTILINE)


def write(folder: Path) -> None:
    """All thirteen, and the three worksheets."""
    for path in notebooks():
        page = path.relative_to(ROOT).as_posix()
        book = nbformat.read(path, 4)
        book.cells = [made for cell in book.cells for made in chapter(cell, page)]
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(book, folder / page)


def chapter(cell: nbformat.NotebookNode, page: str) -> Iterator[nbformat.NotebookNode]:
    """The cell as the book shows it, and what is folded beneath it."""
    if cell.cell_type == "markdown":
        cell.source = in_the_book(MARKED.sub("", cell.source), page)
    else:
        cell.outputs = [with_words(output) for output in cell.outputs]
        if "setup" in cell.metadata.get("tags", []):
            cell.metadata["tags"] = [*cell.metadata["tags"], "hide-input"]
    yield cell
    for name in EXERCISE.findall(cell.source) if cell.cell_type == "code" else []:
        yield nbformat.v4.new_markdown_cell(folded(name))


def folded(name: str) -> str:
    """The hints of an exercise and its reference, each to be opened on its own."""
    one = task(name)
    parts = [_fold(f"Hint {number} of {len(one.HINTS)}", f"<p>{_words(hint)}</p>")
             for number, hint in enumerate(one.HINTS, start=1)]  # fmt: skip
    source = html.escape(inspect.getsource(reference(one)))
    source = source.replace("\n\n", "\n&#8203;\n")  # in Markdown a blank line would end the HTML
    return "\n".join([*parts, _fold("The reference, once you have tried", f"<pre>{source}</pre>")])


def with_words(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A picture as HTML that keeps its alternative text, which Sphinx would lose."""
    for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
        alt = html.escape(output.metadata.get(kind, {}).get("alt", ""), quote=True)
        shown = f'<img src="data:{kind};base64,{output.data[kind].strip()}" alt="{alt}">'
        return nbformat.v4.new_output(output.output_type, {"text/html": shown})
    return output


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>{body}</details>"


def _words(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))
