"""Cards found by composed queries: a picture of one card and words that change it ("the same, but red") name another.

A small stand-in for composed image retrieval (CIRR, Liu et al., 2021, https://arxiv.org/abs/2108.04024; Pic2Word,
Saito et al., 2023, https://arxiv.org/abs/2302.03084). The answer is a query, "two big red star", that describes the
card to be found; `score` looks for that card with it in a deck of all 288 and gives the recall at k. The picture alone
finds the card shown, not the one wanted, and the words alone fit many cards (`picture_only`, `words_only`).
Even a reader of one side who knows how often each case is drawn finds one in ten at most (held out: one in five).
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from PIL import Image, ImageDraw

from labs.world.picture import SIZE, check_size, stamp
from labs.world.questions import Question
from labs.world.scene import Thing
from labs.world.splits import HELD_OUT_PAIRS, SPLITS
from labs.world.vocabulary import COLOURS, NUMBERS, SIZES

# Without yellow and pink, which are pale on a card, and the two shapes that are kept back with them.
VALUES: dict[str, tuple[str, ...]] = {
    "count": NUMBERS[1:5],
    "size": tuple(SIZES),
    "colour": ("red", "orange", "green", "turquoise", "blue", "purple"),
    "shape": ("circle", "square", "triangle", "star", "cross", "heart"),
}
CHANGES = (*((name,) for name in VALUES), *combinations(VALUES, 2))
OPENINGS = ("the same, but {}", "a card like this one, only {}", "find this card, but {}")
PIECES = {
    "count": ("with {}", "with {} of them"),
    "size": ("{}", "drawn {}"),
    "colour": ("{}", "in {}"),
    "shape": ("with the shape {}", "every sign a {}"),
}
STEPS = {1: "with one more", -1: "with one fewer"}
TABLES = ((34, 84, 62), (92, 52, 44), (48, 58, 96), (76, 76, 80))
_PAPER, _EDGE = (250, 246, 234), (150, 140, 120)


@dataclass(frozen=True)
class Card:
    """One to four equal signs. The words are those of `VALUES`."""

    count: str
    size: str
    colour: str
    shape: str

    def __post_init__(self) -> None:
        for name, values in VALUES.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {values}, not {getattr(self, name)!r}")

    @property
    def number(self) -> int:
        return NUMBERS.index(self.count)

    @property
    def query(self) -> str:
        return " ".join(getattr(self, name) for name in VALUES)


DECK = tuple(Card(*values) for values in product(*VALUES.values()))


@dataclass(frozen=True)
class Case:
    """The card shown, the card wanted, and how the first lies: the quarters of its signs, their tilts, the table.

    `step` says that the count is told as one more or one fewer.
    """

    shown: Card
    wanted: Card
    step: bool = False
    quarters: tuple[int, ...] = ()
    tilts: tuple[int, ...] = (0, 0, 0, 0)
    table: int = 0

    def __post_init__(self) -> None:
        if self.changed not in CHANGES:
            raise ValueError(f"one or two attributes must change, not {len(self.changed)}")
        if self.step and abs(self.wanted.number - self.shown.number) != 1:
            raise ValueError(f"a step is from a count to the next, not from {self.shown.count} to {self.wanted.count}")
        if not self.quarters:
            object.__setattr__(self, "quarters", tuple(range(self.shown.number)))
        if len(set(self.quarters)) != self.shown.number:
            raise ValueError(f"{self.shown.count} signs need a quarter each, not {self.quarters}")

    @property
    def changed(self) -> tuple[str, ...]:
        return tuple(name for name in VALUES if getattr(self.shown, name) != getattr(self.wanted, name))


def is_held_out(card: Card) -> bool:
    """True for the six pairs of colour and shape that training neither shows nor asks for: `labs.world.splits`'."""
    return (card.colour, card.shape) in HELD_OUT_PAIRS


