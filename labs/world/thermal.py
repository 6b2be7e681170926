"""Scene -> heat picture: the temperature of each pixel. Warmth blurs a little into the air round a thing."""

import numpy as np
from PIL import Image, ImageFilter

from labs.world.picture import SIZE
from labs.world.regions import coverage
from labs.world.scene import Scene
from labs.world.vocabulary import DEPTHS, TEMPERATURES

AIR = 18.0  # degrees Celsius
_BLUR = 0.01  # picture widths
_SCALE = (0.0, 75.0)  # degrees Celsius at the two ends of the ramp, the same for every picture
# Black, violet, red, orange, pale yellow: the "inferno" ramp at nine evenly spaced points.
_RAMP = np.array([
    (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
    (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
])  # fmt: skip


def temperature_map(scene: Scene, size: int = SIZE) -> np.ndarray:
    """Temperature of each pixel: float32 (size, size) in degrees Celsius."""
    degrees = np.full((size, size), AIR)
    layers = zip(scene.things, coverage(scene, size), strict=True)
    for thing, layer in sorted(layers, key=lambda layer: -DEPTHS[layer[0].depth]):
        soft = np.asarray(Image.fromarray(layer).filter(ImageFilter.GaussianBlur(_BLUR * size))) / 255
        degrees += soft * (TEMPERATURES[thing.temperature] - degrees)
    return degrees.astype(np.float32)


def as_picture(degrees: np.ndarray) -> Image.Image:
    """A temperature map in false colours: an RGB picture, black at 0 degrees Celsius, pale yellow at 75."""
    marks = np.linspace(*_SCALE, len(_RAMP))
    channels = [np.interp(degrees, marks, _RAMP[:, channel]) for channel in range(3)]
    return Image.fromarray(np.rint(np.stack(channels, axis=-1)).astype(np.uint8))
