"""Tasks made of two words: what is asked of a thing, and by what the thing is named.

              by its shape                 by its colour                by its place
    colour    What colour is the star?                                  ... the thing at the top? (held out)
    shape                                  What shape is the red thing? ... the thing at the top?
    size      How big is ... (held out)    How big is the red thing?    ... the thing at the top?
    place     Where is the star?           Where is ... (held out)

No word of the held-out tasks is new: each is learned in other tasks, never in this company. The frozen language model
answers all of them from texts.
"""

import random
from functools import cache

from labs.systems.parts import eyes
from labs.systems.parts.lookout import EXAM, HELDOUT, THINGS, Material, described, material
from labs.systems.parts.talk import pair
from labs.tuning.packing import Branch
from labs.world.grammar import at, capital, phrase
from labs.world.questions import Question
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES
from labs.world.wordings import WORDINGS

ASKED = {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "place": PLACES}
BY = ("shape", "colour", "place")
TASKS = tuple(f"{asked} by {by}" for asked in ASKED for by in BY if asked != by)
UNLEARNED = ("colour by place", "size by shape", "place by colour")
LEARNED = tuple(task for task in TASKS if task not in UNLEARNED)
QUESTIONS = 6  # about a scene of the lessons, at most
DESCRIBE = "describe"


def question(scene: Scene, number: int, task: str) -> Question:
    """A task about one of the scene's things. Raises ValueError for a task that does not exist."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
    thing, (asked, by) = scene.things[number], task.split(" by ")
    named = {by: getattr(thing, by)} if by != "place" else {}
    name = phrase("en", article="the", **named) + (f" {at('en', thing.place)}" if by == "place" else "")
    return Question(task, capital(WORDINGS["en"][asked][0].format(the=name)), getattr(thing, asked), (number,))


def ask(scene: Scene, rng: random.Random, task: str) -> Question | None:
    """A task about one of the things that the name fits alone; None if there is none."""
    names = [getattr(thing, task.split(" by ")[1]) for thing in scene.things]
    alone = [number for number, name in enumerate(names) if names.count(name) == 1]
    return question(scene, rng.choice(alone), task) if alone else None


def several(scene: Scene, rng: random.Random) -> list[Question]:
    """Up to `QUESTIONS` different ones of tasks that are learned."""
    found = {}
    for task in rng.choices(LEARNED, k=2 * QUESTIONS):
        one = ask(scene, rng, task)
        if one and len(found) < QUESTIONS:
            found[one.text] = one
    return list(found.values())


@cache
def lessons() -> Material:
    """Training scenes, the pairs about each, and its description."""
    given = material("train")
    asked = [several(scene, random.Random(f"instructed {number}")) for number, scene in enumerate(given.scenes)]
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    both = [[*some, *one] for some, one in zip(pairs, described(given.scenes), strict=True)]
    return Material(given.scenes, given.seen, both, [[*(one.kind for one in some), DESCRIBE] for some in asked])


@cache
def exam() -> Material:
    """Held-out scenes with a question of every task that each offers."""
    return examine(material("heldout"))


def examine(given: Material) -> Material:
    """The same scenes, asked of every task."""
    asked = [one_of_each(scene, number) for number, scene in enumerate(given.scenes)]
    pairs = [[pair(one.text, one.answer) for one in some] for some in asked]
    return Material(given.scenes, given.seen, pairs, [[one.kind for one in some] for some in asked])


def one_of_each(scene: Scene, number: int) -> list[Question]:
    """A question of every task that the scene offers."""
    rng = random.Random(f"instructed exam {number}")
    return [one for task in TASKS if (one := ask(scene, rng, task))]


def chance(tasks: tuple[str, ...]) -> float:
    """How often answers to these tasks are right in the exam that have nothing to do with the scene."""
    scenes = eyes.scenes("heldout", HELDOUT, THINGS, EXAM)
    kinds = [one.kind for number, scene in enumerate(scenes) for one in one_of_each(scene, number)]
    found = [1 / len(ASKED[kind.split()[0]]) for kind in kinds if kind in tasks]
    return sum(found) / len(found)


def only(given: Material, kinds: tuple[str, ...]) -> Material:
    """The questions of some tasks; every scene stays, even without any."""
    kept = [[kind in kinds for kind in some] for some in given.kinds]
    pairs, names = (
        [[one for one, keep in zip(some, which, strict=True) if keep] for some, which in zip(part, kept, strict=True)]
        for part in (given.pairs, given.kinds)
    )
    return given._replace(pairs=pairs, kinds=names)


def others(given: Material) -> list[list[Branch]]:
    """For each question another one about the same scene, of a task that is learned, which asks of something else."""
    found = []
    for pairs, kinds in zip(given.pairs, given.kinds, strict=True):
        known = [number for number, kind in enumerate(kinds) if kind in LEARNED]
        found.append([
            pairs[next(k for k in known[i % len(known):] + known if kinds[k].split()[0] != kind.split()[0])]
            for i, kind in enumerate(kinds)
        ])  # fmt: skip
    return found
