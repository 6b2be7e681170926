"""What those who were taught are asked, of the three kinds, about new scenes; and how their answers are scored.

    conversation            eight kinds of questions, in wordings that were taught: right or wrong, word for word
    detailed description    what it says of colour, shape and size at every place, beside what is so: F1
    complex reasoning       the end alone: "so the ring"; steps are not looked at

Everything that is asked is computed from scenes, by no teacher. Scenes are new, of combinations that training shows:
what a captioner of this size makes of others is a question of its own.
"""

import random
import re
from functools import cache

import torch
from PIL.Image import Image

from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.exam import Exam, Item
from labs.evaluation.metrics import exact_match, normal
from labs.models.chat import message
from labs.models.conversation import write
from labs.models.entry import Loaded
from labs.systems.parts import eyes
from labs.systems.parts.instructions import THINGS
from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, REASONING
from labs.systems.parts.teacher_reads import items_of
from labs.systems.parts.teacher_writes import ASKERS, describe, reason
from labs.world.questions import ask
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

ABOUT = {  # own kinds of questions: what boxes alone tell, the rest, and what a single thing is asked for
    "places": ("place", "relation", "which side", "nearer"),
    "the rest": ("existence", "colour", "shape", "size", "count", "comparison", "left over", "bigger"),
    "attributes": ("colour", "shape", "size", "place"),
}
VALUES = {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "place": PLACES}
LONGEST = {CONVERSATION: 5, DESCRIPTION: 60, REASONING: 32}  # tokens of an answer
WAYS = {"if": "left over", "which is bigger": "bigger", "on which side": "which side", "which is nearer": "nearer"}
AT = re.compile(
    rf"((?:(?:{'|'.join((*COLOURS, *SHAPES, *SIZES))}) )+)(?:is )?at the ({'|'.join(sorted(PLACES, key=len)[::-1])})"
)


def is_about(item: Item, group: str) -> bool:
    """Whether a question is of a group of `ABOUT`; of the rest only if it does not even name a thing by its place."""
    return item.kind in ABOUT[group] and not (group == "the rest" and " at the " in item.question)


def kind_of(item: Item) -> str:
    """Which of the three kinds a question is of; its own kind says more."""
    return CONVERSATION if item.kind in ASKERS else DESCRIPTION if item.kind == DESCRIPTION else REASONING


@cache
def exam(kind: str, pictures: int, seed: int) -> Exam:
    """New pictures, and all questions of one of the three kinds that the scenes offer."""
    scenes = eyes.scenes("train", pictures, THINGS, seed)
    items = [item for number, scene in enumerate(scenes) for item in asked(kind, scene, number, seed)]
    return Exam([eyes.picture_of(scene) for scene in scenes], items)


def asked(kind: str, scene: Scene, number: int, seed: int) -> list[Item]:
    """The questions of one of the three kinds about a scene."""
    rng = random.Random(f"taught exam {seed} {number}")
    if kind == CONVERSATION:
        found = [one for about in ASKERS if (one := ask(scene, rng, about))]
        return [Item(number, one.kind, one.text, one.answer) for one in found]
    if kind == DESCRIPTION:
        return [Item(number, kind, *describe(items_of(scene), rng))]
    return [Item(number, way, question, answer) for question, answer in reason(items_of(scene), rng)
            for start, way in WAYS.items() if question.lower().startswith(start)]  # fmt: skip


def replies(loaded: Loaded, given: Exam, others: bool = False) -> list[str]:
    """What a model answers; `others` shows it other scenes' pictures."""
    pictures = _shown(given, others)
    longest = LONGEST[kind_of(given.new[0])]
    return answers(loaded, pictures, [item.question for item in given.new], max_new_tokens=longest)


def _shown(given: Exam, others: bool) -> list[Image]:
    """The picture for each question."""
    pictures = heldout.shuffled(given.pictures) if others else given.pictures
    return [pictures[item.picture] for item in given.new]


def chance(pictures: int, seed: int) -> float:
    """How often answers for colour, shape, size and place are right that have nothing to do with the picture."""
    found = [1 / len(VALUES[item.kind]) for item in exam(CONVERSATION, pictures, seed).new if item.kind in VALUES]
    return sum(found) / len(found)


@torch.no_grad()
def choose(loaded: Loaded, given: Exam, others: bool = False) -> list[float]:
    """1 where of all words that begin an answer of that kind the true one is the likeliest: for short questions.

    It asks what a model knows that has not learned how an answer looks.
    """
    tokenizer, found = loaded.processor.tokenizer, []
    first = [tokenizer(item.answer, add_special_tokens=False)["input_ids"][0] for item in given.new]
    possible = {item.kind: sorted({at for at, one in zip(first, given.new, strict=True) if one.kind == item.kind})
                for item in given.new}  # fmt: skip
    for item, true, picture in zip(given.new, first, _shown(given, others), strict=True):
        inputs = write(loaded.processor, [message(item.question)], [picture])
        logits = loaded.model(**inputs).logits[0, -1, possible[item.kind]]
        found.append(float(possible[item.kind][int(logits.argmax())] == true))
    return found


def score(text: str, item: Item) -> float:
    """From 0 to 1, as its kind is scored."""
    kind = kind_of(item)
    if kind == CONVERSATION:
        return exact_match(text, item.answer)
    return float(end(text) == end(item.answer)) if kind == REASONING else agreement(text, item.answer)


def end(text: str) -> str:
    """What follows from the steps: "..., so the ring." -> ring. All of it where nothing does."""
    return normal(re.split(r"\bso ", normal(text))[-1]).removeprefix("the ").removesuffix(" left")


def agreement(text: str, truth: str) -> float:
    """F1 of the facts of two descriptions."""
    said, so = facts(text), facts(truth)
    return 2 * len(said & so) / max(1, len(said) + len(so))


def facts(text: str) -> set[tuple[str, str]]:
    """ "A small red star is at the top." -> (top, small), (top, red), (top, star)."""
    return {(place, word) for words, place in AT.findall(normal(text)) for word in words.split()}
