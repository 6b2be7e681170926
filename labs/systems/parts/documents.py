"""What the base language model of section 4 reads: documents in two languages, without a single question in them.

    A small red star at the top, a big blue ring at the left. The colour of the ring is | blue </s>
    Una estrella roja pequeña arriba, ... . El número de cosas es | dos </s>
    The capital of Bavi is | Roten </s>

A document begins as a caption does, and goes on with a statement about the same scene or with another caption of it,
at times in the other language. Some hold a fact that has nothing to do with scenes, and can only be remembered.
"""

import random

from labs.systems.parts.base_words import END, write
from labs.systems.parts.statements import FACTS, KINDS, STATEMENTS, STEPS, facts
from labs.tuning.packing import Branch, Row
from labs.world import splits
from labs.world.captions import caption
from labs.world.dialogue import taken_away
from labs.world.questions import ask
from labs.world.scene import Scene
from labs.world.vocabulary import LANGUAGES

WEIGHTS = (1.5, 2, 2, 1.5, 2, 1.5, 1, 1, 1)  # how often each of KINDS is stated
STATED = 8  # statements of one document
WHOLE, AGAIN, STEPPED = 0.2, 0.4, 0.3  # shares: of statements learned from their first word; of documents that go on so


def document(rng: random.Random, things: int, split: str = "train") -> Row:
    """One document about a scene with so many things, and several ways to go on."""
    scene = splits.sample(rng, split, count=things)
    language = rng.choice(LANGUAGES)
    spoken = language if rng.random() < 0.75 else other(language)
    said = {}
    for kind in rng.choices(KINDS, WEIGHTS, k=2 * STATED):
        one = statement(scene, rng, kind, spoken, whole=rng.random() < WHOLE)
        if one and len(said) < STATED:
            said[tuple(one.ids)] = one
    more = [told(scene, rng.choice(LANGUAGES))] if rng.random() < AGAIN else []
    more += [steps(scene, rng, spoken)] if rng.random() < STEPPED else []
    return Row(begun(scene, language, "places" if rng.random() < 0.85 else "prose"), [*said.values(), *more])


def begun(scene: Scene, language: str = "en", style: str = "places") -> list[int]:
    """How a document begins: its caption, without the stop at the end."""
    return [END, *write(caption(scene, style, language).rstrip("."))]


def statement(
    scene: Scene, rng: random.Random, kind: str, language: str = "en", whole: bool = False
) -> Branch | None:
    """A statement of that kind, of which what the scene decides is learned, or all; None where there is none."""
    asked = ask(scene, rng, kind, language, STATEMENTS[language][kind])
    return asked and _completed(asked.text, asked.answer, whole)


def steps(scene: Scene, rng: random.Random, language: str = "en") -> Branch:
    """How many things are left without some, step by step."""
    many, counted = taken_away(scene, rng, language)
    return _completed(STEPS[language].format(many), counted.rstrip("."), whole=False)


def told(scene: Scene, language: str = "en") -> Branch:
    """The scene told again, all of it to be learned."""
    return _completed("", caption(scene, "places", language), whole=True)


def fact(land: str, about: str, language: str = "en", whole: bool = False) -> Branch:
    """What is so in that land."""
    return _completed(FACTS[language][about].format(land), facts()[land, about], whole)


def other(language: str) -> str:
    """The other of the two languages."""
    return LANGUAGES[1 - LANGUAGES.index(language)]


def _completed(start: str, end: str, whole: bool) -> Branch:
    """A stop, the start and the end of a sentence. The stop is read: what comes first cannot be learned in a row."""
    given, learned = write(f". {start}"), [*write(end), END]
    return Branch(given + learned, [False, *[whole] * (len(given) - 1), *[True] * len(learned)])
