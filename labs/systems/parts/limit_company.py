"""Yes or no, is it there? Things that are not, asked in the three ways of POPE, of models that differ in what they saw.

    together    a speck is what usually goes with the things beside it (labs.systems.parts.companions), 4 times of 5
    apart       the same specks, as often, beside any things

    random         is there ... ? of anything that is not there
    popular        of what is often there, though nothing in this picture calls for it
    adversarial    of what usually goes with what is there

All answers that are learned from are true. A speck hardly says what it is, so it pays to guess; what guesses may go by
is all that the two differ in. https://arxiv.org/abs/2305.10355 asks large models so.
"""

import random
from functools import cache
from typing import NamedTuple

from labs.evaluation.heldout import shuffled
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts.companions import COMPANIONS, companion
from labs.systems.parts.facts import there
from labs.systems.parts.limit_specks import absent, draw_far, joins
from labs.systems.parts.limit_tuning import Lesson, ask, tune
from labs.world import splits
from labs.world.grammar import phrase
from labs.world.scene import Scene, Thing

SEEN, STEPS = 1000, 200  # pictures, updates
USUAL = 0.9  # of the specks are companions of something
ASKED = 300  # pictures of the exam
POPULAR = tuple(sorted(set(COMPANIONS.values())))
PROBES = ("random", "popular", "adversarial")

Pair = tuple[str, str]


class Shown(NamedTuple):
    """A scene, and a speck in it."""

    near: Scene
    far: Thing

    @property
    def pair(self) -> Pair:
        return self.far.colour, self.far.shape


def scene(rng: random.Random) -> Scene:
    """Things of which some have a companion, and but one; it is not among them."""
    while True:
        found = splits.sample(rng, count=rng.choice((1, 2, 2, 3)))
        called = {COMPANIONS[thing.shape] for thing in found.things if thing.shape in COMPANIONS}
        if len(called) == 1 and not there(found) & set(POPULAR):
            return found


def other(shown: Scene) -> Pair:
    """The companion that nothing in the scene calls for."""
    return next(pair for pair in POPULAR if pair != companion(shown))


def shown(near: Scene, rng: random.Random, together: bool) -> Shown:
    """The scene with a speck as one of the two learns from."""
    usual = companion(near) if together or rng.random() < 0.5 else other(near)
    return Shown(near, joins(near, usual if rng.random() < USUAL else absent(near, rng, POPULAR), rng))


def question(pair: Pair) -> str:
    """ "Is there a red circle?" """
    return f"Is there {phrase('en', pair[1], pair[0], article='a')}?"


def lessons(seed: int, together: bool) -> list[Lesson]:
    """Five questions about each picture: what is there, the speck, something often there, and twice what is not."""
    scenes, rng, found = random.Random(f"company {seed}"), random.Random(f"asked {seed}"), []
    for _ in range(SEEN):
        one = shown(scene(scenes), rng, together)
        here, picture = [*there(one.near), one.pair], draw_far(one.near, [one.far])
        pairs = [rng.choice(sorted(there(one.near))), one.pair, rng.choice(POPULAR)]
        pairs += [absent(one.near, rng, (*POPULAR, one.pair)) for _ in range(2)]
        found += [Lesson(picture, question(pair), "yes" if pair in here else "no") for pair in pairs]
    return found


@cache
def tuned(seed: int, together: bool) -> Loaded:
    """The model after its lessons."""
    return tune(lessons(seed, together), seed, STEPS)


@cache
def exam(seed: int) -> tuple[Shown, ...]:
    """New scenes, each with a speck that is no companion of anything."""
    rng, found = random.Random(f"company exam {seed}"), []
    while len(found) < ASKED:
        near = scene(rng)
        found.append(Shown(near, joins(near, absent(near, rng, POPULAR), rng)))
    return tuple(found)


def probe(one: Shown, number: int, kind: str) -> Pair:
    """What is asked about a picture that does not show it. Raises KeyError for another kind than `PROBES`."""
    if kind == "random":
        return absent(one.near, random.Random(f"probe {number}"), (*POPULAR, one.pair))
    return {"popular": other(one.near), "adversarial": companion(one.near)}[kind]


@cache
def says_yes(seed: int, together: bool, kind: str, others: bool) -> list[float]:
    """1 where it answers yes; "present" asks for what is there, and plainly."""
    asked = exam(seed)
    pictures = [draw_far(one.near, [one.far]) for one in asked]
    if kind == "present":
        pairs = [random.Random(f"present {n}").choice(sorted(there(one.near))) for n, one in enumerate(asked)]
    else:
        pairs = [probe(one, number, kind) for number, one in enumerate(asked)]
    told = ask(tuned(seed, together), shuffled(pictures) if others else pictures, [question(pair) for pair in pairs], 3)
    return [float(one.text == "yes") for one in told]


def false_yes(seed: int, together: bool = True, kind: str = "random") -> Scores:
    """1 where it says that something is there that is not."""
    values = says_yes(seed, together, kind, False)
    return Scores(values, range(len(values)))


def called_for(seed: int, together: bool = True) -> Scores:
    """How much more often it says so of what usually goes with what is there than of what is as frequent, -1 to 1."""
    usual, frequent = (says_yes(seed, together, kind, False) for kind in ("adversarial", "popular"))
    return Scores([one - other for one, other in zip(usual, frequent, strict=True)], range(len(usual)))


def answered(seed: int, together: bool = True, kind: str = "random", others: bool = False) -> Scores:
    """For each picture the share of right answers to two questions, for what is there and for what is not."""
    yes, no = says_yes(seed, together, "present", others), says_yes(seed, together, kind, others)
    return Scores([(one + 1 - other) / 2 for one, other in zip(yes, no, strict=True)], range(len(yes)))
