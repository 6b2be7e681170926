"""Two small eyes for the same pictures: contrastive ones, led by captions, and label-free ones.

    contrastive    pictures and captions, which name colour and shape and never a place, brought close, as in CLIP
    label-free     a picture made anew from one row of numbers that was made of its grainy copy

Each gives one row of few numbers a picture, so that it keeps what its lessons ask for. Label-free eyes stand in for
DINOv2. "choice" are held-out scenes on which settings were chosen, "exam" those of the claims.
"""

import math
from dataclasses import replace
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, mse_loss, normalize

from labs.systems.parts import eyes, senses
from labs.systems.parts.contrastive import NAMES, contrastive_loss, name_of
from labs.systems.parts.learn import batches, learn
from labs.world.scene import TONES, Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES

SIDE, EYE = 24, 12  # pixels; numbers of a row, so few that an eye keeps what its lessons ask for
CHOICES = {"place": PLACES, "colour": tuple(COLOURS), "shape": SHAPES}
COUNTS, SEEDS = {"train": 3072, "choice": 600, "exam": 600}, {"train": 0, "choice": 0, "exam": 1}
STEPS, BATCH, RATE, GRAIN = 300, 128, 2e-3, 0.3


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each, before the same plain wall. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    found = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    return tuple(replace(scene, background="plain", tone=TONES[0]) for scene in found)


@cache
def pictures(split: str) -> Float[Tensor, "n 3 24 24"]:
    """Small ones with grain, about 0."""
    clean = avg_pool2d(senses.perceive_once("picture", scenes(split)), 3)
    return clean + GRAIN * torch.randn(clean.shape, generator=torch.Generator().manual_seed(60 + len(split)))


@cache
def truth(split: str, kind: str) -> Int[Tensor, " n"]:
    """The number of the word."""
    return torch.tensor([CHOICES[kind].index(getattr(scene.things[0], kind)) for scene in scenes(split)])


class Eye(nn.Module):
    """A few convolutions and one row of numbers; for its lessons also a tower of names, or a way back to pixels."""

    def __init__(self, labels: bool):
        super().__init__()
        self.look = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1), nn.GELU(), nn.Conv2d(32, 64, 3, 2, 1), nn.GELU(), nn.Conv2d(64, 64, 3, 2, 1),
            nn.GELU(), nn.Flatten(), nn.Linear(64 * 9, EYE),
        )  # fmt: skip
        self.labels = labels
        if labels:
            self.words = nn.ModuleList(nn.Embedding(8, EYE) for _ in (COLOURS, SHAPES))
            self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))
        else:
            self.back = nn.Sequential(nn.Linear(EYE, 512), nn.GELU(), nn.Linear(512, 3 * SIDE**2))

    def forward(self, shown: Float[Tensor, "n 3 24 24"]) -> Float[Tensor, "n 12"]:
        return self.look(shown)

    def loss(self, shown: Float[Tensor, "n 3 24 24"], names: Int[Tensor, " n"], grain: Tensor) -> Float[Tensor, ""]:
        """Contrast with captions, of which the same ones all count as right; or, without labels, the picture anew."""
        if not self.labels:
            return mse_loss(self.back(self(shown + grain)), shown.flatten(1))
        told = self.words[0](names // len(SHAPES)) + self.words[1](names % len(SHAPES))
        near = normalize(self(shown), dim=-1) @ normalize(told, dim=-1).T
        return contrastive_loss(near * self.log_scale.exp().clamp(max=100), (names[:, None] == names).float())


@cache
def eye(seed: int, labels: bool) -> Eye:
    """Frozen, after its lessons."""
    torch.manual_seed(seed)
    model, shown, generator = Eye(labels), pictures("train"), torch.Generator().manual_seed(seed)
    names = torch.tensor([NAMES.index(name_of(scene)) for scene in scenes("train")])
    at = batches(len(shown), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        return model.loss(shown[now], names[now], GRAIN * torch.randn(shown[now].shape, generator=generator))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


@cache
def rows(seed: int, labels: bool, split: str) -> Float[Tensor, "n 12"]:
    """What an eye makes of pictures, with mean 0 and deviation 1 over those to learn from."""
    usual = eye(seed, labels)(pictures("train"))
    return (eye(seed, labels)(pictures(split)) - usual.mean(0)) / (usual.std(0) + 1e-4)
