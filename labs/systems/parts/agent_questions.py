"""What an agent is asked: about wide pictures what needs tools, about ordinary ones what does not.

count       How many red stars are there?                                detector
existence   Is there a red star?                                         detector on a wide picture, else own eyes
sum         Each star costs 7, each ring costs 4. What do they cost?     detector twice, calculator
sign        What does the sign say?                                      reader
arithmetic  What is 3*7+2*4?                                             calculator
heat        What colour is the hottest thing?                            colleague, then own eyes

Calls and replies here are those of a tool that makes no mistake: lessons are written from the scene, exams are not.
"""

import random
from collections.abc import Sequence
from typing import NamedTuple

from labs.evaluation.metrics import exact_match, normal
from labs.systems.parts.agent_calls import MANY, calculate
from labs.systems.parts.agent_tools import count
from labs.world.grammar import capital, phrase
from labs.world.questions import ask
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, NUMBERS, SHAPES, TEMPERATURES
from labs.world.wordings import WORDINGS

KINDS = ("count", "existence", "sum", "sign", "arithmetic")
PRICES = (2, 9)
EXTREMES = {"hottest": max, "coldest": min}


class Asked(NamedTuple):
    """A question, the calls that lead to its answer with what true tools reply, and the answer."""

    kind: str
    text: str
    calls: tuple[tuple[str, str], ...]
    answer: str


def about(scene: Scene, rng: random.Random, kind: str) -> Asked:
    """A question of one of `KINDS` about a wide picture."""
    return {"count": _count, "existence": _existence, "sum": _sum, "sign": _sign, "arithmetic": _arithmetic}[kind](
        scene, rng
    )


def right(reply: str, asked: Asked) -> float:
    """1 for the true answer; "three" is as good as "3"."""
    return exact_match(_digits(reply), _digits(asked.answer))


def _digits(text: str) -> str:
    return str(NUMBERS.index(normal(text))) if normal(text) in NUMBERS else text


def things(scene: Scene) -> Sequence[tuple[str, str]]:
    """(colour, shape) of each thing that is there."""
    return [(thing.colour, thing.shape) for thing in scene.things]


def _count(scene: Scene, rng: random.Random) -> Asked:
    """Most ask for something that is there."""
    thing, by = rng.choice(scene.things), rng.choice(((), ("colour",), ("shape",), ("colour", "shape")))
    words = {}
    for name, every in (("colour", tuple(COLOURS)), ("shape", SHAPES)):
        if name in by:
            words[name] = getattr(thing, name) if rng.random() < 0.85 else rng.choice(every)
    many, found = phrase("en", plural=True, **words), count(things(scene), words.get("colour"), words.get("shape"))
    return Asked("count", f"How many {many} are there?", ((f"detector({many})", str(found)),), str(found))


def _existence(scene: Scene, rng: random.Random) -> Asked:
    """Half the answers are no, as labs.world.questions asks."""
    asked = ask(scene, rng, "existence")
    colour, shape = asked.text.rstrip("?").split()[-2:]
    found = count(things(scene), colour, shape)
    return Asked("existence", asked.text, ((f"detector({colour} {MANY[shape]})", str(found)),), asked.answer)


def _sum(scene: Scene, rng: random.Random) -> Asked:
    """Of two shapes the first is there; the second may be."""
    first = rng.choice(scene.things).shape
    there = [thing.shape for thing in scene.things if thing.shape != first]
    second = rng.choice(there or [shape for shape in SHAPES if shape != first])
    prices = [rng.randint(*PRICES) for _ in range(2)]
    counts = [count(things(scene), None, shape) for shape in (first, second)]
    sum_ = "+".join(f"{many}*{price}" for many, price in zip(counts, prices, strict=True))
    calls = [(f"detector({MANY[shape]})", str(many)) for shape, many in zip((first, second), counts, strict=True)]
    text = f"Each {first} costs {prices[0]}, each {second} costs {prices[1]}. What do they cost?"
    return Asked("sum", text, (*calls, (f"calculator({sum_})", calculate(sum_))), calculate(sum_))


def _sign(scene: Scene, rng: random.Random) -> Asked:
    return Asked("sign", "What does the sign say?", (("reader()", scene.sign),), scene.sign)


def _arithmetic(scene: Scene, rng: random.Random) -> Asked:
    a, b, c, d = (rng.randint(1, 9) for _ in range(4))
    sum_ = f"{a}*{b}+{c}*{d}"
    return Asked("arithmetic", f"What is {sum_}?", ((f"calculator({sum_})", calculate(sum_)),), calculate(sum_))


# ---------------------------------------------------------------------------------------------------------------
# What no ordinary picture shows


def heat(scene: Scene, which: str, wording: int = 0) -> Asked:
    """The colour of the "hottest" or the "coldest" thing: a colleague who sees the thermal camera tells its place.

    Raises ValueError where several things share it.
    """
    thing = extreme(scene, which)
    if thing is None:
        raise ValueError(f"the scene has no single {which} thing: ask about another scene")
    text = capital(WORDINGS["en"]["colour"][wording].format(the=f"the {which} thing"))
    return Asked("heat", text, ((f"colleague(Where is the {which} thing?)", thing.place),), thing.colour)


def extreme(scene: Scene, which: str):
    """The one hottest or coldest thing; None where several share it or the scene has only one thing."""
    degrees = [TEMPERATURES[thing.temperature] for thing in scene.things]
    best = EXTREMES[which](degrees)
    return scene.things[degrees.index(best)] if len(degrees) > 1 and degrees.count(best) == 1 else None
