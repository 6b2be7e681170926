"""Everything the micro-world says is true, in both languages, and training never says what is kept for testing.

The texts are read back here with patterns and word lists of this file's own, and the answer is found again from the
numbers of the scene (where a thing lies, how far it reaches), never with the code that wrote the text.
"""

import copy
import json
import random
import re
from collections import Counter
from itertools import islice

import numpy as np
import pytest
from PIL import Image

from labs.world import dialogue, edits, picture, records, regions, splits, stories
from labs.world.captions import STYLES, caption
from labs.world.grammar import phrase
from labs.world.questions import KINDS, ask, questions
from labs.world.scene import Scene, Thing, sample_scene
from labs.world.wordings import INSTRUCTIONS

LANGUAGES = ("en", "es")
PER_KIND = 300
COLOURS = "red orange yellow green turquoise blue purple pink".split()
SHAPES = "circle square triangle star cross heart ring moon".split()
PLACES = ["top left", "top", "top right", "left", "centre", "right", "bottom left", "bottom", "bottom right"]
NUMBERS = "zero one two three four five".split()
# Spanish nouns as one, many, gender; adjectives as m, f, many m, many f.
NOUNS = {
    "circle": "círculo círculos m", "square": "cuadrado cuadrados m", "triangle": "triángulo triángulos m",
    "star": "estrella estrellas f", "cross": "cruz cruces f", "heart": "corazón corazones m",
    "ring": "anillo anillos m", "moon": "luna lunas f", "thing": "cosa cosas f",
}  # fmt: skip
ADJECTIVES = {
    "red": "rojo roja rojos rojas", "orange": "naranja naranja naranjas naranjas",
    "yellow": "amarillo amarilla amarillos amarillas", "green": "verde verde verdes verdes",
    "turquoise": "turquesa turquesa turquesas turquesas", "blue": "azul azul azules azules",
    "purple": "morado morada morados moradas", "pink": "rosa rosa rosas rosas",
    "small": "pequeño pequeña pequeños pequeñas", "big": "grande grande grandes grandes",
}  # fmt: skip
LUGARES = ["arriba a la izquierda", "arriba", "arriba a la derecha", "a la izquierda", "en el centro", "a la derecha",
           "abajo a la izquierda", "abajo", "abajo a la derecha"]  # fmt: skip
SPANISH = {
    "sí": "yes", "no": "no", "ninguno": "neither", "ninguna": "neither", "una": "one", "al centro": "centre",
    "izquierda": "left", "derecha": "right", "encima": "above", "debajo": "below",
    **dict(zip("cero uno dos tres cuatro cinco".split(), NUMBERS, strict=True)),
    **dict(zip(LUGARES, PLACES, strict=True)),
    **{form: english for english, forms in ADJECTIVES.items() for form in forms.split()},
    **{noun.split()[0]: english for english, noun in NOUNS.items()},
}  # fmt: skip


def one_of(words) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


ENGLISH_PHRASE = re.compile(
    rf"(?:(the|an?) )?(?:(small|big) )?(?:({one_of(COLOURS)}) )?({one_of([*SHAPES, 'thing'])})((?:e?s)?)"
    rf"(?: at the ({one_of(PLACES)}))?"
)
FORMS = {size_or_colour: one_of(set(forms.split())) for size_or_colour, forms in ADJECTIVES.items()}
SPANISH_PHRASE = re.compile(
    rf"(?:(el|la|los|las|una?) )?({one_of(word for noun in NOUNS.values() for word in noun.split()[:2])})"
    rf"(?: ({one_of(FORMS[colour] for colour in COLOURS)}))?(?: ({FORMS['small']}|{FORMS['big']}))?"
    rf"(?: ({one_of(LUGARES)}))?"
)


def read(text: str, language: str) -> dict[str, str]:
    """What a noun phrase says: some of shape, colour, size, place. Checks article, number and gender on the way."""
    match = (ENGLISH_PHRASE if language == "en" else SPANISH_PHRASE).fullmatch(text)
    assert match, f"not a noun phrase: {text!r}"
    if language == "en":
        article, size, colour, shape, plural, place = match.groups()
        assert plural == ("es" if shape == "cross" else "s") * bool(plural)
        vowel = text.removeprefix(f"{article} ")[0] in "aeiou"
        assert article in (None, "the", "an" if vowel else "a")
    else:
        article, noun, colour, size, place = match.groups()
        shape, forms = next((name, forms.split()) for name, forms in NOUNS.items() if noun in forms.split())
        form = 2 * (noun == forms[1]) + (forms[2] == "f")
        articles = (("el", "un"), ("la", "una"), ("los",), ("las",))[form]
        assert article is None or article in articles, text
        for adjective in filter(None, (colour, size)):
            assert adjective == ADJECTIVES[SPANISH[adjective]].split()[form], text
        colour, size, place = (word and SPANISH[word] for word in (colour, size, place))
    said = {"colour": colour, "size": size, "place": place, "shape": None if shape == "thing" else shape}
    return {name: value for name, value in said.items() if value}


