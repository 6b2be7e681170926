"""Scene -> questions with their answers, of eleven types and in two languages. Answers are true by construction.

Each asker below returns the slots of its template and the English answer words, or None where the scene offers no
such question. A thing is always referred to in a way that fits it alone, and never by what is asked.
"""

import random
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from labs.world.grammar import at, capital, check_language, contract, phrase, place_word, word
from labs.world.scene import Scene, Thing
from labs.world.splits import HELD_OUT_PAIRS, is_held_out
from labs.world.vocabulary import COLOURS, NUMBERS, SHAPES
from labs.world.wordings import WORDINGS


class Question(NamedTuple):
    """A question about one scene. `kind` is its type; `about` are indices into `scene.things`."""

    kind: str
    text: str
    answer: str
    about: tuple[int, ...] = ()


class Asked(NamedTuple):
    """What an asker returns: the template's slots, the answer in English, and whom it is about."""

    slots: dict[str, str]
    answer: str
    about: tuple[Thing, ...] = ()


def ask(
    scene: Scene, rng: random.Random, kind: str, language: str = "en", wording: int | str | None = None
) -> Question | None:
    """Ask a question of `kind`, or return None where the scene offers none.

    `wording` is a template, or the number of one; by default one of all but the last, which is kept for tests of
    unseen wordings.
    """
    if kind not in ASKERS:
        raise ValueError(f"kind must be one of {KINDS}, not {kind!r}")
    check_language(language)
    asked = ASKERS[kind](scene, rng, language) if scene.things else None
    if asked is None:
        return None
    if not isinstance(wording, str):
        wordings = WORDINGS[language][kind]
        wording = wordings[rng.randrange(len(wordings) - 1) if wording is None else wording]
    text = capital(contract(language, wording.format(**asked.slots)))
    answer = place_word(language, asked.answer) if kind == "place" else word(language, asked.answer)
    return Question(kind, text, answer, tuple(scene.things.index(thing) for thing in asked.about))


def questions(scene: Scene, rng: random.Random, count: int, language: str = "en", kinds=None) -> list[Question]:
    """Ask up to `count` different questions, going round the types in random order."""
    kinds, asked = list(kinds or KINDS), {}
    for turn in range(3 * count):
        if turn % len(kinds) == 0:
            rng.shuffle(kinds)
        question = ask(scene, rng, kinds[turn % len(kinds)], language)
        if question:
            asked.setdefault(question.text, question)
        if len(asked) == count:
            break
    return list(asked.values())


# ---------------------------------------------------------------------------------------------------------------
# Referring to one thing


def refer(scene: Scene, thing: Thing, rng: random.Random, language: str, hide: str = "") -> str | None:
    """A definite phrase that fits `thing` alone and does not mention the attribute `hide`; None if there is none."""
    options = []
    for names in (("shape",), ("colour",), ("colour", "shape"), ("size", "shape"), ("size", "colour")):
        same = [other for other in scene.things if all(getattr(other, n) == getattr(thing, n) for n in names)]
        if hide not in names and len(same) == 1:
            options.append({name: getattr(thing, name) for name in names})
    if hide and hide != "place":
        options.append({"place": thing.place})
    if not options:
        return None
    chosen = dict(rng.choice(options))
    place = chosen.pop("place", None)
    text = phrase(language, article="the", **chosen)
    return f"{text} {at(language, place)}" if place else text


def _one(scene: Scene, rng: random.Random, language: str, hide: str) -> tuple[Thing, str] | None:
    for thing in rng.sample(scene.things, len(scene.things)):
        text = refer(scene, thing, rng, language, hide)
        if text:
            return thing, text
    return None


# ---------------------------------------------------------------------------------------------------------------
# The askers


def _existence(scene: Scene, rng: random.Random, language: str) -> Asked:
    """Half the answers are no; most of those ask for a colour and a shape that are there, but not in one thing."""
    there = {(thing.colour, thing.shape) for thing in scene.things}
    kept = there if is_held_out(scene) else there | HELD_OUT_PAIRS
    if rng.random() < 0.5:
        thing = rng.choice(scene.things)
        return Asked({"a": phrase(language, thing.shape, thing.colour, article="a")}, "yes", (thing,))
    mixed = [(a.colour, b.shape) for a in scene.things for b in scene.things if (a.colour, b.shape) not in kept]
    mixed.append((rng.choice(tuple(COLOURS)), rng.choice(scene.things).shape))
    mixed.append((rng.choice(scene.things).colour, rng.choice(SHAPES)))
    colour, shape = rng.choice(mixed)
    while (colour, shape) in kept:
        colour, shape = rng.choice(tuple(COLOURS)), rng.choice(SHAPES)
    return Asked({"a": phrase(language, shape, colour, article="a")}, "no")


