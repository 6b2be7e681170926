"""Scene -> time series of four plain sensors on a carriage that passes the scene from left to right.

At every step the carriage stands over one column of the picture, and each sensor takes in that column as a whole.
"""

import numpy as np

from labs.world.depth import WALL, depth_map
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.sound import LOUDNESS
from labs.world.thermal import temperature_map

CHANNELS = {
    "thermometer": "degrees Celsius, mean of the column",
    "light meter": "0 black to 1 white, mean of the column",
    "microphone": "decibels below full scale; every thing hums, a big one louder",
    "proximity": "0 for the bare wall to 1 at the camera, by the nearest thing in the column",
}
_GRID = 256  # columns looked at
_REACH = 0.06  # picture widths; so far aside a hum has lost half its power
_HUSH = 0.001  # the microphone's own noise, root mean square


def sweep(scene: Scene, steps: int = 64) -> np.ndarray:
    """Pass the scene once: float32 (steps, 4), the channels and units of `CHANNELS`."""
    if not 8 <= steps <= _GRID:
        raise ValueError(f"steps must be from 8 to {_GRID}, not {steps}")
    columns = (np.arange(_GRID) + 0.5) / _GRID
    luminance = np.asarray(draw(scene, _GRID).convert("L")) / 255
    readings = np.stack([
        temperature_map(scene, _GRID).mean(axis=0, dtype=np.float64),
        luminance.mean(axis=0),
        _hum(scene, columns),
        WALL - depth_map(scene, _GRID).min(axis=0).astype(np.float64),
    ])  # fmt: skip
    stops = np.array_split(np.arange(_GRID), steps)
    return np.array([readings[:, stop].mean(axis=1) for stop in stops], np.float32)


def _hum(scene: Scene, columns: np.ndarray) -> np.ndarray:
    """Decibels at each column: the powers of all things add up."""
    power = np.full(len(columns), _HUSH**2)
    for thing in scene.things:
        power += LOUDNESS[thing.size] ** 2 / (1 + ((columns - thing.x) / _REACH) ** 2)
    return 10 * np.log10(power)
