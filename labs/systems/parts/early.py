"""Early fusion: one new transformer reads raw patches of a picture and words as tokens of the same kind.

    pixels 72 x 72 x 3 -> 36 patches of 12 x 12 x 3 -> one matrix -> tokens as wide as words -> LLaMA from scratch

So does Fuyu (Adept, 2023, https://www.adept.ai/blog/fuyu-8b); Chameleon (2024, https://arxiv.org/abs/2405.09818) makes
patches words of a code book first (labs.systems.any_to_any).
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pixel_unshuffle

from labs.models.pixels import to_pixels
from labs.systems.parts import lookout
from labs.systems.parts.connected import Connected
from labs.systems.parts.eyes import BATCH as DRAWN_AT_ONCE
from labs.systems.parts.eyes import picture_of
from labs.systems.parts.lookout import PATCHES, Material
from labs.systems.parts.talker import build as build_talker
from labs.world.scene import Scene

GRID, SIDE = 6, 12  # patches a side, pixels a side of each
VALUES = 3 * SIDE * SIDE


class Patches(nn.Module):
    """A matrix between pixels and words, in the place of eyes and connector."""

    tokens = PATCHES

    def __init__(self, width: int):
        super().__init__()
        self.inner = nn.Linear(VALUES, width)

    def forward(self, seen: Float[Tensor, "scenes patches 432"]) -> Float[Tensor, "scenes patches width"]:
        return self.inner(seen.float())


def build(seed: int, size: str = "strong") -> Connected:
    """A transformer as wide and deep as the language model of that size, and as new as it once was."""
    language = build_talker(size, seed)
    return Connected(language, Patches(language.config.hidden_size))


def cut(scenes: Sequence[Scene]) -> Float[Tensor, "scenes 36 432"]:
    """Pictures of scenes, drawn and cut into patches in reading order; 16 bits, which is more than pixels have."""
    parts = [scenes[start : start + DRAWN_AT_ONCE] for start in range(0, len(scenes), DRAWN_AT_ONCE)]
    pixels = (to_pixels([picture_of(scene) for scene in part]) for part in parts)
    return torch.cat([pixel_unshuffle(each, SIDE).flatten(2).transpose(1, 2).half() for each in pixels])


@cache
def material(split: str) -> Material:
    """What the others learn from and are asked, seen as patches."""
    given = lookout.material(split)
    return given._replace(seen=cut(given.scenes))
