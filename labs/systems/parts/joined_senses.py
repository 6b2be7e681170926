"""Four noisy senses of one thing as rows of tokens, and what is asked of each: what experts and joined models learn.

| sense   | tokens | numbers of each | is asked      | a shelf follows from |
|---------|--------|-----------------|---------------|----------------------|
| picture | 9      | 512             | colour, shelf | colour and size      |
| depth   | 9      | 144             | place, shelf  | place and size       |
| heat    | 9      | 144             | place, shelf  | place, temperature   |
| sound   | 5      | 320             | colour, shelf | colour and size      |

Each sense has a rule of its own for its shelves, a table that was drawn once: what one sense knows is of no use to
another, and a feed-forward layer is needed, for no shelf is a sum of two votes.

Four tokens of parts.sense_tokens side by side make one: a cell of a grid of 3 x 3, or 50 ms. Noise lies on every
number. "choice" are held-out scenes on which settings were chosen, "exam" those of the claims.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.sense_tokens import perceive
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES, TEMPERATURES

SHELVES = 4
SORTED_BY = {  # by what a sense's things are put on shelves, so that no shelf follows from either of the two alone
    "picture": ("colour", "size"), "depth": ("place", "size"), "heat": ("place", "temperature"),
    "sound": ("colour", "size"),
}  # fmt: skip
TELLS = {sense: (kinds[0], "shelf") for sense, kinds in SORTED_BY.items()}
TOKENS = {"picture": (9, 512), "depth": (9, 144), "heat": (9, 144), "sound": (5, 320)}  # tokens, numbers of each
SENSES = tuple(TELLS)
NAMED, SHELVED = (tuple((sense, kinds[i]) for sense, kinds in TELLS.items()) for i in range(2))
ASKED = tuple((sense, kind) for sense, kinds in TELLS.items() for kind in kinds)
ROWS_AND_SIZES = tuple(f"{size}, row {row}" for size in SIZES for row in range(3))  # what every sense tells: a "kind"
CHOICES = {"kind": ROWS_AND_SIZES, "shape": SHAPES, "colour": tuple(COLOURS), "place": PLACES, "size": tuple(SIZES),
           "temperature": tuple(TEMPERATURES),
           "shelf": tuple(map(str, range(SHELVES)))}  # fmt: skip
NOISE = {"picture": 1.5, "depth": 0.3, "heat": 0.7, "sound": 1.5}  # standard deviation, in units of the spread
COUNTS = {"train": 2048, "choice": 600, "exam": 600}  # scenes
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data
SHIFTS = (1, 2, 3, 4)  # of controls: scenes so many places on
EXAM = "exam"  # the split that is asked


class Recorded(NamedTuple):
    """Scenes through noisy senses, and what is true of each."""

    tokens: dict[str, Float[Tensor, "scenes _ _"]]
    answers: dict[str, Int[Tensor, " scenes"]]


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each before a plain wall. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    found = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    return tuple(replace(scene, background="plain") for scene in found)


@cache
def clean(split: str) -> dict[str, Float[Tensor, "scenes _ _"]]:
    """All senses without noise, each about 0 with variance 1 over the scenes to learn from."""
    found, usual = {sense: perceive(sense, scenes(split)) for sense in SENSES}, _usual()
    return {sense: coarse(sense, (rows - usual[sense][0]) / usual[sense][1]) for sense, rows in found.items()}


@cache
def _usual() -> dict[str, tuple[Tensor, Tensor]]:
    """Mean and spread of each number of a token, whatever its place, over scenes to learn from."""
    found = {sense: perceive(sense, scenes("train")[:500]) for sense in SENSES}
    return {sense: (rows.mean((0, 1)), rows.std((0, 1)) + 1e-4) for sense, rows in found.items()}


def coarse(sense: str, rows: Float[Tensor, "scenes _ _"]) -> Float[Tensor, "scenes fewer more"]:
    """Four tokens as one: of a map those of a square, of a sound those of the same time."""
    if sense == "sound":
        return rows.unflatten(1, (5, 4)).flatten(2)
    squares = rows.unflatten(1, (3, 2, 3, 2)).transpose(2, 3)  # (scenes, row, column, y, x, numbers)
    return squares.flatten(3).flatten(1, 2)


@cache
def record(split: str, louder: tuple[float, ...] = (1.0,) * len(SENSES)) -> Recorded:
    """The scenes with noise, which `louder` multiplies, sense by sense."""
    generator = torch.Generator().manual_seed(10 + list(COUNTS).index(split))
    tokens = {
        sense: rows + times * NOISE[sense] * torch.randn(rows.shape, generator=generator)
        for times, (sense, rows) in zip(louder, clean(split).items(), strict=True)
    }
    things = [scene.things[0] for scene in scenes(split)]
    answers = {
        kind: torch.tensor([words.index(getattr(thing, kind)) for thing in things])
        for kind, words in CHOICES.items()
        if kind not in ("kind", "shelf")
    }
    answers["kind"] = 3 * answers["size"] + torch.tensor([thing.row for thing in things])
    for sense, (one, other) in SORTED_BY.items():
        answers[f"shelf of {sense}"] = rule(sense)[answers[one], answers[other]]
    return Recorded(tokens, answers)


@cache
def rule(sense: str) -> Int[Tensor, "first second"]:
    """The shelf of every combination, drawn once and for all; all shelves are about equally full."""
    first, second = (len(CHOICES[kind]) for kind in SORTED_BY[sense])
    generator = torch.Generator().manual_seed(SENSES.index(sense))
    drawn = torch.randperm(first * second, generator=generator) % SHELVES
    return drawn.view(first, second)


def truth(answers: dict[str, Int[Tensor, " scenes"]], sense: str, kind: str) -> Int[Tensor, " scenes"]:
    """The right answers to a question about a sense."""
    return answers[f"shelf of {sense}" if kind == "shelf" else kind]


def chance(asked: tuple[tuple[str, str], ...] = ASKED) -> float:
    """How often answers are right that have nothing to do with the scene."""
    return sum(1 / len(CHOICES[kind]) for _, kind in asked) / len(asked)


def right(
    tell: Callable[[str, str], Int[Tensor, " scenes"]],
    asked: tuple[tuple[str, str], ...] = ASKED,
    another: bool = False,
) -> Scores:
    """1 for each right answer to a question about a scene of the exam; `tell(sense, kind)` answers for all scenes.

    As a control, what was told of `another` scene is held against the truth of each, of four others in the mean.
    """
    answers = record(EXAM).answers
    told = torch.stack([tell(sense, kind) for sense, kind in asked])
    true = torch.stack([truth(answers, *one) for one in asked])
    found = torch.stack([(told.roll(places, 1) == true).float() for places in (SHIFTS if another else (0,))]).mean(0)
    return Scores(found.flatten().tolist(), list(range(found.shape[1])) * len(asked))
