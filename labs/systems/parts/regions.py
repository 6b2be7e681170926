"""What the detector gave to VisualBERT, ViLBERT, LXMERT and VL-T5: a frozen description of each region, and its box.

The nine cells of the grid stand for the detector's regions; whether a thing lies in one is not told.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.parts import eyes
from labs.world.scene import Scene

REGIONS, WIDTH = 9, 132  # 128 features and a box


def regions(scenes: Sequence[Scene]) -> Float[Tensor, "scenes 9 132"]:
    """The mean of each cell's four patches, then the cell's box: x0, y0, x1, y1 from -1 to 1."""
    return torch.cat([cells(eyes.look(scenes)[:, 1:]), boxes().expand(len(scenes), -1, -1)], dim=-1)


def cells(patches: Float[Tensor, "n 36 width"]) -> Float[Tensor, "n 9 width"]:
    """The mean of each cell's four patches, both in reading order."""
    return patches.unflatten(1, (3, 2, 3, 2)).mean((2, 4)).flatten(1, 2)  # 3 rows of 2, 3 columns of 2


@cache
def boxes() -> Float[Tensor, "9 4"]:
    """The boxes of the cells in reading order."""
    corners = [(column, row, column + 1, row + 1) for row in range(3) for column in range(3)]
    return torch.tensor(corners) * 2 / 3 - 1
