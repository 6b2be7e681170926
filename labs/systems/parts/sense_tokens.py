"""Four senses of a scene as rows of numbers, one row a token, each at its place: what masked modelling hides and tells.

| sense   | tokens | numbers of each                                                                              |
|---------|--------|----------------------------------------------------------------------------------------------|
| picture | 36     | 128, of a patch: what the shared eyes make of it, as 4M-21 tells features of other models    |
| depth   | 36     | 36, the distances in a patch, at half the resolution                                         |
| heat    | 36     | 36, the temperatures in a patch, likewise                                                    |
| sound   | 20     | 80, of 16 mel bands during 50 ms                                                             |

The eyes look at whole pictures, so that the features of a patch know something of its neighbours, hidden or not.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

from labs.systems.parts import eyes, senses
from labs.world.scene import Scene

SIZES = {"picture": (36, 128), "depth": (36, 36), "heat": (36, 36), "sound": (20, 80)}  # tokens, numbers of each
SENSES, TOKENS = tuple(SIZES), sum(tokens for tokens, _ in SIZES.values())
PATCH, BANDS, FRAMES = 6, 16, 5


def owners() -> Int[Tensor, " 128"]:
    """The sense of each token, as an index into `SENSES`."""
    return torch.cat([torch.full((tokens,), number) for number, (tokens, _) in enumerate(SIZES.values())])


def of(given: Sequence[str]) -> Bool[Tensor, " 128"]:
    """The tokens of these senses. Raises ValueError for an unknown one."""
    if unknown := set(given) - set(SENSES):
        raise ValueError(f"senses must be among {', '.join(SENSES)}, not {', '.join(unknown)}")
    return torch.isin(owners(), torch.tensor([SENSES.index(sense) for sense in given]))


@cache
def scenes(split: str, count: int) -> tuple[Scene, ...]:
    """The first of a split, of one thing each before a plain wall, for no sense but the picture knows of walls."""
    return tuple(replace(scene, background="plain") for scene in eyes.fresh(split, count))


@cache
def tokens(split: str, count: int) -> dict[str, Float[Tensor, "scenes tokens numbers"]]:
    """All senses of the first scenes of a split, each about 0 with variance 1."""
    seen = scenes(split, count)
    return {sense: (perceive(sense, seen) - _usual(sense)[0]) / _usual(sense)[1] for sense in SENSES}


def perceive(sense: str, seen: Sequence[Scene]) -> Float[Tensor, "scenes tokens numbers"]:
    """Scenes of one thing each through a sense, in its own units."""
    if sense == "picture":
        return eyes.look(seen)[:, 1:]
    if sense == "sound":
        heard = senses.perceive("sound", seen).unflatten(2, (-1, BANDS)).unflatten(1, (-1, FRAMES))
        return heard.permute(0, 1, 3, 2, 4).flatten(3).flatten(1, 2)  # late by late, and low by low
    maps = avg_pool2d(senses.perceive("thermal" if sense == "heat" else sense, seen), 2)[:, 0]
    patches = maps.unflatten(2, (-1, PATCH)).unflatten(1, (-1, PATCH))  # (scenes, row, y, column, x)
    return patches.transpose(2, 3).flatten(3).flatten(1, 2)


def as_maps(sense: str, rows: Float[Tensor, "scenes 36 36"]) -> Float[Tensor, "scenes 36 36"]:
    """Tokens of "depth" or "heat" as maps again, in the units of `parts.senses`."""
    mean, spread = _usual(sense)
    patches = (rows * spread + mean).unflatten(2, (PATCH, PATCH)).unflatten(1, (6, 6))  # (scenes, row, column, y, x)
    return patches.transpose(2, 3).flatten(3).flatten(1, 2)


@cache
def _usual(sense: str) -> tuple[Tensor, Tensor]:
    """Mean and spread over some training scenes: of each of the eyes' features, of all numbers of another sense."""
    sample = perceive(sense, scenes("train", 500))
    over = (0, 1) if sense == "picture" else (0, 1, 2)
    return sample.mean(over), sample.std(over) + 1e-4
