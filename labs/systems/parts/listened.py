"""Sounds of single things as vectors of the space of pictures, what is asked about them; a film that shows nothing.

In the exam a thing is named by its place, which tells neither of what is asked: named by its colour, one shape of eight
would be ruled out, as training shows no thing of that colour and shape.
"""

import random
from functools import cache

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.systems.parts import bound, eyes, one_thing, told
from labs.systems.parts.lookout import EXAM, look
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch
from labs.world.picture import SIZE
from labs.world.scene import Scene

TAUGHT = ("pictures", "sounds")
KINDS, ASKED = ("shape", "colour"), 4  # what a sound tells best; pairs about one thing to learn from
EXAMINED = 300


def vectors(taught: str, seed: int) -> Float[Tensor, "scenes 128"]:
    """What the audio branch learns from: the pictures of single things, or their sounds as bound ears hear them.

    Raises ValueError for anything else.
    """
    if taught not in TAUGHT:
        raise ValueError(f"taught must be one of {', '.join(TAUGHT)}, not {taught!r}")
    if taught == "pictures":
        return bound.partners()
    ears, heard = bound.bind("sound", seed), bound.perceive("sound")
    with torch.no_grad():
        return ears(heard)


@cache
def lessons() -> list[list[Branch]]:
    """Questions about each of these things, and its description."""
    found = []
    for number, scene in enumerate(eyes.fresh("train", bound.TRAIN)):
        rng = random.Random(f"heard {number}")
        asked = told.questions(scene, rng, ASKED, KINDS)
        found.append([pair(one.text, one.answer) for one in asked] + [pair(told.DESCRIBE, told.tell(scene))])
    return found


@cache
def exam() -> tuple[Scene, ...]:
    """New things, of pairs of colour and shape that training has shown, other than those of labs.systems.one_connector.

    Unseen pairs the ears do not tell (labs.systems.imagebind).
    """
    return eyes.scenes("train", EXAMINED, seed=EXAM)


@cache
def questions() -> list[list[Branch]]:
    """One of each kind about each thing of the exam."""
    return one_thing.ask(exam(), KINDS)


@cache
def darkness(frames: int) -> Float[Tensor, "1 frames 36 128"]:
    """A film on which there is nothing to see."""
    return look([Image.new("RGB", (SIZE, SIZE))]).expand(frames, -1, -1)[None]
