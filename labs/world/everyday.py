"""Questions as people type them: many more wordings, checks ("Is the star red?"), and no care about spelling.

English only. The last two wordings of each list but the clauses are kept from training, to measure what a room full of
people will ask. The tokenizer has not met these words; it writes the new ones in pieces.
"""

import random
import re

from labs.world.grammar import capital, phrase
from labs.world.questions import ASKERS, Question, ask
from labs.world.scene import Scene, Thing
from labs.world.splits import HELD_OUT_PAIRS, is_held_out
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

KEPT = 2  # wordings of each list that training never sees

WORDINGS: dict[str, tuple[str, ...]] = {
    "existence": (
        "is {a} there?", "is there {a} in the picture?", "is there {a} here?", "are you able to see {a}?",
        "does the picture show {a}?", "does this picture have {a}?", "is {a} in the picture?", "can {a} be seen?",
        "is {a} anywhere in this picture?", "is {a} part of the picture?", "have you seen {a}?", "{a}?",
        "does {a} appear here?", "could {a} be somewhere in the picture?",
    ),
    "colour": (
        "what is the colour of {the}?", "what colour does {the} have?", "colour of {the}?", "{the}: what colour?",
        "what colour is {the} in the picture?", "give the colour of {the}.", "{the} is of which colour?",
        "in which colour is {the}?", "which one is the colour of {the}?",
    ),
    "shape": (
        "what is the shape of {the}?", "what shape does {the} have?", "shape of {the}?", "what is {the}?",
        "what kind of shape is {the}?", "give the shape of {the}.", "{the}: what shape?",
        "of which shape is {the}?", "which one is the shape of {the}?",
    ),
    "size": (
        "what is the size of {the}?", "is {the} small or big?", "size of {the}?", "what size does {the} have?",
        "how big is {the} in the picture?", "give the size of {the}.", "{the}: big or small?",
        "of which size is {the}?", "which size does {the} have?",
    ),
    "place": (
        "where is {the} in the picture?", "where can I find {the}?", "where do you see {the}?",
        "what is the position of {the}?", "where can {the} be found?", "position of {the}?",
        "in which part of the picture is {the}?", "where should I look for {the}?", "{the}: where?",
        "where in the picture do you find {the}?", "which position does {the} have?",
    ),
    "count": (
        "how many {many} do you see?", "how many {many} can you see?", "how many {many} are in the picture?",
        "how many {many}?", "number of {many}?", "how many {many} does the picture show?", "count {many}.",
        "what number of {many} do you see?", "how many {many} can be seen?",
    ),
    "relation": (
        "where is {the} relative to {other}?", "where is {the} compared to {other}?",
        "is {the} to the left or right of {other}, or above or below?", "where does {the} lie, seen from {other}?",
        "in which direction from {other} is {the}?", "is {the} above, below, left or right of {other}?",
        "how is {the} placed relative to {other}?", "from {other}, which way is {the}?",
        "in which position from {other} is {the}?", "compared to {other}, where is {the}?",
    ),
    "comparison": (
        "which one is bigger, {the} or {other}?", "what is bigger, {the} or {other}?",
        "compare {the} and {other}: which is bigger?", "between {the} and {other}, which is bigger?",
        "bigger: {the} or {other}?",
        "of the two, {the} and {other}, which is the bigger one?", "is it {the} or {other} that is bigger?",
    ),
    "odd_colour": (
        "which colour is different?", "what colour is the odd one out?", "which colour does not belong?",
        "what is the odd colour?", "find the odd colour.", "what colour does the odd one out have?",
        "which colour is not like the rest?", "give the colour of the odd one out.",
    ),
    "odd_shape": (
        "which shape is different?", "what shape is the odd one out?", "which shape does not belong?",
        "what is the odd shape?", "find the odd shape.", "what shape does the odd one out have?",
        "which shape is not like the rest?", "give the shape of the odd one out.",
    ),
    "taking_away": (
        "if I remove {the_many}, how many things are left?", "how many things are left without {the_many}?",
        "how many things remain if {the_many} go away?", "remove {the_many}. How many things remain?",
        "how many things would be left without {the_many}?", "take away {the_many}: how many things remain?",
        "when {the_many} are gone, how many things are left?", "how many things are left after {the_many} go away?",
    ),
}  # fmt: skip

# The same as a clause, for those who ask in a roundabout way.
CLAUSES: dict[str, tuple[str, ...]] = {
    "existence": ("whether there is {a}", "if there is {a}", "if you see {a}", "whether {a} is in the picture"),
    "colour": ("what colour {the} is", "which colour {the} has", "the colour of {the}"),
    "shape": ("what shape {the} is", "which shape {the} has", "the shape of {the}"),
    "size": ("how big {the} is", "what size {the} has", "the size of {the}"),
    "place": ("where {the} is", "where I can find {the}", "where you see {the}", "the position of {the}"),
    "count": ("how many {many} there are", "how many {many} you see", "the number of {many}"),
    "relation": ("where {the} is, seen from {other}", "whether {the} is left, right, above or below of {other}"),
    "comparison": ("which is bigger, {the} or {other}", "which one is bigger, {the} or {other}"),
    "odd_colour": ("which colour is the odd one out", "which colour is different", "the odd colour"),
    "odd_shape": ("which shape is the odd one out", "which shape is different", "the odd shape"),
    "taking_away": ("how many things are left without {the_many}", "how many things remain if {the_many} go away"),
}
ASIDES = (
    "tell me {clause}.", "say {clause}.", "can you tell me {clause}?", "do you know {clause}?",
    "please tell me {clause}.", "I want to know {clause}.", "could you say {clause}?", "can you see {clause}?",
    "let me know {clause}.", "I would like to know {clause}.",
)  # fmt: skip

