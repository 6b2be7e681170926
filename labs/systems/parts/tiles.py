"""A picture of four times the pixels, in which things are small: seen at once, or tile by tile as LLaVA-NeXT does
(2024, https://llava-vl.github.io/blog/2024-01-30-llava-next/).

    144 x 144 -> shrunk to 72 x 72: 9 regions, things half as large as the eyes know them
              -> four tiles of 72 x 72: 4 x 9 regions more, things as large as they know them
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.systems.parts import lookout
from labs.systems.parts.regions import cells
from labs.world.picture import SIZE, draw, signboard, stamp
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS

SIDE = 2 * SIZE
CORNERS = [(x, y) for y in (0, SIZE) for x in (0, SIZE)]  # of the tiles, in reading order


def draw_large(scene: Scene) -> Image.Image:
    """The scene on 144 x 144 pixels, its things and its sign as large as they are on 72 x 72."""
    picture = draw(replace(scene, things=(), sign=None), SIDE)
    for thing in scene.things:
        mask, corner = stamp(thing, SIZE)
        colour = tuple(min(255, round(part * thing.shade)) for part in COLOURS[thing.colour])
        picture.paste(colour, _apart(corner, (thing.x, thing.y)), mask)
    if scene.sign:
        board, corner = signboard(scene.sign, scene.sign_cell, SIZE)
        centre = (scene.sign_cell % 3 + 0.5) / 3, (scene.sign_cell // 3 + 0.5) / 3
        picture.paste(board, _apart(corner, centre))
    return picture


def _apart(corner: tuple[int, int], centre: tuple[float, float]) -> tuple[int, int]:
    """Where the corner goes if the centre goes twice as far out and the size stays."""
    return corner[0] + round(centre[0] * SIZE), corner[1] + round(centre[1] * SIZE)


def shrunk(picture: Image.Image) -> Image.Image:
    """What eyes of 72 x 72 pixels see of it at once."""
    return picture.resize((SIZE, SIZE), Image.Resampling.BOX)


def tiles(picture: Image.Image) -> list[Image.Image]:
    """Its four tiles in reading order."""
    return [picture.crop((x, y, x + SIZE, y + SIZE)) for x, y in CORNERS]


def look(scenes: Sequence[Scene], tiled: bool) -> Float[Tensor, "scenes regions 128"]:
    """Nine regions of the shrunk pictures, each the mean of four patches; `tiled`, 36 more of the tiles."""
    pictures = [draw_large(scene) for scene in scenes]
    whole = cells(lookout.look([shrunk(picture) for picture in pictures]))
    if not tiled:
        return whole
    parts = cells(lookout.look([tile for picture in pictures for tile in tiles(picture)]))
    return torch.cat([whole, parts.unflatten(0, (len(scenes), len(CORNERS))).flatten(1, 2)], dim=1)
