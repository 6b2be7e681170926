"""The three kinds of answers about things that are known, each drawn at random; what is not known is passed over.

conversation    Is there a ring? yes / What colour is it? blue / How many red things are there? one
description     There are two things. A small red star is at the top. A big blue ring is at the left.
reasoning       Which is bigger, the star or the ring? Explain. / The star is small, the ring is big, so the ring.
"""

import random
from collections.abc import Callable, Sequence
from itertools import permutations
from math import dist

from labs.systems.parts.teacher_reads import Item, bigger, names, pairs, side
from labs.world.grammar import capital, phrase, sentence
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, NUMBERS, SHAPES
from labs.world.wordings import INSTRUCTIONS, WORDINGS

TURNS = 3  # of a conversation, at most
CLEARLY = 0.05  # of the picture's width, by which what is nearer has to be nearer
SIDES = {"left": "left of", "right": "right of", "above": "above", "below": "below"}
Turn = tuple[str, str]  # a question and its answer


# ---------------------------------------------------------------------------------------------------------------
# Conversations


def converse(items: Sequence[Item], rng: random.Random) -> tuple[Turn, ...]:
    """Different questions of as many kinds as there are; one may follow up on another."""
    askers = rng.sample(list(ASKERS), len(ASKERS))
    asked = [turns for kind in askers if (turns := ASKERS[kind](items, rng))]
    return tuple(turn for turns in asked for turn in turns)[:TURNS]


def _worded(kind: str, rng: random.Random, **slots: str) -> str:
    return capital(rng.choice(WORDINGS["en"][kind][:-1]).format(**slots))


def _about(name: str) -> Callable[[Sequence[Item], random.Random], list[Turn]]:
    """An asker for colour, shape, size or place of one thing."""

    def ask(items: Sequence[Item], rng: random.Random) -> list[Turn]:
        known = [item for item in items if (item.box if name == "place" else getattr(item, name))]
        found = [(item, said) for item in known for said in names(item, items, name)]
        if not found:
            return []
        item, said = rng.choice(found)
        return [(_worded(name, rng, the=said), getattr(item, name))]

    return ask


def _existence(items: Sequence[Item], rng: random.Random) -> list[Turn]:
    """Half of what is asked for is not there. Of what is there, the next question may be about "it"."""
    there = {(item.colour, item.shape) for item in items}
    if all(item.colour for item in items) and rng.random() < 0.5:
        mixed = [(one.colour, other.shape) for one in items for other in items]
        mixed += [(one.colour, rng.choice(SHAPES)) for one in items]
        mixed += [(rng.choice(tuple(COLOURS)), one.shape) for one in items]
        # the pairs that exams are about are not to be talked of, so that nobody learns that they never occur
        absent = [pair for pair in mixed if pair not in there | HELD_OUT_PAIRS]
        if absent:
            colour, shape = rng.choice(absent)
            return [(_worded("existence", rng, a=phrase("en", shape, colour, article="a")), "no")]
    item = rng.choice(items)
    if [one.shape for one in items].count(item.shape) > 1 or (item.colour and rng.random() < 0.5):
        return [(_worded("existence", rng, a=phrase("en", item.shape, item.colour, article="a")), "yes")]
    first = (_worded("existence", rng, a=phrase("en", item.shape, article="a")), "yes")
    more = {"What colour is it?": item.colour, "How big is it?": item.size, "Where is it?": item.box and item.place}
    follow = [(question, answer) for question, answer in more.items() if answer]
    return [first, *([rng.choice(follow)] if follow else [])]


def _count(items: Sequence[Item], rng: random.Random) -> list[Turn]:
    colours = [item.colour for item in items]
    ways = [{"shape": "thing"}, {"shape": rng.choice([*(item.shape for item in items), rng.choice(SHAPES)])}]
    if all(colours):
        ways.append({"colour": rng.choice([*colours, rng.choice(tuple(COLOURS))])})
    way = rng.choice(ways)
    counted = [one for one in items if way == {"shape": "thing"} or all(getattr(one, k) == v for k, v in way.items())]
    return [(_worded("count", rng, many=phrase("en", plural=True, **way)), NUMBERS[len(counted)])]


def _relation(items: Sequence[Item], rng: random.Random) -> list[Turn]:
    found = list(pairs(items, rng))
    if not found:
        return []
    (first, the), (second, other) = found[0]
    return [(_worded("relation", rng, the=the, other=other), side(first, second))]