CHECKS = {
    "colour": "is {the} {value}?",
    "shape": "is {the} {value}?",
    "size": "is {the} {value}?",
    "place": "is {the} at the {value}?",
}

INSTRUCTIONS: dict[str, tuple[str, ...]] = {
    "tags": (
        "List all things.", "List everything.", "Which things are there?", "What things are in the picture?",
        "Name all things you see.", "Name everything in the picture.", "Make a list of the things.",
    ),
    "plain": (
        "What is in this picture?", "What is this?", "What does the picture show?", "Write a caption.",
        "Caption the picture.", "Give me a short description.", "Describe the picture briefly.",
        "What is shown here?", "A short description, please.",
    ),
    "places": (
        "Where are the things?", "Tell me where everything is.", "Say where each thing is.", "Which thing is where?",
        "Describe where the things are.", "List the things and their places.",
    ),
    "prose": (
        "Describe the picture.", "Describe this picture.", "Describe what you see.", "Tell me about this picture.",
        "What do you see?", "What can you see?", "What do you see in the picture?", "Explain the picture.",
        "What can you tell me about this picture?", "Give me a description in detail.",
    ),
    "story": (
        "Tell a story.", "Tell me a story.", "Tell me the story.", "What happens?", "What happens here?",
        "What is the story?", "Tell the story of the pictures.", "Write a story.",
        "Tell me what happens in the pictures.", "Which story do the pictures tell?",
    ),
}  # fmt: skip

SYNONYMS = {
    "colour": "color", "centre": "center", "picture": "image", "pictures": "images", "thing": "object",
    "things": "objects", "big": "large", "bigger": "larger",
}  # fmt: skip


def ask_everyday(scene: Scene, rng: random.Random, kind: str, kept: bool = False) -> Question | None:
    """A question of `kind` as a person might type it, or None where the scene offers none.

    One in six of those about one thing is a check, with yes or no for an answer, and one in three is asked in a
    roundabout way. `kept` asks in the wordings that training never sees.
    """
    if not kept and kind in CHECKS and rng.random() < 1 / 6:
        return _check(scene, rng, kind)
    wording = rng.choice(_of(WORDINGS[kind], kept))
    if rng.random() < 1 / 3:
        wording = rng.choice(_of(ASIDES, kept)).format(clause=rng.choice(CLAUSES[kind]))
    question = ask(scene, rng, kind, "en", wording)
    return question and question._replace(text=typed(question.text, rng))


def instruct(style: str, rng: random.Random, kept: bool = False) -> str:
    """An instruction that a person might type for a caption of `style`, or for a "story"."""
    return typed(rng.choice(_of(INSTRUCTIONS[style], kept)), rng)


def typed(text: str, rng: random.Random) -> str:
    """The text with other words of one meaning, at times with a please, without its capital or its closing mark."""
    for word, other in SYNONYMS.items():
        if rng.random() < 0.3:
            text = re.sub(rf"\b{word}\b", other, text)
    if rng.random() < 0.08 and "please" not in text.lower():
        text = f"{text[:-1]}, please{text[-1]}"
    if rng.random() < 0.35:
        text = text[0].lower() + text[1:]
    return text.rstrip("?.") if rng.random() < 0.3 else text


def _of(wordings: tuple[str, ...], kept: bool) -> tuple[str, ...]:
    return wordings[-KEPT:] if kept else wordings[:-KEPT]


def _check(scene: Scene, rng: random.Random, kind: str) -> Question | None:
    asked = ASKERS[kind](scene, rng, "en") if scene.things else None
    if asked is None:
        return None
    answer = rng.choice(("yes", "no"))
    value = asked.answer if answer == "yes" else _another(scene, rng, kind, asked.about[0])
    shown = phrase("en", value, article="a") if kind == "shape" else value
    text = capital(CHECKS[kind].format(the=asked.slots["the"], value=shown))
    return Question(kind, typed(text, rng), answer, tuple(scene.things.index(thing) for thing in asked.about))


def _another(scene: Scene, rng: random.Random, kind: str, thing: Thing) -> str:
    """A value that the thing does not have; in training none that makes a held-out pair of it."""
    values = {"colour": tuple(COLOURS), "shape": SHAPES, "size": tuple(SIZES), "place": PLACES}[kind]
    kept = frozenset() if is_held_out(scene) else HELD_OUT_PAIRS
    pairs = {"colour": lambda value: (value, thing.shape), "shape": lambda value: (thing.colour, value)}
    pair = pairs.get(kind, lambda value: None)
    return rng.choice([v for v in values if v != getattr(thing, kind) and pair(v) not in kept])
