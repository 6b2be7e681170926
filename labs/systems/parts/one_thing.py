"""Scenes of one thing, and what is asked about it: of each sense only what it tells, in words that tell nothing else.

| sense   | can tell                        | cannot                                  |
|---------|---------------------------------|-----------------------------------------|
| picture | shape, colour, size, place      | distance, temperature, motion           |
| sound   | shape, colour, size             | the column; it is not asked about place |
| depth   | shape, size, place              | colour                                  |
| motion  | shape, size, place, and motion  | colour                                  |
| points  | all that pictures tell, distance | temperature, motion                    |

A thing is named by its place where its shape or colour is asked, and by its shape otherwise. In held-out scenes shape
follows from colour, in a way that training never showed: a question that names the colour would mislead.
"""

from collections.abc import Sequence

from labs.systems.parts import eyes, told
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch
from labs.world.grammar import at
from labs.world.questions import Question
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, DEPTHS, MOTIONS, PLACES, SHAPES, SIZES

TRAIN, HELDOUT = 4096, 600  # scenes
TELLS = {
    "picture": ("shape", "colour", "size", "place"),
    "sound": ("shape", "colour", "size"),
    "depth": ("shape", "size", "place"),
    "motion": ("shape", "size", "place"),
}  # what is asked where senses stand side by side: all of it is in pictures, too
CHOICES = {
    "shape": SHAPES, "colour": COLOURS, "size": SIZES, "place": PLACES, "depth": DEPTHS, "motion": MOTIONS,
}  # fmt: skip
WORDED = {
    "shape": "What shape is the thing {place}?",
    "colour": "What colour is the thing {place}?",
    "size": "How big is {the}?",
    "place": "Where is {the}?",
    **{kind: text.replace("{}", "{the}") for kind, text in told.FELT.items()},
}


def scenes(split: str) -> tuple[Scene, ...]:
    """Those to learn from, the same as encoders were bound with; or held-out ones."""
    return eyes.fresh(split, TRAIN if split == "train" else HELDOUT)


def question(thing: Thing, kind: str) -> Question:
    """Raises ValueError for a kind that is not asked."""
    if kind not in CHOICES:
        raise ValueError(f"kind must be one of {', '.join(CHOICES)}, not {kind!r}")
    text = WORDED[kind].format(place=at("en", thing.place), the=f"the {thing.shape}")
    return Question(kind, text, getattr(thing, kind), (0,))


def ask(shown: Sequence[Scene], kinds: Sequence[str]) -> list[list[Branch]]:
    """For each scene of one thing a pair of question and answer of every kind."""
    asked = [[question(scene.things[0], kind) for kind in kinds] for scene in shown]
    return [[pair(one.text, one.answer) for one in some] for some in asked]


def chance(kinds: Sequence[str]) -> float:
    """How often answers are right that have nothing to do with the scene, all of them being equally frequent."""
    return sum(1 / len(CHOICES[kind]) for kind in kinds) / len(kinds)
