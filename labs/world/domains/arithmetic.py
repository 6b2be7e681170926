"""The arithmetic domain: two digits, written as a sum or set on a counting frame, and questions that need adding.

A small stand-in for the arithmetic in pictures of MathVista (Lu et al., 2023, https://arxiv.org/abs/2310.02255).

Each digit has a colour of its own, as children's number magnets have: the frozen eyes tell colours apart at once, ten
shapes of digits only after far more pictures than an adapter here is shown. A rod of the counting frame shows as many
as there are beads at its left end; its first five beads are red.

Fifteen pairs of digits, one for each sum from 2 to 16, are never shown in training, in neither order and neither form,
while each of these sums is asked of other digits: whoever has learned the table by heart cannot answer. Whoever counts
on (`worked`) may meet such a pair on the way, as 7+8 on that from 6+9 to 15.
"""

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from labs.world.picture import SIZE, check_size
from labs.world.questions import Question
from labs.world.splits import SPLITS
from labs.world.vocabulary import COLOURS

FORMS = ("written", "frame")
BEADS = 9  # a rod
SHEETS = {"paper": ((250, 247, 236), (24, 30, 92)), "board": ((26, 30, 38), (244, 244, 236))}  # ground and ink
INKS = ((136, 138, 142), *COLOURS.values(), (146, 88, 44))  # of the digits from 0 to 9: grey, the world's eight, brown
HELD_OUT = frozenset(
    {(0, 2), (1, 2), (0, 4), (1, 4), (3, 3), (2, 5), (0, 8), (3, 6),
     (1, 9), (5, 6), (4, 8), (6, 7), (5, 9), (7, 8), (7, 9)}
)  # fmt: skip
PAIRS = {
    "train": tuple((a, b) for b in range(10) for a in range(b + 1) if (a, b) not in HELD_OUT),
    "heldout": tuple(sorted(HELD_OUT)),
}

NAMES = {"written": ("left", "right"), "frame": ("top", "bottom")}  # of the two places
WORDINGS = {
    "first": {
        "written": ("What is the number on the left?", "Which number is left of the plus?", "Read the left one."),
        "frame": ("What is the number on the top rod?", "What does the top rod show?", "Read the top rod."),
    },
    "second": {
        "written": ("What is the number on the right?", "Which number is right of the plus?", "Read the right one."),
        "frame": ("What is the number on the bottom rod?", "What does the bottom rod show?", "Read the bottom rod."),
    },
    "sum": dict.fromkeys(FORMS, ("What is the sum?", "How many are they together?", "Add the two numbers.")),
    "bigger": {
        "written": ("Which number is bigger, left or right?", "Left or right: which is more?", "Which side has more?"),
        "frame": ("Which number is bigger, top or bottom?", "Top or bottom: which is more?", "Which rod has more?"),
    },
}  # fmt: skip
KINDS = tuple(WORDINGS)


@dataclass(frozen=True)
class Addition:
    """Two digits to be added, and how they are shown. `x` and `y`, from -1 to 1, shift what is drawn a little."""

    first: int
    second: int
    form: str = "written"
    sheet: str = "paper"
    x: float = 0.0
    y: float = 0.0

    def __post_init__(self) -> None:
        allowed = {"first": range(10), "second": range(10), "form": FORMS, "sheet": tuple(SHEETS)}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {tuple(values)}, not {getattr(self, name)!r}")

    @property
    def sum(self) -> int:
        return self.first + self.second


def is_held_out(case: Addition) -> bool:
    """True if training never adds the two digits."""
    return (min(case.first, case.second), max(case.first, case.second)) in HELD_OUT


