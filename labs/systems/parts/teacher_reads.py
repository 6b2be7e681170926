"""What a text-only teacher is given of a picture, and what it gathers from it: never a scene, a picture or an answer.

    red star, blue ring                         captions, as people write them: what there is, not where
    a red star and a blue ring
    a small red star and a big blue ring

    ring: [0.03, 0.36, 0.33, 0.65]              boxes, as detectors give them: what is where, not of which colour
    star: [0.42, 0.08, 0.58, 0.24]

Corners are shares of the picture, from the top left, as in LLaVA's prompts (https://arxiv.org/abs/2304.08485, table 1).
Lines come in the order of the alphabet, so that which star is which has to be found out, and at times cannot be.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import NamedTuple

from labs.errors import LabsError
from labs.world import regions
from labs.world.captions import caption, describe
from labs.world.grammar import join, phrase
from labs.world.picture import SIZE
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

BIG = 0.23  # a box with a longer side holds something big
LINE = re.compile(r"(\w+): \[([^\]]*)\]")

Box = tuple[float, float, float, float]


class TeacherError(LabsError, ValueError):
    """A text that no teacher can read, or a reply that breaks the form."""


class Item(NamedTuple):
    """One thing as the teacher knows it; `box` is None where none is given, or where more than one might be its own."""

    shape: str
    colour: str | None
    size: str | None
    box: Box | None = None

    @property
    def middle(self) -> tuple[float, float]:
        """The middle of the box, across and down."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def cell(self) -> tuple[int, int]:
        """In which third of the picture the middle lies, across and down."""
        return int(3 * self.middle[0]), int(3 * self.middle[1])

    @property
    def place(self) -> str:
        return PLACES[3 * self.cell[1] + self.cell[0]]


# ---------------------------------------------------------------------------------------------------------------
# What is given


def text_of(scene: Scene, boxes: bool = True) -> str:
    """The text that stands for a picture; without `boxes` its captions alone."""
    sized = join("en", [describe(thing) for thing in scene.things])
    captions = [caption(scene, "tags"), caption(scene, "plain"), sized]
    return "\n".join([*captions, *(["", *_lines(scene)] if boxes else [])])


def _lines(scene: Scene) -> list[str]:
    """ "ring: [0.03, 0.36, 0.33, 0.65]" for every thing."""
    corners = regions.boxes(scene) / SIZE
    lines = zip((thing.shape for thing in scene.things), corners.tolist(), strict=True)
    return sorted(f"{name}: [{', '.join(f'{corner:.2f}' for corner in box)}]" for name, box in lines)


# ---------------------------------------------------------------------------------------------------------------
# What is gathered


def gather(text: str) -> list[Item]:
    """The things that a text speaks of. Raises TeacherError where a line of it has no meaning here."""
    captions, _, layout = text.strip().partition("\n\n")
    things = _from_captions(captions.splitlines())
    boxes = [_box(line) for line in layout.splitlines() if line.strip()]
    return [item for shape in SHAPES for item in _matched(
        [thing for thing in things if thing.shape == shape], [box for name, box in boxes if name == shape]
    )]  # fmt: skip


def _from_captions(captions: Sequence[str]) -> list[Item]:
    """The things of the caption that says most; of what another caption contradicts, a thing's colour is not kept."""
    told = [[_thing(part) for part in re.split(r", | and ", line.strip().rstrip("."))] for line in captions]
    if not told:
        raise TeacherError("the text has no caption: begin it with one, before the boxes.")
    agreed = [Counter((one.shape, one.colour) for one in some) for some in told]
    fullest = max(told, key=lambda some: sum(bool(one.size) + bool(one.colour) for one in some))
    return [one if _everywhere(one, agreed) else one._replace(colour=None) for one in fullest]


def _everywhere(one: Item, agreed: Sequence[Counter]) -> bool:
    return len({some[one.shape, one.colour] for some in agreed}) == 1


def _thing(part: str) -> Item:
    words = part.split()
    found = [[word for word in words if word in table] for table in (SHAPES, COLOURS, SIZES)]
    if not found[0] or any(len(some) > 1 for some in found):
        raise TeacherError(f"{part!r} is no thing of a caption: write it as in 'a small red star'.")
    return Item(*(some[0] if some else None for some in found))


def _box(line: str) -> tuple[str, Box]:
    form = LINE.fullmatch(line.strip())
    try:
        corners = tuple(float(corner) for corner in form[2].split(",")) if form else ()
    except ValueError:
        corners = ()
    if len(corners) != 4 or not (0 <= corners[0] < corners[2] <= 1 and 0 <= corners[1] < corners[3] <= 1):
        raise TeacherError(f"{line.strip()!r} is no box: write 'name: [x1, y1, x2, y2]', in shares of the picture.")
    return form[1], corners


def _matched(things: list[Item], boxes: list[Box]) -> list[Item]:
    """Things of one shape with their boxes: by size where they differ, and without where that does not settle it."""
    if len(things) == len(boxes) == 1:
        return [things[0]._replace(box=boxes[0])]
    found = []
    for size in (*SIZES, None):
        mine, fitting = [one for one in things if one.size == size], [box for box in boxes if _size(box) == size]
        settled = len(things) == len(boxes) and len(mine) == len(fitting) and len(set(mine)) == 1
        found += [one._replace(box=box) for one, box in zip(mine, fitting, strict=True)] if settled else mine
    return found


def _size(box: Box) -> str:
    return "big" if max(box[2] - box[0], box[3] - box[1]) > BIG else "small"


def items_of(scene: Scene) -> list[Item]:
    """All that there is to know of a scene's things, for answers that are computed from it."""
    boxes = (regions.boxes(scene) / SIZE).tolist()
    return [Item(t.shape, t.colour, t.size, tuple(box)) for t, box in zip(scene.things, boxes, strict=True)]


# ---------------------------------------------------------------------------------------------------------------
# How things are named, and what follows from where they lie


def names(item: Item, items: Sequence[Item], without: str = "") -> list[str]:
    """What fits this one alone and does not say what is asked of it; most such names are no longer than a shape's."""
    found = []
    for said in (("shape",), ("colour",), ("colour", "shape"), ("size", "shape")):
        same = [one for one in items if all(getattr(one, name) in (getattr(item, name), None) for name in said)]
        if without not in said and len(same) == 1 and all(getattr(item, name) for name in said):
            found.append(phrase("en", article="the", **{name: getattr(item, name) for name in said}))
    return found + ([f"the thing at the {item.place}"] if without and item.box and without != "place" else [])


def side(first: Item, second: Item) -> str | None:
    """On which side of the second the first lies, by thirds of the picture; None where no direction clearly wins."""
    across, down = (one - other for one, other in zip(first.cell, second.cell, strict=True))
    if abs(across) == abs(down):
        return None
    return ("left", "right")[across > 0] if abs(across) > abs(down) else ("above", "below")[down > 0]


def bigger(first: Item, second: Item) -> Item | None:
    """The bigger one, None where neither is."""
    return None if first.size == second.size else first if first.size == "big" else second


def pairs(items: Sequence[Item], rng: random.Random) -> Iterable[tuple[tuple[Item, str], tuple[Item, str]]]:
    """Two things of which one clearly lies on one side of the other, each with a name, in random order."""
    both = list(
        permutations([(item, rng.choice(said)) for item in items if item.box and (said := names(item, items))], 2)
    )
    return ((one, other) for one, other in rng.sample(both, len(both)) if side(one[0], other[0]))
