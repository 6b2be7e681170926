"""What the documents of section 4's base language model state: of scenes, in a wording for each kind, and of lands.

No wording is one of a question's (labs.world.wordings): whoever has read these has not read a question.
"""

import random
from functools import cache

STATEMENTS = {
    "en": {
        "existence": "The picture has {a}:",
        "colour": "The colour of {the} is",
        "shape": "The shape of {the} is",
        "size": "The size of {the} is",
        "place": "The place of {the} is",
        "count": "The number of {many} is",
        "relation": "Seen from {other}, {the} lies",
        "comparison": "The bigger of {the} and {other} is",
        "taking_away": "Without {the_many}, the number of things is",
    },
    "es": {
        "existence": "La imagen tiene {a}:",
        "colour": "El color de {the} es",
        "shape": "La forma de {the} es",
        "size": "El tamaño de {the} es",
        "place": "El lugar de {the} es",
        "count": "El número de {many} es",
        "relation": "Desde {other}, {the} queda",
        "comparison": "La más grande de {the} y {other} es",
        "taking_away": "Sin {the_many}, el número de cosas es",
    },
}
STEPS = {"en": "Without {}:", "es": "Sin {}:"}  # then the count that remains, step by step
KINDS = tuple(STATEMENTS["en"])
FACTS = {
    "en": {"capital": "The capital of {} is", "river": "The river of {} is"},
    "es": {"capital": "La capital de {} es", "river": "El río de {} es"},
}
LANDS = 24


@cache
def facts() -> dict[tuple[str, str], str]:
    """(land, "capital" or "river") -> its name. All names are made up, and none comes twice."""
    rng, names = random.Random("facts"), []
    while len(names) < LANDS * (1 + len(FACTS["en"])):
        name = "".join(rng.choice(part) for part in ("bdfgklmnprstvz", "aeiou", "bdfgklmnprstvz", "aeiou", "nrlsx"))
        if name not in names:
            names.append(name)
    lands, rest = names[:LANDS], iter(names[LANDS:])
    return {(land, about): next(rest) for land in lands for about in FACTS["en"]}
