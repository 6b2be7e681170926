"""A small table of signs: as a picture, as LaTeX, and read back from LaTeX with a strict reader.

\\begin{tabular}{c|c}       a bar between the columns, or none
star&moon\\\\\\hline         a line below the first row, or none
moon&star
\\end{tabular}

(on one line). A sign is a shape in black and is written as its name: digits of this height can be read off the frozen
eyes too, but teaching a mini model ten of them takes far longer. Nothing is typeset: a text that is not exactly such a
table is no table.
"""

import re
from dataclasses import dataclass

from PIL import Image, ImageDraw

from labs.world.picture import SIZE, check_size, stamp
from labs.world.scene import Thing
from labs.world.vocabulary import SHAPES

LEAST, MOST = 2, 3  # rows, and columns
PAPER, INK, LINE = (250, 248, 240), (24, 24, 28), (38, 76, 204)
_BEGIN, _END, _LINE = r"\begin{tabular}", r"\end{tabular}", r"\hline "
_LED = re.compile(r"\\hline(?![A-Za-z])\s*")  # \hlinestar would be another command
_WHOLE = re.compile(r"\\begin\{tabular\}\{(c(?:\|?c)*)\}(.*)\\end\{tabular\}", re.DOTALL)


@dataclass(frozen=True)
class Table:
    """Rows of shapes, whether bars part the columns, and whether a line parts the first row from the others."""

    rows: tuple[tuple[str, ...], ...]
    barred: bool
    headed: bool

    def __post_init__(self) -> None:
        widths = {len(row) for row in self.rows}
        if not LEAST <= len(self.rows) <= MOST or len(widths) != 1 or not LEAST <= min(widths) <= MOST:
            raise ValueError(f"a table has {LEAST} to {MOST} rows, and as many columns in each, not {self.rows}")
        if not {cell for row in self.rows for cell in row} <= set(SHAPES):
            raise ValueError(f"a cell holds one of {SHAPES}, not {self.rows}")

    @property
    def parts(self) -> frozenset[tuple]:
        """Every cell with its place, and the lines: what two tables are compared by."""
        cells = {(at, place, cell) for at, row in enumerate(self.rows) for place, cell in enumerate(row)}
        lines = {(name,) for name, there in (("bars", self.barred), ("head", self.headed)) if there}
        return frozenset(cells | lines)


def latex(table: Table) -> str:
    """Write the table on one line."""
    columns = ("|" if table.barred else "").join("c" * len(table.rows[0]))
    first, *others = ("&".join(row) for row in table.rows)
    lines = [first, (_LINE if table.headed else "") + others[0], *others[1:]]
    return f"{_BEGIN}{{{columns}}}" + r"\\".join(lines) + _END


def parse(text: str) -> Table | None:
    """The table that a text of LaTeX describes, None if it is anything else than exactly one such table."""
    found = _WHOLE.fullmatch(text.strip())
    if not found:
        return None
    columns, body = found.groups()
    first, *others = (line.strip() for line in body.strip().removesuffix(r"\\").split(r"\\"))
    led = _LED.match(others[0]) if others else None
    if led:
        others[0] = others[0][led.end() :]
    rows = tuple(tuple(cell.strip() for cell in line.split("&")) for line in (first, *others))
    if len(rows[0]) != columns.count("c") or columns.count("|") not in (0, len(rows[0]) - 1):
        return None
    try:
        return Table(rows, "|" in columns, led is not None)
    except ValueError:
        return None


def draw(table: Table, size: int = SIZE) -> Image.Image:
    """Draw the table as an RGB picture of `size` x `size` pixels: cells a third of it wide and high, lines in blue."""
    check_size(size)
    page = Image.new("RGB", (size, size), PAPER)
    pen, cell, thick = ImageDraw.Draw(page), size / 3, max(1, round(size / 36))
    right, low = round(len(table.rows[0]) * cell) - 1, round(len(table.rows) * cell) - 1
    if table.headed:
        pen.line((0, round(cell), right, round(cell)), fill=LINE, width=thick)
    if table.barred:
        for place in range(1, len(table.rows[0])):
            pen.line((round(place * cell), 0, round(place * cell), low), fill=LINE, width=thick)
    for at, row in enumerate(table.rows):
        for place, shape in enumerate(row):
            mask, corner = stamp(Thing(shape, "red", "big", (place + 0.5) / 3, (at + 0.5) / 3), size)
            page.paste(INK, corner, mask)
    return page
