"""Small joint spaces of sounds, pictures and texts that were finished apart, to be joined afterwards.

    what frozen encoders make of it -> a small function for each sense -> vectors of length 1, brought together

Sounds pass through an encoder that heard nothing but sounds, texts through one that only read (parts.unimodal),
pictures are grainy and seen by the eyes of mini-clip. A space knows what it was taught: some senses, some kinds.
"""

import math
import random
from collections.abc import Sequence
from functools import cache
from itertools import combinations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts import eyes, few_shots, unimodal
from labs.systems.parts.contrastive import NAMES, contrastive_loss
from labs.systems.parts.dark import darken
from labs.systems.parts.joint_space import see
from labs.systems.parts.learn import batches, learn
from labs.world.captions import STYLES, caption
from labs.world.scene import Scene
from labs.world.vocabulary import SHAPES

SENSES = ("sound", "picture", "text")
COUNT, EACH, GRAIN, NOISE = 2048, 8, 0.2, 0.5  # scenes to learn from; of each name in the exam; of pictures; of sounds
WIDTH, INNER, READ = 64, 128, 128  # of a space, of its functions, and of what frozen encoders make
STEPS, BATCH, RATE = 200, 128, 2e-3
UNIFIED, EXPERT, SHARED = SENSES, ("sound", "text"), ("picture", "text")


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Of one thing: to "train" spaces on, "unpaired" ones with which they are joined, or an exam of every name."""
    if split in ("train", "unpaired"):
        return eyes.fresh("train", unimodal.SCENES)[_part(split)]
    return few_shots.of_every_name(EACH, f"spaces, {split}")


def _part(split: str) -> slice:
    """The ears have heard both parts before, without a word: what they heard is not computed twice."""
    return slice(COUNT) if split == "train" else slice(COUNT, 2 * COUNT)


@cache
def features(sense: str, split: str) -> Float[Tensor, "scenes 128"]:
    """What the frozen encoder of a sense makes of the scenes, with mean 0 and deviation 1 over those to learn from."""
    found = _seen(sense, split)
    usual = found if split == "train" else _seen(sense, "train")
    return (found - usual.mean(0)) / (usual.std(0) + 1e-4)


@cache
def _seen(sense: str, split: str) -> Float[Tensor, "scenes 128"]:
    shown = scenes(split)
    if sense == "sound":
        return torch.cat([_listen(part) for part in heard(split).split(unimodal.PART)])
    if sense == "picture":
        return see(darken(shown, GRAIN, sum(map(ord, split))))
    return unimodal.read_all(captions(split))


@cache
def captions(split: str) -> tuple[str, ...]:
    """What is said of the scenes, in three styles, of which one names the size."""
    rng = random.Random(f"captions {split}")
    return tuple(caption(scene, rng.choice(STYLES[:3])) for scene in scenes(split))


@cache
def heard(split: str) -> Float[Tensor, "scenes frames mels"]:
    """The sounds of the scenes through a noisy microphone."""
    if split in ("train", "unpaired"):
        return unimodal.perceive(eyes.fresh("train", unimodal.SCENES), 0, NOISE)[_part(split)]
    return unimodal.perceive(scenes(split), sum(map(ord, split)), NOISE)


@torch.no_grad()
def _listen(part: Float[Tensor, "sounds frames mels"]) -> Float[Tensor, "sounds 128"]:
    return unimodal.hear(unimodal.listener(), part)


@cache
def names() -> Float[Tensor, "names 128"]:
    """The 64 names as the frozen encoder of texts reads them."""
    usual = _seen("text", "train")
    return (unimodal.read_all([f"a {c} {s}" for c, s in NAMES]) - usual.mean(0)) / (usual.std(0) + 1e-4)


class Space(nn.Module):
    """A small function for each sense into one space. `log_scale` is learned, as in CLIP."""

    def __init__(self, senses: Sequence[str], width: int = WIDTH):
        super().__init__()
        self.senses = nn.ModuleDict({
            sense: nn.Sequential(nn.Linear(READ, INNER), nn.GELU(), nn.Linear(INNER, width)) for sense in senses
        })  # fmt: skip
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))

    def forward(self, sense: str, read: Float[Tensor, "n 128"]) -> Float[Tensor, "n width"]:
        """What frozen encoders made of something -> the space, of length 1."""
        return normalize(self.senses[sense](read), dim=-1)


def contrast(one: Float[Tensor, "n w"], other: Float[Tensor, "n w"], log_scale: Tensor) -> Float[Tensor, ""]:
    """Each is to find its partner."""
    return contrastive_loss(one @ other.T * log_scale.exp().clamp(max=100), torch.eye(len(one)))


def known(count: int, shapes: Sequence[str] = SHAPES) -> Int[Tensor, " scenes"]:
    """The first `count` scenes to learn from that show one of these shapes."""
    found = [at for at, scene in enumerate(scenes("train")) if scene.things[0].shape in shapes]
    return torch.tensor(found[:count])


@cache
def finish(seed: int, senses: tuple[str, ...], count: int = COUNT, shapes: tuple[str, ...] = SHAPES) -> Space:
    """A space that has learned from `count` scenes, all pairs of its senses together; frozen from now on."""
    torch.manual_seed(seed)
    space, rows = Space(senses), known(count, shapes)
    read, at = {sense: features(sense, "train")[rows] for sense in senses}, batches(len(rows), _batch(rows), seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        here = {sense: space(sense, read[sense][now]) for sense in senses}
        pairs = combinations(here.values(), 2)
        return torch.stack([contrast(one, other, space.log_scale) for one, other in pairs]).mean()

    learn(space.parameters(), loss, STEPS, RATE)
    return space.eval().requires_grad_(False)


def _batch(rows: Tensor) -> int:
    return min(BATCH, len(rows))


def named(told: Float[Tensor, "things names"], another: bool = False) -> Scores:
    """Is the nearest of 64 names that of the thing? With `another`, what is told of another thing counts, a control."""
    return _right(told.argmax(1), another)


def found(asked: Float[Tensor, "things w"], sought: Float[Tensor, "things w"], another: bool = False) -> Scores:
    """Does what lies nearest to each, of all others' partners, have its name? Its own partner is not offered."""
    near = (asked @ sought.T).fill_diagonal_(-2.0)
    return _right(near.argmax(1) % len(NAMES), another)


def _right(told: Int[Tensor, " things"], another: bool) -> Scores:
    """Things come in the order of `NAMES`, once or several times; another thing is any, drawn once for all seeds."""
    if another:
        told = told[torch.randperm(len(told), generator=torch.Generator().manual_seed(0))]
    truth = torch.arange(len(NAMES)).repeat(len(told) // len(NAMES))
    return Scores((told == truth).float().tolist(), range(len(truth)))
