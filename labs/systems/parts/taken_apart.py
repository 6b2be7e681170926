"""Pictures and sounds taken apart into a head, one row, and a body, several, and put together again.

| modality | head                           | body                                                                 |
|----------|--------------------------------|----------------------------------------------------------------------|
| picture  | 3, the thing's colour          | 36 patches of 6 x 6: how much of the thing is in each pixel          |
| sound    | 2, how high and how loud it is | 20, 5 times by 4 parts of 10: strength at multiples of the pitch     |

So a code of the one means the same whatever the other is. With codes for patches as they are, those of red stars would
have nothing to do with those of blue ones, and nothing could be told of a combination that was kept back: shapes were
at chance. Codecs of speech take voices apart in this way, what is said from how it sounds: SpeechTokenizer (2023,
https://arxiv.org/abs/2308.16692), with which AnyGPT reads and writes speech.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad
from transformers.audio_utils import hertz_to_mel, mel_to_hertz

from labs.models.pixels import MEAN, STD, to_pixels
from labs.systems.parts.close_ups import EDGE, TIMES
from labs.systems.parts.senses import MELS
from labs.world.picture import draw
from labs.world.scene import TONES, Scene

PATCH, SIDE = 6, 6  # pixels; patches
LOWEST, STEP, STEPS, PARTS = -0.5, 0.1, 40, 4  # octaves from the pitch; octaves; so many of them; in so many parts
SILENT = -1.0  # what nothing sounds like


class Apart(NamedTuple):
    """The two kinds of rows of pictures or of sounds."""

    head: Float[Tensor, "scenes 1 few"]
    body: Float[Tensor, "scenes rows numbers"]


# ---------------------------------------------------------------------------------------------------------------
# Pictures: pixel = wall + share * (colour - wall)


def picture_apart(pixels: Float[Tensor, "scenes 3 36 36"]) -> Apart:
    """The colour is the mean over the pixels that differ from the wall by more than half as much as any does."""
    far = pixels - _wall()
    strength = far.norm(dim=1, keepdim=True)
    inside = (strength > 0.5 * strength.amax((2, 3), keepdim=True)).float()
    colour = (far * inside).sum((2, 3), keepdim=True) / inside.sum((2, 3), keepdim=True)
    share = (far * colour).sum(1) / (colour**2).sum(1)
    patches = share.unflatten(2, (SIDE, PATCH)).unflatten(1, (SIDE, PATCH))  # (scenes, row, y, column, x)
    return Apart(colour[:, None, :, 0, 0], patches.transpose(2, 3).flatten(3).flatten(1, 2))


def picture_together(apart: Apart) -> list[Image.Image]:
    """Whole pictures again, with the wall round what was looked at."""
    patches = apart.body.unflatten(2, (PATCH, PATCH)).unflatten(1, (SIDE, SIDE))  # (scenes, row, column, y, x)
    share = pad(patches.transpose(2, 3).flatten(3).flatten(1, 2), (EDGE,) * 4)
    pixels = _wall() + share[:, None] * apart.head[:, 0, :, None, None]
    shown = ((pixels * STD + MEAN).clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1)
    return [Image.fromarray(one.numpy()) for one in shown]


@cache
def _wall() -> Float[Tensor, "3 1 1"]:
    return to_pixels([draw(Scene((), tone=TONES[0]))])[0, :, :1, :1]


# ---------------------------------------------------------------------------------------------------------------
# Sounds: strength at a multiple of the pitch = loudness + timbre, as a voice is a note and a timbre


def sound_apart(mels: Float[Tensor, "scenes 5 64"]) -> Apart:
    """The pitch is the strongest band, for no overtone is stronger; it counts as octaves above 1 Hz."""
    loudness, band = mels.mean(1).max(1)
    pitch = torch.from_numpy(_centres()).float()[band]
    at = pitch[:, None] + LOWEST + STEP * torch.arange(STEPS)
    where = np.interp(at, _centres(), np.arange(MELS), left=-1.0, right=MELS)
    timbre = (_between(mels, torch.from_numpy(where).float()) - loudness[:, None, None]) / 2
    return Apart(torch.stack([pitch, loudness], 1)[:, None], timbre.unflatten(2, (PARTS, -1)).flatten(1, 2))


def sound_together(apart: Apart) -> Float[Tensor, "scenes 5 64"]:
    """What `listen` gives, again."""
    (pitch, loudness), timbre = apart.head[:, 0].unbind(1), apart.body.unflatten(1, (TIMES, PARTS)).flatten(2)
    above = torch.from_numpy(_centres()).float() - pitch[:, None]
    strength = 2 * _between(timbre, (above - LOWEST) / STEP, -10.0) + loudness[:, None, None]
    return strength.clamp(min=SILENT)


def _between(
    rows: Float[Tensor, "n rows size"], where: Float[Tensor, "n some"], outside: float = SILENT
) -> Float[Tensor, "n rows some"]:
    """Values between columns of rows, along a straight line; `outside` where there is no column."""
    last = rows.shape[2] - 1
    left = where.floor().clamp(0, last - 1).long()
    part = (where - left)[:, None].clamp(0, 1)
    low, high = (rows.gather(2, (left + i)[:, None].expand(-1, rows.shape[1], -1)) for i in (0, 1))
    return torch.where(((where < 0) | (where > last))[:, None], outside, low + part * (high - low))


@cache
def _centres() -> np.ndarray:
    """Of the mel bands, in octaves above 1 Hz."""
    low, high = (hertz_to_mel(hertz, "slaney") for hertz in (200.0, 8000.0))
    return np.log2(mel_to_hertz(np.linspace(low, high, MELS + 2)[1:-1], "slaney"))