def place_of(thing: Thing) -> str:
    """The place from the centre alone."""
    column, row = (sum(part >= edge for edge in (1 / 3, 2 / 3)) for part in (thing.x, thing.y))
    return PLACES[3 * row + column]


def facts(thing: Thing) -> dict[str, str]:
    size = "big" if thing.radius > 0.12 else "small"
    return {"shape": thing.shape, "colour": thing.colour, "size": size, "place": place_of(thing)}


def fitting(scene: Scene, said: dict[str, str]) -> list[Thing]:
    return [thing for thing in scene.things if said.items() <= facts(thing).items()]


def the_one(scene: Scene, text: str, language: str) -> Thing:
    found = fitting(scene, read(text, language))
    assert len(found) == 1, f"{text!r} fits {len(found)} things"
    return found[0]


def english(answer: str, language: str) -> str:
    return answer if language == "en" else SPANISH[answer]


def plain(text: str) -> str:
    """The first letter small; "del" and "al" taken apart, so that a noun phrase keeps its article."""
    text = re.sub(r"^[¿¡]?.", lambda match: match[0].lower(), text)
    return re.sub(r"\bal (?!centro)", "a el ", re.sub(r"\bdel ", "de el ", text))


# ---------------------------------------------------------------------------------------------------------------
# Questions. The last pattern of each kind is the wording kept from training.

PATTERNS = {
    "en": {
        "existence": [r"is there (?P<a>.+)\?", r"do you see (?P<a>.+)\?", r"can you find (?P<a>.+) in the picture\?"],
        "colour": [r"what colour is (?P<the>.+)\?", r"which colour does (?P<the>.+) have\?",
                   r"name the colour of (?P<the>.+)\."],
        "shape": [r"what shape is (?P<the>.+)\?", r"which shape does (?P<the>.+) have\?",
                  r"name the shape of (?P<the>.+)\."],
        "size": [r"how big is (?P<the>.+)\?", r"is (?P<the>.+) big or small\?", r"what size is (?P<the>.+)\?"],
        "place": [r"where is (?P<the>.+)\?", r"in which place is (?P<the>.+)\?", r"tell me where (?P<the>.+) is\."],
        "count": [r"how many (?P<many>.+) are there\?", r"count the (?P<many>.+)\.",
                  r"what is the number of (?P<many>.+)\?"],
        "relation": [r"on which side of (?P<other>.+) is (?P<the>.+)\?",
                     r"seen from (?P<other>.+), where is (?P<the>.+)\?",
                     r"is (?P<the>.+) left, right, above or below of (?P<other>.+)\?"],
        "comparison": [r"which is bigger, (?P<the>.+) or (?P<other>.+)\?", r"is (?P<the>.+) or (?P<other>.+) bigger\?",
                       r"of (?P<the>.+) and (?P<other>.+), which one is bigger\?"],
        "odd_colour": [r"which colour is the odd one out\?",
                       r"one thing has another colour than the rest\. Which colour\?",
                       r"name the colour that does not fit\."],
        "odd_shape": [r"which shape is the odd one out\?",
                      r"one thing has another shape than the rest\. Which shape\?",
                      r"name the shape that does not fit\."],
        "taking_away": [r"if (?P<gone>.+) go away, how many things are left\?",
                        r"take away (?P<gone>.+)\. How many things are left\?",
                        r"without (?P<gone>.+), how many things would there be\?"],
    },
    "es": {
        "existence": [r"¿hay (?P<a>.+)\?", r"¿ves (?P<a>.+)\?", r"¿encuentras (?P<a>.+) en la imagen\?"],
        "colour": [r"¿de qué color es (?P<the>.+)\?", r"¿qué color tiene (?P<the>.+)\?",
                   r"di el color de (?P<the>.+)\."],
        "shape": [r"¿qué forma tiene (?P<the>.+)\?", r"¿de qué forma es (?P<the>.+)\?",
                  r"di la forma de (?P<the>.+)\."],
        "size": [r"¿qué tamaño tiene (?P<the>.+)\?", r"¿cómo es de grande (?P<the>.+)\?",
                 r"di el tamaño de (?P<the>.+)\."],
        "place": [r"¿dónde está (?P<the>.+)\?", r"¿en qué lugar está (?P<the>.+)\?", r"dime dónde está (?P<the>.+)\."],
        "count": [r"número de (?P<many>.+):", r"cuenta(?: las cosas)?: (?P<many>.+)\.",
                  r"di el número de (?P<many>.+)\."],
        "relation": [r"¿a qué lado de (?P<other>.+) está (?P<the>.+)\?",
                     r"(?:visto )?desde (?P<other>.+), ¿dónde está (?P<the>.+)\?",
                     r"¿dónde queda (?P<the>.+) respecto a (?P<other>.+)\?"],
        "comparison": [r"¿cuál es más grande, (?P<the>.+) o (?P<other>.+)\?",
                       r"¿es más grande (?P<the>.+) o (?P<other>.+)\?",
                       r"entre (?P<the>.+) y (?P<other>.+), ¿cuál es más grande\?"],
        "odd_colour": [r"¿qué color es el diferente\?", r"una cosa tiene otro color que las demás\. ¿Qué color\?",
                       r"di el color que no encaja\."],
        "odd_shape": [r"¿qué forma es la diferente\?", r"una cosa tiene otra forma que las demás\. ¿Qué forma\?",
                      r"di la forma que no encaja\."],
        "taking_away": [r"sin (?P<gone>.+), ¿cuántas cosas quedan\?",
                        r"si se van (?P<gone>.+), ¿cuántas cosas quedan\?",
                        r"¿cuántas cosas quedarían sin (?P<gone>.+)\?"],
    },
}  # fmt: skip


