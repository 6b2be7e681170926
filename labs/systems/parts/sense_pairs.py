"""Pictures of the same scenes in several senses, exactly over one another: true ones, and ones made from pictures.

    true      what a depth camera and a thermal camera see
    made      what a translator, which learned from few true pairs, makes of a picture: depth and heat
    drawn     what needs no learning: edges, colours mixed anew

Points of a picture so have known partners in what was made of it. Sources: MINIMA (Ren et al., 2024,
https://arxiv.org/abs/2412.19412) and MatchAnything (He et al., 2025, https://arxiv.org/abs/2501.07556).
"""

from functools import cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from labs.models.diffusion.autoencoder import SIDE
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.small_pictures import draw_small
from labs.world.depth import depth_map
from labs.world.picture import SIZE
from labs.world.regions import coverage
from labs.world.scene import Scene
from labs.world.thermal import AIR, temperature_map

STEPS, BATCH, RATE, WIDTH = 200, 16, 5e-3, 16
COUNTS, SEEDS = {"train": 1024, "choice": 150, "exam": 150}, {"train": 0, "choice": 1, "exam": 2}  # of the data
THINGS, FEW = (2, 3), 64  # in a scene; true pairs that the translator learns from
SPOT = 3  # pixels a side of a point
HEAT = 30.0  # degrees Celsius to a unit
SENSES = ("depth", "thermal")

Maps = Float[Tensor, "n _ 36 36"]  # one channel or three


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Raises KeyError for an unknown split."""
    return eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], THINGS, seed=SEEDS[split])


@cache
def true(split: str, sense: str) -> Maps:
    """What is perceived: three channels of "picture", one of "depth" or "thermal". About -1 to 1."""
    if sense == "picture":
        return draw_small(scenes(split))
    see = {"depth": lambda scene: 1 - 2 * depth_map(scene), "thermal": lambda s: (temperature_map(s) - AIR) / HEAT}
    found = torch.from_numpy(np.stack([see[sense](scene) for scene in scenes(split)]))[:, None]
    return avg_pool2d(found, SIZE // SIDE)


@cache
def on_things(split: str) -> Float[Tensor, "scenes points"]:
    """How much of each point things cover: points are asked as often."""
    whole = torch.from_numpy(np.stack([coverage(scene).max(0) for scene in scenes(split)])).float() / 255
    return avg_pool2d(whole[:, None], SIZE // SIDE * SPOT).flatten(1)


def translator() -> nn.Module:
    """Pictures -> another sense, pixel for pixel."""
    sizes = (3, WIDTH, WIDTH, 1)
    layers = [nn.Conv2d(a, b, 3, padding=1, padding_mode="circular") for a, b in zip(sizes, sizes[1:], strict=False)]
    return nn.Sequential(layers[0], nn.GELU(), layers[1], nn.GELU(), layers[2])


@cache
def made(seed: int, sense: str) -> Maps:
    """What a translator that has seen `FEW` true pairs makes of all training pictures."""
    torch.manual_seed(seed)
    model, at = translator(), batches(FEW, BATCH, seed)
    seen, truth = true("train", "picture"), true("train", sense)[:FEW]
    learn(model.parameters(), lambda step: (model(seen[at(step)]) - truth[at(step)]).square().mean(), STEPS, RATE)
    with torch.no_grad():
        return torch.cat([model(part) for part in seen.split(128)])


def drawn(pictures: Maps, kind: str) -> Maps:
    """ "edges", or "recoloured": one channel, in which each picture's colours are mixed and turned over in another way.

    Raises KeyError for any other kind.
    """
    grey = pictures.mean(1, keepdim=True)
    mixed = torch.randn(len(pictures), 3, 1, 1, generator=torch.Generator().manual_seed(0))
    wide = {
        "edges": max_pool2d(grey, 3, 1, 1) + max_pool2d(-grey, 3, 1, 1) - 0.5,
        "recoloured": (mixed * pictures).sum(1, keepdim=True),
    }
    return wide[kind]
