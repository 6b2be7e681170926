"""The shared eyes: scenes, and what the frozen picture tower of the bundled mini-clip makes of them.

Training one's own eyes takes ten minutes; every experiment that is not about eyes so starts behind these, whose
features are computed once. They have learned from labels of patches too, but never from a held-out combination.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
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
    """As `scenes`, but of the held-out ones none on which settings were chosen: those are of data seed 0."""
    return scenes(split, count, things, int(split == "heldout"))


@torch.no_grad()
def look(seen: Sequence[Scene]) -> Float[Tensor, "scenes 37 128"]:
    """The last hidden state of the frozen tower: first the picture as a whole, then its 36 patches in reading order."""
    tower = dual_encoder().model.vision_model
    parts = [seen[start : start + BATCH] for start in range(0, len(seen), BATCH)]
    return torch.cat([tower(pixel_values=to_pixels([draw(one) for one in part])).last_hidden_state for part in parts])
