"""Small films of one thing in the middle, which goes its way or keeps still; what is told of them, and who judges them.

A film has 8 frames of 24 x 24 pixels; a big thing goes 5 pixels in it, a small one 3. Text: size, colour, shape,
motion.
"""

import random
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d

from labs.models.pixels import to_pixels
from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.close_ups import closely
from labs.world import clip
from labs.world.scene import Scene, sample_scene
from labs.world.vocabulary import COLOURS, MOTIONS, SHAPES, SIZES

COUNTS = {"train": 1500, "choice": 200, "exam": 200, "judge": 2000}  # films
SEEDS = {"train": 6, "choice": 6, "exam": 7}  # of the data; settings were chosen on "choice"
EXAM = "exam"  # the split that is asked
FRAMES, SIDE, EDGE = 8, 24, 12  # frames and pixels of a film; pixels of a drawn picture that are left out on each side
SHIFTS = (1, 2, 3, 4)  # of the control: films so many places on
KINDS = {"size": tuple(SIZES), "colour": tuple(COLOURS), "shape": SHAPES, "motion": tuple(MOTIONS)}


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each, in the middle; those of the "judge" have every name. Raises KeyError for an unknown split."""
    if split == "judge":
        rng = random.Random("judge of small films")
        return tuple(closely(sample_scene(rng, count=1)) for _ in range(COUNTS[split]))
    known = "train" if split == "train" else "heldout"
    return tuple(map(closely, eyes.scenes(known, COUNTS[split], seed=SEEDS[split])))


@cache
def films(split: str) -> Float[Tensor, "scenes 8 3 24 24"]:
    """Pixels in [-1, 1]."""
    shown = []
    for scene in scenes(split):
        frames = to_pixels(clip.as_pictures(clip.film(scene, FRAMES)))[:, :, EDGE:-EDGE, EDGE:-EDGE]
        shown.append(avg_pool2d(frames, 2))
    return torch.stack(shown)


@cache
def attributes(split: str) -> Int[Tensor, "scenes 4"]:
    """What is told of all films, as places in `KINDS`."""
    rows = [[kinds.index(getattr(scene.things[0], kind)) for kind, kinds in KINDS.items()] for scene in scenes(split)]
    return torch.tensor(rows)


def as_words(told: Int[Tensor, "n 4"]) -> Int[Tensor, "n 4"]:
    """Attributes as numbers of words."""
    return told + starts()


def starts() -> Int[Tensor, " 4"]:
    """The first word of each kind."""
    sizes = torch.tensor([len(kinds) for kinds in KINDS.values()])
    return sizes.cumsum(0) - sizes


def words() -> int:
    """How many there are."""
    return sum(map(len, KINDS.values()))


def judge(shown: Float[Tensor, "n 8 3 24 24"]) -> Int[Tensor, "n 4"]:
    """Size, colour, shape and motion of the true film that lies nearest."""
    return attributes("judge")[torch.cdist(shown.flatten(1), films("judge").flatten(1)).argmin(1)]


def right(told: Int[Tensor, "n 4"], kinds: tuple[str, ...], another: bool = False) -> Scores:
    """1 for each of these kinds that is told rightly of a film of the exam; as a control, what was told of `another`
    film each, four of them."""
    at, rolls = [list(KINDS).index(kind) for kind in kinds], SHIFTS if another else (0,)
    good = torch.stack([told.roll(by, 0) == attributes(EXAM) for by in rolls])[..., at].float().mean(0)
    return Scores(good.flatten().tolist(), torch.arange(len(good)).repeat_interleave(len(kinds)).tolist())
