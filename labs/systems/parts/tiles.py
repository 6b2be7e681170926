"""A picture of four times the pixels, in which things are small: seen at once, or tile by tile as LLaVA-NeXT does
(2024, https://llava-vl.github.io/blog/2024-01-30-llava-next/).

    144 x 144 -> shrunk to 72 x 72: 36 patches, things half as large as the eyes know them
              -> four tiles of 72 x 72: 4 x 36 patches more, things as large as they know them
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.systems.parts import lookout
from labs.world.picture import SIZE, draw, paint, signboard, stamp
from labs.world.scene import Scene

SIDE = 2 * SIZE
CORNERS = [(x, y) for y in (0, SIZE) for x in (0, SIZE)]  # of the tiles, in reading order
BOARDS = (12, 84, 132)  # pixels: where signs hang, so that no border of a tile cuts their words


def draw_large(scene: Scene) -> Image.Image:
    """The scene on 144 x 144 pixels, its things and its sign as large as they are on 72 x 72."""
    picture = draw(replace(scene, things=(), sign=None), SIDE)
    for thing in scene.things:
        mask, corner = stamp(thing, SIZE)
        picture.paste(paint(thing), _apart(corner, (thing.x, thing.y)), mask)
    if scene.sign:
        board, _ = signboard(scene.sign, scene.sign_cell, SIZE)
        centre = BOARDS[scene.sign_cell % 3], BOARDS[scene.sign_cell // 3]
        picture.paste(board, (centre[0] - board.width // 2, centre[1] - board.height // 2))
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


def look(scenes: Sequence[Scene], tiled: bool) -> Float[Tensor, "scenes patches 128"]:
    """The patches of shrunk pictures, whitened; `tiled`, those of their tiles too. Each has the mark of its view."""
    pictures = [draw_large(scene) for scene in scenes]
    views = [[shrunk(picture), *(tiles(picture) if tiled else [])] for picture in pictures]
    seen = lookout.whiten(lookout.look([view for some in views for view in some]))
    marks = torch.randn(1 + len(CORNERS), 1, lookout.WIDTH, generator=torch.Generator().manual_seed(0))
    return (seen.unflatten(0, (len(scenes), -1)) + marks[: len(views[0])]).flatten(1, 2)
