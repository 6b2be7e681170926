"""Who says what a picture made by a model shows, cell by cell: a small head on the frozen eyes of the mini-clip.

It has learned from true pictures of every name, those that training kept back too, some of them noisy, for it has to
know them all; it never meets a model that makes pictures. Small pictures are enlarged to what the eyes see. Where in
its cell a thing is, its pixels say: those whose colour is on the way from the wall's to the thing's.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, interpolate

from labs.models.diffusion.autoencoder import SIDE
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.small_pictures import CELL, THINGS, draw_small
from labs.world.picture import SIZE
from labs.world.regions import boxes
from labs.world.scene import Scene, sample_scene
from labs.world.vocabulary import COLOURS, SHAPES, SIZES

KNOWN, STEPS, BATCH = 6000, 1500, 64
NOISE = 0.08  # the most that is added to a picture
CELLS, FEATURES = 9, 4 * 128  # four of the 36 patches lie in a cell
PARTS = (1 + len(SHAPES), len(COLOURS), len(SIZES))  # what the head says of a cell: shape or none, colour, size
COVERED = 0.35  # how far from the wall's colour towards the thing's a pixel of the thing is


class Read(NamedTuple):
    """What there is in each cell."""

    names: Int[Tensor, "n 9 3"]  # shape from 1, 0 where there is nothing; colour; size; 0 where there is nothing
    boxes: Float[Tensor, "n 9 4"]  # x0, y0, x1, y1 from 0 to 1

    @property
    def there(self) -> Bool[Tensor, "n 9"]:
        """Where a thing is."""
        return self.names[..., 0] > 0


def truth(scenes: Sequence[Scene]) -> Read:
    """What a judge without fault would read in true pictures."""
    names, where = torch.zeros(len(scenes), CELLS, 3, dtype=torch.long), torch.zeros(len(scenes), CELLS, 4)
    for i, scene in enumerate(scenes):
        for thing, box in zip(scene.things, boxes(scene), strict=True):
            words = (1 + SHAPES.index(thing.shape), list(COLOURS).index(thing.colour), list(SIZES).index(thing.size))
            names[i, thing.cell], where[i, thing.cell] = torch.tensor(words), torch.from_numpy(box) / SIZE
    return Read(names, where)


def judge(pictures: Float[Tensor, "n 3 36 36"]) -> Read:
    """Read pictures, cell by cell."""
    head, mean, spread = _learned()
    with torch.no_grad():
        told = head((_cells(pictures) - mean) / spread).split(PARTS, -1)
    names = torch.stack([part.argmax(-1) for part in told], -1)
    names = names * (names[..., :1] > 0)
    return Read(names, find(pictures, names))


def find(pictures: Float[Tensor, "n 3 36 36"], names: Int[Tensor, "n 9 3"]) -> Float[Tensor, "n 9 4"]:
    """Boxes round the pixels of the things that are named, each in its cell; no box is all zeros."""
    wall = pictures.flatten(2).median(2).values[:, None]  # things cover little of it
    way = torch.tensor(list(COLOURS.values()))[names[..., 1]] / 127.5 - 1 - wall  # (n, 9, 3)
    cells = pictures.unfold(2, CELL, CELL).unfold(3, CELL, CELL).permute(0, 2, 3, 4, 5, 1).flatten(1, 2)
    gone = torch.einsum("ncyxp,ncp->ncyx", cells - wall[:, :, None, None], way)
    mine = (gone > COVERED * way.square().sum(-1)[..., None, None]) & (names[..., 0] > 0)[..., None, None]
    edges = []
    for line, first in ((mine.any(2), torch.arange(CELLS) % 3), (mine.any(3), torch.arange(CELLS) // 3)):
        low, high = line.float().argmax(-1), CELL - line.flip(-1).float().argmax(-1)
        edges.append((torch.stack([low, high], -1) + first[:, None] * CELL) / SIDE)
    return torch.stack(edges, -1).flatten(2) * mine.any((-2, -1))[..., None]


class _Learned(NamedTuple):
    head: nn.Module
    mean: Float[Tensor, "512"]
    spread: Float[Tensor, "512"]


@cache
def _learned() -> _Learned:
    """The head, after `STEPS` on true pictures; the same for every seed of an experiment."""
    rng, draw = random.Random("judge of small pictures"), torch.Generator().manual_seed(0)
    scenes = [sample_scene(rng, count=THINGS[i % len(THINGS)]) for i in range(KNOWN)]
    pictures, known = draw_small(scenes), truth(scenes)
    strength = NOISE * torch.rand(len(pictures), 1, 1, 1, generator=draw)
    cells = _cells(pictures + strength * torch.randn(pictures.shape, generator=draw))
    mean, spread = cells.mean((0, 1)), cells.std((0, 1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = nn.Sequential(nn.Linear(FEATURES, 256), nn.GELU(), nn.Linear(256, sum(PARTS)))
    at = batches(len(cells), BATCH, 0)

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        told, names = head((cells[chosen] - mean) / spread).split(PARTS, -1), known.names[chosen]
        there = names[..., 0] > 0
        loss = cross_entropy(told[0].flatten(0, 1), names[..., 0].flatten())
        return loss + sum(cross_entropy(told[i][there], names[..., i][there]) for i in (1, 2))

    learn(head.parameters(), loss_at, STEPS)
    return _Learned(head.eval().requires_grad_(False), mean, spread)


def _cells(pictures: Float[Tensor, "n 3 36 36"]) -> Float[Tensor, "n 9 512"]:
    """What the eyes make of each cell."""
    large = interpolate(pictures, size=(SIZE, SIZE), mode="bilinear")
    tower, parts = eyes.dual_encoder().model.vision_model, large.split(eyes.BATCH)
    with torch.no_grad():
        seen = torch.cat([tower(pixel_values=part).last_hidden_state[:, 1:] for part in parts])
    return seen.unflatten(1, (3, 2, 3, 2)).permute(0, 1, 3, 2, 4, 5).reshape(len(pictures), CELLS, FEATURES)


def overlap(asked: Float[Tensor, "*n 4"], found: Float[Tensor, "*n 4"]) -> Float[Tensor, "*n"]:
    """Intersection over union of boxes."""
    low, high = torch.maximum(asked[..., :2], found[..., :2]), torch.minimum(asked[..., 2:], found[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    areas = [(box[..., 2:] - box[..., :2]).clamp(min=0).prod(-1) for box in (asked, found)]
    return both / (areas[0] + areas[1] - both).clamp(min=1e-6)
