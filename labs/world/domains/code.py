"""A drawn screen -> HTML, and a drawn table -> LaTeX. A small stand-in for writing code from a picture.

Of the real thing: pix2code (Beltramelli, 2017, https://arxiv.org/abs/1705.07962) writes the layout of a screen shot
in a small language of its own, Design2Code (Si et al., 2024, https://arxiv.org/abs/2403.03163) compares the pages that
models write with the real ones after both are drawn. Here too the drawn result is what counts, not the text.

Held out are blocks of a kind in a colour, bars of two colours, two kinds side by side, and two signs side by side that
training never shows together.
"""

import random

from PIL import Image

from labs.world.domains import screens, tables
from labs.world.domains.screens import COLUMNS, INKS, ROWS, SIDES, Block, Screen
from labs.world.domains.tables import LEAST, MOST, Table
from labs.world.picture import SIZE
from labs.world.questions import Question
from labs.world.splits import SPLITS
from labs.world.vocabulary import SHAPES

KINDS = ("screen", "table")
Case = Screen | Table
HELD_OUT_BLOCKS = frozenset({("button", "purple"), ("img", "green"), ("input", "red")})
HELD_OUT_BARS = frozenset((INKS[i], INKS[(i + 2) % 6]) for i in range(6))  # header and nav
HELD_OUT_SIDE_BY_SIDE = frozenset({("input", "img")})
HELD_OUT_SIGNS = frozenset((shape, SHAPES[(i + 3) % 8]) for i, shape in enumerate(SHAPES))  # side by side
WORDINGS = {
    "screen": ("Write this screen in HTML.", "Which HTML draws this screen?", "Turn the screen into HTML."),
    "table": ("Write this table in LaTeX.", "Which LaTeX sets this table?", "Turn the table into LaTeX."),
}


def sample(rng: random.Random, split: str = "train", kind: str | None = None) -> Case:
    """Draw a screen or a table of the split, as often the one as the other unless `kind` says which."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    if kind not in (None, *KINDS):
        raise ValueError(f"kind must be one of {KINDS}, not {kind!r}")
    kind = kind or rng.choice(KINDS)
    columns, bars = _form(rng, kind)  # before the split counts: both have as large cases
    while True:
        case = (_screen if kind == "screen" else _table)(rng, columns, bars)
        if is_held_out(case) == (split == "heldout"):
            return case


def is_held_out(case: Case) -> bool:
    """True if the case shows a combination that training never shows."""
    beside = [pair for row in case.rows for pair in zip(row, row[1:], strict=False)]
    if isinstance(case, Table):
        return any(pair in HELD_OUT_SIGNS for pair in beside)
    blocks = {(block.kind, block.colour) for row in case.rows for block in row}
    kinds = {(left.kind, right.kind) for left, right in beside}
    bars = (case.header, case.nav)
    return bool(blocks & HELD_OUT_BLOCKS or kinds & HELD_OUT_SIDE_BY_SIDE or bars in HELD_OUT_BARS)


def _form(rng: random.Random, kind: str) -> tuple[tuple[int, ...], bool]:
    """How many columns each row has, and whether there are bars: beside a screen, between the columns of a table."""
    if kind == "screen":
        return tuple(rng.randint(1, COLUMNS) for _ in range(rng.randint(1, ROWS))), rng.random() < 2 / 3
    return (rng.randint(LEAST, MOST),) * rng.randint(LEAST, MOST), rng.random() < 1 / 2


def _screen(rng: random.Random, columns: tuple[int, ...], bars: bool) -> Screen:
    rows = (tuple(Block(rng.choice(screens.KINDS), rng.choice(INKS)) for _ in range(count)) for count in columns)
    nav, side = (rng.choice(INKS), rng.choice(SIDES)) if bars else (None, SIDES[0])
    return Screen(rng.choice(INKS), nav, side, tuple(rows))


def _table(rng: random.Random, columns: tuple[int, ...], bars: bool) -> Table:
    return Table(tuple(tuple(rng.choices(SHAPES, k=count)) for count in columns), bars, headed=rng.random() < 1 / 2)


def draw(case: Case, size: int = SIZE) -> Image.Image:
    """Draw the case as an RGB picture of `size` x `size` pixels."""
    return screens.draw(case, size) if isinstance(case, Screen) else tables.draw(case, size)


def questions(case: Case, rng: random.Random) -> list[Question]:
    """One question, since there is one thing to ask for: the code that draws this."""
    kind, answer = ("screen", screens.html(case)) if isinstance(case, Screen) else ("table", tables.latex(case))
    return [Question(kind, rng.choice(WORDINGS[kind]), answer)]


def score(case: Case, text: str) -> float:
    """From 0 to 1, how much of what the written code draws equals the case: pixels of a screen, parts of a table."""
    if isinstance(case, Screen):
        return screens.picture_alike(case, screens.parse(text))
    return parts_alike(case, text)


def parts_alike(case: Case, text: str) -> float:
    """The F1 of the blocks of a screen, or of the cells and lines of a table: right in kind, colour and place."""
    if isinstance(case, Screen):
        true, told = case.blocks, screens.parse(text).blocks
    else:
        table = tables.parse(text)
        true, told = case.parts, table.parts if table else frozenset()
    return 2 * len(true & told) / (len(true) + len(told))
