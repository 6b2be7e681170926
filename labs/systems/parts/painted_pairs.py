"""Pictures of two things side by side, each painted in two colours: the lower one has no word in any caption.

    24 x 12 pixels: +------+------+    "red star" says shape and upper colour; only a picture of the very thing, a crop,
                    | left | right|    tells the lower colour as well, and with it wall, tilt and brightness
                    +------+------+

Who reads a picture needs no training: every shape at every tilt is fitted to its halves by least squares, and the one
that explains most says which shape it is, and which colours. A choice is always made, so chance is an eighth.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from labs.systems.parts import eyes
from labs.world import splits
from labs.world.picture import SIZE, paint, stamp
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, SHAPES

CELL, PARTS = 12, ("shape", "colour", "mark")  # pixels a side; what is to be right of a thing, eight of each
SPLITS = {"train": 0, "choice": 1, "exam": 2}  # settings were chosen on "choice", claims are scored on "exam"
COUNTS = {"train": 4096, "choice": 150, "exam": 150}
CROP = 4 * 128  # numbers of a crop: the four patches of the frozen eyes in which it lies
TILTS = range(-15, 16, 5)
PATCHES = [15, 16, 21, 22]  # of 37 states: the cell in the middle


def bright(pixels: UInt8[Tensor, "*n 3 side sides"]) -> Float[Tensor, "*n 3 side sides"]:
    """From 0..255 to -1..1."""
    return pixels.float() / 127.5 - 1


class Pairs(NamedTuple):
    """Things by number, left and right; pictures in bytes; and what frozen eyes make of a crop of each thing."""

    names: Int[Tensor, "n 2 3"]
    walls: Int[Tensor, "n 3"]
    pixels: UInt8[Tensor, "n 3 12 24"]
    crops: Float[Tensor, "n 2 512"]
    things: tuple[tuple[Thing, Thing], ...]


@cache
def pairs(split: str) -> Pairs:
    """Of "train" no combination is held out; of "choice" and "exam" each pair shows one that is."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    rng = random.Random(f"painted pairs {SPLITS[split]}")
    kind = "train" if split == "train" else "heldout"
    scenes = [splits.sample(rng, kind, count=2, kind="free") for _ in range(COUNTS[split])]
    return drawn(scenes, torch.tensor([[rng.randrange(8), rng.randrange(8)] for _ in scenes]))


def drawn(scenes: Sequence[Scene], marks: Int[Tensor, "n 2"]) -> Pairs:
    """Scenes of two things with their second colours: drawn, and looked at thing by thing."""
    things = [tuple(large(one) for one in scene.things) for scene in scenes]
    walls = [scene.tone for scene in scenes]
    alike = torch.tensor([[[SHAPES.index(t.shape), list(COLOURS).index(t.colour)] for t in pair] for pair in things])
    names = torch.cat([alike, marks[..., None]], -1)
    cells = [
        [cell(thing, mark, wall) for thing, mark in zip(pair, row, strict=True)]
        for pair, row, wall in zip(things, marks.tolist(), walls, strict=True)
    ]
    pixels = np.stack([np.concatenate([np.asarray(one.reduce(2)) for one in pair], 1) for pair in cells])
    crops = see([one for pair in cells for one in pair], [wall for wall in walls for _ in range(2)])
    pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
    return Pairs(names, torch.tensor(walls), pixels, crops.unflatten(0, (-1, 2)), tuple(things))


def large(thing: Thing) -> Thing:
    """The same in the middle of a cell, which it fills."""
    return replace(thing, size="big", x=0.5, y=0.5)


def cell(thing: Thing, mark: int, wall: tuple[int, int, int]) -> Image.Image:
    """A thing alone, 24 x 24 pixels: its own colour above, that of number `mark` below."""
    picture, (mask, (x, y)) = Image.new("RGB", (2 * CELL,) * 2, wall), stamp(thing, SIZE)
    corner = (x - SIZE // 3, y - SIZE // 3)
    picture.paste(paint(thing), corner, mask)
    below, half = paint(replace(thing, colour=list(COLOURS)[mark])), CELL - corner[1]
    picture.paste(below, (corner[0], CELL), mask.crop((0, half, mask.width, mask.height)))
    return picture


def page(one: Image.Image, wall: Sequence[int]) -> Image.Image:
    """A crop in the middle of a picture of its wall, as large as frozen eyes take it."""
    found = Image.new("RGB", (SIZE, SIZE), tuple(wall))
    found.paste(one, (SIZE // 3, SIZE // 3))
    return found


def see(cells: Sequence[Image.Image], walls: Sequence[Sequence[int]]) -> Float[Tensor, "cells 512"]:
    """Crops as the frozen eyes see them."""
    shown = [page(*both) for both in zip(cells, walls, strict=True)]
    return torch.cat([eyes.look(shown[at : at + 256])[:, PATCHES].flatten(1) for at in range(0, len(shown), 256)])


# ---------------------------------------------------------------------------------------------------------------
# Reading pictures


@cache
def _halves() -> Float[Tensor, "56 2 144"]:
    """How much of each pixel the upper and the lower half of every shape covers, at every tilt."""
    found = []
    for shape in SHAPES:
        for tilt in TILTS:
            mask, (x, y) = stamp(Thing(shape, "red", "big", 0.5, 0.5, tilt=tilt), SIZE)
            page = Image.new("L", (2 * CELL,) * 2)
            page.paste(mask, (x - SIZE // 3, y - SIZE // 3))
            array = np.asarray(page.reduce(2), np.float32) / 255
            lower = np.arange(CELL)[:, None] >= CELL // 2
            found.append(np.stack([array * ~lower, array * lower]).reshape(2, -1))
    return torch.from_numpy(np.stack(found))


def judge(pictures: Float[Tensor, "n 3 12 24"]) -> Int[Tensor, "n 2 3"]:
    """Shape, upper and lower colour of what is at the left and at the right."""
    return torch.stack([_read(pictures[..., :CELL]), _read(pictures[..., CELL:])], 1)


def _read(cells: Float[Tensor, "n 3 12 12"]) -> Int[Tensor, "n 3"]:
    edge = torch.cat([cells[:, :, 0], cells[:, :, -1], cells[..., 0], cells[..., -1]], -1)
    wall = edge.median(-1).values  # (n, 3)
    halves = _halves()
    along = torch.einsum("ncp,thp->nthc", (cells.flatten(2) - wall[..., None]), halves)
    fitted = along / halves.square().sum(-1)[..., None]  # least squares: the halves of a shape do not overlap
    best = (along * fitted).sum((-2, -1)).argmax(1)
    colours = fitted[torch.arange(len(cells)), best] + wall[:, None]
    palette = torch.tensor(list(COLOURS.values())) / 127.5 - 1
    nearest = torch.cdist(colours, palette).argmin(-1)
    return torch.cat([(best // len(TILTS))[:, None], nearest], 1)