def find_again(scene: Scene, kind: str, slots: dict[str, str], language: str) -> str:
    """The English answer, from what the question says and the numbers of the scene."""
    if kind == "existence":
        return "yes" if fitting(scene, read(slots["a"], language)) else "no"
    if kind == "count":
        return NUMBERS[len(fitting(scene, read(slots["many"], language)))]
    if kind == "taking_away":
        return NUMBERS[len(scene.things) - len(fitting(scene, read(slots["gone"], language)))]
    if kind.startswith("odd_"):
        seen = Counter(facts(thing)[kind.removeprefix("odd_")] for thing in scene.things)
        assert len(seen) == 2 and sorted(seen.values())[0] == 1 < sorted(seen.values())[1]
        return min(seen, key=seen.__getitem__)
    the = the_one(scene, slots["the"], language)
    if kind in ("relation", "comparison"):
        other = the_one(scene, slots["other"], language)
        return side(the, other) if kind == "relation" else bigger(the, other)
    assert kind not in read(slots["the"], language), "the question gives its answer away"
    return facts(the)[kind]


def side(a: Thing, b: Thing) -> str:
    across, down = a.x - b.x, a.y - b.y
    assert abs(abs(across) - abs(down)) > 0.02, "no direction clearly wins"
    if abs(across) > abs(down):
        return "right" if across > 0 else "left"
    return "below" if down > 0 else "above"


def bigger(a: Thing, b: Thing) -> str:
    ratio = a.radius / b.radius
    return "neither" if ratio == 1 else a.shape if ratio > 1 else b.shape


@pytest.fixture(scope="module")
def drawn() -> dict[str, list[Scene]]:
    rng = random.Random(1)
    return {split: [splits.sample(rng, split) for _ in range(n)] for split, n in (("train", 5000), ("heldout", 1000))}


@pytest.fixture(scope="module")
def scenes(drawn) -> list[Scene]:
    """Of both splits, and some more in which one thing is odd, of which there are few."""
    rng = random.Random(2)
    odd = [splits.sample(rng, split, kind="odd") for split in splits.SPLITS for _ in range(450)]
    return drawn["train"][:900] + drawn["heldout"][:900] + odd


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_true(scenes, kind, language):
    rng, asked = random.Random(2), 0
    for number, scene in enumerate(scenes):
        wording = number % 3
        question = ask(scene, rng, kind, language, wording)
        if question is None:
            continue
        match = re.fullmatch(PATTERNS[language][kind][wording], plain(question.text))
        assert match, f"not worded like wording {wording} of {kind}: {question.text!r}"
        assert english(question.answer, language) == find_again(scene, kind, match.groupdict(), language), question
        assert question.kind == kind
        assert not question.text[0].islower() and not question.text[1:2].islower() * (question.text[0] in "¿¡")
        asked += 1
    assert asked >= PER_KIND


