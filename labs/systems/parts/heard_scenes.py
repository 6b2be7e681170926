"""Scenes of two things, each as regions of its picture, stretches of its sound and a caption.

Regions are those of the frozen eyes (parts.regions), stretches are log-mel spectra; both are grainy, or all would be
told rightly by whoever reads a caption at all. "choice" are held-out scenes on which settings were chosen, "exam" those
of the claims.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts import eyes, senses
from labs.systems.parts.regions import REGIONS, WIDTH, boxes, regions
from labs.systems.parts.web import lexicon
from labs.world.captions import caption
from labs.world.scene import Scene

COUNTS = {"train": 2048, "choice": 400, "exam": 400}  # scenes
SEEDS = {"train": 0, "choice": 2, "exam": 3}  # of the data
EXAM = "exam"  # the split that is asked
GRAIN = {"regions": 0.5, "stretches": 1.0}  # standard deviation of the noise, where that of the signal is about 1
LOUD = 6.5  # deviation of the eyes' features
STRETCHES, FRAMES, MELS = 10, 5, 64  # of a sound; frames of each; bands
SIZES = {"regions": (REGIONS, WIDTH), "stretches": (STRETCHES, MELS)}


class Heard(NamedTuple):
    """A scene a row: what is seen, heard and said of it."""

    regions: Float[Tensor, "scenes 9 132"]
    stretches: Float[Tensor, "scenes 10 64"]
    captions: Int[Tensor, "scenes 9"]

    def only(self, rows: Int[Tensor, " n"]) -> "Heard":
        """Some of the scenes."""
        return Heard(*(part[rows] for part in self))


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Two things each. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], (2,), SEEDS[split])


@cache
def heard(split: str) -> Heard:
    """All of a split."""
    shown, generator = scenes(split), torch.Generator().manual_seed(30 + list(COUNTS).index(split))
    seen = regions(shown)[..., : -boxes().shape[1]] / LOUD
    seen = seen + GRAIN["regions"] * torch.randn(seen.shape, generator=generator)
    seen = torch.cat([seen, boxes().expand(len(seen), -1, -1)], dim=-1)
    played = senses.perceive("sound", shown).unflatten(1, (STRETCHES, FRAMES)).mean(2)
    played = played + GRAIN["stretches"] * torch.randn(played.shape, generator=generator)
    return Heard(seen, played, lexicon().write([caption(scene, "plain") for scene in shown]))
