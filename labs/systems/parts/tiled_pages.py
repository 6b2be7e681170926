"""Pages of 144 x 144 pixels: four tiles with a thing each, and a thumbnail in which things are half as large.

+-----+-----+     where is the star?         one of four tiles
|  *  |   o |     what colour is the star?   one of eight
+-----+-----+
| +   |  #  |     no two things of a page have the same shape
+-----+-----+
"""

import random
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.parts import eyes
from labs.systems.parts.regions import cells
from labs.systems.parts.tiles import CORNERS, SIDE, shrunk
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

TILES, FEATURES = len(CORNERS), 128
CHOICES = {"where": tuple(range(TILES)), "colour": tuple(COLOURS), "shape": SHAPES}
ASKED = ("where", "colour")
COUNTS = {"train": 2048, "choice": 300, "exam": 300}  # pages
POOL = {"train": 1024, "choice": 256, "exam": 256}  # scenes of one thing each
SEEDS = {"train": 0, "choice": 1, "exam": 2}  # of the data
CHANCE = {"where": 1 / TILES, "colour": 1 / 7}  # seven colours go with each shape
LOUD, GRAIN, EXAM = 6.5, 0.7, "exam"


class Pages(NamedTuple):
    """The thumbnail and the four tiles in reading order; the shape that is asked for; the answers."""

    views: Float[Tensor, "n 5 9 128"]
    named: Int[Tensor, " n"]
    answers: dict[str, Int[Tensor, " n"]]


@cache
def pool(split: str) -> tuple[Scene, ...]:
    """Things to choose from: first those that may be asked for. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    known = eyes.scenes("train", POOL[split], seed=SEEDS[split])
    return known if split == "train" else known + eyes.scenes("heldout", POOL[split], seed=SEEDS[split])


@cache
def pages(split: str) -> Pages:
    """New pages show one thing whose colour training showed in its shape, which is asked for, and three of others.

    A question names the shape, and would mislead about a colour that never went with it.
    """
    scenes, rng, chosen, named, where = pool(split), random.Random(f"tiles {split}"), [], [], []
    drawn, others = [draw(scene) for scene in scenes], range(len(scenes) - POOL[split], len(scenes))
    while len(chosen) < COUNTS[split]:
        one, at = rng.randrange(POOL[split]), rng.randrange(TILES)
        four = rng.sample(others, TILES - 1)
        four.insert(at, one)
        if len({scenes[i].things[0].shape for i in four}) == TILES:
            chosen.append(four)
            where.append(at)
            named.append(scenes[one].things[0])
    tiles, thumbnails = cells(eyes.look(drawn)[:, 1:]), eyes.look([shrunk(_page(drawn, four)) for four in chosen])
    views = torch.cat([cells(thumbnails[:, 1:])[:, None], tiles[torch.tensor(chosen)]], dim=1) / LOUD
    views = views + GRAIN * torch.randn(views.shape, generator=torch.Generator().manual_seed(len(views)))
    colours = torch.tensor([list(COLOURS).index(thing.colour) for thing in named])
    return Pages(
        views, torch.tensor([SHAPES.index(thing.shape) for thing in named]),
        {"where": torch.tensor(where), "colour": colours},
    )  # fmt: skip


def _page(drawn: list[Image.Image], four: list[int]) -> Image.Image:
    page = Image.new("RGB", (SIDE, SIDE))
    for corner, number in zip(CORNERS, four, strict=True):
        page.paste(drawn[number], corner)
    return page


def loss_of(told: Callable[[str], Tensor], given: Pages, now: Int[Tensor, " n"]) -> Float[Tensor, ""]:
    """The mean over the kinds of question of how surprised `told` is by the true answers."""
    return torch.stack([cross_entropy(told(kind), given.answers[kind][now]) for kind in ASKED]).mean()
