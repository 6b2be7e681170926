"""Checking what one has said: every thing that a description names is asked for again, and what is denied is dropped.

    description     pink circle, pink ring, orange star
    itself          Is there an orange star? no                 the same model, the same picture
    with evidence   detector(orange stars) -> 0                 close-ups, as Woodpecker has a detector look again
    at random       as many dropped as itself drops

Woodpecker (https://arxiv.org/abs/2310.16045) corrects with evidence from other models. Without any, models do not
improve their own answers (Huang et al., 2023, https://arxiv.org/abs/2310.01798, of reasoning in text).
"""

import random
from collections.abc import Sequence
from functools import cache

from labs.evaluation.answering import answers
from labs.evaluation.metrics import normal
from labs.systems.claim import Scores
from labs.systems.parts import agent_exam
from labs.systems.parts.agent_tools import ASKED, base, count
from labs.systems.parts.chair import agreement
from labs.systems.parts.facts import stated
from labs.world.grammar import phrase

CHECKS = ("as written", "itself", "evidence", "random")
LONGEST = 40  # tokens of a description

Named = Sequence[tuple[str, str]]  # (colour, shape) of each thing that is named


@cache
def named(seed: int) -> tuple[tuple[tuple[str, str], ...], ...]:
    """What the untuned model names on each wide picture, which it sees shrunk."""
    shown = agent_exam.pictures(seed, "wide")
    texts = answers(base(), shown, [ASKED] * len(shown), max_new_tokens=LONGEST)
    return tuple(tuple(sorted(stated(text))) for text in texts)


@cache
def confirmed(seed: int) -> tuple[tuple[bool, ...], ...]:
    """Of each thing that it named, whether the same model says yes when it is asked for it."""
    shown = agent_exam.pictures(seed, "wide")
    asked = [(picture, f"Is there {phrase('en', shape, colour, article='a')}?")
             for picture, some in zip(shown, named(seed), strict=True) for colour, shape in some]  # fmt: skip
    said = iter(answers(base(), [picture for picture, _ in asked], [text for _, text in asked]))
    return tuple(tuple(normal(next(said)) == "yes" for _ in some) for some in named(seed))


def kept(seed: int, check: str) -> list[Named]:
    """What is left of each description after one of `CHECKS`."""
    if check not in CHECKS:
        raise ValueError(f"check must be one of {CHECKS}, not {check!r}")
    rng, left = random.Random(f"dropped {seed}"), []
    for some, sure, seen in zip(named(seed), confirmed(seed), agent_exam.seen(seed, "wide"), strict=True):
        ways = {
            "as written": some,
            "itself": [thing for thing, yes in zip(some, sure, strict=True) if yes],
            "evidence": [thing for thing in some if count(seen.things, *thing)],
            "random": rng.sample(some, sum(sure)),
        }
        left.append(ways[check])
    return left


def agrees(seed: int, check: str) -> Scores:
    """F1 of the things that are named and those that are there."""
    texts = [", ".join(" ".join(thing) for thing in some) for some in kept(seed, check)]
    values = [agreement(text, scene) for text, scene in zip(texts, agent_exam.scenes(seed), strict=True)]
    return Scores(values, range(len(values)))
