"""What is seen and asked in section 3: scenes as the frozen eyes see them, and pairs of question and answer on each."""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.systems.parts import eyes, told
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch
from labs.world.scene import Scene

TRAIN, HELDOUT, ASKED = 4096, 300, 8
EXAM = 2  # the data seed of this section's exams: on scenes of 0, and here on those of 1, settings were chosen
THINGS = (1, 2, 2, 3)
PATCHES, WIDTH = 36, 128
LEAST = 0.01  # a variance below which a direction is not made louder


class Material(NamedTuple):
    """Scenes, what the eyes make of them, and what is asked about each: lists of pairs, and their kinds."""

    scenes: tuple[Scene, ...]
    seen: Float[Tensor, "scenes patches 128"]
    pairs: list[list[Branch]]
    kinds: list[list[str]]

    def lessons(self) -> list[list[Branch]]:
        """The pairs, and for each scene its description: answers alone teach a connector too little to begin."""
        return [[*some, *one] for some, one in zip(self.pairs, described(self.scenes), strict=True)]


@cache
def material(split: str, hinted: float = 0.0) -> Material:
    """Training scenes with several pairs each, a share of them `hinted`; or held-out ones with one of every kind."""
    scenes = _scenes(split)
    if split == "train":
        draws = [random.Random(f"asked {number}") for number in range(len(scenes))]
        asked = [told.questions(scene, rng, ASKED, hint=hinted) for scene, rng in zip(scenes, draws, strict=True)]
    else:
        asked = [one_of_each(scene, number) for number, scene in enumerate(scenes)]
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    return Material(scenes, _seen(split), pairs, [[one.kind for one in some] for some in asked])


def one_of_each(scene: Scene, number: int) -> list[told.Question]:
    """A question of every kind that the scene offers."""
    rng = random.Random(f"exam {number}")
    return [one for kind in told.KINDS if (one := told.question(scene, rng, kind))]


def look(shown: Sequence[Scene] | Sequence[Image.Image]) -> Float[Tensor, "shown 36 128"]:
    """The patches of scenes or pictures, each feature with mean 0 and variance 1 over training scenes."""
    mean, spread = _usual()
    return (eyes.look(shown)[:, 1:] - mean) / spread


def whiten(seen: Float[Tensor, "shown patches 128"]) -> Float[Tensor, "shown patches 128"]:
    """The same features, turned so that none goes with another over training scenes, each with variance 1.

    What tells written words apart varies eighty times less than what varies most: a connector that has few steps
    learns the latter alone.
    """
    return seen @ _whitening()


@cache
def _whitening() -> Float[Tensor, "128 128"]:
    seen = look(eyes.fresh("train", 512, THINGS)).flatten(0, 1)
    spread, directions = torch.linalg.eigh(seen.T @ seen / len(seen))
    return directions * (spread + LEAST).rsqrt() @ directions.T


@cache
def _seen(split: str) -> Float[Tensor, "scenes 36 128"]:
    return look(_scenes(split))


def _scenes(split: str) -> tuple[Scene, ...]:
    return eyes.scenes(split, *((TRAIN, THINGS) if split == "train" else (HELDOUT, THINGS, EXAM)))


@cache
def _usual() -> tuple[Float[Tensor, "128"], Float[Tensor, "128"]]:
    seen = eyes.look(eyes.fresh("train", 512, THINGS))[:, 1:].flatten(0, 1)
    return seen.mean(0), seen.std(0)


def described(scenes: Sequence[Scene]) -> list[list[Branch]]:
    """For each scene the one pair that has it described."""
    return [[pair(told.DESCRIBE, told.tell(scene))] for scene in scenes]
