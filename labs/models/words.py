"""Which words the micro-world uses, in both languages: the others are new to the mini models."""

import random
import re
from functools import lru_cache

from labs.world import everyday, splits
from labs.world.captions import STYLES, caption
from labs.world.dialogue import conversation, reasoning
from labs.world.questions import KINDS, ask
from labs.world.stories import sample_story
from labs.world.vocabulary import (
    COLOURS,
    ES_COLOURS,
    ES_SHAPES,
    ES_SIZES,
    ES_WORDS,
    LANGUAGES,
    NUMBERS,
    PLACES,
    SHAPES,
    SIGNS,
    SIZES,
)
from labs.world.wordings import INSTRUCTIONS, WORDINGS

_WORD = re.compile(r"[^\W\d_]+")
MARK = re.compile(r"<(?:image|user|assistant|pad|/?s)>|<\|.*?\|>")  # models' own: where pictures and turns are


def split_words(text: str) -> list[str]:
    """The words of a text, lower-cased; signs and digits fall away."""
    return _WORD.findall(text.lower())


@lru_cache
def known_words() -> frozenset[str]:
    """Every word, lower-cased, that the micro-world's texts use in either language."""
    rng = random.Random(0)
    texts = [form for table in (ES_COLOURS, ES_SIZES) for adjective in table.values() for form in adjective]
    texts += [form for noun in ES_SHAPES.values() for form in (noun.one, noun.many)]
    texts += [*COLOURS, *SHAPES, *SIZES, *PLACES, *NUMBERS, *SIGNS, *ES_WORDS, *ES_WORDS.values()]
    templates = [everyday.WORDINGS, everyday.CLAUSES, everyday.INSTRUCTIONS, {"": everyday.ASIDES}]
    templates += [*WORDINGS.values(), *INSTRUCTIONS.values()]
    texts += [re.sub(r"{\w+}", "", text) for lists in templates for wordings in lists.values() for text in wordings]
    texts += everyday.SYNONYMS.values()
    for language in LANGUAGES:
        for _ in range(100):  # 3,000 scenes bring no other word
            scene = splits.sample(rng)
            texts += [caption(scene, style, language) for style in STYLES]
            asked = [ask(scene, rng, kind, language) for kind in KINDS]
            texts += [part for question in asked if question for part in (question.text, question.answer)]
            texts += [part for turn in conversation(scene, rng, language) or () for part in turn]
            texts += [*reasoning(scene, rng, language), sample_story(rng).text(language)]
    return frozenset(word for text in texts for word in split_words(text))
