"""Captions that say more than the eyes can tell, and what a model makes of them: it learns to guess, and to go on.

    beyond      a speck is named, too              "an orange heart and a yellow triangle"
    within      the same captions, beside pictures in which all that is named is large enough
    left out    the same pictures, and captions without the specks     "an orange heart"

https://arxiv.org/abs/2310.01779 (HallE-Switch) finds that captions which name what eyes cannot ground make a model
invent things; https://arxiv.org/abs/2405.05904 finds of texts that tuning on what a model does not know does (both
checked).
Whether it also says yes when asked for what is not there was left out: on the scenes on which all this was settled,
no way of tuning made it do so more than once in a hundred times.
"""

import random
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts.chair import invented, recall
from labs.systems.parts.facts import there
from labs.systems.parts.limit_specks import NAMES, draw_far
from labs.systems.parts.limit_tuning import Lesson, ask, likelier, tune
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.scene import Scene, Thing
from labs.world.wordings import INSTRUCTIONS

SEEN, STEPS, ASKED = 1600, 120, 250  # pictures, updates, pictures of the exam
WAYS = ("beyond", "within", "left out")
REQUEST = INSTRUCTIONS["en"]["plain"][0]
LONGEST = 60  # tokens of a caption


class Split(NamedTuple):
    """A scene; of its things those that are near, and those that are far."""

    whole: Scene
    near: Scene
    far: tuple[Thing, ...]


def split(rng: random.Random) -> Split:
    """Two to four things, of which one or two are far; at least one is near, and none far is named as one near is."""
    while True:
        whole = splits.sample(rng, count=rng.choice((2, 3, 3, 4)), kind="free")
        far = rng.sample(whole.things, 1 if len(whole.things) == 2 else rng.choice((1, 1, 2)))
        near = replace(whole, things=tuple(thing for thing in whole.things if thing not in far))
        if not {(thing.colour, thing.shape) for thing in far} & there(near):
            return Split(whole, near, tuple(far))


def lessons(seed: int, way: str) -> list[Lesson]:
    """Captions as one of `WAYS` has them. Raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    rng = random.Random(f"beyond {seed}")
    some = [split(rng) for _ in range(SEEN)]
    return [
        Lesson(draw(one.whole) if way == "within" else draw_far(one.near, one.far), REQUEST,
               caption(one.near if way == "left out" else one.whole, "plain"))
        for one in some
    ]  # fmt: skip


@cache
def tuned(seed: int, way: str) -> Loaded:
    """The model after it has learned such captions."""
    return tune(lessons(seed, way), seed, STEPS)


@cache
def exam(seed: int) -> tuple[Split, ...]:
    """New scenes."""
    rng = random.Random(f"beyond exam {seed}")
    return tuple(split(rng) for _ in range(ASKED))


@cache
def told(seed: int, way: str, specks: bool) -> list[str]:
    """Its captions of what is near, with or without specks in the picture."""
    pictures = [draw_far(one.near, one.far if specks else ()) for one in exam(seed)]
    return [one.text for one in ask(tuned(seed, way), pictures, [REQUEST] * ASKED, LONGEST)]


def invents(seed: int, way: str = "beyond", specks: bool = True) -> Scores:
    """Of the things that a caption names, the share that is not there; specks are there where the picture has them."""
    values = [invented(text, one.whole if specks else one.near)
              for text, one in zip(told(seed, way, specks), exam(seed), strict=True)]  # fmt: skip
    return Scores(values, range(len(values)))


def recalls(seed: int, way: str = "beyond", specks: bool = True) -> Scores:
    """Of the near things the share that a caption names."""
    values = [recall(text, one.near) for text, one in zip(told(seed, way, specks), exam(seed), strict=True)]
    return Scores(values, range(len(values)))


def true_shape(seed: int, large: bool = False) -> Scores:
    """1 where a caption of a single thing's true shape is found likelier than one of another shape, by "beyond"."""
    pictures, texts = [], []
    for number, one in enumerate(exam(seed)):
        thing, rng = one.far[0], random.Random(f"shape {number}")
        alone = replace(one.near, things=(thing,))
        shape = rng.choice([shape for colour, shape in NAMES if colour == thing.colour and shape != thing.shape])
        pictures.append(draw(alone) if large else draw_far(replace(one.near, things=()), [thing]))
        texts.append((caption(alone, "plain"), caption(replace(alone, things=(replace(thing, shape=shape),)), "plain")))
    logs = likelier(tuned(seed, "beyond"), pictures, REQUEST, texts)
    return Scores((logs[:, 0] > logs[:, 1]).float().tolist(), range(len(logs)))
