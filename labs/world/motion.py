"""Scene -> motion: what a sensor on the head feels while its wearer looks at one thing after the other.

One second for each thing, in reading order:

    0.0 - 0.2 s   turns to the thing           gyroscope: where it is
    0.2 - 0.4 s   goes along with its motion   accelerometer: a push and a stop in its direction; stronger when big
    0.4 - 0.8 s   looks once round its rim     gyroscope: its shape, and its size
    0.8 - 1.0 s   looks once round its hole    gyroscope: only a ring has one

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
    path = VIEW * _smooth(np.concatenate(gaze))  # yaw to the right and pitch upwards, rad
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
    return np.concatenate([turn, rest, centre + rim, centre + hole if hole.any() else centre + rim[[-1] * _HOLE]])


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
    """Clockwise from the top, relative to the centre: (40, 2) and (20, 2), right and up, in picture widths.

    The outermost and the innermost covered point in each direction, read off the picture of the thing.
    """
    side = 512
    thing = Thing(shape, "red", size, 0.5, 0.5, tilt=tilt)
    mask = np.asarray(stamp(thing, side)[0]) >= 128
    # A moon is seen from the middle of its body, since its centre lies outside it.
    middle = (np.argwhere(mask).mean(axis=0)[::-1] if shape == "moon" else np.array(mask.shape) / 2 - 0.5)
    radii = np.arange(0, 2.2 * thing.radius * side, 0.5)
    rounds = []
    for steps, choose in ((_RIM, np.max), (_HOLE, np.min)):
        angles = 2 * np.pi * np.arange(1, steps + 1) / steps
        directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
        x = np.rint(middle[0] + np.outer(directions[:, 0], radii)).astype(int)
        y = np.rint(middle[1] - np.outer(directions[:, 1], radii)).astype(int)
        inside = (x >= 0) & (x < mask.shape[1]) & (y >= 0) & (y < mask.shape[0])
        covered = inside & mask[np.clip(y, 0, mask.shape[0] - 1), np.clip(x, 0, mask.shape[1] - 1)]
        reach = np.array([choose(radii[row]) for row in covered]) / side
        rounds.append(reach[:, None] * directions + ((middle - mask.shape[0] / 2 + 0.5) * (1, -1)) / side)
    return rounds[0], rounds[1]
