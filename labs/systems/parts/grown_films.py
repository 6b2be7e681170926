"""Films that grow while one learns from them, as in Frozen in Time (Bain et al., 2021,
https://arxiv.org/abs/2104.00650): first pictures, which are films of one frame, then films of four frames, then of
eight. A step reads equally many frames in all ways but the last: of pictures more than of films.

    way         frames of a film, third by third of the steps        films of a step
    growing     1, 4, 8                                              256, 64, 32
    all         8, 8, 8                                              32
    cheap       1, 4, 8                                              32
"""

from functools import cache

import torch
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import teach
from labs.systems.parts.sound_films import SLOTS, frames
from labs.systems.parts.space_time import SpaceTime, sample

KINDS, STEPS, RATE = ("colour", "shape", "way"), 330, 2e-3
READ, FEW = 256, 32  # frames of a step; films of a step where they are not more
WAYS = ("growing", "all", "cheap")


def rate(way: str, step: int) -> int:
    """Frames of a film at a step. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    return SLOTS if way == "all" else (1, 4, SLOTS)[3 * step // STEPS]


def size(way: str, step: int) -> int:
    """Films of a step."""
    return FEW if way == "cheap" else READ // rate(way, step)


@cache
def taught(seed: int, way: str) -> SpaceTime:
    """The reader that has learned so."""
    torch.manual_seed(seed)
    network, seen, generator = SpaceTime(KINDS), frames("train"), torch.Generator().manual_seed(seed)

    def told(now: Tensor, step: int) -> dict[str, Tensor]:
        return network(sample(seen[now], rate(way, step), generator))

    return teach(network, told, truths(KINDS), STEPS, seed, RATE, lambda step: size(way, step))


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """Right answers about films of eight frames, or about `another` one."""
    return right(taught(seed, way)(frames(sound_films.EXAM)), KINDS, int(another))