def _attribute(name: str) -> Callable:
    def asker(scene: Scene, rng: random.Random, language: str) -> Asked | None:
        found = _one(scene, rng, language, hide=name)
        return found and Asked({"the": found[1]}, getattr(found[0], name), (found[0],))

    return asker


def _count(scene: Scene, rng: random.Random, language: str) -> Asked:
    """All things, those of a colour, those of a shape; at times there are none."""
    about = rng.choice(("thing", "colour", "shape"))
    value = {
        "thing": "thing",
        "colour": rng.choice([thing.colour for thing in scene.things] + [rng.choice(tuple(COLOURS))]),
        "shape": rng.choice([thing.shape for thing in scene.things] + [rng.choice(SHAPES)]),
    }[about]
    counted = tuple(thing for thing in scene.things if about == "thing" or getattr(thing, about) == value)
    words = {"colour": value} if about == "colour" else {"shape": value}
    return Asked({"many": phrase(language, plural=True, **words)}, NUMBERS[len(counted)], counted)


def _relation(scene: Scene, rng: random.Random, language: str) -> Asked | None:
    """The side on which one thing lies of another; only where one direction clearly wins."""
    pairs = [(a, b) for a in scene.things for b in scene.things if a is not b]
    for a, b in rng.sample(pairs, len(pairs)):
        across, down = a.column - b.column, a.row - b.row
        first, second = refer(scene, a, rng, language), refer(scene, b, rng, language)
        if abs(across) == abs(down) or not first or not second:
            continue
        sides = ("left", "right") if abs(across) > abs(down) else ("above", "below")
        return Asked({"the": first, "other": second}, sides[(across if sides[0] == "left" else down) > 0], (a, b))
    return None


def _comparison(scene: Scene, rng: random.Random, language: str) -> Asked | None:
    """Which of two shapes is bigger: one, the other, or neither."""
    counts = Counter(thing.shape for thing in scene.things)
    single = [thing for thing in scene.things if counts[thing.shape] == 1]
    if len(single) < 2:
        return None
    a, b = rng.sample(single, 2)
    bigger = "neither" if a.size == b.size else (a if a.size == "big" else b).shape
    names = {slot: phrase(language, thing.shape, article="the") for slot, thing in (("the", a), ("other", b))}
    return Asked(names, bigger, (a, b))


def _odd_one_out(name: str) -> Callable:
    def asker(scene: Scene, rng: random.Random, language: str) -> Asked | None:
        counts = Counter(getattr(thing, name) for thing in scene.things).most_common()
        if len(scene.things) < 3 or len(counts) != 2 or counts[1][1] != 1:
            return None
        return Asked({}, counts[1][0], tuple(t for t in scene.things if getattr(t, name) == counts[1][0]))

    return asker


def _taking_away(scene: Scene, rng: random.Random, language: str) -> Asked:
    """Count what would remain: two steps, one of which cannot be seen."""
    name = rng.choice(("colour", "shape"))
    value = getattr(rng.choice(scene.things), name)
    remain = tuple(thing for thing in scene.things if getattr(thing, name) != value)
    many = phrase(language, article="the", plural=True, **{name: value})
    return Asked({"the_many": many}, NUMBERS[len(remain)], remain)


ASKERS: dict[str, Callable[[Scene, random.Random, str], Asked | None]] = {
    "existence": _existence,
    "colour": _attribute("colour"),
    "shape": _attribute("shape"),
    "size": _attribute("size"),
    "place": _attribute("place"),
    "count": _count,
    "relation": _relation,
    "comparison": _comparison,
    "odd_colour": _odd_one_out("colour"),
    "odd_shape": _odd_one_out("shape"),
    "taking_away": _taking_away,
}
KINDS = tuple(ASKERS)
