"""What the language model and the multimodal model learn from: rows of one prefix and many pairs.

The two differ in the prefix alone. The language model reads a caption where the multimodal model sees the picture.
"""

import random
from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from labs.tuning.packing import Branch, Row, question_answer
from labs.world import splits
from labs.world.captions import STYLES, caption
from labs.world.dialogue import conversation, reasoning
from labs.world.everyday import ask_everyday, instruct, typed
from labs.world.questions import KINDS, Question, ask
from labs.world.scene import Scene
from labs.world.stories import Story, sample_story
from labs.world.wordings import INSTRUCTIONS

STYLE_WEIGHTS = (3, 2, 3, 1)  # of tags, plain, places, prose: long captions are most of a row's tokens
EASY_COUNTS = (1, 2, 2, 3, None)  # few things first: a name is bound to a place sooner


class Phase(NamedTuple):
    """How many pairs a row has, how often a type of question is asked (1 if not named), and in what words."""

    pairs: int
    weights: dict[str, float]
    everyday: float = 0.0  # share of what is asked as people type it; English only


# What has been learned is asked less, what has not is asked more. A relation between two things is learned only after
# the place of one, and that by its looks; as long as colours and sizes are unknown, such questions teach nothing.
FIRST = Phase(9, {"relation": 4, "comparison": 2, "colour": 1.5, "shape": 1.5, "taking_away": 1.5})
SECOND = Phase(
    12, {"place": 6, "existence": 4, "relation": 3, "shape": 3, "count": 2, "taking_away": 2, "odd_shape": 2}
)
THIRD = Phase(12, {"relation": 8, "odd_shape": 6, "comparison": 3, "shape": 3, "taking_away": 3, "count": 2}, 0.6)


def encode(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    """Token ids of a text as it stands."""
    return tokenizer.encode(text, add_special_tokens=False)


def pair(tokenizer: PreTrainedTokenizerFast, question: str, answer: str) -> Branch:
    """A pair in the chat format."""
    return question_answer(encode(tokenizer, f"{question}<assistant>"), encode(tokenizer, f"{answer}</s>"))


def phase_at(step: int, starts: tuple[int, int]) -> Phase:
    """The phase of a step, where the second and third begin at `starts`."""
    return THIRD if step >= starts[1] else SECOND if step >= starts[0] else FIRST


def scene_pairs(
    tokenizer: PreTrainedTokenizerFast, scene: Scene, rng: random.Random, language: str, phase: Phase = FIRST
) -> list[Branch]:
    """Questions of all types, one description, and one talk of several steps."""
    asked: dict[str, str] = {}
    kinds = rng.choices(KINDS, [phase.weights.get(kind, 1) for kind in KINDS], k=3 * phase.pairs)
    for question in (_ask(scene, rng, kind, language, phase) for kind in kinds):
        if question and len(asked) < phase.pairs - 2:
            asked[question.text] = question.answer
    style = rng.choices(STYLES, STYLE_WEIGHTS)[0]
    asked[_instruct(style, rng, language, phase)] = caption(scene, style, language)
    write = typed if _everyday(rng, language, phase) else lambda text, rng: text
    turns = conversation(scene, rng, language) if rng.random() < 0.7 else None
    if turns:
        (first, yes), (second, answer) = turns
        asked[f"{write(first, rng)}<assistant>{yes}</s><user>{write(second, rng)}"] = answer
    else:
        question, answer = reasoning(scene, rng, language)
        asked[write(question, rng)] = answer
    return [pair(tokenizer, question, answer) for question, answer in asked.items()]


def _everyday(rng: random.Random, language: str, phase: Phase) -> bool:
    return language == "en" and phase.everyday > 0 and rng.random() < phase.everyday


def _ask(scene: Scene, rng: random.Random, kind: str, language: str, phase: Phase) -> Question | None:
    if _everyday(rng, language, phase):
        return ask_everyday(scene, rng, kind)
    return ask(scene, rng, kind, language)


def _instruct(style: str, rng: random.Random, language: str, phase: Phase) -> str:
    if _everyday(rng, language, phase):
        return instruct(style, rng)
    return rng.choice(INSTRUCTIONS[language][style][:-1])


def fit(row: Row, tokens: int, rng: random.Random) -> Row:
    """The row without the pairs that would make it longer than `tokens`; which ones is left to chance.

    One long row would make all others of its batch as long.
    """
    kept, room = [], tokens - len(row.prefix)
    for one in rng.sample(row.branches, len(row.branches)):
        if len(one.ids) <= room:
            kept.append(one)
            room -= len(one.ids)
    return Row(row.prefix, kept)


def story_pairs(
    tokenizer: PreTrainedTokenizerFast, story: Story, rng: random.Random, language: str, phase: Phase = FIRST
) -> list[Branch]:
    """The story, two of its events alone, and what is in one of its pictures."""
    sentences = story.sentences(language)
    asked = {_instruct("story", rng, language, phase): " ".join(sentences)}
    for number in rng.sample(range(len(sentences)), 2):
        happens = "What happens in picture {}?" if language == "en" else "¿Qué pasa en la imagen {}?"
        asked[happens.format(number + 1)] = sentences[number]
    number = rng.randrange(len(sentences))
    there = "What is in picture {}?" if language == "en" else "¿Qué hay en la imagen {}?"
    asked[there.format(number + 1)] = caption(story.scenes[number], "places", language)
    return [pair(tokenizer, question, answer) for question, answer in asked.items()]


def read_scene(tokenizer: PreTrainedTokenizerFast, scene: Scene, style: str, language: str) -> list[int]:
    """The prefix of a row without a picture: the caption stands for it."""
    return encode(tokenizer, f"<user>{caption(scene, style, language)}\n")


def read_story(tokenizer: PreTrainedTokenizerFast, story: Story, language: str) -> list[int]:
    """The same for five pictures, numbered as the chat template numbers them."""
    captions = [f"{i}:{caption(scene, 'places', language)}\n" for i, scene in enumerate(story.scenes, start=1)]
    return encode(tokenizer, "<user>" + "".join(captions))


def see(tokenizer: PreTrainedTokenizerFast, pictures: int, tokens_each: int) -> list[int]:
    """The prefix of a row with pictures, as the processor expands the chat template."""
    images = (
        ["<image>" * tokens_each] if pictures == 1 else [f"{i + 1}:" + "<image>" * tokens_each for i in range(pictures)]
    )
    return encode(tokenizer, "<user>" + "".join(images))


def text_rows(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, count: int, phase: Phase = FIRST, counts=(None,)
) -> list[Row]:
    """Rows without pictures in both languages; at times the questions are in the other one than the caption.

    `counts` are numbers of things to draw from, None for any.
    """
    rows = []
    for _ in range(count):
        read, answer = rng.choice((("en", "en"), ("es", "es"), ("es", "es"), ("en", "es"), ("es", "en")))
        if rng.random() < 0.25:
            story = sample_story(rng)
            rows.append(Row(read_story(tokenizer, story, read), story_pairs(tokenizer, story, rng, answer, phase)))
        else:
            scene, style = splits.sample(rng, count=rng.choice(counts)), rng.choice(("places", "places", "prose"))
            pairs = scene_pairs(tokenizer, scene, rng, answer, phase)
            rows.append(Row(read_scene(tokenizer, scene, style, read), pairs))
    return rows
