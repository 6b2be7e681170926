"""Pictures with captions, a phrase a thing, a prompt that names one of them, and the patches on which each shape is."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from labs.systems.parts.collages import NOTHING, PAIRS, looked
from labs.systems.parts.small_pictures import READ, read_texts
from labs.world import regions
from labs.world.vocabulary import SHAPES

MOST, COVERED = 5, 0.25  # phrases of a caption; the share of a patch that makes it a thing's


class Views(NamedTuple):
    """Pictures with captions and a prompt, and where each thing is."""

    patches: Float[Tensor, "n 36 128"]
    cells: Float[Tensor, "n 9 132"]
    phrases: Float[Tensor, "n 5 256"]
    told: Bool[Tensor, "n 5"]
    prompt: Float[Tensor, "n 1 256"]
    shapes: Bool[Tensor, "n 8 36"]
    meant: Bool[Tensor, "n 1 36"]

    def of(self, rows: Tensor) -> "Views":
        """Some of them."""
        return Views(*(part[rows] for part in self))


@cache
def phrase_vectors() -> Float[Tensor, "64 256"]:
    """What the frozen text tower makes of "a red star"; standardised."""
    vectors = read_texts([f"a {colour} {shape}" for colour, shape in PAIRS]).states[:, 0]
    return (vectors - vectors.mean(0)) / (vectors.std(0) + 1e-4)


@cache
def views(split: str) -> Views:
    """The scenes of a split; the prompt names a thing that is there once, or the first."""
    found, most = looked(split), len(looked(split).scenes)
    phrases, told = torch.zeros(most, MOST, READ), torch.zeros(most, MOST, dtype=torch.bool)
    prompt, shapes = torch.zeros(most, 1, READ), torch.zeros(most, len(SHAPES), 36, dtype=torch.bool)
    meant = torch.zeros(most, 1, 36, dtype=torch.bool)
    for at, (scene, row) in enumerate(zip(found.scenes, found.kinds, strict=True)):
        kinds = row[row != NOTHING]
        share = torch.from_numpy(np.stack([_patches(mask) for mask in regions.masks(scene)]))
        phrases[at, : len(kinds)], told[at, : len(kinds)] = phrase_vectors()[kinds], True
        for kind, part in zip(kinds, share, strict=True):
            shapes[at, kind % 8] |= part >= COVERED
        one = kinds[at % len(kinds)]
        prompt[at, 0] = phrase_vectors()[one]
        meant[at, 0] = (share[kinds == one] >= COVERED).any(0)
    return Views(found.patches, found.cells, phrases, told, prompt, shapes, meant)


def _patches(mask: np.ndarray) -> np.ndarray:
    """The share of each of 36 patches that a mask covers."""
    return mask.reshape(6, 12, 6, 12).mean((1, 3)).flatten()