def sample(rng: random.Random, split: str = "train") -> Addition:
    """Draw a case of `split`, each pair of digits as often. Raises ValueError for a split that does not exist."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    pair = rng.choice(PAIRS[split])
    return Addition(
        *rng.sample(pair, 2),
        form=rng.choice(FORMS),
        sheet=rng.choice(tuple(SHEETS)),
        x=round(rng.uniform(-1, 1), 2),
        y=round(rng.uniform(-1, 1), 2),
    )


def questions(case: Addition, rng: random.Random) -> list[Question]:
    """The four questions about the case, each in one of three wordings. Numbers are answered in digits."""
    more = (case.second > case.first) - (case.second < case.first)
    answers = {
        "first": str(case.first),
        "second": str(case.second),
        "sum": str(case.sum),
        "bigger": ("neither", NAMES[case.form][1], NAMES[case.form][0])[more],
    }
    return [Question(kind, rng.choice(WORDINGS[kind][case.form]), answer) for kind, answer in answers.items()]


def worked(case: Addition, question: Question) -> str:
    """Both numbers first, where both are needed: the sum by counting on, each step a true equation ("5+2=6+1=7"),
    and which is bigger ("5, 2: left"). Of other questions the answer.
    """
    if question.kind == "bigger":
        return f"{case.first}, {case.second}: {question.answer}"
    if question.kind != "sum":
        return question.answer
    steps = (f"{case.first + step}+{case.second - step}" for step in range(max(1, case.second)))
    return "=".join([*steps, str(case.sum)])


# ---------------------------------------------------------------------------------------------------------------
# Drawing, four times as large and then reduced

_OVERSAMPLE = 4
ROD, FRAME = (70, 70, 76), (150, 98, 52)
RED, WHITE = (206, 40, 44), (252, 252, 250)
BEAD = (0.082, 0.30)  # width and height, in picture widths


def draw(case: Addition, size: int = SIZE) -> Image.Image:
    """Draw the sum as an RGB picture of `size` x `size` pixels."""
    check_size(size)
    side = size * _OVERSAMPLE
    ground, ink = SHEETS[case.sheet]
    picture = Image.new("RGB", (side, side), ground)
    pen = ImageDraw.Draw(picture)
    if case.form == "written":
        _write(pen, case, side, ink)
    else:
        _set_beads(pen, case, side)
    return picture.reduce(_OVERSAMPLE)


def _write(pen: ImageDraw.ImageDraw, case: Addition, side: int, ink: tuple[int, int, int]) -> None:
    """Two large digits with a plus between them, over a line."""
    middle, first, second = (0.46 + 0.015 * case.y) * side, case.first, case.second
    for text, across, height, colour in (
        (str(first), 0.2, 0.55, INKS[first]), ("+", 0.5, 0.3, ink), (str(second), 0.8, 0.55, INKS[second]),
    ):  # fmt: skip
        font = ImageFont.load_default(size=height * side)
        place = ((across + 0.01 * case.x) * side, middle)
        pen.text(place, text, fill=colour, font=font, anchor="mm", stroke_width=round(height * side / 25))
    pen.line((0.06 * side, 0.84 * side, 0.94 * side, 0.84 * side), fill=ink, width=side // 36)


def _set_beads(pen: ImageDraw.ImageDraw, case: Addition, side: int) -> None:
    """Two rods one above the other; the beads that count stand at the left end, the others at the right."""
    pen.rectangle((0, 0, side - 1, side - 1), outline=FRAME, width=round(0.06 * side))
    for number, middle in ((case.first, 0.29), (case.second, 0.71)):
        middle += 0.02 * case.y
        pen.line((0.06 * side, middle * side, 0.94 * side, middle * side), fill=ROD, width=side // 36)
        for bead, left in enumerate(beads(number)):
            box = (left, middle - BEAD[1] / 2, left + BEAD[0], middle + BEAD[1] / 2)
            fill = RED if bead < 5 else WHITE
            pen.ellipse(tuple(part * side for part in box), fill=fill, outline=ROD, width=side // 140)


def beads(number: int) -> list[float]:
    """The left edges of the nine beads of a rod that shows `number`, in picture widths."""
    return [0.07 + bead * BEAD[0] if bead < number else 0.93 - (BEADS - bead) * BEAD[0] for bead in range(BEADS)]