@pytest.mark.parametrize("kind", KINDS)
def test_a_question_says_whom_it_is_about(scenes, kind):
    patterns = PATTERNS["en"][kind]
    for seed, scene in enumerate(scenes[::9]):
        question = ask(scene, random.Random(seed), kind, wording=0)
        if question is None:
            continue
        about = [scene.things[i] for i in question.about]
        slots = re.fullmatch(patterns[0], plain(question.text)).groupdict()
        if {"the", "other"} & set(slots):
            assert about == [the_one(scene, slots[slot], "en") for slot in ("the", "other") if slot in slots]
        elif kind == "taking_away":
            assert not set(about) & set(fitting(scene, read(slots["gone"], "en")))
        elif kind in ("count", "existence"):
            named = fitting(scene, read(slots.get("many") or slots["a"], "en"))
            assert about == named if kind == "count" else set(about) <= set(named)
        else:
            assert [facts(thing)[kind.removeprefix("odd_")] for thing in about] == [question.answer]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_last_wording_is_used_only_when_asked_for(scenes, language):
    rng = random.Random(3)
    for kind in KINDS:
        *known, kept = PATTERNS[language][kind]
        seen = Counter()
        for scene in scenes[:300] + scenes[-200:]:
            question, unseen = ask(scene, rng, kind, language), ask(scene, rng, kind, language, wording=-1)
            if question:
                used = [bool(re.fullmatch(pattern, plain(question.text))) for pattern in known]
                assert used.count(True) == 1 and not re.fullmatch(kept, plain(question.text))
                assert re.fullmatch(kept, plain(unseen.text))
                seen[used.index(True)] += 1
        assert min(seen[0], seen[1]) > 0.4 * sum(seen.values())
    assert all(len(set(wordings)) == 3 for wordings in INSTRUCTIONS[language].values())


@pytest.mark.parametrize("split", splits.SPLITS)
def test_no_answer_is_frequent_enough_to_be_a_guess(drawn, split):
    rng = random.Random(4)
    for kind in KINDS:
        asked = [ask(scene, rng, kind) for scene in drawn[split][:1000]]
        counts = Counter(question.answer for question in asked if question)
        assert counts.total() > 150
        assert max(counts.values()) / counts.total() < 0.62, (kind, counts.most_common(3))


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_are_different_and_go_round_the_types(scenes, language):
    for seed, scene in enumerate(scenes[:200]):
        asked = questions(scene, random.Random(seed), 8, language)
        assert len({question.text for question in asked}) == len(asked) <= 8
        assert len({question.kind for question in asked}) >= min(5, len(asked))
        assert questions(scene, random.Random(seed), 8, language) == asked
        assert {question.kind for question in questions(scene, random.Random(seed), 4, kinds=["count"])} == {"count"}


# ---------------------------------------------------------------------------------------------------------------
# Captions, conversation, reasoning


def read_caption(text: str, style: str, language: str) -> list[dict[str, str]]:
    if style == "prose":
        opening, *told = text.removesuffix(".").split(". ")
        said = [plain(line).replace(" is at ", " at ").replace(" está ", " ") for line in told]
        number = re.fullmatch(r"There (?:is|are) (\w+) things?|Hay (\w+) cosas?", opening)
        count = english(number[1] or number[2], language)
        assert count == NUMBERS[len(said)]
        assert (" are " in opening or opening.endswith("cosas")) == (count != "one")
    elif style == "plain":
        said = re.split(", | and | y ", text)
    else:
        said = text.split(", ")
    return [read(line, language) for line in said]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("style", STYLES)
def test_a_caption_reads_back_to_the_scene(scenes, style, language):
    names = ("shape", "colour") if style in ("tags", "plain") else ("shape", "colour", "size", "place")
    for scene in scenes[::4]:
        true = sorted(scene.things, key=lambda thing: PLACES.index(place_of(thing)))
        told = read_caption(caption(scene, style, language), style, language)
        assert told == [{name: facts(thing)[name] for name in names} for thing in true]


def test_a_caption_of_nothing():
    assert {caption(Scene(()), style) for style in STYLES} == {"nothing"}
    assert caption(Scene(()), language="es") == "nada"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_conversation_is_true(scenes, language):
    first = {"en": r"is there (.+)\?", "es": r"¿hay (.+)\?"}[language]
    about = {
        "What colour is it?": "colour", "How big is it?": "size", "Where is it?": "place",
        "¿De qué color es?": "colour", "¿Qué tamaño tiene?": "size", "¿Dónde está?": "place",
    }  # fmt: skip
    held = 0
    for seed, scene in enumerate(scenes):
        talk = dialogue.conversation(scene, random.Random(seed), language)
        single = [shape for shape, n in Counter(thing.shape for thing in scene.things).items() if n == 1]
        assert (talk is None) == (not single)
        if talk:
            (opening, yes), (question, answer) = talk
            it = the_one(scene, re.fullmatch(first, plain(opening))[1], language)
            assert english(yes, language) == "yes" and it.shape in single
            assert english(answer, language) == facts(it)[about[question]]
            held += 1
    assert held >= PER_KIND


