"""What is asked of who makes several kinds of data from one noise, or plans before painting."""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import close_judge, grounded, joint_diffusion, planned_boxes, shared_noise, text_to_picture
from labs.systems.parts.joint_tokens import PLACES, TEXT, WORDS
from labs.systems.parts.painted_pairs import judge
from labs.systems.parts.small_pictures import CELL
from labs.world.captions import caption
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS

EXAM, PAIRS = "exam", 200  # the split that is asked; pairs that are made from nothing
LOOKS = 8  # steps of DDIM of the painter
COLOURED = 0.45  # of 2: how far apart the channels of a pixel of a thing lie; those of walls are grey


def scores(right: Float[Tensor, "scenes each"]) -> Scores:
    """Several values a scene."""
    return Scores(right.flatten().tolist(), [scene for scene in range(len(right)) for _ in range(right.shape[1])])


# ---------------------------------------------------------------------------------------------------------------
# Texts and pictures as tokens


@cache
def pairs_made(seed: int, mutual: bool) -> Int[Tensor, "pairs places"]:
    """Texts and pictures made together, from masks alone."""
    model = joint_diffusion.train(seed, mutual=mutual)
    return joint_diffusion.make(model, "both", torch.zeros(PAIRS, PLACES, dtype=torch.long), seed)


def alike(text: Int[Tensor, "n words"], codes: Int[Tensor, "n codes"]) -> Float[Tensor, "n 2"]:
    """1 where the colour, and where the shape, that a text names is what the judge sees in a picture."""
    said, seen = close_judge.names("text", text), close_judge.names("picture", codes - TEXT)
    both = zip(said, seen, strict=True)
    return torch.tensor([[float(one == other) for one, other in zip(*pair, strict=True)] for pair in both])


def agree(seed: int, mutual: bool = True, shuffled: bool = False) -> Scores:
    """Of pairs that are made together."""
    made = pairs_made(seed, mutual)
    return scores(alike(made[:, :WORDS].roll(int(shuffled), 0), made[:, WORDS:]))


def translated(seed: int, apart: bool = False, another: bool = False, true: bool = False) -> Scores:
    """Of held-out pairs of which the picture, and then the text, is made from the other; by one model or one each."""
    given, both = joint_diffusion.pairs(EXAM), []
    for task in ("picture", "text"):
        made, known = given, given.roll(int(another), 0)
        if not true:
            model = joint_diffusion.train(seed, (task,)) if apart else joint_diffusion.train(seed)
            made = joint_diffusion.make(model, task, given, seed)
        text, picture = (known, made) if task == "picture" else (made, known)
        both.append(alike(text[:, :WORDS], picture[:, WORDS:]))
    return scores(torch.cat(both, 1))


# ---------------------------------------------------------------------------------------------------------------
# Labels and plans


def labelled(seed: int, joint: bool = True, another: bool = False, true: bool = False) -> Scores:
    """1 for each shape and each colour that a picture made for a label, or the `true` one, shows as the label says."""
    asked = shared_noise.things(EXAM)
    pictures = asked.pictures
    if not true:
        labels = asked.labels.roll(int(another), 0)
        pictures, _ = shared_noise.make(shared_noise.train(seed, joint), len(labels), seed, label=labels)
    seen = judge(torch.cat([pictures, pictures], 3))[:, 0]  # who judges takes pictures side by side
    return scores((seen == asked.names).float())


def led(seed: int, by: str) -> Scores:
    """1 for each thing whose colour fills its cell, in a picture led by what `by` says.

    "text"                          the text as it is
    "words"                         the places of both things in the painter's own words
    "planned", "another", "true"    names, and boxes planned from the text or from another one, or the true ones
    """
    scenes = planned_boxes.scenes(EXAM)
    texts, where = [planned_boxes.tell(scene) for scene in scenes], None
    if by in ("planned", "another"):
        where = planned_boxes.planned(seed, texts).roll(int(by == "another"), 0)
    if by == "true":
        where = planned_boxes.true_boxes(scenes)
    if by != "text":
        texts = [caption(scene, "places" if by == "words" else "tags") for scene in scenes]
    boxes = None if where is None else planned_boxes.asked(scenes, where)
    start = text_to_picture.noise(len(scenes), seed)
    return scores(in_place(grounded.place(grounded.shipped(), texts, boxes, start, looks=LOOKS), scenes))


def in_place(pictures: Float[Tensor, "n 3 36 36"], scenes: Sequence[Scene]) -> Float[Tensor, "n 2"]:
    """1 for each thing in whose cell its colour covers more pixels than any other colour, read pixel by pixel."""
    palette = torch.tensor(list(COLOURS.values())) / 127.5 - 1
    pixels = pictures.permute(0, 2, 3, 1)
    nearest = torch.cdist(pixels.flatten(0, 2), palette).argmin(1).view(pixels.shape[:3])
    coloured = pixels.amax(-1) - pixels.amin(-1) > COLOURED
    right = torch.zeros(len(scenes), 2)
    for i, scene in enumerate(scenes):
        for j, thing in enumerate(scene.things):
            cell = tuple(slice(at * CELL, (at + 1) * CELL) for at in (thing.row, thing.column))
            found = torch.bincount(nearest[i][cell][coloured[i][cell]], minlength=len(palette))
            right[i, j] = float(found.argmax() == list(COLOURS).index(thing.colour) and found.sum() > 0)
    return right
