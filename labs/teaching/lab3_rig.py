"""A rig with three sensors that meets one thing a second, and a label for each second: the recordings of worksheet 3.

| sensor       | a second                                  | what of the thing it tells                          |
|--------------|-------------------------------------------|-----------------------------------------------------|
| microphone   | 16,000 samples: the thing sounds 4 times  | colour (pitch), shape (timbre), size (loudness)     |
| head motion  | 100 steps of 6 channels                   | shape, size, place, and which way the thing moves   |
| depth camera | one map of 36 x 36                        | shape, size, place                                  |

Things and sensors are those of labs.world; each sensor is noisy.
"""

import random
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from labs.world import depth, motion, sound, splits
from labs.world.scene import Scene

RATES = {"sound": sound.RATE, "motion": motion.RATE, "depth": 1}  # samples, steps, maps a second
THINGS = 100  # of a session, one a second
NOISE = {"sound": 0.02, "motion": 0.3, "depth": 0.05}  # standard deviations, in each sensor's own units
QUESTIONS = {
    "colour": "What colour is the thing?",
    "shape": "What shape is the thing?",
    "size": "How big is the thing?",
    "place": "Where is the thing?",
    "motion": "Which way does the thing move?",
}


class Recording(NamedTuple):
    """One session, and what went on when: {"start": 0.0, "stop": 1.0, "colour": "red", ...}, in seconds."""

    sound: Float[Tensor, " samples"]  # one channel, about within [-1, 1]
    motion: Float[Tensor, "steps 6"]  # the channels and units of labs.world.motion
    depth: Float[Tensor, "seconds 36 36"]  # 0 the wall, 1 the camera
    labels: list[dict]


def session(split: str, number: int, things: int = THINGS, louder: float = 1.0) -> Recording:
    """The session of that number: things of "train", or of colours and shapes that training never shows together.

    `louder` multiplies the noise of all sensors.
    """
    rng, name = random.Random(f"session {split} {number}"), 2 * number + (split == "heldout")
    met = [splits.sample(rng, split, count=1) for _ in range(things)]
    generator = torch.Generator().manual_seed(name)

    def noisy(sensor: str, clean: np.ndarray) -> Tensor:
        error = torch.randn(clean.shape, generator=generator)
        return torch.from_numpy(clean) + louder * NOISE[sensor] * error

    heard = np.concatenate([np.tile(sound.play(scene).mean(0), round(1 / sound.SECONDS)) for scene in met])
    felt = np.concatenate([motion.feel(scene) for scene in met])
    seen = np.stack([1 - depth.depth_map(scene)[::2, ::2] for scene in met])
    labels = [_label(second, scene) for second, scene in enumerate(met)]
    return Recording(noisy("sound", heard), noisy("motion", felt), noisy("depth", seen), labels)


def cut(signal: Float[Tensor, "length ..."], window: tuple[float, float], rate: int) -> Float[Tensor, "part ..."]:
    """What a sensor of that rate delivered between the two moments of `window`, in seconds."""
    return signal[round(window[0] * rate) : round(window[1] * rate)]


def _label(second: int, scene: Scene) -> dict:
    (thing,) = scene.things
    return {"start": float(second), "stop": second + 1.0} | {kind: getattr(thing, kind) for kind in QUESTIONS}
