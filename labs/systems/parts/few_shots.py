"""Names as further samples: a linear classifier that learns from few pictures, and from the texts of their names.

In a joint space a text is a vector like a picture's, so that whoever trains on vectors need not ask what they come from
(Lin et al., 2023, https://arxiv.org/abs/2301.06267). The space is that of the bundled mini-clip, frozen.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.dark import darken
from labs.systems.parts.joint_space import read, see
from labs.systems.parts.probe import linear_probe
from labs.world.scene import Scene, sample_background, sample_thing

GRAIN = 0.2  # noise of the pictures: of plain ones names alone are nearly always right
EACH = 10  # tested pictures of each name


def of_every_name(count: int, draws: str) -> tuple[Scene, ...]:
    """Scenes of one thing, `count` of each of `NAMES` in turn; `draws` tells one drawing of them from another."""
    rng = random.Random(f"every name {draws}")
    things = [sample_thing(rng, rng.randrange(9), shape, colour) for _ in range(count) for colour, shape in NAMES]
    return tuple(Scene((thing,), **sample_background(rng)) for thing in things)


def look(scenes: Sequence[Scene], seed: int) -> Float[Tensor, "scenes 128"]:
    """Grainy pictures as vectors of the joint space."""
    return see(darken(scenes, GRAIN, seed))


@cache
def names() -> Float[Tensor, "names 128"]:
    """The vector of each name."""
    return read([f"a {colour} {shape}" for colour, shape in NAMES])


@cache
def tested(draws: str = "exam") -> tuple[Float[Tensor, "scenes 128"], Int[Tensor, " scenes"]]:
    """New pictures, and the number of each one's name."""
    return look(of_every_name(EACH, draws), 1), torch.arange(len(NAMES)).repeat(EACH)


@cache
def samples(seed: int, shots: int) -> tuple[Float[Tensor, "samples 128"], Int[Tensor, " samples"]]:
    """So many pictures of each name to learn from: other ones for each seed."""
    return look(of_every_name(shots, f"shots {seed}"), seed + 100), torch.arange(len(NAMES)).repeat(shots)


def told(
    seed: int, shots: int, with_names: bool, shuffled: bool = False, draws: str = "exam"
) -> Int[Tensor, " scenes"]:
    """What a linear classifier says of new pictures that learned from `shots` pictures of each name, and the names.

    `shuffled` samples belong to other classes, a control. Without pictures, the nearest name is told: zero-shot.
    """
    if not shots:
        return (tested(draws)[0] @ names().T).argmax(1)
    vectors, classes = samples(seed, shots)
    if with_names:
        vectors, classes = torch.cat([vectors, names()]), torch.cat([classes, torch.arange(len(NAMES))])
    if shuffled:
        classes = classes[torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))]
    return linear_probe(vectors, classes, tested(draws)[0], len(NAMES), seed)
