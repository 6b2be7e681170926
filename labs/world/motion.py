"""Scene -> motion: what a sensor on the head feels while its wearer looks at one thing after the other.

One second for each thing, in reading order:

    0.0 - 0.2 s   turns to the thing           gyroscope: where it is
    0.2 - 0.4 s   goes along with its motion   accelerometer: a push and a stop in its direction; stronger when big
    0.4 - 0.8 s   looks once round its rim     gyroscope: its shape, and its size
    0.8 - 1.0 s   looks once round its hole    gyroscope: only a ring has one, else the gaze rests on the middle

Axes of the sensor: x to the right, y up, z out of the back of the head. Gravity is felt along y, and partly along z
as soon as the head nods. The head never rolls, so the last channel holds nothing but noise.
"""

from functools import lru_cache

import numpy as np

from labs.world.picture import stamp
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import MOTIONS

RATE = 100  # steps a second
CHANNELS = {
    "accelerometer x": "m/s2", "accelerometer y": "m/s2", "accelerometer z": "m/s2",
    "gyroscope x": "rad/s", "gyroscope y": "rad/s", "gyroscope z": "rad/s",
}  # fmt: skip
GRAVITY = 9.81  # m/s2
PUSH = {"small": 2.0, "big": 4.0}  # m/s2
VIEW = np.radians(60)  # the angle over which the picture spreads
_TURN, _GO, _RIM, _HOLE = 20, 20, 40, 20  # steps


def feel(scene: Scene, noise: float = 0.0, seed: int | None = None) -> np.ndarray:
    """What the sensor measures: float32 (100 * things, 6), the channels and units of `CHANNELS`.

    `noise` is the standard deviation of a random error in every channel; it needs a `seed`.
    """
    if noise < 0 or (noise > 0 and seed is None):
        raise ValueError(f"noise must be 0, or above 0 with a seed, not {noise} with seed {seed}")
    gaze, at = [np.zeros((1, 2))], np.zeros(2)  # straight ahead
    for thing in scene.things:
        gaze.append(_look(thing, at))
        at = gaze[-1][-1]
    path = VIEW * _smooth(np.concatenate(gaze))  # right and up, rad; small enough to add up
    series = np.zeros((len(path) - 1, 6))
    series[:, 1] = GRAVITY * np.cos(path[1:, 1])
    series[:, 2] = -GRAVITY * np.sin(path[1:, 1])
    series[:, :2] += np.concatenate([np.zeros((0, 2)), *map(_push, scene.things)])
    turning = np.diff(path, axis=0) * RATE
    series[:, 3], series[:, 4] = turning[:, 1], -turning[:, 0]
    if noise:
        series += np.random.default_rng(seed).normal(0, noise, series.shape)
    return series.astype(np.float32)


def _look(thing: Thing, start: np.ndarray) -> np.ndarray:
    """Where the wearer looks during one thing's second: (100, 2), right and up of the centre, in picture widths."""
    rim, hole = _rim_and_hole(thing.shape, thing.size, thing.tilt)
    centre = np.array([thing.x - 0.5, 0.5 - thing.y])
    way = (1 - np.cos(np.linspace(0, np.pi, _TURN + 1)[1:, None])) / 2
    turn = start + way * (centre + rim[-1] - start)
    rest = np.repeat(turn[-1:], _GO, axis=0)
    return np.concatenate([turn, rest, centre + rim, centre + hole])


def _push(thing: Thing) -> np.ndarray:
    """The acceleration to the right and upwards: (100, 2), a push and a stop."""
    right, down = MOTIONS[thing.motion]
    push = np.zeros((RATE, 2))
    pulse = PUSH[thing.size] * np.sin(2 * np.pi * (np.arange(_GO) + 0.5) / _GO)
    push[_TURN : _TURN + _GO] = pulse[:, None] * (right, -down)
    return push


def _smooth(path: np.ndarray) -> np.ndarray:
    """No head turns a corner at once: average each step with its neighbours."""
    padded = np.concatenate([path[:1], path, path[-1:]])
    return (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4


@lru_cache(maxsize=256)
def _rim_and_hole(shape: str, size: str, tilt: int) -> tuple[np.ndarray, np.ndarray]:
    """Clockwise from the top: (40, 2) and (20, 2), right and up of the thing's centre, in picture widths.

    Seen from the middle of the thing's own matter (a moon's centre lies outside it): in each direction the farthest
    and the nearest point covered. Without a hole the nearest is the middle itself.
    """
    scale = 512  # pixels a picture width
    mask = np.asarray(stamp(Thing(shape, "red", size, 0.5, 0.5, tilt=tilt), scale)[0]) >= 128
    middle = np.argwhere(mask).mean(axis=0)  # row, column
    offset = (middle - (len(mask) - 1) / 2)[::-1] * (1, -1) / scale
    radii = np.arange(len(mask))
    wide = np.pad(mask, len(mask))
    rounds = []
    for steps, choose in ((_RIM, np.max), (_HOLE, np.min)):
        angles = 2 * np.pi * np.arange(1, steps + 1) / steps
        directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
        rows = np.rint(middle[0] - np.outer(directions[:, 1], radii)).astype(int) + len(mask)
        columns = np.rint(middle[1] + np.outer(directions[:, 0], radii)).astype(int) + len(mask)
        reach = [choose(radii[covered]) / scale for covered in wide[rows, columns]]
        rounds.append(offset + np.array(reach)[:, None] * directions)
    return rounds[0], rounds[1]
