"""An autoencoder and denoisers that say something though they never learned."""

from functools import cache

import torch

from labs.models.diffusion.autoencoder import Autoencoder
from labs.systems.parts import text_to_picture


@cache
def untaught(seed: int = 0) -> Autoencoder:
    """Drawn, and scaled to what it says of noise."""
    draw = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Autoencoder()
    model.standardise(torch.randn(64, 3, 36, 36, generator=draw))
    return model.eval().requires_grad_(False)


def awake(seed: int = 0, shown: int = 0) -> torch.nn.Module:
    """Its last layer is not zero any more."""
    model = text_to_picture.build(seed, shown)
    model.leave.weight.data.normal_(std=0.05)
    return model.eval().requires_grad_(False)
