"""Pictures and their labels in one diffusion: encoders put both into one space, where one noise hides their sum.

    picture --as it is------------v                              +--head--> picture
    label ---a vector a word--> sum, noised --shared denoiser--> +--head--> label

Each step down adds up anew what both heads tell; what is given, a label or a picture, takes the place of what is told.
Source: MT-Diffusion (Chen et al., 2024, https://arxiv.org/abs/2407.17571).
"""

import random
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm, one_hot

from labs.models.diffusion.denoiser import waves
from labs.models.diffusion.schedule import Schedule
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.painted_pairs import CELL, PARTS, bright, cell, large
from labs.world.vocabulary import COLOURS, SHAPES

STEPS, BATCH, RATE = 500, 64, 2e-3
WIDTH, LAYERS, TIME, TOLD = 384, 3, 64, 0.1  # sizes; weight of the label's loss
LOOKS = 25  # steps of DDIM
COUNTS, SEEDS = {"train": 4096, "choice": 200, "exam": 200}, {"train": 0, "choice": 1, "exam": 2}  # of the data
LABEL, NUMBERS = 8 * len(PARTS), 3 * CELL**2
SCHEDULE = Schedule()

Pictures = Float[Tensor, "n 3 12 12"]
Labels = Float[Tensor, "n 24"]


class Things(NamedTuple):
    """Pictures of a thing painted in two colours, and the numbers of its shape, upper and lower colour."""

    pictures: Pictures
    names: Int[Tensor, "n 3"]

    @property
    def labels(self) -> Labels:
        """Names as ones and zeros."""
        return one_hot(self.names, 8).flatten(1).float()


@cache
def things(split: str) -> Things:
    """Held-out combinations of shape and upper colour in "choice" and "exam". Raises KeyError for any other split."""
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    rng, shown = random.Random(f"shared noise {split}"), [large(scene.things[0]) for scene in scenes]
    marks = [rng.randrange(8) for _ in shown]
    cells = [cell(t, mark, s.tone).reduce(2) for t, mark, s in zip(shown, marks, scenes, strict=True)]
    pixels = torch.from_numpy(np.stack([np.asarray(one) for one in cells])).permute(0, 3, 1, 2)
    names = [[SHAPES.index(t.shape), list(COLOURS).index(t.colour), m] for t, m in zip(shown, marks, strict=True)]
    return Things(bright(pixels), torch.tensor(names))


class Aggregated(nn.Module):
    """One denoiser with a head a kind of data. Without `joint` pictures alone are noised, and labels are read."""

    def __init__(self, joint: bool):
        super().__init__()
        self.joint = joint
        self.encode_label = nn.Linear(LABEL, NUMBERS, bias=False)
        self.enter = nn.Linear(NUMBERS + TIME, WIDTH)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
            for _ in range(LAYERS)
        )
        self.norm, self.picture, self.label = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, NUMBERS), nn.Linear(WIDTH, LABEL)

    def encoded(self, label: Labels) -> Pictures:
        """Labels as large as pictures, one on average; of a label in doubt the mean of what it may be."""
        words = layer_norm(self.encode_label.weight.T, (NUMBERS,)) / len(PARTS) ** 0.5
        return (label @ words).view(-1, 3, CELL, CELL)

    def together(self, picture: Pictures, label: Labels) -> Pictures:
        """What one noise is added to."""
        return (picture + self.encoded(label)) / 2**0.5 if self.joint else picture

    def forward(
        self, noisy: Pictures, steps: Float[Tensor, " n"], read: Labels | None = None
    ) -> tuple[Pictures, Labels]:
        """The picture, and logits of the label's three words; `read` is what a condition says, beside the noise."""
        seen = noisy if read is None else noisy + self.encoded(read)
        x = self.enter(torch.cat([seen.flatten(1), waves(steps, TIME)], 1))
        for layer in self.layers:
            x = x + layer(x)
        x = self.norm(x)
        return self.picture(x).view_as(noisy), self.label(x)


@cache
def train(seed: int, joint: bool = True) -> Aggregated:
    """A denoiser of pictures and labels, or of pictures, which is told the labels."""
    torch.manual_seed(seed)
    model, known, draw = Aggregated(joint), things("train"), torch.Generator().manual_seed(seed)
    at = batches(len(known.names), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        pictures, labels = known.pictures[chosen], known.labels[chosen]
        levels = torch.randint(SCHEDULE.steps, (len(chosen),), generator=draw)
        noisy = SCHEDULE.add(model.together(pictures, labels), torch.randn(pictures.shape, generator=draw), levels)
        seen, told = model(noisy, levels.float(), None if joint else labels)
        wrong = (SCHEDULE.weight(levels) * (seen - pictures).square()).mean()
        return wrong + TOLD * cross_entropy(told.unflatten(1, (-1, 8)).flatten(0, 1), known.names[chosen].flatten())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def make(
    model: Aggregated, count: int, seed: int, picture: Pictures | None = None, label: Labels | None = None
) -> tuple[Pictures, Int[Tensor, "n 3"]]:
    """Pictures and names, both from noise, or one of them given; of a joint model."""
    start = torch.randn((count, 3, CELL, CELL), generator=torch.Generator().manual_seed(seed))

    def both(noisy: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        seen, told = model(noisy, steps.float(), None if model.joint else label)
        told = told.unflatten(1, (-1, 8)).softmax(-1).flatten(1)
        return seen.clamp(-1, 1) if picture is None else picture, told if label is None else label

    found = SCHEDULE.draw(lambda noisy, steps: model.together(*both(noisy, steps)), start, LOOKS)
    seen, told = both(found, torch.zeros(count))
    return seen, told.unflatten(1, (-1, 8)).argmax(-1)
