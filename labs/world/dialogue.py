"""Scene -> talk of more than one step: a conversation whose second turn says "it", and reasoning spelled out."""

import random

from labs.world.grammar import check_language, phrase, place_word, sentence, word
from labs.world.scene import Scene
from labs.world.vocabulary import NUMBERS

_FOLLOW_UPS = {
    "en": {"colour": "What colour is it?", "size": "How big is it?", "place": "Where is it?"},
    "es": {"colour": "¿De qué color es?", "size": "¿Qué tamaño tiene?", "place": "¿Dónde está?"},
}


def conversation(scene: Scene, rng: random.Random, language: str = "en") -> list[tuple[str, str]] | None:
    """Two turns of (question, answer) about a shape that occurs once; None where there is no such shape."""
    check_language(language)
    shapes = [thing.shape for thing in scene.things]
    single = [thing for thing in scene.things if shapes.count(thing.shape) == 1]
    if not single:
        return None
    thing, about = rng.choice(single), rng.choice(tuple(_FOLLOW_UPS[language]))
    noun = phrase(language, thing.shape, article="a")
    first = f"Is there {noun}?" if language == "en" else f"¿Hay {noun}?"
    answer = place_word(language, thing.place) if about == "place" else word(language, getattr(thing, about))
    return [(first, word(language, "yes")), (_FOLLOW_UPS[language][about], answer)]


def reasoning(scene: Scene, rng: random.Random, language: str = "en") -> tuple[str, str]:
    """A question about what would remain, answered in steps that end in the number."""
    many, steps = taken_away(scene, rng, language)
    if language == "en":
        return f"If {many} go away, how many things are left? Explain.", steps
    return f"Si se van {many}, ¿cuántas cosas quedan? Explica.", steps


def taken_away(scene: Scene, rng: random.Random, language: str = "en") -> tuple[str, str]:
    """Which things are taken away, "the red things", and in steps how many are left."""
    check_language(language)
    name = rng.choice(("colour", "shape"))
    value = getattr(rng.choice(scene.things), name)
    taken = sum(getattr(thing, name) == value for thing in scene.things)
    numbers = [word(language, NUMBERS[n]) for n in (len(scene.things), taken, len(scene.things) - taken)]
    many = phrase(language, article="the", plural=True, **{name: value})
    wording = "{} in all, {} taken away, so {} left" if language == "en" else "{} en total, {} menos, quedan {}"
    return many, sentence(wording.format(*numbers))
