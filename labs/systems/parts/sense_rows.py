"""Four senses of one thing looked at closely, a row of numbers for each: noisy, short, and quick to learn from.

picture   what the frozen eyes make of it
depth     a map of distances
thermal   a map of temperatures
motion    what is felt of a head whose gaze goes round it

All four tell its shape and its size.
Each row holds the principal components of a sense over the training scenes, all with variance 1, and noise. "choice"
are held-out scenes on which settings were chosen, "exam" those of the claims.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

from labs.systems.claim import Scores
from labs.systems.parts import close_ups, eyes, senses
from labs.world.scene import Scene
from labs.world.vocabulary import SHAPES, SIZES

SENSES = ("picture", "depth", "thermal", "motion")
WIDTH, NOISE = 32, 0.5  # numbers of a row; standard deviation of the noise
COUNTS = {"train": 2048, "choice": 600, "exam": 600}  # scenes
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data
EXAM = "exam"  # the split that is asked
CHOICES = {"shape": SHAPES, "size": tuple(SIZES)}


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    found = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    return tuple(map(close_ups.closely, found))


@cache
def rows(split: str) -> Float[Tensor, "scenes senses width"]:
    """All senses of a split."""
    shown, generator = scenes(split), torch.Generator().manual_seed(40 + list(COUNTS).index(split))
    clean = [(_perceive(sense, shown) - _components(sense)[0]) @ _components(sense)[1] for sense in SENSES]
    return torch.stack([part + NOISE * torch.randn(part.shape, generator=generator) for part in clean], dim=1)


@cache
def truth(split: str, kind: str = "shape") -> Int[Tensor, " scenes"]:
    """The true one of `CHOICES[kind]` of each scene."""
    return torch.tensor([CHOICES[kind].index(getattr(scene.things[0], kind)) for scene in scenes(split)])


def right(told: Int[Tensor, " answers"], kind: str = "shape", another: bool = False) -> Scores:
    """1 for each right answer to the exam, all scenes once or several times.

    As a control, what was told of `another` scene is held against the truth of each.
    """
    true = truth(EXAM, kind)
    times = len(told) // len(true)
    told = told.unflatten(0, (times, -1)).roll(int(another), 1).flatten()
    return Scores((told == true.repeat(times)).float().tolist(), list(range(len(true))) * times)


def _perceive(sense: str, shown: tuple[Scene, ...]) -> Float[Tensor, "scenes numbers"]:
    if sense == "picture":
        return eyes.look(shown)[:, 1:].unflatten(1, (6, 6))[:, 2:4, 2:4].flatten(1)  # the four patches in the middle
    found = senses.perceive(sense, shown)
    return (found if sense == "motion" else avg_pool2d(found, 3)).flatten(1)


@cache
def _components(sense: str) -> tuple[Float[Tensor, " numbers"], Float[Tensor, "numbers width"]]:
    """The mean over training scenes, and directions on which these have variance 1."""
    found = _perceive(sense, scenes("train"))
    mean = found.mean(0)
    variances, directions = torch.linalg.eigh(torch.cov((found - mean).T.double()))
    return mean, (directions / variances.clamp(min=1e-6).sqrt())[:, -WIDTH:].float()
