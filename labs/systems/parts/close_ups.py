"""Scenes of one thing looked at closely: picture, sound and text, and each of them tells its colour, shape and size.

The thing is in the middle before one plain wall, for a sound knows of no wall and hardly of a place. A picture so needs
only the 36 x 36 pixels in its middle, and all three modalities tell of the same, but for tilt and brightness.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from jaxtyping import Float
from torch import Tensor

from labs.models.pixels import to_pixels
from labs.systems.parts import eyes, senses
from labs.world.grammar import phrase
from labs.world.picture import SIZE, draw
from labs.world.scene import TONES, Scene, sample_scene

EDGE = 18  # pixels of wall on each side of what is looked at
TIMES, FRAMES = 5, 5  # of a sound; frames of each time


def closely(scene: Scene) -> Scene:
    """Its one thing in the middle, before the first of the walls."""
    (thing,) = scene.things
    return Scene((replace(thing, x=0.5, y=0.5),), tone=TONES[0])


@cache
def scenes(split: str, count: int) -> tuple[Scene, ...]:
    """New scenes of a split; of the held-out ones none on which settings were chosen."""
    return tuple(map(closely, eyes.fresh(split, count)))


@cache
def of_every_name(count: int) -> tuple[Scene, ...]:
    """Scenes of both splits, for those who must know all there is."""
    rng = random.Random("close-ups of every name")
    return tuple(closely(sample_scene(rng, count=1)) for _ in range(count))


def tell(scene: Scene) -> str:
    """ "a big red star" """
    (thing,) = scene.things
    return phrase("en", thing.shape, thing.colour, thing.size, article="a")


def look(seen: Sequence[Scene]) -> Float[Tensor, "scenes 3 36 36"]:
    """The middle of each picture, pixels in [-1, 1]."""
    middle = slice(EDGE, SIZE - EDGE)
    return to_pixels([draw(scene) for scene in seen])[:, :, middle, middle]


def listen(heard: Sequence[Scene]) -> Float[Tensor, "scenes 5 64"]:
    """Logarithm of the power in each mel band, 50 milliseconds a row, in the units of `parts.senses`."""
    return senses.perceive("sound", heard).unflatten(1, (TIMES, FRAMES)).mean(2)
