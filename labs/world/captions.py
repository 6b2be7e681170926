"""Scene -> caption, in several styles and two languages. True by construction; things come in reading order.

tags    red circle, blue star
plain   a red circle and a blue star
places  a big red circle at the top left, a small blue star at the centre
prose   There are two things. A big red circle is at the top left. A small blue star is at the centre.
"""

from labs.world.grammar import at, check_language, join, phrase, sentence, word
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import NUMBERS

STYLES = ("tags", "plain", "places", "prose")


def caption(scene: Scene, style: str = "places", language: str = "en") -> str:
    """Write the caption. Raises ValueError for a style or a language that does not exist."""
    check_language(language)
    if style not in STYLES:
        raise ValueError(f"style must be one of {STYLES}, not {style!r}")
    if not scene.things:
        return "nothing" if language == "en" else "nada"
    if style == "tags":
        return ", ".join(phrase(language, thing.shape, thing.colour) for thing in scene.things)
    if style == "plain":
        return join(language, [phrase(language, thing.shape, thing.colour, article="a") for thing in scene.things])
    full = [describe(thing, language) for thing in scene.things]
    places = [at(language, thing.place) for thing in scene.things]
    if style == "places":
        return ", ".join(f"{thing} {place}" for thing, place in zip(full, places, strict=True))
    is_at = "is" if language == "en" else "está"
    sentences = [sentence(f"{thing} {is_at} {place}") for thing, place in zip(full, places, strict=True)]
    return " ".join([how_many(scene, language), *sentences])


def describe(thing: Thing, language: str = "en") -> str:
    """Name one thing with all its visible attributes: "a big red circle"."""
    return phrase(language, thing.shape, thing.colour, thing.size, article="a")


def how_many(scene: Scene, language: str = "en") -> str:
    """The opening sentence of the prose style: "There are two things."."""
    count = len(scene.things)
    if language == "en":
        return "There is one thing." if count == 1 else f"There are {NUMBERS[count]} things."
    return "Hay una cosa." if count == 1 else f"Hay {word(language, NUMBERS[count])} cosas."
