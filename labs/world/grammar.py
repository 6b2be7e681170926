"""Noun phrases in two languages: the only place that knows about articles, agreement and word order."""

from labs.world.vocabulary import ES_COLOURS, ES_PLACES, ES_SHAPES, ES_SIZES, ES_WORDS, LANGUAGES, Adjective


def check_language(language: str) -> None:
    """Raise ValueError unless `language` is one that the micro-world speaks."""
    if language not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, not {language!r}")


def phrase(
    language: str,
    shape: str = "thing",
    colour: str | None = None,
    size: str | None = None,
    article: str | None = None,
    plural: bool = False,
) -> str:
    """Write a noun phrase such as "a big red circle" / "un círculo rojo grande".

    `article` is None, "a" or "the"; a shape of "thing" stands for any shape.
    """
    check_language(language)
    if language == "en":
        noun = _english_plural(shape) if plural else shape
        words = [word for word in (size, colour, noun) if word]
        if article == "a":
            article = "an" if words[0][0] in "aeiou" else "a"
        return " ".join([article, *words] if article else words)
    noun, gender = ES_SHAPES[shape], ES_SHAPES[shape].gender
    words = [noun.many if plural else noun.one]
    words += [agree(table[word], gender, plural) for table, word in ((ES_COLOURS, colour), (ES_SIZES, size)) if word]
    if article == "the":
        article = {"m": ("el", "los"), "f": ("la", "las")}[gender][plural]
    elif article == "a":
        article = {"m": "un", "f": "una"}[gender]
    return " ".join([article, *words] if article else words)


def agree(adjective: Adjective, gender: str, plural: bool = False) -> str:
    """Choose the form of a Spanish adjective."""
    return getattr(adjective, f"many_{gender}" if plural else gender)


def at(language: str, place: str) -> str:
    """Write a place as an adverbial: "at the top left" / "arriba a la izquierda"."""
    return f"at the {place}" if language == "en" else ES_PLACES[place]


def place_word(language: str, place: str) -> str:
    """Write a place as the answer to a question: "top left" / "arriba a la izquierda"."""
    return at(language, place).removeprefix("at the ")


def word(language: str, english: str) -> str:
    """Translate one answer word: a shape, colour, size, place, number, direction, yes or no."""
    if language == "en":
        return english
    for table in (ES_COLOURS, ES_SIZES):
        if english in table:
            return table[english].m
    if english in ES_SHAPES:
        return ES_SHAPES[english].one
    return ES_WORDS.get(english) or ES_PLACES[english]


def contract(language: str, text: str) -> str:
    """Spanish writes "de el" and "a el" in one word: "del círculo", "al círculo"."""
    return text.replace(" de el ", " del ").replace(" a el ", " al ") if language == "es" else text


def join(language: str, phrases: list[str]) -> str:
    """Join phrases as a list in running text: "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    return ", ".join(phrases[:-1]) + (" and " if language == "en" else " y ") + phrases[-1]


def capital(text: str) -> str:
    """Make the first letter a capital; Spanish questions begin with a mark before it."""
    start = 1 if text[0] in "¿¡" else 0
    return text[:start] + text[start].upper() + text[start + 1 :]


def sentence(text: str) -> str:
    """Capitalise the first letter and close with a full stop."""
    return capital(text) + "."


def _english_plural(noun: str) -> str:
    return noun + ("es" if noun.endswith("s") else "s")
