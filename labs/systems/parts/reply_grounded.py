"""What a reply speaks of, found in the picture by somebody outside (BuboGPT).

picture -> mini-llava: "a red circle and a blue star" -> each name -> a frozen segmenter, or boxes as text
"""

from functools import cache

import torch

from labs.systems.parts import pointing_exam, pointing_taught
from labs.systems.parts.box_words import read_box
from labs.systems.parts.facts import stated
from labs.systems.parts.limit_tuning import ask, load
from labs.systems.parts.pointed import THINGS, name_of, request
from labs.systems.parts.pointing_exam import Boxes

ASKED, LONGEST = "What is in the picture?", 30  # in tokens, of the reply


@cache
def replies() -> tuple[set[tuple[str, str]], ...]:
    """The colours and shapes that the untuned model speaks of, picture by picture."""
    pictures = pointing_exam.pictures()
    return tuple(stated(one.text) for one in ask(load(), pictures, [ASKED] * len(pictures), LONGEST))


def spoken_of(others: bool = False) -> list[list[tuple[str, str] | None]]:
    """For each thing of each scene its colour and shape, None where the reply leaves it out.

    With `others` it is three things that the reply about the next picture speaks of, in any order.
    """
    if others:
        said = [sorted(reply) for reply in (*replies()[1:], replies()[0])]
        return [[*reply, None, None, None][:THINGS] for reply in said]
    things = [[(thing.colour, thing.shape) for thing in scene.things] for scene in pointing_exam.scenes()]
    return [[one if one in reply else None for one in three] for three, reply in zip(things, replies(), strict=True)]


@cache
def outside(seed: int, others: bool = False) -> Boxes:
    """The boxes round the masks of a segmenter that is asked for each name; whatever the seed."""
    return pointing_exam.segmented([[name_of(*one) if one else "" for one in three] for three in spoken_of(others)])


@cache
def inside(seed: int) -> Boxes:
    """The boxes that the model itself writes when it is asked for each name, once it has learned to."""
    names, boxes = spoken_of(), torch.zeros(len(pointing_exam.scenes()), THINGS, 4)
    asked = [(number, thing, one) for number, three in enumerate(names) for thing, one in enumerate(three) if one]
    shown = [pointing_exam.pictures()[number] for number, _, _ in asked]
    said = ask(pointing_taught.taught(seed), shown, [request(*one) for *_, one in asked], pointing_exam.LONGEST)
    for (number, thing, _), one in zip(asked, said, strict=True):
        boxes[number, thing] = torch.tensor(read_box(one.text) or (0, 0, 0, 0))
    return boxes
