"""A table on slides: rows in letters as large as all of them fit, in columns as wide as what stands in them."""

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape

from slide_tables import Table

WIDTH, ROOM = 1152, 575  # pixels for what is shown, on a slide of 1280 by 720
SIZES = 28, 24, 20  # of letters, in pixels
LETTERS = 1840  # of one pixel that stand side by side
LINE, EDGE = 26, 11  # pixels: a line of the smallest size, a row's besides
GLUE = re.compile(r" (?=%)|(?<=,) (?=[-+\d.e]+\])")  # no line ends within a share or an interval


@dataclass(frozen=True)
class Piece:
    """What is never cut in two: a line, a table's row, a picture. Neighbours in the same frame share it."""

    height: int
    html: str
    frame: tuple[str, str] = ("", "")
    around: int = 0  # the frame's own height


def rows(table: Table) -> list[Piece]:
    """The rows of a table, as large as they all fit on one slide; empty columns are left out."""
    kept = [n for n in range(len(table.head)) if any(row[n] for row in table.rows)]
    lines = [[GLUE.sub("\N{NO-BREAK SPACE}", row[n]) for n in kept] for row in [table.head, *table.rows]]
    made: list[Piece] = []
    for size in SIZES:
        made = list(_drawn(table, lines, size))
        if sum(piece.height for piece in made) + made[0].around <= ROOM and _unbroken(lines, size):
            break
    return made


def _drawn(table: Table, lines: list[list[str]], size: int) -> Iterator[Piece]:
    """The head and the rows in letters of `size` pixels, in columns as wide as what stands in them."""
    head, *body = lines
    letters = _widths([list(column) for column in zip(*lines, strict=True)], LETTERS / size)
    top = "".join(
        f'<th style="width: {100 * wide / sum(letters):.1f}%">{escape(cell)}</th>'
        for wide, cell in zip(letters, head, strict=True)
    )
    above = f"<p>{escape(table.title)}</p>" if table.title else ""
    below = f'<p class="more">{escape(table.beneath)}</p>' if table.beneath else ""
    begin = f'{above}<table style="font-size: {size}px"><thead><tr>{top}</tr></thead><tbody>'
    texts = sum(22 + 34 * math.ceil(len(text) / 85) for text in (table.title, table.beneath) if text)
    around = texts + _height(head, letters, size) + EDGE
    for row in body:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row)
        yield Piece(_height(row, letters, size), f"<tr>{cells}</tr>", (begin, f"</tbody></table>{below}"), around)


def _unbroken(lines: list[list[str]], size: int) -> bool:
    """Whether the longest word of each column has room beside those of the others."""
    return sum(_longest_word(column) + 1 for column in zip(*lines, strict=True)) < LETTERS / size


def _widths(columns: list[list[str]], room: float) -> list[float]:
    """Letters that stand in each column side by side: what its longest word needs, and more where there is more."""
    words = [_longest_word(column) for column in columns]
    wishes = [max(word + 1, min(36, max(map(len, column)))) for word, column in zip(words, columns, strict=True)]
    return [room * wish / sum(wishes) for wish in wishes]


def _longest_word(column: Iterable[str]) -> int:
    return max(len(word) for cell in column for word in re.split("[ \n]", cell))


def _height(row: list[str], letters: list[float], size: int) -> int:
    parts = [(cell.split("\n"), max(1, int(wide))) for cell, wide in zip(row, letters, strict=True)]
    lines = max(sum(len(textwrap.wrap(part, wide)) for part in cell) for cell, wide in parts)
    return EDGE + math.ceil(LINE * size / SIZES[-1]) * lines
