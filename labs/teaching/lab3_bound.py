"""A depth camera bound to the motion sensor of a listener: it learns to land where the motion of the same second lies.

What is learned is the way from the mean of all motions: the mean itself, which all have in common, would fill every
similarity, and what tells moments apart would drown in it.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.learn import batches, learn
from labs.teaching.lab3_listener import WIDTH

STEPS, BATCH, RATE, TEMPERATURE = 200, 128, 2e-3, 0.07


class DepthTower(nn.Module):
    """A map of 36 x 36 -> a vector in the space of the motion tower; `hub` are that tower's vectors to learn from."""

    def __init__(self, hub: Float[Tensor, "windows vector"], seed: int = 0):
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, 2, 1), nn.GELU(), nn.Conv2d(32, 64, 4, 2, 1), nn.GELU(), nn.Conv2d(64, 64, 3, 1, 1),
            nn.GELU(), nn.Flatten(), nn.Linear(64 * 81, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, 2 * WIDTH),
        )  # fmt: skip
        self.register_buffer("mean", hub.mean(0))
        self.register_buffer("far", (hub - hub.mean(0)).norm(dim=1).mean())

    def way(self, maps: Float[Tensor, "windows 36 36"]) -> Float[Tensor, "windows vector"]:
        """In which direction from the mean of all motions; of any length."""
        spread, mean = torch.std_mean(maps, dim=(1, 2), keepdim=True)
        return self.encoder(((maps - mean) / spread)[:, None])

    def forward(self, maps: Float[Tensor, "windows 36 36"]) -> Float[Tensor, "windows vector"]:
        """Where the motion of the same second should lie."""
        return self.mean + self.far * normalize(self.way(maps), dim=1)


def bind(
    tower: DepthTower, maps: Float[Tensor, "windows 36 36"], hub: Float[Tensor, "windows vector"], loss: Callable,
    seed: int = 0, shuffled: bool = False,
) -> list[float]:  # fmt: skip
    """Learn the tower from seconds of both sensors by a contrastive `loss(first, second, temperature)`; the losses.

    `shuffled`, a control: every map meets the motion of another second, anew at each step.
    """
    at = batches(len(maps), BATCH, seed)
    met = batches(len(maps), BATCH, seed + 1000) if shuffled else at

    def loss_at(step: int) -> Tensor:
        return loss(tower.way(maps[at(step)]), hub[met(step)] - tower.mean, TEMPERATURE)

    return learn(tower.parameters(), loss_at, STEPS, RATE)
