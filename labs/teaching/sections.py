"""The sections of a notebook: a heading with the cells beneath it, as they are counted on the page."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Section:
    """A heading and what stands beneath it; `first` and `last` count all cells of the notebook from 1."""

    notebook: str  # the name of its file, without .ipynb
    heading: str  # without its marks
    first: int
    last: int
    tags: tuple[str, ...] = ()  # of the heading's cell
    inside: tuple[str, ...] = ()  # of the cells beneath it


def sections(path: Path) -> list[Section]:
    """All sections of a notebook, the one under its title first. Raises ValueError where it does not open with one."""
    cells = cells_of(path)
    starts = [number for number, cell in enumerate(cells) if is_heading(cell)]
    if starts[:1] != [0]:
        raise ValueError(f"{path.name} does not open with a title: its first cell has to be text that begins with '# '")
    ends = [*starts[1:], len(cells)]
    return [
        Section(path.stem, heading(cells[start]), start + 1, end, tags(*cells[start : start + 1]),
                tags(*cells[start + 1 : end]))
        for start, end in zip(starts, ends, strict=True)
    ]  # fmt: skip


def cells_of(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook as they are stored."""
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def is_heading(cell: dict[str, Any]) -> bool:
    """Whether a section begins here: text whose first line is `# ...` or `## ...`."""
    return cell["cell_type"] == "markdown" and "".join(cell["source"]).startswith(("# ", "## "))


def heading(cell: dict[str, Any]) -> str:
    """The first line of such a cell, without its marks."""
    return "".join(cell["source"]).splitlines()[0].lstrip("# ").strip()


def tags(*cells: dict[str, Any]) -> tuple[str, ...]:
    """All tags of some cells, in their order."""
    return tuple(tag for cell in cells for tag in cell["metadata"].get("tags", []))
