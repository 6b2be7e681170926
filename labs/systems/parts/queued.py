"""Negatives from a queue: vectors that a slowly following copy of both towers made of earlier batches.

How many negatives a contrast has is then no longer how many pairs fit into a batch (MoCo, He et al., 2019,
https://arxiv.org/abs/1911.05722; for pictures with texts BriVL, Huo et al., 2021, https://arxiv.org/abs/2103.06561).

    picture -> tower -----------------> vector ----.
                                                    >  which caption is its own, of the batch's and the queue's?
    caption -> copy of the tower -----> vector ----'   And the same for captions among pictures.
"""

import copy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.systems.parts.dual_encoder import DualEncoder
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.two_things import lexicon, material

STEPS, SMALL, LARGE = 500, 8, 32  # SMALL and LARGE: pairs of a batch
SIZE, MOMENTUM = 128, 0.995  # of the queue, in pairs; of the copy
RATES = {"queue": 5e-4, SMALL: 2.5e-4, LARGE: 1e-3}  # each its own best


class Queue:
    """The copy and its last `size` vectors of pictures and of captions, newest first; `momentum` 0 copies at once."""

    def __init__(self, towers: DualEncoder, size: int = SIZE, momentum: float = MOMENTUM):
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, not {momentum}")
        self.towers, self.copy = towers, copy.deepcopy(towers).requires_grad_(False)
        self.size, self.momentum = size, momentum
        self.pictures = self.captions = torch.zeros(0, towers.project[0].out_features)

    @torch.no_grad()
    def follow(self) -> None:
        """The copy moves a little towards the towers: copy = momentum x copy + (1 - momentum) x towers."""
        for own, theirs in zip(self.copy.parameters(), self.towers.parameters(), strict=True):
            own.lerp_(theirs, 1 - self.momentum)

    def loss(self, regions: Float[Tensor, "pairs 9 132"], captions: Int[Tensor, "pairs words"]) -> Float[Tensor, ""]:
        """The towers' vectors against the copy's of this batch and of the queue, which the batch then joins."""
        self.follow()
        with torch.no_grad():
            keys = [normalize(part, dim=-1) for part in (self.copy.picture(regions), self.copy.words(captions))]
        self.pictures, self.captions = (
            torch.cat([new, old]) for new, old in zip(keys, (self.pictures, self.captions), strict=True)
        )
        seen, told = (normalize(part, dim=-1) for part in (self.towers.picture(regions), self.towers.words(captions)))
        scale, own = self.towers.log_scale.exp().clamp(max=100), torch.arange(len(regions))
        loss = cross_entropy(scale * seen @ self.captions.T, own) + cross_entropy(scale * told @ self.pictures.T, own)
        self.pictures, self.captions = self.pictures[: self.size], self.captions[: self.size]
        return loss / 2


@cache
def train(
    seed: int, queue: bool = False, momentum: float = MOMENTUM, batch: int = SMALL, shuffled: bool = False
) -> DualEncoder:
    """A dual encoder after `STEPS` batches, with a queue or without; `shuffled` captions are those of other pictures,
    a control: of any others, for if they were of the batch, it would learn to shun a picture's own."""
    torch.manual_seed(seed)
    given, model = material("train"), DualEncoder(lexicon())
    at, queued = batches(len(given.regions), batch, seed), Queue(model, SIZE, momentum) if queue else None
    met = batches(len(given.regions), batch, seed + 1000) if shuffled else at

    def loss(step: int) -> Tensor:
        seen, told = given.regions[at(step)], given.captions[met(step)]
        return queued.loss(seen, told) if queued else model.pair_loss(seen, told, torch.Generator())

    learn(model.parameters(), loss, STEPS, RATES["queue" if queue else batch])
    return model.eval().requires_grad_(False)
