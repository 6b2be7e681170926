"""The shared eyes: scenes, and what the frozen picture tower of the bundled mini-clip makes of them.

Training one's own eyes takes ten minutes; every experiment that is not about eyes so starts behind these, whose
features are computed once. They have learned from labels of patches too, but never from a held-out combination.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.models import catalog
from labs.models.entry import Loaded
from labs.models.pixels import to_pixels
from labs.world import splits
from labs.world.picture import draw
from labs.world.scene import Scene

BATCH = 256


@cache
def dual_encoder() -> Loaded:
    """The bundled mini-clip."""
    return catalog.load("dual_encoder", "mini")


@cache
def scenes(split: str, count: int, things: tuple[int, ...] = (1,), seed: int = 0) -> tuple[Scene, ...]:
    """`count` scenes of a split, with so many things in turn. The seed is that of the data, not of an arm."""
    rng = random.Random(f"systems {split} {things} {seed}")
    return tuple(splits.sample(rng, split, count=things[i % len(things)]) for i in range(count))


def fresh(split: str, count: int, things: tuple[int, ...] = (1,)) -> tuple[Scene, ...]:
    """As `scenes`, but of the held-out ones none on which settings were chosen: those are of data seed 0.

    Where fresh ones were looked at too early, a third seed takes their place (EXAM in labs.systems.parts.lookout).
    """
    return scenes(split, count, things, int(split == "heldout"))


@torch.no_grad()
def look(shown: Sequence[Scene] | Sequence[Image.Image]) -> Float[Tensor, "shown 37 128"]:
    """The last hidden state of the frozen tower: first the picture as a whole, then its 36 patches in reading order."""
    tower = dual_encoder().model.vision_model
    parts = [shown[start : start + BATCH] for start in range(0, len(shown), BATCH)]
    pixels = (to_pixels([picture_of(one) for one in part]) for part in parts)
    return torch.cat([tower(pixel_values=each).last_hidden_state for each in pixels])


def picture_of(shown: Scene | Image.Image) -> Image.Image:
    """A picture as it is, a scene drawn."""
    return draw(shown) if isinstance(shown, Scene) else shown