def _comparison(items: Sequence[Item], rng: random.Random) -> list[Turn]:
    alone = [item for item in items if item.size and [one.shape for one in items].count(item.shape) == 1]
    if len(alone) < 2:
        return []
    first, second = rng.sample(alone, 2)
    return [(_worded("comparison", rng, the=f"the {first.shape}", other=f"the {second.shape}"),
             (bigger(first, second) or first._replace(shape="neither")).shape)]  # fmt: skip


ASKERS = {"existence": _existence, **{name: _about(name) for name in ("colour", "shape", "size", "place")},
          "count": _count, "relation": _relation, "comparison": _comparison}  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------
# Descriptions and reasoning


def describe(items: Sequence[Item], rng: random.Random) -> Turn:
    """How many there are, each in a sentence, and how two of them lie."""
    count = "There is one thing." if len(items) == 1 else f"There are {NUMBERS[len(items)]} things."
    in_order = sorted(items, key=lambda item: item.cell[::-1] if item.box else (3, 3))
    each = [_whole(item) for item in in_order]
    lie = [f"{the} is {SIDES[side(one, two)]} {other}" for (one, the), (two, other) in pairs(items, rng)][:1]
    return rng.choice(INSTRUCTIONS["en"]["prose"][:-1]), " ".join([count, *map(sentence, [*each, *lie])])


def _whole(item: Item) -> str:
    """A thing with all that is known of it."""
    said = phrase("en", item.shape, item.colour, item.size, article="a")
    return f"{said} is at the {item.place}" if item.box else f"there is {said}"


def reason(items: Sequence[Item], rng: random.Random) -> list[Turn]:
    """One question of every way to reason that the things offer, in random order; answers end in "so ..."."""
    found = [turn for way in (_left_over, _is_bigger, _lies, _nearer) if (turn := way(items, rng))]
    return rng.sample(found, len(found))


def _explained(question: str, *steps: str) -> Turn:
    return f"{capital(question)} Explain.", sentence(", ".join(steps))


def _left_over(items: Sequence[Item], rng: random.Random) -> Turn | None:
    name = rng.choice([name for name in ("colour", "shape") if all(getattr(item, name) for item in items)])
    value = getattr(rng.choice(items), name)
    gone = sum(getattr(item, name) == value for item in items)
    many = phrase("en", article="the", plural=True, **{name: value})
    numbers = [NUMBERS[number] for number in (len(items), gone, len(items) - gone)]
    return _explained(f"if {many} go away, how many things are left?",
                      f"{numbers[0]} in all", f"{numbers[1]} taken away", f"so {numbers[2]} left")  # fmt: skip


def _two(items: Sequence[Item], rng: random.Random, known: str) -> list[tuple[Item, str]]:
    """Two things of which that is known, each named by its shape; or none."""
    alone = [item for item in items if getattr(item, known) and [one.shape for one in items].count(item.shape) == 1]
    return [(item, f"the {item.shape}") for item in rng.sample(alone, 2)] if len(alone) > 1 else []


def _is_bigger(items: Sequence[Item], rng: random.Random) -> Turn | None:
    if not (found := _two(items, rng, "size")):
        return None
    (first, the), (second, other) = found
    larger = bigger(first, second)
    return _explained(f"which is bigger, {the} or {other}?", f"{the} is {first.size}", f"{other} is {second.size}",
                      f"so the {larger.shape}" if larger else "so neither")  # fmt: skip


def _lies(items: Sequence[Item], rng: random.Random) -> Turn | None:
    for (first, the), (second, other) in pairs(items, rng):
        return _explained(f"on which side of {other} is {the}?", f"{the} is at the {first.place}",
                          f"{other} is at the {second.place}", f"so {side(first, second)}")  # fmt: skip


def _nearer(items: Sequence[Item], rng: random.Random) -> Turn | None:
    """Which of two is nearer to a third, where the places alone say it and the boxes bear it out."""
    named = [(item, rng.choice(said)) for item in items if item.box and (said := names(item, items))]
    three = list(permutations(named, 3))
    for (one, the), (first, a), (second, b) in rng.sample(three, len(three)):
        by_box, by_cell = (
            [dist(getattr(one, of), getattr(other, of)) for other in (first, second)] for of in ("middle", "cell")
        )
        near = [(a, b)[lies[0] > lies[1]] for lies in (by_box, by_cell)]
        if by_cell[0] != by_cell[1] and near[0] == near[1] and abs(by_box[0] - by_box[1]) > CLEARLY:
            at = [f"{said} is at the {item.place}" for said, item in ((the, one), (a, first), (b, second))]
            return _explained(f"which is nearer to {the}, {a} or {b}?", *at, f"so {near[0]}")
