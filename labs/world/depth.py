"""Scene -> depth map: how far from the camera each pixel is. Things are flat and face the camera."""

import numpy as np
from PIL import Image

from labs.world.picture import SIZE
from labs.world.regions import masks
from labs.world.scene import Scene
from labs.world.vocabulary import DEPTHS

WALL = 1.0  # the wall behind everything, on which a written sign hangs


def depth_map(scene: Scene, size: int = SIZE) -> np.ndarray:
    """Distance of what each pixel shows: float32 (size, size) from 0, the camera, to 1, the wall."""
    depths = np.full((size, size), WALL, np.float32)
    for thing, mask in zip(scene.things, masks(scene, size), strict=True):
        depths[mask] = np.minimum(depths[mask], DEPTHS[thing.depth])
    return depths


def as_picture(depths: np.ndarray) -> Image.Image:
    """A grey picture of a depth map, bright where it is near, as depth cameras show it."""
    return Image.fromarray(np.rint(255 * (1 - 0.9 * depths)).astype(np.uint8))
