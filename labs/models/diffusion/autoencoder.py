"""The first stage of latent diffusion: pictures -> few numbers -> pictures.

    36 x 36 x 3  -> convolutions ->  6 x 6 x 24 latents  -> convolutions ->  36 x 36 x 3

A denoiser then works where there is little left to work on (Rombach et al., 2021, https://arxiv.org/abs/2112.10752).
There the latents are kept near a normal distribution by a small weight on the divergence from it; here they are moved
and scaled to mean 0 and deviation 1, channel by channel, when learning is over.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

SIDE, LATENT_SIDE, CHANNELS = 36, 6, 24  # pixels a side, latents a side, numbers of a latent

Pictures = Float[Tensor, "n 3 36 36"]
Latents = Float[Tensor, "n 24 6 6"]


class Autoencoder(nn.Module):
    """What tells pictures in few numbers, and draws them again."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 24, 3, 1, 1), nn.GELU(), nn.Conv2d(24, 48, 4, 2, 1), nn.GELU(), nn.Conv2d(48, 96, 3, 3),
            nn.GELU(), nn.Conv2d(96, CHANNELS, 1),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Conv2d(CHANNELS, 96, 3, 1, 1), nn.GELU(), nn.ConvTranspose2d(96, 48, 3, 3), nn.GELU(),
            nn.Conv2d(48, 48, 3, 1, 1), nn.GELU(), nn.ConvTranspose2d(48, 24, 4, 2, 1), nn.GELU(),
            nn.Conv2d(24, 3, 3, 1, 1),
        )  # fmt: skip
        self.register_buffer("mean", torch.zeros(CHANNELS, 1, 1))
        self.register_buffer("deviation", torch.ones(CHANNELS, 1, 1))

    def encode(self, pictures: Pictures) -> Latents:
        """Latents, each channel with mean 0 and deviation 1 over the pictures that `standardise` was shown."""
        return (self.encoder(pictures) - self.mean) / self.deviation

    def decode(self, latents: Latents) -> Pictures:
        """The pictures that they stand for."""
        return self.decoder(latents * self.deviation + self.mean)

    @torch.no_grad()
    def standardise(self, pictures: Pictures) -> None:
        """Take mean and deviation from these pictures."""
        raw = self.encoder(pictures)
        self.mean.copy_(raw.mean((0, 2, 3))[:, None, None])
        self.deviation.copy_(raw.std((0, 2, 3))[:, None, None])
