"""A page of a picture book -> a few lines in a style of writing. A small stand-in for creative writing.

Of the real thing: MiniGPT-4 (Zhu et al., 2023, https://arxiv.org/abs/2304.10592) shows stories, poems and
advertisements inspired by a picture. Whether such a piece is good is a matter of taste; here only what can be counted
is: which facts of the page are told, which are invented, and whether the piece keeps the form of its style.

forecast  Today the outlook is a big red circle at the top left, later a small blue star at the centre. No wind at all.
tale      Once upon a time a big red circle lived at the top left. It met a small blue star at the centre. And so ...
haiku     a big red circle at the top left / at the centre a small blue star / hush     (three lines, no syllables kept)

A case is a scene of one to three things; its split is that of the micro-world, drawn as on a page with a frame of ink.
"""

import random
import re
from itertools import permutations
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from labs.world import splits
from labs.world.captions import describe
from labs.world.grammar import at, capital
from labs.world.picture import SIZE, check_size, stamp
from labs.world.questions import Question
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

PAPER, INK = (246, 238, 214), (58, 42, 34)
MOST = 3  # things


class Style(NamedTuple):
    """How a style is asked for, and the wordings that open it, go on with another thing, and close it."""

    asked: tuple[str, ...]
    first: tuple[str, ...]
    more: tuple[str, ...]
    last: tuple[str, ...]


STYLES = {
    "forecast": Style(
        ("Write a weather forecast.", "Tell it like the weather.", "What is the forecast for this page?"),
        ("today there is {a} {at}", "today the outlook is {a} {at}", "expect {a} {at} today"),
        (", later {a} {at}", ", then {a} {at}", ", followed by {a} {at}"),
        (". No wind at all.", ". It stays dry.", ". The night is calm."),
    ),
    "tale": Style(
        ("Begin a fairy tale.", "Write the opening of a tale.", "How would a fairy tale begin here?"),
        ("once upon a time {a} lived {at}", "once there was {a} {at}", "long ago {a} slept {at}"),
        (". It met {a} {at}", ". Not far away sat {a} {at}", ". Its friend was {a} {at}"),
        (". And so it begins.", ". Then came a letter.", ". But who came?"),
    ),
    "haiku": Style(
        ("Write a haiku.", "Write three lines of a poem.", "Say it in a haiku."),
        ("{a} {at}", "{at} {a}"),
        (" / {a} {at}", " / {at} {a}"),
        (" / hush", " / no more to see", " / so calm"),
    ),
}
LINES = 3  # of a haiku
_THING = rf"an? (?:{'|'.join(SIZES)}) (?:{'|'.join(COLOURS)}) (?:{'|'.join(SHAPES)})"
_PLACE = rf"at the (?:{'|'.join(sorted(PLACES, key=len, reverse=True))})"


def sample(rng: random.Random, split: str = "train") -> Scene:
    """Draw a scene of the split with one to three things."""
    return splits.sample(rng, split, count=rng.randint(1, MOST))


def draw(case: Scene, size: int = SIZE) -> Image.Image:
    """Draw the page as an RGB picture of `size` x `size` pixels: things outlined in ink on framed paper."""
    check_size(size)
    page, line = Image.new("RGB", (size, size), PAPER), max(1, round(size / 72))
    ImageDraw.Draw(page).rectangle((0, 0, size - 1, size - 1), outline=INK, width=line)
    for thing in case.things:
        mask, corner = stamp(thing, size)
        wide = Image.new("L", (mask.width + 2 * line, mask.height + 2 * line))
        wide.paste(mask, (line, line))
        page.paste(INK, (corner[0] - line, corner[1] - line), wide.filter(ImageFilter.MaxFilter(2 * line + 1)))
        page.paste(COLOURS[thing.colour], corner, mask)
    return page


def write(case: Scene, rng: random.Random, style: str) -> str:
    """Write the page in a style, in wordings drawn by chance. Raises ValueError for a style that does not exist."""
    _check(style)
    first, more, last = STYLES[style][1:]
    told = [(describe(thing), at("en", thing.place)) for thing in case.things]
    parts = [rng.choice(more if number else first).format(a=a, at=there) for number, (a, there) in enumerate(told)]
    if style == "haiku":
        return "".join(parts + rng.sample(last, LINES - len(parts)))
    return capital("".join([*parts, rng.choice(last)]))


def questions(case: Scene, rng: random.Random) -> list[Question]:
    """One request for each style, in random order."""
    styles = rng.sample(tuple(STYLES), len(STYLES))
    return [Question(style, rng.choice(STYLES[style].asked), write(case, rng, style)) for style in styles]


class Judged(NamedTuple):
    """Shares from 0 to 1 of the page's facts that are told, and of the told facts that are true; and the form."""

    recall: float
    precision: float
    form: bool

    @property
    def facts(self) -> float:
        """The F1 of the facts."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


def judge(case: Scene, style: str, text: str) -> Judged:
    """Compare what a text says with the page. A thing has four facts: size, colour, shape and place.

    What one clause says is held against one thing, no two clauses against the same, and so that most of it is true.
    """
    told, true = clauses(text), [{thing.size, thing.colour, thing.shape, thing.place} for thing in case.things]
    pairings = permutations(told + [frozenset()] * len(true), len(true))
    right = max(sum(len(a & b) for a, b in zip(true, chosen, strict=True)) for chosen in pairings)
    said = sum(map(len, told))
    return Judged(right / (4 * len(true)), right / said if said else 0.0, keeps_form(style, text))


def score(case: Scene, style: str, text: str) -> float:
    """The F1 of the facts where the text keeps the form of the style, otherwise 0: that was not what was asked for."""
    judged = judge(case, style, text)
    return judged.facts if judged.form else 0.0


def clauses(text: str) -> list[frozenset[str]]:
    """The words of size, colour, shape and place that each clause says, of those clauses that say any; the first 12."""
    words = sorted({*SIZES, *COLOURS, *SHAPES, *PLACES}, key=len, reverse=True)
    said = [frozenset(re.findall(rf"\b(?:{'|'.join(words)})\b", part))
            for part in re.split(r"[.,;:!?/\n]| and ", text.lower())]  # fmt: skip
    return [one for one in said if one][:12]


def keeps_form(style: str, text: str) -> bool:
    """Whether the text is, from its first to its last letter, a piece of the style about some things at some places."""
    _check(style)
    first, more, last = (_one_of(wordings) for wordings in STYLES[style][1:])
    text = text.strip()
    if style == "haiku":
        lines = text.count(" / ") + 1
        return lines == LINES and bool(re.fullmatch(f"{first}(?:{more})*(?:{last})*", text))
    return text[:1].isupper() and bool(re.fullmatch(f"{first}(?:{more})*{last}", text[:1].lower() + text[1:]))


def _one_of(wordings: tuple[str, ...]) -> str:
    """A pattern that fits every wording, whatever things and places it names."""
    fitting = (re.escape(one).replace(r"\{a\}", _THING).replace(r"\{at\}", _PLACE) for one in wordings)
    return f"(?:{'|'.join(fitting)})"


def _check(style: str) -> None:
    if style not in STYLES:
        raise ValueError(f"style must be one of {tuple(STYLES)}, not {style!r}")
