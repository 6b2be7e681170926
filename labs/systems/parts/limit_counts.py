"""How many things are there? Learned from pictures of one to eight, some numbers more often than others; and forgotten.

    gently, steeply   one thing is shown half again as often as two, or twice; two so much more often than three, ...
    turned round      the other way round, steeply
    evenly            each number as often as any other

The answer is a digit, which mini-llava has never said: all that it knows of eight it learns here. Beside the stock
model stands one that sees in large tokens: each 3 x 3 patches are averaged, so that four different tokens are all it
has. Of 1,600 pictures 32 show eight things where the slope is gentle, 6 where it is steep.

Both slopes were settled on other scenes, where a steep one alone left nothing between all and none. There, too, fewer
steps (60) made tokens matter more: after a gentle slope 36 tokens then were right of 87 %, four of 63 %, and four after
even data of 79 %.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.evaluation.metrics import exact_match
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts.limit_forgetting import rehearsal
from labs.systems.parts.limit_tuning import Lesson, ask, load, tune
from labs.world import splits
from labs.world.picture import draw

MOST = 8  # things; one of the nine places stays free
SEEN, STEPS, BATCH = 1600, 100, 16  # pictures, each of them once
EACH = 40  # pictures of each number, in the exam
REHEARSED = 0.25  # of the lessons, where some are about what was known before
SHARES = {
    "gently": [1.5**-count for count in range(MOST)], "steeply": [2.0**-count for count in range(MOST)],
    "turned round": [2.0**count for count in range(MOST)], "evenly": [1.0] * MOST,
}  # fmt: skip
QUESTION = "How many things are there? Answer with a digit."
LARGE = 3  # patches a side of a large token


class LargeTokens(nn.Module):
    """A projector of which each square of patches gets the same token: their mean."""

    def __init__(self, projector: nn.Module, side: int):
        super().__init__()
        self.projector, self.side = projector, side

    def forward(self, seen: Float[Tensor, "pictures patches seen"]) -> Float[Tensor, "pictures patches width"]:
        words = self.projector(seen)
        pictures, patches, width = words.shape
        across = round(patches**0.5) // self.side
        square = words.view(pictures, across, self.side, across, self.side, width)
        return square.mean((2, 4), keepdim=True).expand_as(square).reshape(words.shape)


def start(large: bool) -> Loaded:
    """mini-llava, stock or with large tokens."""
    loaded = load()
    if large:
        inner = loaded.model.model
        inner.multi_modal_projector = LargeTokens(inner.multi_modal_projector, LARGE)
    return loaded


def counted(rng: random.Random, count: int) -> Lesson:
    """A training scene of so many things."""
    return Lesson(draw(splits.sample(rng, count=count, kind="free")), QUESTION, str(count))


def lessons(seed: int, shares: str, rehearsed: float = 0.0) -> list[Lesson]:
    """Numbers as often as `SHARES` says; a share is `rehearsed`: questions of all kinds, answered as ever.

    Raises KeyError for shares that there are not.
    """
    rng, weights = random.Random(f"counts {seed}"), SHARES[shares]
    new = [counted(rng, *rng.choices(range(1, MOST + 1), weights)) for _ in range(SEEN)]
    known = rehearsal(seed, round(rehearsed * SEEN))
    return [*known, *new[len(known) :]]


@cache
def tuned(seed: int, shares: str, large: bool, rehearsed: bool) -> Loaded:
    """The model after its lessons, all words of answers learning, too."""
    taught = lessons(seed, shares, REHEARSED if rehearsed else 0.0)
    return tune(taught, seed, STEPS, BATCH, rows=True, start=start(large))


@cache
def exam(seed: int) -> tuple[Lesson, ...]:
    """New pictures, of each number as many."""
    rng = random.Random(f"counts exam {seed}")
    return tuple(counted(rng, count) for count in range(1, MOST + 1) for _ in range(EACH))


@cache
def told(seed: int, shares: str, large: bool, rehearsed: bool, others: bool) -> list[str]:
    """What it answers; `others` shows it the pictures in another order."""
    asked = exam(seed)
    pictures = [one.picture for one in asked]
    if others:
        random.Random(f"other pictures {seed}").shuffle(pictures)
    answers = ask(tuned(seed, shares, large, rehearsed), pictures, [QUESTION] * len(asked), 3)
    return [one.text for one in answers]


def right(
    seed: int, shares: str = "evenly", large: bool = False, rehearsed: bool = False, others: bool = False,
    numbers: Sequence[int] = range(1, MOST + 1),
) -> Scores:  # fmt: skip
    """1 where pictures of some `numbers` of things are counted rightly."""
    answers = zip(told(seed, shares, large, rehearsed, others), exam(seed), strict=True)
    found = [(exact_match(text, one.answer), number) for number, (text, one) in enumerate(answers)
             if int(one.answer) in numbers]  # fmt: skip
    return Scores(*map(list, zip(*found, strict=True)))


def curve(scores: Scores) -> list[float]:
    """The share of right answers for each number of things, from the scores of the whole exam."""
    values = torch.tensor(scores.values, dtype=torch.float32).view(MOST, -1)
    return values.mean(1).tolist()


def between(seed: int, low: int, high: int, shares: str = "gently") -> Scores:
    """The same for the pictures of `low` to `high` things, numbered anew: as many of any two numbers."""
    values = right(seed, shares, numbers=range(low, high + 1)).values
    return Scores(values, range(len(values)))