@pytest.mark.parametrize("language", LANGUAGES)
def test_reasoning_counts_rightly_and_step_by_step(scenes, language):
    asks = {"en": r"if (.+) go away, how many things are left\? Explain\.",
            "es": r"si se van (.+), ¿cuántas cosas quedan\? Explica\."}[language]  # fmt: skip
    steps = {"en": r"(\w+) in all, (\w+) taken away, so (\w+) left\.",
             "es": r"(\w+) en total, (\w+) menos, quedan? (\w+)\."}[language]  # fmt: skip
    for seed, scene in enumerate(scenes):
        question, answer = dialogue.reasoning(scene, random.Random(seed), language)
        gone = len(fitting(scene, read(re.fullmatch(asks, plain(question))[1], language)))
        said = [NUMBERS.index(english(number, language)) for number in re.fullmatch(steps, plain(answer)).groups()]
        assert said == [len(scene.things), gone, len(scene.things) - gone]
        assert gone > 0


# ---------------------------------------------------------------------------------------------------------------
# Stories

EVENTS = {
    "en": {"move": r"it went to the (.+)\.", "resize": r"it became (.+)\.", "recolour": r"it turned (.+)\.",
           "meet": r"it met (.+)\.", "part": r"(.+) went away\."},
    "es": {"part": r"(.+) se fue\.", "move": r"se fue (.+)\.", "resize": r"se hizo (.+)\.",
           "recolour": r"se volvió (.+)\.", "meet": r"se encontró con (.+)\."},
}  # fmt: skip
ONCE = {"en": r"once there was (.+)\.", "es": r"había una vez (.+)\."}


@pytest.fixture(scope="module")
def library() -> dict[str, list[stories.Story]]:
    rng = random.Random(5)
    return {
        split: [stories.sample_story(rng, split) for _ in range(n)] for split, n in (("train", 5000), ("heldout", 1000))
    }


@pytest.fixture(scope="module")
def told(library) -> list[stories.Story]:
    return library["train"][:300] + library["heldout"][:300]


def difference(before: Scene, after: Scene, hero: str) -> tuple[str, dict[str, str]]:
    """What happened between two pictures, and to what: ("move", {"place": "top"})."""
    old, new = ({thing.shape: facts(thing) for thing in scene.things} for scene in (before, after))
    came, went = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {name: value for name, value in new[hero].items() if old[hero][name] != value}
    assert len(came) + len(went) + len(changed) == 1, "one thing happens at a time"
    if came:
        return "meet", {name: value for name, value in new[came.pop()].items() if name != "place"}
    if went:
        return "part", {"shape": went.pop()}
    return {"place": "move", "size": "resize", "colour": "recolour"}[next(iter(changed))], changed


def read_event(text: str, language: str, shape: str) -> tuple[str, dict[str, str]]:
    """What a sentence says, in the form of `difference`; adjectives must agree with the protagonist, a `shape`."""
    kind, match = next((kind, match) for kind, pattern in EVENTS[language].items()
                       if (match := re.fullmatch(pattern, plain(text))))  # fmt: skip
    if kind in ("meet", "part"):
        return kind, read(match[1], language)
    if kind == "move":
        return kind, {"place": english(match[1], language)}
    said = read(phrase("en", shape).replace(shape, f"{match[1]} {shape}") if language == "en" else
                f"{NOUNS[shape].split()[0]} {match[1]}", language)  # fmt: skip
    del said["shape"]
    return kind, said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_of_a_story_is_the_difference_of_two_pictures(told, language):
    for story in told:
        first, *events = story.sentences(language)
        hero = story.scenes[0].things[0].shape
        assert story.text(language) == " ".join([first, *events])
        assert read(re.fullmatch(ONCE[language], plain(first))[1], language) == facts(story.scenes[0].things[0])
        true = [difference(a, b, hero) for a, b in zip(story.scenes, story.scenes[1:], strict=False)]
        assert [read_event(text, language, hero) for text in events] == true
        assert tuple(kind for kind, _ in true) == story.plot


def test_the_scenes_of_a_story_fit_together(told):
    for story in told:
        assert len(story.scenes) == 5 and len(story.scenes[0].things) == 1
        assert len({(scene.background, scene.tone, scene.texture, scene.sign) for scene in story.scenes}) == 1
        hero = story.scenes[0].things[0].shape
        lives = [next(thing for thing in scene.things if thing.shape == hero) for scene in story.scenes]
        assert len({(thing.tilt, thing.shade, thing.depth) for thing in lives}) == 1
        for before, after in zip(story.scenes, story.scenes[1:], strict=False):
            assert len(after.things) <= 2
            friends = [{thing for thing in scene.things if thing.shape != hero} for scene in (before, after)]
            assert friends[0] == friends[1] or not all(friends)
        for thing in (thing for scene in story.scenes for thing in scene.things):
            assert thing.x - thing.column / 3 >= thing.radius - 1e-9 <= (thing.column + 1) / 3 - thing.x + 2e-9
            assert thing.y - thing.row / 3 >= thing.radius - 1e-9 <= (thing.row + 1) / 3 - thing.y + 2e-9