def sample(rng: random.Random, split: str = "train") -> Case:
    """Draw a case of `split`: one or two attributes change. ValueError for another split.

    A card of training is never of a held-out pair, be it shown or wanted; the card wanted of a held-out case always is.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    names = rng.choice(CHANGES)
    while True:
        shown = rng.choice(DECK)
        new = {name: rng.choice([value for value in VALUES[name] if value != getattr(shown, name)]) for name in names}
        wanted = replace(shown, **new)
        if is_held_out(wanted) if split == "heldout" else not is_held_out(shown) and not is_held_out(wanted):
            break
    near = abs(wanted.number - shown.number) == 1
    quarters = tuple(sorted(rng.sample(range(4), shown.number)))
    tilts = tuple(rng.randrange(-10, 11, 5) for _ in range(4))
    return Case(shown, wanted, near and rng.random() < 0.5, quarters, tilts, rng.randrange(len(TABLES)))


def questions(case: Case, rng: random.Random) -> list[Question]:
    """The one composed query. Its kind is what changes: an attribute, "step" or "two"; its answer, the card wanted."""
    pieces = []
    for name in rng.sample(case.changed, len(case.changed)):
        if name == "count" and case.step:
            pieces.append(STEPS[case.wanted.number - case.shown.number])
        else:
            pieces.append(rng.choice(PIECES[name]).format(getattr(case.wanted, name)))
    kind = "two" if len(case.changed) == 2 else "step" if case.step else case.changed[0]
    text = rng.choice(OPENINGS).format(" and ".join(pieces))
    return [Question(kind, f"{text[0].upper()}{text[1:]}. Which card?", case.wanted.query)]


def read(query: str) -> dict[str, str]:
    """What a query says of a card; other words are passed over, and so is an attribute given two values."""
    words = set(re.findall(r"\w+", query.lower()))
    said = {name: [value for value in values if value in words] for name, values in VALUES.items()}
    return {name: found[0] for name, found in said.items() if len(found) == 1}


def score(query: str, wanted: Card, k: int = 1, deck: Sequence[Card] = DECK) -> float:
    """Recall at `k` in a deck ordered by how many attributes of the query a card has, from 0 to 1.

    Cards with as many stand in random order, so this is the expected recall. What shares nothing with the query, or a
    query that says nothing, is never found. Raises ValueError for `k` below 1 or a card that is not in the deck once.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    if deck.count(wanted) != 1:
        raise ValueError(f"{wanted.query!r} must be in the deck exactly once")
    said = read(query)
    fits = [sum(getattr(card, name) == value for name, value in said.items()) for card in deck]
    own = fits[deck.index(wanted)]
    before, level = sum(fit > own for fit in fits), fits.count(own)
    return min(max(k - before, 0) / level, 1.0) if own else 0.0


def picture_only(case: Case) -> str:
    """The query of a reader without the words: the card shown, which is never the one wanted."""
    return case.shown.query


def words_only(case: Case) -> str:
    """The query of a reader without the picture: the new values that the words tell; a step tells none."""
    return " ".join(getattr(case.wanted, name) for name in case.changed if name != "count" or not case.step)


# ---------------------------------------------------------------------------------------------------------------
# Drawing


def draw(case: Case, size: int = SIZE) -> Image.Image:
    """The card shown, on a table, as an RGB picture of `size` x `size` pixels: each sign in a quarter of its own."""
    check_size(size)
    big = Image.new("RGB", (size * 4, size * 4), TABLES[case.table])
    edge, corner = round(size * 0.1), round(size * 0.4)
    box = (edge, edge, size * 4 - 1 - edge, size * 4 - 1 - edge)
    ImageDraw.Draw(big).rounded_rectangle(box, corner, fill=_PAPER, outline=_EDGE, width=max(4, edge // 2))
    page = big.reduce(4)
    for quarter in case.quarters:
        x, y = 0.27 + 0.46 * (quarter % 2), 0.27 + 0.46 * (quarter // 2)
        sign = Thing(case.shown.shape, case.shown.colour, case.shown.size, x, y, tilt=case.tilts[quarter])
        mask, corner = stamp(sign, size)
        page.paste(COLOURS[case.shown.colour], corner, mask)
    return page
