"""What a cell shows, as HTML that fits on slides: pictures, printed text in a size to be read, tables drawn anew."""

import math
import re
import struct
import textwrap
from base64 import b64decode
from collections.abc import Iterable, Iterator
from html import escape
from itertools import accumulate, groupby

import slide_rows
import slide_tables
from nbformat import NotebookNode
from nbformat.v4 import new_output
from slide_rows import EDGE, LINE, ROOM, WIDTH, Piece

SLIDES = 2  # that one table or printout runs over; what is left is in the notebook
PRINT = 32, 24, 20, 18, 16  # sizes of printed text: of a few lines, of some, of many, of more; the least of a wide list
PICTURE, PLAYER, MASK = 370, 90, 44  # the least height of a picture; of a player of sound; of a line of marked text
IN_THE_NOTEBOOK = '<p class="more">'
TALL = 1500  # pixels from which nothing could be read in a picture made smaller
TERMINAL = re.compile(r"\x1b(?:\[[\d;]*m|\]8;.*?\x1b\\)")  # its colours and links
COLUMN = re.compile(r"\S {2,}(?=\S)")


def bodies(cells: list[NotebookNode]) -> list[str]:
    """What cells show, a text for each slide."""
    told = [list(_outputs(cell)) for cell in cells]
    sizes = [
        _size([line for one in outputs if not _drawn(one) for line in _plain(one).splitlines()]) for outputs in told
    ]
    even = max(PRINT[1], min(sizes, default=0))  # so that one cell's text is not twice as large as the next one's
    pairs = [(output, min(size, even)) for outputs, size in zip(told, sizes, strict=True) for output in outputs]
    pages = _pages(_pieces(output, size) for output, size in pairs)
    shown = [page for page in pages if any(not piece.html.startswith(IN_THE_NOTEBOOK) for piece in page)]
    return ["".join(_framed(page)) for page in shown or pages]  # no slide only says what is not on it


def _outputs(cell: NotebookNode) -> Iterator[NotebookNode]:
    """What a cell shows, with what it printed in one piece."""
    for printed, together in groupby(cell.outputs, key=lambda output: output.output_type == "stream"):
        if printed:
            yield new_output("stream", text="".join(output.text for output in together))
        else:
            yield from (output for output in together if output.output_type != "error")


def _pieces(output: NotebookNode, size: int) -> list[Piece]:
    data = output.get("data", {})
    image = next((kind for kind in data if kind.startswith("image/")), None)
    if image:
        return [_picture(image, data[image], output.metadata.get(image, {}).get("alt", ""))]
    text = _plain(output).strip("\n")
    if "┏" in text:
        return _held(slide_rows.rows(slide_tables.drawn(text)), "rows")
    if _drawn(output):
        words = re.sub(r"<[^>]*>", "", data["text/html"])
        height = PLAYER if "<audio" in data["text/html"] else MASK * (1 + math.ceil(len(words) / 80))
        return [Piece(height, data["text/html"])]
    wide = max(map(len, text.splitlines()), default=0) > WIDTH / 0.61 / PRINT[-1]
    if wide and (table := slide_tables.aligned(text.splitlines())):
        return _held(slide_rows.rows(table), "rows")
    return _held(list(_lines(text, size)), "lines")


def _plain(output: NotebookNode) -> str:
    """An output's text, without what only a terminal understands."""
    return TERMINAL.sub("", output.get("text") or output.get("data", {}).get("text/plain", ""))


def _drawn(output: NotebookNode) -> bool:
    """Whether an output is anything but printed text."""
    data = output.get("data", {})
    printed = data.get("text/html", "<pre").startswith("<pre") and "┏" not in _plain(output)
    return not printed or any(kind.startswith("image/") for kind in data)


def _picture(kind: str, data: str, said: str) -> Piece:
    """A picture, as large as there is room, and on all of the screen at a click; in words, one too tall to be read."""
    high = struct.unpack(">I", b64decode(data[:32])[20:24])[0] if kind == "image/png" else 0
    if high > TALL:
        told = f"A figure too tall for a slide is in the notebook: {escape(said)}."
        return Piece(3 * LINE, f"{IN_THE_NOTEBOOK}{told}</p>")
    return Piece(
        PICTURE,
        f'<img src="data:{kind};base64,{data}" alt="{escape(said)}" data-preview-image data-preview-fit="contain">',
    )


def _size(lines: list[str]) -> int:
    """Pixels of height for printed text: as large as fits. A list in columns is small rather than broken."""
    largest, some, many, more, least = PRINT
    whole = min(largest, int(WIDTH / 0.61 / max(map(len, lines), default=1)))  # a letter is 0.61 of its height wide
    unbroken = whole >= (least if any(COLUMN.search(line) for line in lines) else some - 2)
    for size in [whole, *(size for size in (some, many) if size < whole)] if unbroken else [some, many]:
        if 1.35 * size * sum(len(_wrapped(line, size)) for line in lines) <= ROOM:
            return size
    return min(more, whole) if unbroken else more


def _wrapped(line: str, size: int) -> list[str]:
    """A printed line; what does not fit goes on under the beginning of its last column."""
    columns = int(WIDTH / 0.61 / size)
    begins = [found.end() for found in COLUMN.finditer(line) if found.end() < 0.7 * columns]
    indent = begins[-1] if begins else len(line) - len(line.lstrip()) + 2
    return textwrap.wrap(line, columns, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]


def _lines(text: str, size: int) -> Iterator[Piece]:
    frame = (f'<pre style="font-size: {size}px">', "</pre>")
    for line in text.splitlines():
        parts = _wrapped(line, size)
        yield Piece(math.ceil(1.35 * size) * len(parts), escape("\n".join(parts)) + "\n", frame, EDGE)


def _held(pieces: list[Piece], what: str) -> list[Piece]:
    """As many as a few slides hold, and how many more there are."""
    room = SLIDES * (ROOM - max((piece.around for piece in pieces), default=0)) - 3 * LINE
    heights = accumulate(piece.height for piece in pieces)
    kept = [piece for piece, height in zip(pieces, heights, strict=True) if height <= room]
    if left := len(pieces) - len(kept):
        kept.append(Piece(2 * LINE, f"{IN_THE_NOTEBOOK}… {left} more {what} in the notebook</p>"))
    return kept


def _pages(blocks: Iterable[list[Piece]]) -> list[list[Piece]]:
    """The pieces slide by slide: a block that fits on no slide in parts of about the same height."""
    made: list[list[Piece]] = []
    used = ROOM
    for part in (part for block in blocks for part in _parts(block)):
        inside, around = sum(piece.height for piece in part), part[0].around
        shared = bool(made) and made[-1][-1].frame == part[0].frame
        if used + inside + around * (not shared) > ROOM:
            made.append([])
            used, shared = 0, False
        made[-1] += part
        used += inside + around * (not shared)
    return made


def _parts(block: list[Piece]) -> list[list[Piece]]:
    """A block as it stands on one slide or on several; what has no frame stays with what is above it."""
    whole = sum(piece.height for piece in block)
    room = ROOM - max((piece.around for piece in block), default=0)
    each = whole / max(1, math.ceil(whole / room))
    parts: list[list[Piece]] = []
    used = room
    for piece in block:
        if not parts or (piece.frame[0] and (used >= each or used + piece.height > room)):
            parts.append([])
            used = 0
        parts[-1].append(piece)
        used += piece.height
    return parts


def _framed(pieces: list[Piece]) -> Iterator[str]:
    for (before, after), inside in groupby(pieces, key=lambda piece: piece.frame):
        yield before + "".join(piece.html for piece in inside) + after
