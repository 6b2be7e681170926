"""The autoencoder of small pictures in which section 4's diffusion models work, as Stable Diffusion does in its own.

Pixels of cells with things count more, or what is learned is the grain of walls; a little noise on the latents makes
the decoder forgive a denoiser's slips.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from labs.models.diffusion.autoencoder import Autoencoder
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped import fill
from labs.systems.parts.small_pictures import THINGS, bright, cells_of, draw_bytes, pixels_of

SCENES, STEPS, BATCH, RATE = 8192, 8000, 48, 3e-3
HEAVY, BLUR = 6.0, 0.05  # how much more cells with things count; noise on latents, in their deviations
ABSOLUTE = 0.2  # of the error counts as it is, beside its square: small errors too
AT_ONCE = 512
FILE = "04_1/autoencoder.safetensors"  # in data/finished, made by scripts/keep_systems.py


def train(seed: int) -> Autoencoder:
    """The recipe."""
    torch.manual_seed(seed)
    model, draw = Autoencoder(), torch.Generator().manual_seed(seed)
    scenes = eyes.fresh("train", SCENES, THINGS)
    pictures, weights = draw_bytes(scenes), 1 + HEAVY * pixels_of(cells_of(scenes))
    at = batches(SCENES, BATCH, seed)

    def loss_at(step: int) -> Tensor:
        chosen = at(step)
        shown = bright(pictures[chosen])
        with torch.autocast(shown.device.type, torch.bfloat16):
            told = model.encoder(shown)
            told = told + BLUR * told.detach().std() * torch.randn(told.shape, generator=draw)
            wrong = model.decoder(told).float() - shown
        return (weights[chosen] * (wrong.square() + ABSOLUTE * wrong.abs())).mean() / weights[chosen].mean()

    learn(model.parameters(), loss_at, STEPS, RATE)
    model.standardise(bright(pictures[: 4 * AT_ONCE]))
    return model.eval().requires_grad_(False)


@cache
def shipped() -> Autoencoder:
    """The trained one, frozen."""
    model = Autoencoder()
    fill(FILE, {"autoencoder": model})
    return model.eval().requires_grad_(False)


@torch.no_grad()
def tell(pictures: Float[Tensor, "n 3 36 36"]) -> Float[Tensor, "n 24 6 6"]:
    """Pictures in -1..1 as latents."""
    return torch.cat([shipped().encode(some) for some in pictures.split(AT_ONCE)])


@torch.no_grad()
def show(latents: Float[Tensor, "n 24 6 6"]) -> Float[Tensor, "n 3 36 36"]:
    """Latents as pictures in -1..1."""
    return shipped().decode(latents).clamp(-1, 1)
