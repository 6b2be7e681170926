"""Pictures taken in the dark: grainy, so that what is asked of them is not too easy."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from labs.world.picture import draw
from labs.world.scene import Scene


def darken(scenes: Sequence[Scene], grain: float, seed: int) -> list[Image.Image]:
    """Scenes drawn, with noise of a deviation of `grain`, of which 1 is the way from black to white."""
    generator, found = np.random.default_rng(seed), []
    for scene in scenes:
        plain = np.asarray(draw(scene), dtype=np.float32)
        noisy = plain + 255 * grain * generator.standard_normal(plain.shape, dtype=np.float32)
        found.append(Image.fromarray(noisy.clip(0, 255).round().astype(np.uint8)))
    return found
