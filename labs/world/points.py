"""Scene -> point cloud, as a laser scanner delivers it: points on the things and on the wall behind, with colours.

Things are slabs: the stamp of the picture, `THICKNESS` deep from their depth on. Half of the points lie on the wall;
the things share the other half equally, so that a small one is not lost.
"""

from dataclasses import replace

import numpy as np

from labs.world.depth import WALL
from labs.world.picture import draw
from labs.world.regions import coverage
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import DEPTHS

THICKNESS = 0.08  # on the scale of depths
_GRID = 256  # pixels a side of the picture that the points are taken from


def scan(scene: Scene, count: int = 2048, seed: int = 0) -> np.ndarray:
    """Draw `count` points: float32 (count, 6), each x, y, z, red, green, blue.

    x runs right and y down, in picture widths; z runs from 0, the camera, to 1, the wall; colours from 0 to 1.
    Points come thing by thing in reading order, the wall last.
    """
    least = 2 * max(1, len(scene.things))
    if count < least:
        raise ValueError(f"count must be at least {least} for {len(scene.things)} things, not {count}")
    rng = np.random.default_rng(seed)
    shares = [len(share) for share in np.array_split(np.arange(count // 2), max(1, len(scene.things)))]
    clouds = [_on_thing(rng, scene, thing, share) for thing, share in zip(scene.things, shares, strict=False)]
    wall = np.argwhere(np.ones((_GRID, _GRID), bool))
    rest = count - sum(map(len, clouds))
    clouds.append(_take(rng, replace(scene, things=()), wall, np.full(rest, WALL)))
    return np.concatenate(clouds).astype(np.float32)


def _on_thing(rng: np.random.Generator, scene: Scene, thing: Thing, count: int) -> np.ndarray:
    """Two points of three on the front, the others on the sides."""
    alone = replace(scene, things=(thing,), sign=None)
    body = coverage(alone, _GRID)[0] == 255
    inner = body[1:-1, 1:-1] & body[:-2, 1:-1] & body[2:, 1:-1] & body[1:-1, :-2] & body[1:-1, 2:]
    side = np.argwhere(body & ~np.pad(inner, 1))
    front, back = DEPTHS[thing.depth], min(WALL, DEPTHS[thing.depth] + THICKNESS)
    sides = count // 3
    return np.concatenate([
        _take(rng, alone, np.argwhere(body), np.full(count - sides, front)),
        _take(rng, alone, side, rng.uniform(front, back, sides)),
    ])  # fmt: skip


def _take(rng: np.random.Generator, scene: Scene, pixels: np.ndarray, z: np.ndarray) -> np.ndarray:
    """One point for each z, somewhere in one of the `pixels` (row, column), with the colour of the picture there."""
    rows, columns = pixels[rng.integers(len(pixels), size=len(z))].T
    x, y = (columns + rng.uniform(size=len(z))) / _GRID, (rows + rng.uniform(size=len(z))) / _GRID
    colours = np.asarray(draw(scene, _GRID))[rows, columns] / 255
    return np.column_stack([x, y, z, colours])
