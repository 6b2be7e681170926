"""Gestures: two hands that follow two things at once, each with a motion sensor; what they sound like; what is told.

    left hand    turns to the 1st thing, goes along with it, follows its rim and its hole   100 steps x 5 channels
    right hand   the same of the 2nd thing, at the same time                                100 steps x 5 channels
    sound        both things, one after the other, in one pitch                             2 x 5 x 64 mel bands
    text         size, shape, motion of the 1st, then of the 2nd                            6 words

A sound tells shape and size and nothing of the motion; nothing is felt or told of colour. Sensors are noisy.
"""

from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import eyes, senses
from labs.world.scene import Scene
from labs.world.vocabulary import MOTIONS, SHAPES, SIZES

HANDS = ("left", "right")
STEPS, CHANNELS = 100, 5  # the sixth channel of labs.world.motion holds nothing
NOISE = 0.15  # of a sensor, where the usual deviation of each channel is 1
COUNTS = {"train": 3000, "choice": 300, "exam": 300}  # scenes
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data; settings were chosen on "choice", nothing else
EXAM = "exam"  # the split that is asked
SPREAD = (0.32, 0.37, 1.3, 0.33, 0.29)  # of the channels, in the units of parts.senses
WORDS = (*SIZES, *SHAPES, *MOTIONS)
KINDS = {"size": tuple(SIZES), "shape": SHAPES, "motion": tuple(MOTIONS)}


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Two things each. Raises ValueError for a split that is none of `COUNTS`."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], (2,), SEEDS[split])


@cache
def felt(split: str) -> Float[Tensor, "scenes 2 100 5"]:
    """What both hands feel."""
    seen = [_alone(scene, hand) for scene in scenes(split) for hand in range(len(HANDS))]
    clean = senses.perceive("motion", seen)[..., :CHANNELS].unflatten(0, (-1, len(HANDS)))
    generator = torch.Generator().manual_seed(list(COUNTS).index(split))
    clean = clean / torch.tensor(SPREAD)
    return clean + NOISE * torch.randn(clean.shape, generator=generator)


@cache
def heard(split: str) -> Float[Tensor, "scenes 10 64"]:
    """The sounds of both things, 50 milliseconds a row."""
    tuned = [replace(s, things=tuple(replace(one, colour="red") for one in s.things)) for s in scenes(split)]
    return senses.perceive("sound", tuned).unflatten(1, (10, -1)).mean(2)


@cache
def attributes(split: str) -> Int[Tensor, "scenes 2 3"]:
    """Size, shape and motion of both things, as places in `KINDS`."""
    rows = [[[kinds.index(getattr(thing, kind)) for kind, kinds in KINDS.items()] for thing in scene.things]
            for scene in scenes(split)]  # fmt: skip
    return torch.tensor(rows)


def as_words(told: Int[Tensor, "n 2 3"]) -> Int[Tensor, "n 6"]:
    """Attributes as places in `WORDS`."""
    return (told + _starts()).flatten(1)


def as_attributes(words: Int[Tensor, "n 6"]) -> Int[Tensor, "n 2 3"]:
    """Words as attributes; a word of another kind becomes -1 or a place beyond its kind, which is never right."""
    found = words.unflatten(1, (len(HANDS), -1)) - _starts()
    return torch.where(found < 0, -1, found)


def _starts() -> Int[Tensor, " 3"]:
    return torch.tensor([0, len(SIZES), len(SIZES) + len(SHAPES)])


def _alone(scene: Scene, hand: int) -> Scene:
    """The one thing that a hand follows."""
    return replace(scene, things=scene.things[hand : hand + 1])
