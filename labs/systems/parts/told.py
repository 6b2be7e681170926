"""Scenes told in whole words, and what is asked about them: all that the small language model of section 3 reads.

    top left big red circle, centre small blue star
    What colour is the star? -> blue

A thing's place, size and colour stand before its shape, so that a word has all of the thing behind it.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from labs.systems.parts.lexicon import Lexicon
from labs.world.questions import Question, ask
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, DEPTHS, MOTIONS, NUMBERS, PLACES, SHAPES, SIGNS, SIZES, TEMPERATURES
from labs.world.wordings import WORDINGS

KINDS = ("existence", "colour", "shape", "size", "place", "count")  # of questions about what a picture shows
FELT = {"depth": "How far is {}?", "temperature": "How warm is {}?", "motion": "Which way does {} move?"}
DESCRIBE, READ = "Describe the picture.", "What does the sign say?"
HINT = "Look at the {}. "
ORDER = ("Which shape comes first?", "Which shape comes last?", "Which shape comes after {}?")
NAMES = ("blick", "dax", "fep", "gazzer", "modi", "toma", "wug", "zup")  # words that mean nothing yet
_GLUE = "a an at the that says sign in picture things circles squares triangles stars crosses hearts rings moons"


def tell(scene: Scene, felt: Sequence[str] = ()) -> str:
    """The scene in words; `felt` adds attributes that no picture shows: of `FELT`."""
    told = [_tell(thing, felt) for thing in scene.things]
    if scene.sign:
        told.append(f"{PLACES[scene.sign_cell]} sign {scene.sign}")
    return ", ".join(told)


def _tell(thing: Thing, felt: Sequence[str]) -> str:
    return " ".join([thing.place, *(getattr(thing, name) for name in felt), thing.size, thing.colour, thing.shape])


class NewNames(NamedTuple):
    """Two names, and the two shapes or colours that they stand for on one page."""

    names: list[str]
    about: str
    meant: list[str]


def new_names(rng: random.Random) -> NewNames:
    """Names for shapes, or for colours; which of both only examples tell."""
    names, about = rng.sample(NAMES, 2), rng.choice(("shape", "colour"))
    return NewNames(names, about, rng.sample(SHAPES if about == "shape" else tuple(COLOURS), 2))


def question(scene: Scene, rng: random.Random, kind: str, hint: float = 0.0) -> Question | None:
    """A question of `kind`, its answer, and whom it is about; with a share of `hint`, told where to look."""
    if kind in FELT:
        thing = rng.choice(scene.things)
        return Question(kind, FELT[kind].format(f"the {thing.shape}"), getattr(thing, kind))
    if kind == "sign":
        return Question(kind, READ, scene.sign) if scene.sign else None
    asked = ask(scene, rng, kind, wording=0)
    if asked and len(asked.about) == 1 and kind in ("colour", "shape", "size") and rng.random() < hint:
        return asked._replace(text=HINT.format(scene.things[asked.about[0]].place) + asked.text)
    return asked


def questions(
    scene: Scene, rng: random.Random, count: int, kinds: Sequence[str] = KINDS, hint: float = 0.0
) -> list[Question]:
    """Up to `count` different questions of kinds drawn anew each time."""
    found = {}
    for kind in rng.choices(kinds, k=2 * count):
        one = question(scene, rng, kind, hint)
        if one and len(found) < count:
            found[one.text] = one
    return list(found.values())


@cache
def lexicon() -> Lexicon:
    """Every word of these texts."""
    tables = (COLOURS, SHAPES, SIZES, DEPTHS, TEMPERATURES, MOTIONS, PLACES, SIGNS, NUMBERS, NAMES, ORDER)
    asked = [text for kind in KINDS for text in WORDINGS["en"][kind]]
    sentences = [_GLUE, DESCRIBE, READ, HINT, "yes no thing , middle", *FELT.values(), *asked]
    texts = [*(word for table in tables for word in table), *sentences]
    return Lexicon(text.replace("{", " ").replace("}", " ") for text in texts)
