"""Whether what a teacher has written is true of the scene, which the teacher has never seen.

Questions and sentences are read back in the wordings of the micro-world, and answered from the scene itself, by nothing
that the teacher uses. Of what is worded in another way nobody here can say whether it is true: its verdict is None.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from math import dist

from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, Taught
from labs.world.grammar import phrase
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, NUMBERS, SHAPES, SIZES
from labs.world.wordings import WORDINGS

ATTRIBUTE = {word: name for name, table in (("colour", COLOURS), ("shape", SHAPES), ("size", SIZES)) for word in table}
SINGULAR = {phrase("en", shape, plural=True): shape for shape in (*SHAPES, "thing")}
NEARER = "which is nearer to {the}, {first} or {second}?"
IT = {"what colour is it?": "colour", "how big is it?": "size", "where is it?": "place"}
SENTENCES = (  # with a slot "a" for what there has to be, "the" and "other" for what has to be one thing alone
    r"there is (?P<number>one) thing", r"there are (?P<number>\w+) things", r"there is (?P<a>an? .+)",
    r"(?P<the>the .+) is (?P<side>left|right|above|below)(?: of)? (?P<other>the .+)", r"(?P<a>an? .+ at the .+)",
    r"(?P<the>the .+) is at the (?P<place>.+)", r"(?P<the>the .+) is (?P<value>\w+)",
)  # fmt: skip


class Unread(ValueError):
    """Words that mean nothing here, or a name that does not fit one thing alone."""


def verdicts(scene: Scene, taught: Taught) -> list[bool | None]:
    """One for each answer of a conversation, each sentence of a description, each step and the end of a reasoning."""
    if taught.kind == CONVERSATION:
        before = [None, *(question for question, _ in taught.turns)]
        return [_tried(_answers, scene, *turn, last) for turn, last in zip(taught.turns, before, strict=False)]
    question, answer = taught.turns[0]
    if taught.kind == DESCRIPTION:
        return [_tried(holds, scene, said) for said in re.findall(r"[^.]+", answer.lower()) if said.strip()]
    *steps, end = answer.lower().rstrip(".").split(", ")
    asked = question.removesuffix(" Explain.")
    return [*(_tried(_step, scene, said, asked) for said in steps),
            _tried(_answers, scene, asked, re.sub(r"^so | left$", "", end))]  # fmt: skip


def _tried(check: Callable[..., bool], *given) -> bool | None:
    try:
        return check(*given)
    except Unread:
        return None


def _answers(scene: Scene, question: str, answer: str, before: str | None = None) -> bool:
    """Whether the answer is the true one, with or without "the"."""
    true, said = truth(scene, question, before), answer.lower().rstrip(".")
    return true in (said, said.removeprefix("the "))


def fitting(scene: Scene, text: str) -> list[Thing]:
    """The things that "small red stars", or "the thing at the top", fits. Raises Unread for other words."""
    name, _, place = re.sub(r" is at ", " at ", text).partition(" at the ")
    wanted = {"place": place} if place else {}
    for word in name.split():
        word = SINGULAR.get(word, word)
        if word in ATTRIBUTE:
            wanted[ATTRIBUTE[word]] = word
        elif word not in ("a", "an", "the", "thing"):
            raise Unread(f"{word!r} is no word for a thing")
    return [thing for thing in scene.things if all(getattr(thing, name) == value for name, value in wanted.items())]


def one(scene: Scene, text: str) -> Thing:
    """The thing that a name fits alone. Raises Unread where it fits none or several."""
    found = fitting(scene, text)
    if len(found) != 1:
        raise Unread(f"{text!r} fits {len(found)} things")
    return found[0]


# ---------------------------------------------------------------------------------------------------------------
# Questions


def truth(scene: Scene, question: str, before: str | None = None) -> str:
    """The true answer. `before` is the question before, of which "it" speaks. Raises Unread."""
    text = question.lower()
    if text in IT:
        noun = next(
            (found["a"] for form in _forms("existence") if (found := form.fullmatch((before or "").lower()))), ""
        )
        return getattr(one(scene, noun), IT[text])
    for kind, answer in ANSWERS.items():
        for form in _forms(kind):
            if found := form.fullmatch(text):
                return answer(scene, **found.groupdict())
    raise Unread(f"{question!r} is worded in no way that is known here")


@cache
def _forms(kind: str) -> tuple[re.Pattern, ...]:
    wordings = (NEARER,) if kind == "nearer" else WORDINGS["en"][kind]
    return tuple(re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(text.lower()))) for text in wordings)


def _of(name: str) -> Callable[..., str]:
    return lambda scene, the: getattr(one(scene, the), name)


def _side(scene: Scene, the: str, other: str) -> str:
    first, second = one(scene, the), one(scene, other)
    across, down = first.column - second.column, first.row - second.row
    if abs(across) == abs(down):
        raise Unread("no direction wins")
    return ("left" if across < 0 else "right") if abs(across) > abs(down) else "above" if down < 0 else "below"


def _bigger(scene: Scene, the: str, other: str) -> str:
    both = one(scene, the), one(scene, other)
    return "neither" if both[0].size == both[1].size else next(thing.shape for thing in both if thing.size == "big")


def _nearer(scene: Scene, the: str, first: str, second: str) -> str:
    at = one(scene, the)
    return min((first, second), key=lambda name: dist((at.x, at.y), (one(scene, name).x, one(scene, name).y)))


ANSWERS: dict[str, Callable[..., str]] = {
    "existence": lambda scene, a: "yes" if fitting(scene, a) else "no",
    **{name: _of(name) for name in ("colour", "shape", "size", "place")},
    "count": lambda scene, many: NUMBERS[len(fitting(scene, many))],
    "relation": _side,
    "comparison": _bigger,
    "taking_away": lambda scene, the_many: NUMBERS[len(scene.things) - len(fitting(scene, the_many))],
    "nearer": _nearer,
}


# ---------------------------------------------------------------------------------------------------------------
# Sentences


def holds(scene: Scene, sentence: str) -> bool:
    """Whether a sentence of a description is so. Raises Unread."""
    for form in SENTENCES:
        if found := re.fullmatch(form, sentence.strip()):
            return _holds(scene, **found.groupdict())
    raise Unread(f"{sentence!r} is worded in no way that is known here")


def _holds(scene: Scene, a: str = "", the: str = "", other: str = "", number: str = "", **said: str) -> bool:
    if number:
        return number == NUMBERS[len(scene.things)]
    if a:
        return bool(fitting(scene, a))
    if other:
        return _side(scene, the, other) == said["side"]
    thing = one(scene, the)
    return said["value"] in (thing.colour, thing.shape, thing.size) if "value" in said else thing.place == said["place"]


def _step(scene: Scene, step: str, question: str) -> bool:
    """A step of a reasoning: a sentence, or one of the numbers that a count ends in."""
    if step.endswith(" in all"):
        return step == f"{NUMBERS[len(scene.things)]} in all"
    if step.endswith(" taken away"):
        return step == f"{NUMBERS[len(scene.things) - NUMBERS.index(truth(scene, question))]} taken away"
    return holds(scene, step)


def share_true(found: Sequence[tuple[Scene, Sequence[Taught]]]) -> tuple[float, float]:
    """Of what was written about scenes: the share that is true among what can be judged, and the share that can be."""
    said = [verdict for scene, written in found for one_ in written for verdict in verdicts(scene, one_)]
    judged = [verdict for verdict in said if verdict is not None]
    return sum(judged) / max(1, len(judged)), len(judged) / max(1, len(said))
