"""Scene -> where each thing is in the picture: masks, boxes, a map of labels, scribbles.

Everything is read off the very stamps that the picture is drawn with, so it fits to the pixel. One entry per thing,
in the order of `scene.things`; a written sign counts as background.
"""

import math

import numpy as np
from PIL import Image

from labs.world.picture import SIZE, check_size, stamp
from labs.world.scene import Scene
from labs.world.vocabulary import DEPTHS, SHAPES

LABELS = ("background", *SHAPES)


def coverage(scene: Scene, size: int = SIZE) -> np.ndarray:
    """How much of each pixel each thing covers: uint8 (things, size, size), 255 is all of it."""
    check_size(size)
    layers = np.zeros((len(scene.things), size, size), np.uint8)
    for layer, thing in zip(layers, scene.things, strict=True):
        mask, corner = stamp(thing, size)
        page = Image.new("L", (size, size))
        page.paste(mask, corner)
        layer[:] = np.asarray(page)
    return layers


def masks(scene: Scene, size: int = SIZE) -> np.ndarray:
    """The pixels that each thing covers by half or more: bool (things, size, size)."""
    return coverage(scene, size) >= 128


def boxes(scene: Scene, size: int = SIZE) -> np.ndarray:
    """Tight boxes round the masks: int64 (things, 4), each x0, y0, x1, y1 in pixels, x1 and y1 just outside."""
    edges = []
    for mask in masks(scene, size):
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        edges.append((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))
    return np.array(edges, np.int64).reshape(-1, 4)


def semantic_map(scene: Scene, size: int = SIZE) -> np.ndarray:
    """What each pixel shows: uint8 (size, size), indices into `LABELS`. Nearer things cover farther ones."""
    labels = np.zeros((size, size), np.uint8)
    layers = zip(scene.things, masks(scene, size), strict=True)
    for thing, mask in sorted(layers, key=lambda layer: -DEPTHS[layer[0].depth]):
        labels[mask] = LABELS.index(thing.shape)
    return labels


def scribbles(scene: Scene, size: int = SIZE, points: int = 8) -> np.ndarray:
    """A stroke through each thing, as somebody marks it by hand: int64 (things, points, 2), x and y in pixels.

    The stroke goes once round the thing's centre, midway between centre (or hole) and rim. All points lie in the
    mask. Raises ValueError unless `points` is from 2 to 16.
    """
    if not 2 <= points <= 16:
        raise ValueError(f"points must be from 2 to 16, not {points}")
    strokes = [
        _stroke(mask, thing.x * size - 0.5, thing.y * size - 0.5, points)
        for thing, mask in zip(scene.things, masks(scene, size), strict=True)
    ]
    return np.array(strokes, np.int64).reshape(-1, points, 2)


def _stroke(mask: np.ndarray, x: float, y: float, points: int) -> list[tuple[int, int]]:
    """Cut the mask into sectors of equal area round (x, y); from each take the pixel of middling distance."""
    # The round starts and ends to the right, where the moon is open.
    inside = [(int(column), int(row)) for row, column in np.argwhere(mask)]
    inside.sort(key=lambda pixel: math.atan2(pixel[1] - y, pixel[0] - x) % (2 * math.pi))
    cuts = [len(inside) * i // points for i in range(points + 1)]
    sectors = [inside[start:end] for start, end in zip(cuts, cuts[1:], strict=False)]
    return [sorted(sector, key=lambda pixel: math.hypot(pixel[0] - x, pixel[1] - y))[len(sector) // 2]
            for sector in sectors]  # fmt: skip
