"""Short films: one thing that moves, or a parade of three things, one after another; and what is asked about them.

slot       0  1  2  3  4  5  6  7       watched    1 frame: 0    2: 0 7    4: 0 2 5 7    8: all
a motion   A  A  A  A  A  A  A  A       Which way does the star move? Every slot shows a later moment of its scene.
a parade   A  A  A  B  B  B  C  C       Which shape comes first? Each scene keeps still. In four frames each of the
           A  A  B  B  B  B  C  C       three is as often the one that is seen twice, so that how often it is seen
           A  A  B  B  B  C  C  C       does not tell when it comes.

A moving thing starts near the middle of its cell, so that all moments on one heap, in no order, often tell which way it
went. Of the films to learn from half run backwards, and what is told turns with them: it is in the order alone.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.parts import eyes, told
from labs.systems.parts.lookout import EXAM, look
from labs.systems.parts.school import in_order, of_page
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch
from labs.world import clip
from labs.world.scene import Scene

SLOTS = clip.FRAMES
WATCHED = {1: (0,), 2: (0, 7), 4: (0, 2, 5, 7), 8: tuple(range(SLOTS))}  # of two or more: the first and the last
CUTS = ((3, 6), (2, 6), (2, 5))  # slots in which the second and the third scene of a parade begin
POOL = {"train": 2048, "heldout": 300}  # scenes of one thing
KINDS = ("shape", "colour", "size", "place")
ASKED, BESIDES = 1, 3  # pairs to learn from besides order; at most, besides motion
PARADED = 300  # parades of an exam
PART = 128  # scenes at once
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
ACROSS = {"left": "up", "up": "left", "right": "down", "down": "right"}  # along the other axis


class Film(NamedTuple):
    """Slot by slot the number of a scene of the pool and which of its eight moments is shown; and what is asked."""

    scenes: list[int]
    moments: list[int]
    pairs: list[Branch]


@cache
def pool(split: str) -> tuple[Scene, ...]:
    """All scenes of a split of which films are made."""
    return eyes.scenes(split, POOL[split], seed=EXAM if split == "heldout" else 0)


@cache
def seen(split: str) -> Float[Tensor, "scenes 8 36 128"]:
    """What the eyes make of all moments of each of them."""
    given = pool(split)
    return torch.cat([_moments(given[at : at + PART]) for at in range(0, len(given), PART)])


def watch(films: Sequence[Film], split: str, frames: int) -> Float[Tensor, "films frames 36 128"]:
    """Films at a frame rate: so many frames of each, in their order."""
    slots, given = list(WATCHED[frames]), seen(split)
    scenes, moments = (torch.tensor(part)[:, slots] for part in zip(*[film[:2] for film in films], strict=True))
    return given[scenes, moments]


def motion(rng: random.Random, split: str, number: int) -> Film:
    """A thing that moves: which way, asked twice, for that is slow to learn; and one to three things more about it.

    Every other film, by chance, runs backwards.
    """
    scene, backwards = pool(split)[number], rng.random() < 0.5
    which_way = told.question(scene, rng, "motion")
    if backwards:
        which_way = which_way._replace(answer=OPPOSITE.get(which_way.answer, which_way.answer))
    asked = [which_way, which_way, *told.questions(scene, rng, rng.randint(1, BESIDES), KINDS)]
    moments = sorted(range(SLOTS), reverse=backwards)
    return Film([number] * SLOTS, moments, [pair(one.text, one.answer) for one in asked])


def parade(rng: random.Random, split: str) -> Film:
    """Three things of different shapes: which is first, last and after the first or second; then what one is like."""
    numbers = unlike(rng, split)
    scenes = [pool(split)[number] for number in numbers]
    asked = in_order(scenes, rng)
    for which in rng.choices(range(len(scenes)), k=ASKED):
        one = told.question(scenes[which], rng, rng.choice(KINDS))
        asked.append(of_page(one.text, one.answer, which))
    shows = cut(numbers, rng.choice(CUTS))
    return Film(shows, [0] * SLOTS, [pair(*one) for one in asked])


def lesson(rng: random.Random, numbers: Sequence[int], parades: int) -> list[Film]:
    """Motions of these training scenes, then so many parades of any."""
    return [motion(rng, "train", i) for i in numbers] + [parade(rng, "train") for _ in range(parades)]


@cache
def moving() -> list[Film]:
    """Every held-out thing, which way it moves; forwards."""
    asked = [told.question(scene, random.Random(0), "motion") for scene in pool("heldout")]
    return [Film([i] * SLOTS, list(range(SLOTS)), [pair(one.text, one.answer)]) for i, one in enumerate(asked)]


@cache
def moved() -> list[Film]:
    """Those of things that do not keep still."""
    return [film for film in moving() if way(film) in OPPOSITE]


@cache
def parades() -> list[Film]:
    """Held-out ones: which shape is first, and which last."""
    found = []
    for number in range(PARADED):
        film = parade(random.Random(f"parade {number}"), "heldout")
        first, _, last = shapes(film, "heldout")
        found.append(film._replace(pairs=[pair(told.ORDER[0], first), pair(told.ORDER[1], last)]))
    return found


def cut(numbers: Sequence[int], cuts: tuple[int, int]) -> list[int]:
    """Which scene is on in each slot, if the second and the third begin at `cuts`."""
    return [numbers[(slot >= cuts[0]) + (slot >= cuts[1])] for slot in range(SLOTS)]


def unlike(rng: random.Random, split: str) -> list[int]:
    """Three scenes of the pool whose shapes differ."""
    while True:
        numbers = rng.sample(range(len(pool(split))), 3)
        if len({pool(split)[number].things[0].shape for number in numbers}) == 3:
            return numbers


def way(film: Film) -> str:
    """Which one its held-out thing moves, forwards."""
    return pool("heldout")[film.scenes[0]].things[0].motion


def shapes(film: Film, split: str = "heldout") -> list[str]:
    """Those of its scenes, in their order."""
    return [pool(split)[number].things[0].shape for number in dict.fromkeys(film.scenes)]


def _moments(scenes: Sequence[Scene]) -> Float[Tensor, "scenes 8 36 128"]:
    pictures = [picture for scene in scenes for picture in clip.as_pictures(clip.film(scene, SLOTS))]
    return look(pictures).unflatten(0, (len(scenes), SLOTS))
