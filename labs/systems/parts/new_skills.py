"""Four skills that mini-llava lacks, to be learned one after the other: two cameras, and two ways to answer in digits.

| skill   | shown                             | asked                                        | guessing is right |
|---------|-----------------------------------|----------------------------------------------|-------------------|
| thermal | heat in false colours             | where the hottest and the coldest thing are  | once in nine      |
| cells   | an ordinary picture               | where things are: nine cells, in digits      | once in nine      |
| counts  | an ordinary picture               | how many things there are, in digits         | once in eight     |
| depth   | distance in colours of a rainbow  | where the nearest and the farthest thing are | once in nine      |

Beside them stands what the base was made for, questions of every kind about ordinary scenes (parts.limit_forgetting).
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from labs.evaluation.answering import answers
from labs.evaluation.heldout import shuffled
from labs.evaluation.metrics import exact_match
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts import camera, limit_counts, limit_forgetting
from labs.world import depth, splits, thermal_camera
from labs.world.picture import draw
from labs.world.questions import ask
from labs.world.vocabulary import DEPTHS, PLACES

ROWS, HELDOUT = 800, 80  # pictures of a skill, to learn from and in its exam
DATA = 9000  # the data seed of exams, to which that of an arm is added
CHANCE = {name: 1 / len(PLACES) for name in ("thermal", "cells", "depth")} | {"counts": 1 / limit_counts.MOST}
CELL = "In which cell is {the}? Answer with a digit."
NEAREST, FARTHEST = "Where is the nearest thing?", "Where is the farthest thing?"
RAINBOW = [(215, 25, 28), (254, 224, 90), (60, 170, 80), (30, 60, 150)]  # from the camera to the wall, evenly spaced
LONGEST = 8  # tokens of an answer


class Shown(NamedTuple):
    """A picture, and what is asked about it: questions with their answers."""

    picture: Image.Image
    pairs: list[tuple[str, str]]


def sample(skill: str, rng: random.Random, split: str) -> Shown:
    """A picture of `split` for a skill. Raises ValueError for a skill that there is not."""
    if skill not in SAMPLERS:
        raise ValueError(f"skill must be one of {', '.join(SAMPLERS)}, not {skill!r}")
    while True:
        shown = SAMPLERS[skill](rng, split)
        if shown.pairs:
            return shown


@cache
def lessons(skill: str, seed: int) -> list[Shown]:
    """Training scenes for a skill."""
    rng = random.Random(f"lessons {skill} {seed}")
    return [sample(skill, rng, "train") for _ in range(ROWS)]


@cache
def ordinary(seed: int) -> list[Shown]:
    """As many of what the base could do before."""
    return [Shown(one.picture, [(one.question, one.answer)]) for one in limit_forgetting.rehearsal(seed, ROWS)]


@cache
def exam(skill: str, seed: int) -> list[Shown]:
    """Held-out scenes for a skill."""
    rng = random.Random(f"exam {skill} {DATA + seed}")
    return [sample(skill, rng, "heldout") for _ in range(HELDOUT)]


def right(model: Loaded, skill: str, seed: int, others: bool = False) -> Scores:
    """The share of right answers about each picture of the skill's exam; with `others`, beside another scene's.

    A picture is a scene, and no two skills share its number: so skills that are put together weigh the same.
    """
    asked = exam(skill, seed)
    pictures = [one.picture for one in asked]
    pictures = shuffled(pictures) if others else pictures
    items = [(number, *pair) for number, one in enumerate(asked) for pair in one.pairs]
    shown, questions = [pictures[number] for number, _, _ in items], [question for _, question, _ in items]
    shares = [0.0] * len(asked)
    told = answers(model, shown, questions, max_new_tokens=LONGEST)
    for text, (number, _, answer) in zip(told, items, strict=True):
        shares[number] += exact_match(text, answer) / len(asked[number].pairs)
    start = len(asked) * list(SAMPLERS).index(skill)
    return Scores(shares, list(range(start, start + len(asked))))


def together(parts: Sequence[Scores]) -> Scores:
    """Several exams as one."""
    values, scenes = ([one for part in parts for one in part[which]] for which in (0, 1))
    return Scores(values, scenes)


# ---------------------------------------------------------------------------------------------------------------
# What is shown and asked


def _thermal(rng: random.Random, split: str) -> Shown:
    reading = thermal_camera.sample_reading(rng, split)
    return Shown(reading.picture, rng.sample([reading.asked[kind] for kind in camera.KINDS], len(camera.KINDS)))


def _depth(rng: random.Random, split: str) -> Shown:
    scene = splits.sample(rng, split)
    far = [DEPTHS[thing.depth] for thing in scene.things]
    told = [(text, pick(far)) for text, pick in ((NEAREST, min), (FARTHEST, max)) if len(far) > 1]
    pairs = [(text, scene.things[far.index(one)].place) for text, one in told if far.count(one) == 1]
    return Shown(_rainbow(depth.depth_map(scene)), rng.sample(pairs, 2) if len(pairs) == 2 else [])


def _rainbow(depths: np.ndarray) -> Image.Image:
    """A depth map in colours, as many depth cameras show it; for grey ones see labs.world.depth."""
    marks = np.linspace(0, 1, len(RAINBOW))
    channels = [np.interp(depths, marks, channel) for channel in zip(*RAINBOW, strict=True)]
    return Image.fromarray(np.rint(np.stack(channels, axis=-1)).astype(np.uint8))


def _cells(rng: random.Random, split: str) -> Shown:
    scene = splits.sample(rng, split)
    asked = [one for _ in range(4) if (one := ask(scene, rng, "place", wording=CELL))]
    pairs = {one.about: (one.text, str(1 + PLACES.index(one.answer))) for one in asked}
    return Shown(draw(scene), list(pairs.values())[:2])


def _counts(rng: random.Random, split: str) -> Shown:
    count = rng.randint(1, limit_counts.MOST)
    picture = draw(splits.sample(rng, split, count=count, kind="free"))
    return Shown(picture, [(limit_counts.QUESTION, str(count))])


SAMPLERS = {"thermal": _thermal, "cells": _cells, "counts": _counts, "depth": _depth}
