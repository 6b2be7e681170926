"""Wide pictures: things and a written sign with so much wall between them that eyes of 72 x 72 pixels see too little.

    144 x 144 -> shrunk to 72 x 72 by the model's own processor: things half as large as the eyes know them
              -> nine close-ups of 72 x 72: each with one thing, or the sign, or the wall, as large as they know it

Unlike labs.systems.parts.tiles, whose four tiles cut through things, a close-up has one thing in the middle, as eyes
know it that have learned from things in the middle of cells.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from PIL import Image

from labs.world import splits
from labs.world.picture import SIZE, draw, paint, signboard, stamp
from labs.world.scene import Scene
from labs.world.vocabulary import SIGNS

SIDE, CELL = 2 * SIZE, SIZE // 3  # pixels: of a wide picture, and of a cell as the eyes know it
MARGIN = CELL // 2  # wall before the first cell; between two of them there is twice as much
FEWEST, MOST = 3, 8  # things


@cache
def wide_scenes(split: str, count: int, seed: int = 0) -> tuple[Scene, ...]:
    """Scenes of three to eight things, often alike, and a sign. The seed is that of the data, not of an arm."""
    rng, found = random.Random(f"wide {split} {seed}"), []
    for number in range(count):
        things = FEWEST + number % (MOST - FEWEST + 1)
        scene = splits.sample(rng, split, count=things, kind=rng.choice(("free", "crowd")), sign=True)
        found.append(replace(scene, sign=SIGNS[number % len(SIGNS)]))
    return tuple(found)


def draw_wide(scene: Scene) -> Image.Image:
    """The scene on 144 x 144 pixels; its things and its sign are as large as on 72 x 72."""
    picture = draw(replace(scene, things=(), sign=None), SIDE)
    for thing in scene.things:
        mask, corner = stamp(thing, SIZE)
        picture.paste(paint(thing), _apart(corner, thing.cell), mask)
    if scene.sign:
        board, corner = signboard(scene.sign, scene.sign_cell, SIZE)
        picture.paste(board, _apart(corner, scene.sign_cell))
    return picture


def _apart(corner: tuple[int, int], cell: int) -> tuple[int, int]:
    """Where a corner goes if its cell moves away from the others."""
    return corner[0] + MARGIN + CELL * (cell % 3), corner[1] + MARGIN + CELL * (cell // 3)


def close_ups(picture: Image.Image) -> list[Image.Image]:
    """Nine views of 72 x 72 pixels in reading order, a cell in the middle of each; beyond the picture its edge goes on.

    Of a picture of 72 x 72 pixels there is nothing nearer to see than itself; one of another size becomes 144 x 144.
    """
    if picture.size == (SIZE, SIZE):
        return [picture]
    if picture.size != (SIDE, SIDE):
        picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pixels = np.pad(np.asarray(picture), ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), mode="edge")
    starts = [2 * CELL * number for number in range(3)]
    return [Image.fromarray(pixels[y : y + SIZE, x : x + SIZE]) for y in starts for x in starts]


def next_one(count: int, seed: int) -> list[int]:
    """For each of so many pictures another one, drawn without regard to what they show: the next in a random order."""
    order = random.Random(f"others {seed}").sample(range(count), count)
    other = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [other[number] for number in range(count)]


def exchanged(pictures: Sequence, seed: int) -> list:
    """Each picture's place taken by another one."""
    return [pictures[number] for number in next_one(len(pictures), seed)]
