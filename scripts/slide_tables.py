"""Tables read back from printed text: those drawn with lines for a terminal, and lists whose columns are aligned."""

import re
from dataclasses import dataclass

TERMINAL = 110  # columns from which a table was as wide as its terminal, so that its cells were broken
FIGURE = re.compile(r"\d+")


@dataclass(frozen=True)
class Table:
    """Cells as they were before they were broken; a line break within one was meant."""

    head: list[str]
    rows: list[list[str]]
    title: str = ""
    beneath: str = ""


def drawn(text: str) -> Table:
    """The table that a text with drawn lines holds, with what stands above and beneath it."""
    lines = text.splitlines()
    rules = [n for n, line in enumerate(lines) if line[:1] and line[:1] in "┏└"]
    first, last = rules[0], rules[-1]
    head = [" ".join(" ".join(cell).split()) for cell in zip(*map(_split, (x for x in lines if "┃" in x)), strict=True)]
    ruled = any(line.startswith("├") for line in lines)  # between any two rows
    rows: list[list[list[str]]] = []
    above: list[str] = []
    for line in lines[first:last]:
        cells = _split(line) if line.startswith("│") else []
        if cells and (not above or (not ruled and _begins(cells, above, len(line)))):
            rows.append([])
        if cells:
            rows[-1].append(cells)
        above = cells
    whole = [[_joined(cell) for cell in zip(*row, strict=True)] for row in rows]
    return Table(head, whole, _said(lines[:first]), _said(lines[last + 1 :]))


def aligned(lines: list[str]) -> Table | None:
    """The table that lines are, if all of them have something begin in the same columns; None if they are none."""
    least = min(map(len, lines), default=0)
    begins = [n for n in range(2, least) if all(line[n - 1] == " " != line[n] for line in lines)]
    begins = [0, *(n for n in begins if any(line[n - 2] == " " for line in lines))]
    if len(lines) < 3 or len(begins) < 3:
        return None
    ends = [*begins[1:], None]
    return Table([""] * len(begins), [[line[a:b].strip() for a, b in zip(begins, ends, strict=True)] for line in lines])


def _split(line: str) -> list[str]:
    return re.split("[┃│]", line)[1:-1]


def _said(lines: list[str]) -> str:
    """A table's title, or what stands beneath it, as one line."""
    return " ".join(" ".join(lines).split())


def _begins(cells: list[str], above: list[str], width: int) -> bool:
    """Whether a line begins a row: something stands where nothing stood above; or there is a figure like the one above;
    or most would have fitted beside what is above, so that nothing was broken."""
    pairs = [(up, cell) for up, cell in zip(above, cells, strict=True) if cell.strip()]
    if not all(up.strip() for up, _ in pairs):
        return True
    if not cells[0].strip() or len(pairs) == 1:
        return False
    if width < TERMINAL or any(FIGURE.sub("9", up) == FIGURE.sub("9", cell) != cell for up, cell in pairs):
        return True
    return sum(_fitted(up, cell) for up, cell in pairs) > len(pairs) / 2


def _fitted(above: str, cell: str) -> bool:
    """Whether the first word would have had room in the line above."""
    return len(above.strip()) + 1 + len(cell.split()[0]) <= len(cell) - 2


def _joined(lines: tuple[str, ...]) -> str:
    """A broken cell in one piece."""
    whole = lines[0].strip()
    for above, line in zip(lines, lines[1:], strict=False):
        if line.strip():
            whole += ("\n" if _fitted(above, line) else " ") + line.strip()
    return whole