# ---------------------------------------------------------------------------------------------------------------
# Nothing kept for testing is ever seen in training


def shows_held_out(scene: Scene) -> bool:
    shapes = [thing.shape for thing in scene.things]
    company = any(pair <= {a, b} for a in shapes for b in shapes for pair in splits.HELD_OUT_COMPANY)
    return company or any((thing.colour, thing.shape) in splits.HELD_OUT_PAIRS for thing in scene.things)


def test_each_colour_and_each_shape_is_held_out_once():
    colours, shapes = zip(*splits.HELD_OUT_PAIRS, strict=True)
    assert sorted(colours) == sorted(COLOURS) and sorted(shapes) == sorted(SHAPES)
    assert all(len(pair) == 2 for pair in splits.HELD_OUT_COMPANY)


def test_no_training_scene_shows_what_is_held_out_and_every_held_out_scene_does(drawn):
    assert [len(drawn[split]) for split in splits.SPLITS] == [5000, 1000]
    assert not any(shows_held_out(scene) for scene in drawn["train"])
    assert all(shows_held_out(scene) for scene in drawn["heldout"])


def test_no_training_caption_names_what_is_held_out(drawn):
    text = " ".join(caption(scene) for scene in drawn["train"][:1000])
    assert not [pair for pair in splits.HELD_OUT_PAIRS if " ".join(pair) in text]


def test_no_training_story_tells_or_shows_what_is_held_out_and_every_held_out_story_does(library):
    train, heldout = library["train"], library["heldout"]
    assert not any(shows_held_out(scene) for story in train for scene in story.scenes)
    assert not {story.plot for story in train} & {story.plot for story in heldout}
    for story in heldout:
        hero = story.scenes[0].things[0]
        assert stories.is_held_out_plot(story.plot) and (hero.colour, hero.shape) in splits.HELD_OUT_PAIRS
    plots = len({story.plot for story in heldout}), len({story.plot for story in train})
    assert plots[0] > 20 and 0.1 < plots[0] / sum(plots) < 0.3


# ---------------------------------------------------------------------------------------------------------------
# Purity, seeds, refusals

