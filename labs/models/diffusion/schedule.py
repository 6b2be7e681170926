"""How noise is added, and taken away again: a cosine schedule shifted towards noise, and DDIM.

Cosine schedule: Nichol and Dhariwal, 2021, https://arxiv.org/abs/2102.09672; its shift: Hoogeboom et al., 2023,
https://arxiv.org/abs/2301.11093; DDIM: Song et al., 2020, https://arxiv.org/abs/2010.02502; pictures guessed, and wrong
ones weighted as their velocities: Salimans and Ho, 2022, https://arxiv.org/abs/2202.00512. Held to the library's
DDIMScheduler by a test.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

MOST, LEAST = 0.999, 0.2  # of the noise that one step may add; of the noise that weights take account of
Pictures = Float[Tensor, "n channels side side"]


@dataclass(frozen=True)
class Schedule:
    """Noisy = sqrt(kept) picture + sqrt(1 - kept) noise. `shift` below 1 makes every step noisier.

    A big flat thing can still be seen through noise that hides each pixel; only under more noise than that must a
    denoiser ask its text what to draw, and `shift` lets it meet such noise more often.
    """

    steps: int = 1000
    shift: float = 0.5

    @cached_property
    def betas(self) -> Float[Tensor, " steps"]:
        """The share of variance that each step replaces by noise."""
        angles = torch.arange(self.steps + 1, dtype=torch.float64) / self.steps * math.pi / 2
        snr = (self.shift / angles.tan()) ** 2  # signal to noise
        kept = snr / (1 + snr)
        kept[0] = 1
        return (1 - kept[1:] / kept[:-1]).clamp(max=MOST).float()

    @cached_property
    def kept(self) -> Float[Tensor, " steps"]:
        """The share of variance that is still the picture's after each step (alpha bar)."""
        return (1 - self.betas).cumprod(0)

    def add(self, pictures: Pictures, noise: Pictures, steps: Int[Tensor, " n"]) -> Pictures:
        """The mixture at these steps."""
        kept = self._kept_of(steps)
        return kept.sqrt() * pictures + (1 - kept).sqrt() * noise

    def weight(self, steps: Int[Tensor, " n"]) -> Float[Tensor, "n 1 1 1"]:
        """How much a wrong picture counts at these steps: more where there is little noise, as if velocities did."""
        return 1 / (1 - self._kept_of(steps)).clamp(min=LEAST)

    def visited(self, count: int) -> Int[Tensor, " count"]:
        """The steps at which DDIM looks, evenly from the noisiest down."""
        return (self.steps - torch.arange(count) * self.steps / count).round().long() - 1

    def step_down(self, noisy: Pictures, picture: Pictures, step: int, to: int) -> Pictures:
        """One step of DDIM: with what is taken for the picture and what then is noise, the mixture at step `to`.

        To -1 it is the picture itself.
        """
        here, there = (self.kept[at] if at >= 0 else torch.ones(()) for at in (step, to))
        noise = (noisy - here.sqrt() * picture) / (1 - here).sqrt()
        return there.sqrt() * picture + (1 - there).sqrt() * noise

    @torch.no_grad()
    def draw(self, guess: Callable[[Tensor, Tensor], Tensor], noise: Pictures, count: int = 20) -> Pictures:
        """From noise to pictures in `count` steps; `guess(noisy, steps)` says each time what the picture is."""
        visited, x = [*self.visited(count).tolist(), -1], noise
        for step, to in zip(visited[:-1], visited[1:], strict=True):
            x = self.step_down(x, guess(x, torch.full((len(x),), step)), step, to)
        return x

    def _kept_of(self, steps: Int[Tensor, " n"]) -> Float[Tensor, "n 1 1 1"]:
        return self.kept[steps][:, None, None, None]
