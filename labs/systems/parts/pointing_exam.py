"""Where models point to when they are asked about held-out scenes: boxes in pixels, empty where there is none.

written       what the reply says, in one of two notations
in words      the usual box in the right cell, of any thing or of one of that shape and size
by state      what is made of the state of <here>; of a mask, the box round it
segmented     the same segmenter asked with a text, as in labs.systems.seem: no language model
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float
from PIL.Image import Image
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import pointed, pointing_taught, state_taught
from labs.systems.parts.asking import in_joint_space
from labs.systems.parts.box_words import Notation, read_box
from labs.systems.parts.limit_tuning import Lesson, ask, records
from labs.systems.parts.picture_judge import overlap
from labs.systems.parts.pointed import THINGS, name, request
from labs.systems.parts.segmenter import JOINT
from labs.systems.parts.state_handed import To, by_meaning, segmenter
from labs.tuning.examples import Examples
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene

HELDOUT, DRAW = 200, 1  # scenes, and the data seed of those asked about; settings were chosen on seed 5
LONGEST = 14  # tokens of a reply: eleven for a box in numbers, one for the end
PART = 60  # scenes at a time, where masks are made
HIT = 0.5  # the overlap above which a box has found its thing

Boxes = Float[Tensor, "scenes 3 4"]


def scenes() -> tuple[Scene, ...]:
    """The held-out scenes that claims are about."""
    return pointed.scenes("heldout", HELDOUT, DRAW)


@cache
def pictures() -> tuple[Image, ...]:
    """Of the scenes."""
    return tuple(draw(scene) for scene in scenes())


def requests() -> list[Lesson]:
    """For each thing of each scene the picture and the request."""
    both = zip(pictures(), scenes(), strict=True)
    return [Lesson(shown, request(thing.colour, thing.shape), "") for shown, scene in both for thing in scene.things]


@cache
def written(seed: int, mix: str = "pointing", notation: Notation = "numbers", others: bool = False) -> Boxes:
    """What a model writes; `others` shows it the next scene's picture."""
    asked = requests()
    shown = [one.picture for one in asked]
    shown = shown[THINGS:] + shown[:THINGS] if others else shown
    said = ask(pointing_taught.taught(seed, mix, notation), shown, [one.question for one in asked], LONGEST)
    boxes = [read_box(one.text, notation) or (0, 0, 0, 0) for one in said]
    return torch.tensor(boxes, dtype=torch.float32).view(-1, THINGS, 4)


@cache
def in_words(seed: int, place_alone: bool = False) -> Boxes:
    """What words can say of a box: the place alone, or shape and size, too; whatever the seed."""
    boxes = [pointed.in_words(thing, place_alone) for scene in scenes() for thing in scene.things]
    return torch.stack(boxes).view(-1, THINGS, 4)


@cache
def by_state(seed: int, to: To) -> Boxes:
    """What is made of the states, empty where the model would not say <here>."""
    one, found = state_taught.handed(seed, to), []
    read = list(Examples(one.loaded.processor, records(state_taught.say_here(requests()))))
    groups = [read[at : at + THINGS] for at in range(0, len(read), THINGS)]
    for at in range(0, len(groups), PART):
        made = one.read(groups[at : at + PART])
        if to == "mask":
            seen = state_taught.seen_by_segmenter(scenes()[at : at + PART])
            boxes = round_masks(one.masks(made.states, *(part.repeat_interleave(THINGS, 0) for part in seen)) > 0)
        else:
            boxes = SIZE * one.boxes(made.states)
        found.append(boxes * made.said[:, None])
    return torch.cat(found).view(-1, THINGS, 4)


@torch.no_grad()
def segmented(texts: Sequence[Sequence[str]]) -> Boxes:
    """The boxes round what the frozen segmenter makes of three texts about each scene; of an empty text, none."""
    asked = tuple(text or "a thing" for three in texts for text in three)
    meanings = in_joint_space(asked).view(len(texts), THINGS, JOINT) * JOINT**0.5
    seen = segmenter().look(*state_taught.seen_by_segmenter(scenes()))
    boxes = round_masks(segmenter().answer(seen, by_meaning(meanings)).flatten(0, 1) > 0)
    said = torch.tensor([bool(text) for three in texts for text in three])
    return (boxes * said[:, None]).view(-1, THINGS, 4)


def true_names() -> list[list[str]]:
    """What the things are called."""
    return [[name(thing) for thing in scene.things] for scene in scenes()]


def round_masks(masks: Bool[Tensor, "some 72 72"]) -> Float[Tensor, "some 4"]:
    """The box round each mask, empty where that is."""
    there, ends = masks.flatten(1).any(1), []
    for line in (masks.any(1), masks.any(2)):  # which columns, which rows
        ends.append((line.float().argmax(1), SIZE - line.flip(1).float().argmax(1)))
    (left, right), (top, bottom) = ends
    return torch.stack([left, top, right, bottom], dim=1).float() * there[:, None]


# ---------------------------------------------------------------------------------------------------------------
# Scores, one for each thing of each scene


def fits(boxes: Boxes) -> Scores:
    """How far each box overlaps with the thing that was asked for."""
    return _scores(overlap(_truth(), boxes))


def hits(boxes: Boxes) -> Scores:
    """1 where that is more than `HIT`."""
    return _scores((overlap(_truth(), boxes) > HIT).float())


def fits_more(boxes: Boxes) -> Scores:
    """The overlap less the mean of that with the two other things: 0 for whoever does not know which is meant."""
    all_pairs = overlap(_truth()[:, None].expand(-1, THINGS, -1, -1), boxes[:, :, None].expand(-1, -1, THINGS, -1))
    own = all_pairs.diagonal(dim1=1, dim2=2)
    return _scores(own - (all_pairs.sum(2) - own) / (THINGS - 1))


def _truth() -> Boxes:
    return pointed.true_boxes("heldout", HELDOUT, DRAW)


def _scores(values: Float[Tensor, "scenes 3"]) -> Scores:
    return Scores(values.flatten().tolist(), [number for number in range(len(values)) for _ in range(THINGS)])