WRITERS = {
    "scene": lambda seed: splits.sample(random.Random(seed)),
    "heldout": lambda seed: splits.sample(random.Random(seed), "heldout", count=2),
    "story": lambda seed: stories.sample_story(random.Random(seed)),
    "edit": lambda seed: edits.sample_edit(random.Random(seed)),
    "questions": lambda seed: questions(sample_scene(random.Random(seed), count=4), random.Random(seed), 20),
    "reasoning": lambda seed: dialogue.reasoning(sample_scene(random.Random(seed)), random.Random(seed)),
    "records": lambda seed: list(records.scene_records(count=3, seed=seed)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_seed_decides(name):
    made = [WRITERS[name](seed) for seed in range(30)]
    assert made == [WRITERS[name](seed) for seed in range(30)]
    assert len({repr(one) for one in made}) > 20


def test_writing_leaves_the_scene_as_it_was(scenes):
    for scene in scenes[:50]:
        before = copy.deepcopy(scene)
        caption(scene, "prose"), questions(scene, random.Random(0), 30), dialogue.conversation(scene, random.Random(0))
        assert scene == before


RNG = random.Random(0)
SCENE = splits.sample(random.Random(0))


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: caption(SCENE, "long"), r"style must be one of \('tags', .*\), not 'long'"),
        (lambda: caption(SCENE, language="fr"), r"language must be one of \('en', 'es'\), not 'fr'"),
        (lambda: phrase("de", "circle"), r"language must be one of .*, not 'de'"),
        (lambda: ask(SCENE, RNG, "smell"), r"kind must be one of \('existence', .*\), not 'smell'"),
        (lambda: splits.sample(RNG, "test"), r"split must be one of \('train', 'heldout'\), not 'test'"),
        (lambda: edits.sample_edit(RNG, "test"), "split must be one of .*, not 'test'"),
        (lambda: edits.sample_edit(RNG, language="fr"), "language must be one of .*, not 'fr'"),
        (lambda: edits.sample_edit(RNG, kind="paint"), r"kind must be one of \('recolour', .*\), not 'paint'"),
        (lambda: records.dataset("test"), "split must be one of .*, not 'test'"),
        (lambda: records.dataset(count=0), "count must be at least 1, not 0"),
        (lambda: records.dataset(count=1, size=32), "size must be at least 64 pixels, not 32"),
        (lambda: records.write_llava("unmade", turns=0), "turns must be at least 1, not 0"),
        (lambda: records.write_llava("unmade", language="fr"), "language must be one of .*, not 'fr'"),
        (lambda: records.write_llava_stories("unmade", count=-1), "count must be at least 1, not -1"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rule):
        call()
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------------------------------------------
# Edits

COMMANDS = {
    "en": {
        "recolour": r"(?:paint|make) (?P<the>.+) (?P<new>\w+)", "remove": r"(?:remove|take) (?P<the>.+?)(?: away)?",
        "resize": r"(?:make|change) (?P<the>.+?)(?:: it should be)? (?P<new>small|big)",
        "reshape": r"turn (?P<the>.+) into (?P<new>.+)|put (?P<new_>.+) in the place of (?P<the_>.+)",
        "move": r"(?:put|place) (?P<the>.+) at the (?P<new>.+)", "add": r"(?:add|draw) (?P<new>.+)",
    },
    "es": {
        "recolour": r"pinta (?P<the>.+) de (?:color )?(?P<new>\w+)", "remove": r"(?:quita|borra) (?P<the>.+)",
        "resize": r"(?:haz|cambia) (?P<the>.+?)(?:: tiene que ser)? (?P<new>grande|pequeñ[oa])",
        "reshape": r"convierte (?P<the>.+) en (?P<new>.+)|cambia (?P<the_>.+) por (?P<new_>.+)",
        "move": rf"(?:pon|coloca) (?P<the>.+?) (?P<new>{one_of(LUGARES)})", "add": r"(?:añade|dibuja) (?P<new>.+)",
    },
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("split", splits.SPLITS)
@pytest.mark.parametrize("kind", edits.KINDS)
def test_exactly_the_named_thing_changes_as_told(kind, split, language):
    rng = random.Random(8)
    for _ in range(60):
        edit = edits.sample_edit(rng, split, language, kind)
        assert edit.kind == kind
        assert shows_held_out(edit.before) == shows_held_out(edit.after) == (split == "heldout")
        match = re.fullmatch(COMMANDS[language][kind], plain(edit.instruction).removesuffix("."))
        said = {name.strip("_"): value for name, value in match.groupdict().items() if value}
        old, new = ([thing for thing in one.things if thing not in other.things]
                    for one, other in ((edit.before, edit.after), (edit.after, edit.before)))  # fmt: skip
        assert (len(old), len(new)) == {"add": (0, 1), "remove": (1, 0)}.get(kind, (1, 1))
        assert [the_one(edit.before, said["the"], language)] == old if old else "the" not in said
        if kind in ("add", "reshape"):
            new_said = read(said["new"], language)
            assert new_said.items() <= facts(new[0]).items()
            assert set(new_said) == ({"shape"} if old else set(facts(new[0])))
        elif new:
            assert english(said["new"], language) in facts(new[0]).values()
        if old and new:
            changed = {name for name, value in facts(new[0]).items() if facts(old[0])[name] != value}
            assert changed == {{"recolour": "colour", "resize": "size", "reshape": "shape", "move": "place"}[kind]}
            assert (new[0].tilt, new[0].shade, new[0].motion) == (old[0].tilt, old[0].shade, old[0].motion)
        assert edit.before.background == edit.after.background and edit.before.sign == edit.after.sign


def test_in_a_size_instruction_the_adjective_agrees():
    for seed in range(200):
        said = plain(edits.sample_edit(random.Random(seed), language="es", kind="resize").instruction)
        match = re.fullmatch(r"(?:haz|cambia) ((?:el|la) .+?)(?:: tiene que ser)? (pequeñ[oa])\.", said)
        assert match is None or match[2][-1] == ("o" if match[1].startswith("el ") else "a")


def test_a_thing_that_grows_or_moves_keeps_to_its_cell():
    rng = random.Random(9)
    for number in range(300):
        for thing in edits.sample_edit(rng, kind=("resize", "move")[number % 2]).after.things:
            for centre, cell in ((thing.x, thing.column), (thing.y, thing.row)):
                assert cell / 3 + thing.radius - 1e-9 <= centre <= (cell + 1) / 3 - thing.radius + 1e-9


def test_every_kind_of_edit_is_as_frequent():
    seen = Counter(edits.sample_edit(random.Random(seed)).kind for seed in range(600))
    assert set(seen) == set(edits.KINDS) and min(seen.values()) > 70


# ---------------------------------------------------------------------------------------------------------------
# Records


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_data_set_holds_pictures_captions_questions_and_boxes(language):
    data = records.dataset("heldout", 12, seed=3, size=80, language=language)
    assert set(data.features) == {"id", "image", "caption", "caption_es", "questions", "boxes", "names"}
    assert set(data.features["questions"].feature) == {"kind", "question", "answer"}
    assert len(data) == len(set(data["id"])) == 12
    for row, record in zip(data, records.scene_records("heldout", 12, 3, 80, language), strict=True):
        assert isinstance(row["image"], Image.Image) and row["image"].size == (80, 80)
        assert np.array_equal(np.asarray(row["image"]), np.asarray(record["image"]))
        assert {name: row[name] for name in row if name != "image"} == {n: record[n] for n in record if n != "image"}
        assert 3 <= len(row["questions"]) <= records.QUESTIONS
        things = read_caption(row["caption"], "places", "en")
        assert things == read_caption(row["caption_es"], "places", "es")
        assert len(things) == len(row["boxes"]) == len(row["names"])
        for thing, (x0, y0, x1, y1), name in zip(things, row["boxes"], row["names"], strict=True):
            column, row_of = int((x0 + x1) / 2 / 80 * 3), int((y0 + y1) / 2 / 80 * 3)
            assert 0 <= x0 < x1 <= 80 and PLACES[3 * row_of + column] == thing["place"]
            assert read(name, language) == {n: thing[n] for n in ("shape", "colour", "size")}


def test_a_record_does_not_depend_on_how_many_are_made():
    few, many = records.scene_records(count=3, seed=1), records.scene_records(count=9, seed=1)
    assert list(few) == list(islice(many, 3))
    first = next(records.scene_records(count=1, seed=1))
    assert first["caption"] != next(records.scene_records(count=1, seed=2))["caption"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_llava_records_read_back(tmp_path, language):
    made = {}
    for name in ("one", "two"):
        file = records.write_llava(tmp_path / name, "heldout", 10, seed=4, turns=4, language=language)
        assert file == tmp_path / name / "records.json"
        made[name] = file.read_text(encoding="utf-8")
    assert made["one"] == made["two"]
    for number, record in enumerate(json.loads(made["one"])):
        scene = splits.sample(random.Random(f"heldout 4 {number}"), "heldout")
        assert list(record) == ["id", "image", "conversations"]
        with Image.open(tmp_path / "one" / "images" / record["image"]) as saved:
            assert np.array_equal(np.asarray(saved), np.asarray(picture.draw(scene)))
        turns = record["conversations"]
        assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
        assert 2 <= len(turns) <= 8
        assert turns[0]["value"].startswith("<image>\n")
        assert sum(turn["value"].count("<image>") for turn in turns) == 1
        for question, answer in zip(turns[::2], turns[1::2], strict=True):
            text = plain(question["value"].removeprefix("<image>\n"))
            kind, match = next((kind, match) for kind in KINDS for pattern in PATTERNS[language][kind]
                               if (match := re.fullmatch(pattern, text)))  # fmt: skip
            assert english(answer["value"], language) == find_again(scene, kind, match.groupdict(), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_llava_stories_read_back(tmp_path, language):
    file = records.write_llava_stories(tmp_path, "train", 4, seed=5, language=language)
    for number, record in enumerate(json.loads(file.read_text(encoding="utf-8"))):
        story = stories.sample_story(random.Random(f"train 5 {number}"))
        question, answer = (turn["value"] for turn in record["conversations"])
        assert len(record["image"]) == question.count("<image>") == 5
        *marks, instruction = question.split("\n")
        assert marks == ["<image>"] * 5 and instruction in INSTRUCTIONS[language]["story"][:-1]
        assert answer == story.text(language)
        for name, scene in zip(record["image"], story.scenes, strict=True):
            with Image.open(tmp_path / "images" / name) as saved:
                assert np.array_equal(np.asarray(saved), np.asarray(picture.draw(scene)))
    assert len(list((tmp_path / "images").iterdir())) == 20


@pytest.mark.parametrize("write", [records.write_llava, records.write_llava_stories])
def test_a_folder_that_holds_something_is_left_alone(tmp_path, write):
    (tmp_path / "notes.txt").write_text("mine")
    for there in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(FileExistsError, match="already holds something: name a new or an empty folder"):
            write(there, count=1)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_the_boxes_of_a_record_are_those_of_the_regions():
    scene = splits.sample(random.Random("train 0 0"))
    assert next(records.scene_records(count=1))["boxes"] == regions.boxes(scene).tolist()
