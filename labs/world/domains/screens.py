"""A layout of a few blocks on a screen: as a picture, as terse HTML, and read back from HTML that nobody should run.

+-------------------+   <header red>            12 high
+---+---------------+
| n |  button  img  |   <nav left blue>         12 wide, left or right, or none
| a |     input     |   <p><button green><img pink><p><input blue>
| v |               |   a row is 20 high, its one or two blocks share its width
+---+---------------+   (of 72 x 72)

End tags are left out (of these tags HTML itself allows that for <p>, <img> and <input>); a colour is an attribute
without a value. What a model wrote is read by Python's own tokenizer of HTML and drawn here with Pillow: scripts,
handlers, addresses and styles are dropped before anything is drawn, and there is no browser that could run them.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
from PIL import Image, ImageDraw

from labs.world.picture import SIZE, check_size
from labs.world.vocabulary import COLOURS

INKS = ("red", "yellow", "green", "blue", "purple", "pink")
KINDS = ("button", "img", "input")
SIDES = ("left", "right")
ROWS, COLUMNS = 3, 2
LONGEST = 2000  # characters that are read of an answer
PAGE, WHITE = (226, 229, 234), (255, 255, 255)
_OVERSAMPLE = 4


@dataclass(frozen=True)
class Block:
    """A button (filled), an img (filled, with a mountain) or an input (a frame to type in)."""

    kind: str
    colour: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.colour not in INKS:
            raise ValueError(f"a block is one of {KINDS} in one of {INKS}, not {self.kind!r} in {self.colour!r}")


@dataclass(frozen=True)
class Screen:
    """The colours of the bars, None where there is none, and the rows of blocks from the top."""

    header: str | None
    nav: str | None
    side: str
    rows: tuple[tuple[Block, ...], ...]

    def __post_init__(self) -> None:
        if self.side not in SIDES or not {self.header, self.nav} <= {None, *INKS}:
            raise ValueError(f"bars are in {INKS} and at a side of {SIDES}, not {self.header}, {self.nav}, {self.side}")
        if len(self.rows) > ROWS or not all(1 <= len(row) <= COLUMNS for row in self.rows):
            raise ValueError(f"there are up to {ROWS} rows of 1 to {COLUMNS} blocks, not {self.rows}")

    @property
    def blocks(self) -> frozenset[tuple]:
        """Everything that is there and where, one entry a block: what two screens are compared by."""
        bars = {("header", self.header)} if self.header else set()
        bars |= {("nav", self.side, self.nav)} if self.nav else set()
        cells = ((at, row) for at, row in enumerate(self.rows))
        return frozenset(bars | {(at, place, len(row), block) for at, row in cells for place, block in enumerate(row)})


def html(screen: Screen) -> str:
    """Write the screen: "<header red><nav left blue><p><button green><img pink>"."""
    bars = f"<header {screen.header}>" if screen.header else ""
    bars += f"<nav {screen.side} {screen.nav}>" if screen.nav else ""
    rows = ("".join(f"<{block.kind} {block.colour}>" for block in row) for row in screen.rows)
    return bars + "".join(f"<p>{row}" for row in rows)


def parse(text: str) -> Screen:
    """The screen that a text of HTML describes, an empty one if it describes none. Nothing is ever run or fetched.

    Of tags only header, nav, p, button, img and input count, of attributes only colours and sides without a value; a
    block without a colour, outside a row, or beyond the limits of a screen is dropped.
    """
    reader = _Reader()
    reader.feed(text[:LONGEST])
    rows = tuple(tuple(row[:COLUMNS]) for row in reader.rows if row)[:ROWS]
    return Screen(reader.header, reader.nav, reader.side, rows)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.header: str | None = None
        self.nav: str | None = None
        self.side, self.rows = SIDES[0], []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        bare = [name for name, value in attrs if value is None]
        colour = next((name for name in bare if name in INKS), None)
        side = next((name for name in bare if name in SIDES), None)
        if tag == "p":
            self.rows.append([])
        elif tag == "header" and self.header is None:
            self.header = colour
        elif tag == "nav" and self.nav is None and colour and side:
            self.nav, self.side = colour, side
        elif tag in KINDS and colour and self.rows:
            self.rows[-1].append(Block(tag, colour))


def draw(screen: Screen, size: int = SIZE) -> Image.Image:
    """Draw the screen as an RGB picture of `size` x `size` pixels. Raises ValueError for a size below 64."""
    check_size(size)
    big = Image.new("RGB", (size * _OVERSAMPLE, size * _OVERSAMPLE), PAGE)
    pen, unit = ImageDraw.Draw(big), size * _OVERSAMPLE / SIZE
    if screen.header:
        pen.rectangle(_box(unit, 0, 0, 72, 12), fill=COLOURS[screen.header])
        pen.rectangle(_box(unit, 3, 5, 21, 7), fill=WHITE)  # a title
    if screen.nav:
        x = 0 if screen.side == "left" else 60
        pen.rectangle(_box(unit, x, 12, x + 12, 72), fill=COLOURS[screen.nav])
        for y in range(18, 70, 12):  # its entries
            pen.rectangle(_box(unit, x + 3, y - 1, x + 9, y + 1), fill=WHITE)
    start = 12 if screen.nav and screen.side == "left" else 0
    for at, row in enumerate(screen.rows):
        width = (60 if screen.nav else 72) // len(row)
        for place, block in enumerate(row):
            _draw_block(pen, unit, block, start + place * width + 2, 15 + at * 20, width - 4)
    return big.reduce(_OVERSAMPLE)


def _draw_block(pen: ImageDraw.ImageDraw, unit: float, block: Block, x: int, y: int, width: int) -> None:
    colour, edges = COLOURS[block.colour], _box(unit, x, y, x + width, y + 14)
    if block.kind == "button":
        pen.rounded_rectangle(edges, radius=7 * unit, fill=colour)
        return
    pen.rectangle(edges, fill=colour)
    if block.kind == "input":
        pen.rectangle(_box(unit, x + 3, y + 3, x + width - 3, y + 11), fill=WHITE)
    else:
        for peak, half in ((-2, 8), (5, 5)):  # two mountains
            middle = x + width / 2 + peak
            corners = ((middle - half, y + 14), (middle, y + 3), (middle + half, y + 14))
            pen.polygon([(across * unit, down * unit - 1) for across, down in corners], fill=WHITE)


def _box(unit: float, x0: int, y0: int, x1: int, y1: int) -> tuple[int, int, int, int]:
    """The corner pixels, both inside, of a box given on the 72 x 72 screen."""
    return (round(x0 * unit), round(y0 * unit), round(x1 * unit) - 1, round(y1 * unit) - 1)


def picture_alike(one: Screen, other: Screen, size: int = SIZE) -> float:
    """How much of two drawn screens is the same: of the pixels that are not bare page in both, the share that agree."""
    a, b = (np.asarray(draw(screen, size)) for screen in (one, other))
    used = (a != PAGE).any(axis=2) | (b != PAGE).any(axis=2)
    return float((a == b).all(axis=2)[used].mean()) if used.any() else 1.0
