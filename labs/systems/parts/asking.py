"""Scenes of three things, with all that one may ask about them: marks in the picture, words, sounds, and weak prompts.

A weak prompt fits two things: the word for a shape that two of the three share, or a loose box round a thing and its
neighbour. Only one thing fits both. Three things also bound what blindness can reach: whatever mask is drawn, its IoU
with the three sums to at most 1, so that not knowing which is meant gives a third at best, and knowing two, a half.
"""

import random
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.models.pixels import to_pixels
from labs.systems.parts import eyes, senses
from labs.systems.parts.joint_space import read
from labs.systems.parts.segmenter import Prompts
from labs.world import regions
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

THINGS, MARKS = 3, 8
NAMES = tuple(f"a {colour} {shape}" for colour in COLOURS for shape in SHAPES)
KEPT_BACK = torch.tensor([(colour, shape) in HELD_OUT_PAIRS for colour in COLOURS for shape in SHAPES])
# kind -> which marks it makes, which of the two texts, whether a sound; -1 is none
KINDS = {
    "point": (0, -1, False), "box": (1, -1, False), "scribble": (2, -1, False),
    "text": (-1, 0, False), "sound": (-1, -1, True),
    "word": (-1, 1, False), "loose box": (3, -1, False), "word and loose box": (3, 1, False),
}  # fmt: skip
WEAK = ("word", "loose box", "word and loose box")


class View(NamedTuple):
    """Scenes, and for each thing what it takes to ask about it."""

    pictures: Float[Tensor, "scenes 3 72 72"]
    patches: Float[Tensor, "scenes 36 128"]
    masks: Bool[Tensor, "scenes 3 72 72"]
    names: Int[Tensor, "scenes 3"]  # indices into `NAMES`
    marks: Float[Tensor, "scenes 3 4 8 2"]  # a point, a box, a scribble; and the loose box, for the thing in `weak`
    sounds: Float[Tensor, "scenes 3 25 64"]  # log-mel
    weak: Int[Tensor, " scenes"]  # the thing that weak prompts are about, -1 where there is none

    def of(self, scenes: Int[Tensor, " some"]) -> "View":
        """The same for some of the scenes."""
        return View(*(part[scenes] for part in self))


@cache
def view(split: str, count: int) -> View:
    """The first `count` scenes of a split."""
    scenes = eyes.fresh(split, count, (THINGS,))
    rng = random.Random(f"marks {split}")
    masks = [regions.masks(scene) for scene in scenes]
    marks, weak = zip(*(_mark(scene, mask, rng) for scene, mask in zip(scenes, masks, strict=True)), strict=True)
    sounds = [senses.perceive("sound", [replace(scene, things=(thing,)) for thing in scene.things]) for scene in scenes]
    names = [[NAMES.index(f"a {thing.colour} {thing.shape}") for thing in scene.things] for scene in scenes]
    return View(
        to_pixels([draw(scene) for scene in scenes]), eyes.look(scenes)[:, 1:], torch.from_numpy(np.stack(masks)),
        torch.tensor(names), torch.from_numpy(np.stack(marks)).float(), torch.stack(sounds), torch.tensor(weak),
    )  # fmt: skip


@cache
def in_joint_space(texts: tuple[str, ...]) -> Float[Tensor, "texts 128"]:
    """What `joint_space.read` makes of texts, remembered."""
    return read(texts)


def ask(
    seen: View, things: Int[Tensor, "scenes asked"], kinds: Int[Tensor, "scenes asked"],
    heard: Float[Tensor, "scenes 3 128"],
) -> Prompts:  # fmt: skip
    """One prompt of a kind, an index into `KINDS`, for each of the things; `heard` is their sounds in the joint space.

    Weak kinds are always about the thing in `seen.weak`.
    """
    marks, texts, sounds = (torch.tensor(column)[kinds] for column in zip(*KINDS.values(), strict=True))
    row = torch.arange(len(things))[:, None]
    name = seen.names[row, things]
    whole, shapes = in_joint_space(NAMES)[name], in_joint_space(tuple(f"a {shape}" for shape in SHAPES))
    text = torch.where((texts == 1)[..., None], shapes[name % len(SHAPES)], whole)
    meanings = torch.stack([text, heard[row, things]], dim=2)
    return Prompts(
        seen.marks[row, things, marks.clamp(min=0)], marks >= 0, meanings * meanings.shape[-1] ** 0.5,
        torch.stack([texts >= 0, sounds], dim=2),
    )  # fmt: skip


def choose(
    menu: tuple[tuple[str, ...], ...], seen: View, draw: torch.Generator
) -> tuple[Int[Tensor, "scenes asked"], Int[Tensor, "scenes asked"]]:
    """Things to ask for, and the kinds of prompt: any thing, but the one that fits where the prompt is weak."""
    scenes = len(seen.names)
    kinds = torch.stack([
        torch.tensor([list(KINDS).index(kind) for kind in options])[
            torch.randint(len(options), (scenes,), generator=draw)]
        for options in menu
    ], dim=1)  # fmt: skip
    things = torch.randint(THINGS, kinds.shape, generator=draw)
    weak = (kinds >= list(KINDS).index(WEAK[0])) & (seen.weak[:, None] >= 0)
    return torch.where(weak, seen.weak[:, None], things), kinds


def meant(seen: View, things: Int[Tensor, "scenes asked"]) -> Bool[Tensor, "scenes asked 72 72"]:
    """The masks that answer is to show."""
    return seen.masks[torch.arange(len(things))[:, None], things]


def _mark(scene: Scene, masks: np.ndarray, rng: random.Random) -> tuple[np.ndarray, int]:
    """The four marks of each thing, (3, 4, 8, 2), and the thing for weak prompts, whose loose box is really loose."""
    boxes, scribbles = regions.boxes(scene), regions.scribbles(scene, points=MARKS)
    points = [rng.choice(np.argwhere(mask))[::-1] for mask in masks]
    marks = np.stack([
        np.stack([np.tile(point, (MARKS, 1)), _round(box), scribble, _round(box)])
        for point, box, scribble in zip(points, boxes, scribbles, strict=True)
    ])  # fmt: skip
    for one, twin, neighbour in rng.sample(list(permutations(range(THINGS))), 6):
        shapes = [scene.things[i].shape for i in (one, twin, neighbour)]
        x0, y0 = np.minimum(boxes[one], boxes[neighbour])[:2]
        x1, y1 = np.maximum(boxes[one], boxes[neighbour])[2:]
        if shapes[0] == shapes[1] != shapes[2] and not masks[twin][y0:y1, x0:x1].any():
            marks[one, 3] = _round(np.array([x0, y0, x1, y1]))
            return marks, one
    return marks, -1


def _round(box: np.ndarray) -> np.ndarray:
    """Corners and middles of the sides of a box, (8, 2)."""
    x, y = np.linspace(box[0], box[2] - 1, 3), np.linspace(box[1], box[3] - 1, 3)
    return np.array([(x[i], y[j]) for i in range(3) for j in range(3) if (i, j) != (1, 1)])
