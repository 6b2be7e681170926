"""What each sense makes of scenes: one tensor a sense, all at sizes that a small encoder reads in milliseconds.

| sense   | shape of one scene      | what of a thing it tells                                          |
|---------|-------------------------|-------------------------------------------------------------------|
| picture | 3 x 72 x 72             | shape, colour, size, place                                        |
| depth   | 1 x 72 x 72             | shape, size, place, distance                                      |
| thermal | 1 x 72 x 72             | shape, size, place, temperature                                   |
| sound   | 25 a thing x 64 mels    | shape (timbre), colour (pitch), size (loudness), height (attack)  |
| motion  | 100 a thing x 6         | shape and size (the gaze goes round it), place, motion            |
| points  | 512 x 6                 | shape, colour, size, place, distance                              |
| series  | 64 x 4                  | temperature, brightness, size and distance, column by column      |
| video   | 8 x 3 x 72 x 72         | what the picture tells, and motion                                |
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from labs.models.pixels import to_pixels
from labs.world import clip, depth, motion, points, series, sound, thermal
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.vocabulary import TEMPERATURES

MELS, HOP, WINDOW = 64, 160, 1024  # bands; samples; samples
SILENCE = 1e-5  # power below which nothing is heard


def perceive(sense: str, scenes: Sequence[Scene]) -> Float[Tensor, "scenes ..."]:
    """All scenes, which must have equally many things, through one sense. Raises ValueError for an unknown sense."""
    if sense not in SENSES:
        raise ValueError(f"sense must be one of {', '.join(SENSES)}, not {sense!r}")
    return torch.stack([SENSES[sense](scene) for scene in scenes])


@cache
def perceive_once(sense: str, scenes: tuple[Scene, ...]) -> Float[Tensor, "scenes ..."]:
    """The same, remembered, for the scenes that several experiments share."""
    return perceive(sense, scenes)


def log_mel(samples: Float[Tensor, " samples"]) -> Float[Tensor, "frames mels"]:
    """Logarithm of the power in each mel band, ten milliseconds a frame, about 0 with variance 1."""
    spectrum = torch.stft(samples, WINDOW, HOP, window=torch.hann_window(WINDOW), return_complex=True).abs() ** 2
    return ((spectrum.T[:-1] @ _bands()).clamp(min=SILENCE).log() - np.log(SILENCE)) / 6 - 1


@cache
def _bands() -> Float[Tensor, "bins mels"]:
    """The library's filters, from 200 Hz, below which nothing sounds, to 8000 Hz."""
    bank = mel_filter_bank(WINDOW // 2 + 1, MELS, 200.0, 8000.0, sound.RATE, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(bank).float()


def _sound(scene: Scene) -> Tensor:
    return log_mel(torch.from_numpy(sound.play(scene).mean(0)))


def _thermal(scene: Scene) -> Tensor:
    """In units of the hottest thing's distance from the air."""
    degrees = (thermal.temperature_map(scene) - thermal.AIR) / (max(TEMPERATURES.values()) - thermal.AIR)
    return torch.from_numpy(degrees)[None]


def _motion(scene: Scene) -> Tensor:
    """Gravity taken off; in units in which a push and a turn of the head are about as large."""
    felt = motion.feel(scene)
    felt[:, 1] -= motion.GRAVITY
    return torch.from_numpy(felt / np.float32([2, 2, 2, 4, 4, 4]))


def _series(scene: Scene) -> Tensor:
    return torch.from_numpy((series.sweep(scene) - np.float32([20, 0.5, -35, 0.1])) / np.float32([5, 0.2, 15, 0.2]))


SENSES: dict[str, Callable[[Scene], Tensor]] = {
    "picture": lambda scene: to_pixels([draw(scene)])[0],
    "depth": lambda scene: torch.from_numpy(1 - 2 * depth.depth_map(scene))[None],
    "thermal": _thermal,
    "sound": _sound,
    "motion": _motion,
    "points": lambda scene: torch.from_numpy(2 * points.scan(scene, 512) - 1),
    "series": _series,
    "video": lambda scene: to_pixels(clip.as_pictures(clip.film(scene))),
}
