"""How sure a model is of its answers, and how right it is: over-trust, and confidence without anything to look at.

Sure it is of an answer as far as it finds the whole of it likely. If of all answers of which it is 90 % sure 90 % are
right, it is calibrated (https://arxiv.org/abs/1706.04599); if those of which it is surer are right more often, one can
select by it (https://arxiv.org/abs/1705.08500), whether it is calibrated or not.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageFilter

from labs.evaluation import heldout
from labs.evaluation.exam import Exam
from labs.evaluation.metrics import exact_match
from labs.systems.claim import Scores
from labs.systems.parts.limit_tuning import ask, load
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS
from labs.world.vocabulary import SHAPES

PICTURES, DATA = 150, 6000  # of held-out scenes, and the data seed that those of arms are added to
BLUR = 3.0  # pixels: half of the radius of a small thing
BINS = 10


def blurred(pictures: Sequence[Image.Image]) -> list[Image.Image]:
    """Out of focus."""
    return [picture.filter(ImageFilter.GaussianBlur(BLUR)) for picture in pictures]


VIEWS: Mapping[str, Callable[[Sequence[Image.Image]], Sequence[Image.Image]]] = {
    "sharp": list, "blurred": blurred, "blank": heldout.blank, "other pictures": heldout.shuffled,
}  # fmt: skip


class Judged(NamedTuple):
    """Of each question how sure the model is of its answer, and 1 if that is right, 0 if not."""

    sure: tuple[float, ...]
    right: tuple[float, ...]


@cache
def exam(seed: int) -> Exam:
    """Held-out scenes, with a question of every kind that they offer."""
    return heldout.exam(PICTURES, DATA + seed)


@cache
def judged(seed: int, view: str, kinds: tuple[str, ...]) -> Judged:
    """The shipped model's answers to questions of some kinds, seen as `VIEWS` has it. Raises KeyError for another."""
    items, pictures = _items(seed, kinds), VIEWS[view](exam(seed).pictures)
    told = ask(load(), [pictures[item.picture] for item in items], [item.question for item in items])
    right = (exact_match(one.text, item.answer) for one, item in zip(told, items, strict=True))
    return Judged(tuple(one.sure for one in told), tuple(right))


def _items(seed: int, kinds: tuple[str, ...]) -> list:
    return [item for item in exam(seed).new if item.kind in kinds]


def _scores(seed: int, values: Sequence[float], kinds: tuple[str, ...] = KINDS) -> Scores:
    return Scores(values, [item.picture for item in _items(seed, kinds)])


def sure(seed: int, view: str = "sharp", kinds: tuple[str, ...] = KINDS) -> Scores:
    """How sure it is."""
    return _scores(seed, judged(seed, view, kinds).sure, kinds)


def right(seed: int, view: str = "sharp", kinds: tuple[str, ...] = KINDS) -> Scores:
    """1 where it is right."""
    return _scores(seed, judged(seed, view, kinds).right, kinds)


def over(seed: int, view: str = "sharp") -> Scores:
    """How sure it is less how right: 0 on average if it is neither too sure nor too doubtful."""
    found = judged(seed, view, KINDS)
    return _scores(seed, [one - other for one, other in zip(found.sure, found.right, strict=True)])


def selected(seed: int, view: str = "blurred", by: str = "confidence") -> Scores:
    """1 where it is right, counted twice in the half of which it is surer and not at all in the other.

    So the mean is how often it is right in that half. By "lot" the half is drawn.
    """
    found = judged(seed, view, KINDS)
    order = list(range(len(found.sure)))
    random.Random(f"lot {seed}").shuffle(order)
    if by == "confidence":
        order.sort(key=lambda place: -found.sure[place])
    weights = dict.fromkeys(order[: len(order) // 2], len(order) / (len(order) // 2))
    return _scores(seed, [one * weights.get(place, 0.0) for place, one in enumerate(found.right)])


def tenths(found: Judged) -> list[tuple[float, float, int]]:
    """For each tenth of confidence that has answers: how sure, how right on average, and how many."""
    rows = []
    for low in range(BINS):
        inside = [both for both in zip(*found, strict=True) if min(int(BINS * both[0]), BINS - 1) == low]
        if inside:
            rows.append((*(sum(values) / len(inside) for values in zip(*inside, strict=True)), len(inside)))
    return rows


def calibration_error(found: Judged) -> float:
    """The expected calibration error: how far each tenth lies off, weighed by how many answers it has."""
    return sum(many * abs(sure - right) for sure, right, many in tenths(found)) / len(found.sure)


# ---------------------------------------------------------------------------------------------------------------
# Questions that have no answer


@cache
def premises(seed: int) -> tuple[list[Image.Image], list[str], list[str]]:
    """Held-out pictures; for each the colour of a shape that is there once, and of one that is not there, asked."""
    rng, found = random.Random(f"premises {seed}"), []
    while len(found) < 2 * PICTURES:
        scene = splits.sample(rng, "heldout")
        shapes = [thing.shape for thing in scene.things]
        once = [shape for shape in shapes if shapes.count(shape) == 1]
        if once:
            none = rng.choice([shape for shape in SHAPES if shape not in shapes])
            found.append((draw(scene), *(f"What colour is the {shape}?" for shape in (rng.choice(once), none))))
    return tuple(map(list, zip(*found, strict=True)))


@cache
def sure_of_premise(seed: int, true: bool) -> tuple[float, ...]:
    """How sure it is of the colour that it names."""
    pictures, there, none = premises(seed)
    return tuple(one.sure for one in ask(load(), pictures, there if true else none))


def premise(seed: int, true: bool) -> Scores:
    """The same as scores."""
    values = sure_of_premise(seed, true)
    return Scores(values, range(len(values)))
