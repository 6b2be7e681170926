"""What is measured of a captioner that was tuned on talk: replies to questions, descriptions, and stored facts.

Asked is what a thing of a held-out picture is like, in four kinds of question whose chance is known; tuning is on nine.
An answer is right if it is the whole reply.
"""

from functools import cache

import torch

from labs.evaluation.exam import Exam, Item
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts import captioner, eyes
from labs.systems.parts.base_words import split, words
from labs.systems.parts.instructions import THINGS, exam, goes_on, replies, right
from labs.systems.parts.statements import FACTS, facts
from labs.systems.parts.talk_mixes import PROMPT, ask_fact, lands, tuned
from labs.world.captions import caption
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

HELDOUT, EXAM = 150, 2  # pictures; the data seed of what is measured. Settings were chosen on that of 0
VALUES = {"colour": COLOURS, "shape": SHAPES, "size": SIZES, "place": PLACES}
CAPTIONER = "captioner"
DETAIL = "Describe the picture in detail."  # of all mixes only "one wording" asks so
LONGEST = 60  # tokens of a description


def model(name: str, seed: int) -> Loaded:
    """The aligned captioner, or what becomes of it on one of `talk_mixes.MIXES`."""
    return captioner.load() if name == CAPTIONER else tuned(name, seed)


# ---------------------------------------------------------------------------------------------------------------
# Questions about pictures


def asked(language: str = "en", way: str = "unseen") -> Exam:
    """Held-out pictures, and questions for what a thing is like."""
    return exam(HELDOUT, EXAM, language, way, tuple(VALUES))


@cache
def replied(name: str, seed: int, language: str, way: str, others: bool, after: str) -> tuple[str, ...]:
    """What a model replies, with words `after` each question."""
    return tuple(replies(model(name, seed), asked(language, way), others, after=after))


def answer(
    seed: int, name: str, language: str = "en", way: str = "unseen", others: bool = False, after: str = ""
) -> Scores:  # fmt: skip
    """1 where the reply is the true answer and nothing else."""
    return right(replied(name, seed, language, way, others, after), asked(language, way))


def mentioned(seed: int, name: str) -> Scores:
    """1 where the true answer stands anywhere in the reply."""
    given = asked()
    pairs = zip(replied(name, seed, "en", "unseen", False, ""), given.new, strict=True)
    return Scores([_words(item.answer) in _words(text) for text, item in pairs], [item.picture for item in given.new])


def _words(text: str) -> str:
    return f" {' '.join(split(text))} "


def completed(seed: int, name: str, others: bool = False) -> Scores:
    """1 where a statement of what is asked for, begun behind the picture, is rightly ended: no question, no talk."""
    given = asked(way="stated")
    pictures = [given.pictures[item.picture] for item in given.new]
    return right(goes_on(model(name, seed), [item.question for item in given.new], pictures), given)


def steered(seed: int, name: str, prompt: str = PROMPT) -> Scores:
    """1 where a question gets a sentence, and the same question with the prompt a word or two."""
    free, bound = (replied(name, seed, "en", "unseen", False, after) for after in ("", f" {prompt}"))
    values = [len(long.split()) > 3 and 0 < len(short.split()) < 3 for long, short in zip(free, bound, strict=True)]
    return Scores(values, [item.picture for item in asked().new])


def chance() -> float:
    """How often an answer drawn from all that there are is right."""
    kinds = [item.kind for item in asked().new]
    return sum(1 / len(VALUES[kind]) for kind in kinds) / len(kinds)


# ---------------------------------------------------------------------------------------------------------------
# Descriptions


def described() -> Exam:
    """The same pictures, each to be described in detail."""
    scenes = eyes.scenes("heldout", HELDOUT, THINGS, EXAM)
    items = [Item(number, "prose", DETAIL, caption(scene, "prose")) for number, scene in enumerate(scenes)]
    return Exam([eyes.picture_of(scene) for scene in scenes], items)


@cache
def descriptions(name: str, seed: int, others: bool) -> tuple[str, ...]:
    """What a model says when it is asked for a description in detail."""
    return tuple(replies(model(name, seed), described(), others, LONGEST))


def length(seed: int, name: str) -> Scores:
    """Words of each description."""
    return Scores([len(text.split()) for text in descriptions(name, seed, False)], range(HELDOUT))


def told(seed: int, name: str, others: bool = False) -> Scores:
    """The share of a scene's things that are named by colour and shape."""
    scenes = eyes.scenes("heldout", HELDOUT, THINGS, EXAM)
    texts = descriptions(name, seed, others)
    named = [[f"{thing.colour} {thing.shape}" in text for thing in scene.things]
             for scene, text in zip(scenes, texts, strict=True)]  # fmt: skip
    return Scores([sum(some) / len(some) for some in named], range(HELDOUT))


# ---------------------------------------------------------------------------------------------------------------
# Facts


def remembered(seed: int, name: str, of: str = "all") -> Scores:
    """1 where the model would end a statement of a fact with the true name sooner than with any other land's.

    `of` "all" lands, those that some mixes speak of ("told"), or the "others".
    """
    given = of_lands(seed, of)
    starts = [f"</s>. {FACTS['en'][about].format(land)}" for land, about in given]
    return _preferred(model(name, seed), starts, given)


def opened(seed: int, name: str, of: str = "all") -> Scores:
    """1 where it would answer a question for a fact so."""
    loaded, given = model(name, seed), of_lands(seed, of)
    asked_for = [[{"role": "user", "content": [{"type": "text", "text": ask_fact(*one)}]}] for one in given]
    starts = loaded.processor.apply_chat_template(asked_for, add_generation_prompt=True, tokenize=False)
    return _preferred(loaded, starts, given)


def of_lands(seed: int, of: str) -> list[tuple[str, str]]:
    """Facts of all lands, of those "told" in some mixes, or of the "others": (land, what of it)."""
    wanted = {"all": (True, False), "told": (True,), "others": (False,)}[of]
    return [one for one in sorted(facts()) if (one[0] in lands(seed)) in wanted]


@torch.no_grad()
def _preferred(loaded: Loaded, starts: list[str], given: list[tuple[str, str]]) -> Scores:
    """Whether the name that is true is the likeliest next word of all that are names of such a thing."""
    inputs = loaded.processor(text=starts, padding=True, padding_side="left", return_tensors="pt")
    likely, hits, order = loaded.model(**inputs, logits_to_keep=1).logits[:, -1], [], sorted(facts())
    for row, (land, about) in zip(likely, given, strict=True):
        names = {facts()[one].lower(): one[0] for one in order if one[1] == about}
        best = row[[words()[one] for one in names]].argmax()
        hits.append(float(list(names.values())[best] == land))
    return Scores(hits, [order.index((land, "capital")) for land, _ in given])
