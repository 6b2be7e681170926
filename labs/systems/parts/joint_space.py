"""The joint space of the bundled mini-clip, frozen: what its two towers make of pictures and of texts.

Others are bound to this space, filter by it or ask in its words, and never train it. Many inputs go in parts, so that
memory stays small. Source: Radford et al., 2021, https://arxiv.org/abs/2103.00020.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.models.pixels import to_pixels
from labs.systems.parts import eyes
from labs.systems.parts.contrastive import embed_pictures, embed_texts
from labs.world.scene import Scene

BATCH = 256


@torch.no_grad()
def see(shown: Sequence[Scene] | Sequence[Image.Image]) -> Float[Tensor, "shown 128"]:
    """Scenes, which are drawn first, or pictures, as vectors of length 1."""
    model, parts = eyes.dual_encoder().model, [shown[at : at + BATCH] for at in range(0, len(shown), BATCH)]
    return torch.cat([embed_pictures(model, to_pixels([eyes.picture_of(one) for one in part])) for part in parts])


@torch.no_grad()
def read(texts: Sequence[str]) -> Float[Tensor, "texts 128"]:
    """Texts as vectors of length 1."""
    model = eyes.dual_encoder().model
    return torch.cat([embed_texts(model, texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)])
