"""Towers that learn behind the projection, for what no picture shows: which way a thing moves, and how far it is."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.systems.parts import senses
from labs.systems.parts.one_thing import scenes
from labs.systems.parts.sense_towers import Tower, prepare

POINTS, VALUES, WIDE = 256, 6, 128  # points of a scan that are read; position and colour of each


class MotionTower(nn.Module):
    """Head motion as PatchTST reads it: 100 steps of 6 channels -> one vector, every number about as large."""

    def __init__(self):
        super().__init__()
        self.tower = Tower("motion")
        self.norm = nn.LayerNorm(self.tower.width)

    def forward(self, felt: Float[Tensor, "scenes steps channels"]) -> Float[Tensor, "scenes width"]:
        return self.norm(self.tower(felt))


class PointTower(nn.Module):
    """PointNet: the same small network for every point, then the largest and the mean of each feature, so that the
    order of the points is nothing. Source: Qi et al., 2017, https://arxiv.org/abs/1612.00593 (there the largest alone).
    """

    def __init__(self):
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(VALUES, WIDE // 2), nn.GELU(), nn.Linear(WIDE // 2, WIDE // 2), nn.GELU(),
            nn.Linear(WIDE // 2, WIDE),
        )  # fmt: skip
        self.norm = nn.LayerNorm(2 * WIDE)

    def forward(self, points: Float[Tensor, "scenes points 6"]) -> Float[Tensor, "scenes width"]:
        features = self.each(points)
        return self.norm(torch.cat([features.amax(1), features.mean(1)], dim=1))


def thin_out(points: Float[Tensor, "scenes all 6"]) -> Float[Tensor, "scenes points 6"]:
    """`POINTS` of them, evenly: those on the thing come first, those on the wall last."""
    return points[:, :: points.shape[1] // POINTS][:, :POINTS]


@cache
def perceived(sense: str, split: str) -> Float[Tensor, "scenes ..."]:
    """Scenes of one thing as a tower reads them: motion, or points."""
    found = senses.perceive_once(sense, scenes(split))
    return thin_out(found) if sense == "points" else prepare(sense, found)
