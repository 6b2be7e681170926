"""An encoder of one sense, bound to the pictures of the same scenes in the space of a frozen CLIP: ImageBind's training
(Girdhar et al., 2023, https://arxiv.org/abs/2305.05665).
"""

import math
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from labs.systems.parts import eyes, senses
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.joint_space import read, see
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sense_towers import Tower, prepare
from labs.world.captions import caption
from labs.world.scene import Scene

TRAIN, STEPS, BATCH = 4096, 300, 128  # scenes of one thing
TARGETS = ("pictures", "shuffled", "words")


class Bound(torch.nn.Module):
    """An encoder of one sense into the space of mini-clip; vectors have length 1. `scale` is learned, as in CLIP."""

    def __init__(self, sense: str):
        super().__init__()
        self.sense, self.tower = sense, Tower(sense)
        self.head = torch.nn.Linear(self.tower.width, eyes.dual_encoder().model.config.projection_dim)
        self.scale = torch.nn.Parameter(torch.tensor(math.log(20.0)))

    def forward(self, prepared: Float[Tensor, "scenes ..."]) -> Float[Tensor, "scenes space"]:
        """From what `prepare` gives."""
        return normalize(self.head(self.tower(prepared)), dim=-1)

    @torch.no_grad()
    def embed(self, scenes: Sequence[Scene]) -> Float[Tensor, "scenes space"]:
        """What this sense makes of scenes of one thing."""
        return self(prepare(self.sense, senses.perceive(self.sense, scenes)))


def build(sense: str, seed: int = 0) -> Bound:
    """A fresh encoder for one of `sense_towers.TOWERS`."""
    torch.manual_seed(seed)
    return Bound(sense)


@cache
def bind(sense: str, seed: int = 0, target: str = "pictures") -> Bound:
    """An encoder that has learned from pairs with "pictures"; with "shuffled" ones, a control; or with "words".

    Shuffled, every scene meets another's picture anew at each step; with a fixed one it would learn a wrong name for
    each shape, which may be right by luck. With words each scene is paired with its caption as the frozen text tower
    reads it: what binding goes without.
    """
    if target not in TARGETS:
        raise ValueError(f"target must be one of {', '.join(TARGETS)}, not {target!r}")
    perceived, targets, encoder = perceive(sense), partners(target == "words"), build(sense, seed)
    at = batches(TRAIN, BATCH, seed)
    met = batches(TRAIN, BATCH, seed + 1000) if target == "shuffled" else at

    def loss_at(step: int) -> Tensor:
        rows = at(step)
        logits = encoder(perceived[rows]) @ targets[met(step)].T * encoder.scale.exp().clamp(max=100)
        return contrastive_loss(logits, torch.eye(len(rows)))

    learn(encoder.parameters(), loss_at, STEPS)
    return encoder.eval().requires_grad_(False)


@cache
def perceive(sense: str) -> Float[Tensor, "scenes ..."]:
    """All scenes to learn from."""
    return prepare(sense, senses.perceive_once(sense, eyes.fresh("train", TRAIN)))


@cache
def partners(words: bool = False) -> Float[Tensor, "scenes space"]:
    """What each of them is paired with: its picture, or its caption."""
    scenes = eyes.fresh("train", TRAIN)
    return read([caption(scene) for scene in scenes]) if words else see(scenes)
