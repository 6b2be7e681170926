"""Finished spaces joined by small functions between them, without a single pair: the same thing lies in both spaces.

    displaced    unified space -> expert space of pictures and texts, which now is the space of all
    combined     expert space of sounds and texts -> that space; of what both know, a mean with weights

FreeBind (Wang et al., 2024, https://arxiv.org/abs/2405.04883): the two bonds, one after the other. OmniBind (Wang et
al., 2024, https://arxiv.org/abs/2407.11895): all spaces -> one, and a router for each sense that says, of each thing,
how much each space counts (parts.space_router).
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.finished_spaces import EXPERT, SHARED, UNIFIED, Space, contrast, features, finish
from labs.systems.parts.learn import batches, learn

FEW = 256  # scenes that the unified space has learned from
STEPS, BATCH, RATE = 200, 128, 2e-3
SHARE = 0.5  # of the expert, where two spaces know the same
Embed = Callable[[str, Tensor], Tensor]


class Bond(nn.Module):
    """One space -> another, of length 1."""

    def __init__(self, width: int, into: int):
        super().__init__()
        self.project = nn.Sequential(nn.Linear(width, 2 * into), nn.GELU(), nn.Linear(2 * into, into))

    def forward(self, vectors: Float[Tensor, "n w"]) -> Float[Tensor, "n into"]:
        return normalize(self.project(vectors), dim=-1)


def bond(source: Embed, target: Embed, senses: tuple[str, ...], seed: int, shuffled: bool = False) -> Bond:
    """A function that brings unpaired things of each of these senses from where they lie to where they are to lie.

    If `shuffled`, it learns to bring each where another lies, a control.
    """
    with torch.no_grad():
        here, there = ([one(sense, features(sense, "unpaired")) for sense in senses] for one in (source, target))
    torch.manual_seed(seed)
    found, log_scale = Bond(here[0].shape[1], there[0].shape[1]), torch.tensor(3.0)
    at, generator = batches(len(here[0]), min(BATCH, len(here[0])), seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        others = rows[torch.randperm(len(rows), generator=generator)] if shuffled else rows
        pairs = zip(here, there, strict=True)
        return torch.stack([contrast(found(a[rows]), b[others], log_scale) for a, b in pairs]).mean()

    learn(found.parameters(), loss, STEPS, RATE)
    return found.eval().requires_grad_(False)


class Bonded(NamedTuple):
    """FreeBind's result: pictures as the first expert sees them, sounds and texts as several spaces do, in its space.

    `share` is how much the expert of sounds counts; what is used, is chosen when something is asked, not before.
    """

    unified: Space
    expert: Space
    pictures: Space
    displaced: Bond
    combined: Bond

    def embed(self, sense: str, read: Float[Tensor, "n 128"], share: float = SHARE) -> Float[Tensor, "n 64"]:
        """What frozen encoders made of something -> the common space, of length 1."""
        if sense == "picture":
            return self.pictures(sense, read)
        old = self.pictures(sense, read) if sense == "text" else self.displaced(self.unified(sense, read))
        return normalize((1 - share) * old + share * self.combined(self.expert(sense, read)), dim=-1)


@cache
def bonded(seed: int, shuffled: bool = False) -> Bonded:
    """A unified space that met few scenes, and two experts that met many; joined one after the other."""
    unified, expert = finish(seed, UNIFIED, FEW), finish(seed + 100, EXPERT)
    pictures = finish(seed + 200, SHARED)
    displaced = bond(unified, pictures, SHARED, seed, shuffled)
    known = Bonded(unified, expert, pictures, displaced, displaced)

    def common(sense: str, read: Tensor) -> Tensor:
        return known.embed(sense, read, share=0.0)

    return known._replace(combined=bond(expert, common, EXPERT, seed, shuffled))
