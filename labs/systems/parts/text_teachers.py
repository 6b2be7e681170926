"""Instructions about texts, answered by a model that has learned more, for a pupil that has learned nothing yet.

    teacher   the base, tuned on true answers: on many texts, or on few
    pupil     the base, tuned on other texts with as many questions, to which a teacher has written the answers

Stanford Alpaca (Taori et al., 2023) learns from what text-davinci-003 wrote; GPT-4-LLM (Peng et al., 2023,
https://arxiv.org/abs/2304.03277) takes the same instructions to a better teacher.
"""

import random
from collections.abc import Callable
from functools import cache

from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts.base_words import END
from labs.systems.parts.instructions import question
from labs.systems.parts.text_talks import CHANCES, EXAM, about, base, replies, right, scenes, tune, turn
from labs.tuning.packing import Branch, Row, question_answer
from labs.world.scene import Scene

MANY, FEW, OTHERS = 1024, 32, 512  # texts that a teacher learned from; other texts
LATER = 1000  # added to the data seed of a teacher's texts: that of other texts


def asked(told: tuple[Scene, ...], seed: int) -> list[list[Branch]]:
    """A question of each kind that a text offers, with the true answer."""
    rng = random.Random(f"instructions {seed}")
    found = [[question(scene, rng, kind, way="template") for kind in CHANCES] for scene in told]
    return [[turn(one.text, one.answer) for one in some if one] for some in found]


def exam(seed: int, another: bool = False) -> list[Row]:
    """What everybody is asked about held-out texts."""
    told = scenes("heldout", EXAM, seed)
    return about(told, asked(told, seed), another)


@cache
def teacher(seed: int, texts: int) -> LlamaForCausalLM:
    """The base after the true answers about so many texts."""
    told = scenes("train", MANY, seed)
    return tune(base(), about(told, asked(told, seed))[:texts], seed)


def answered(seed: int, texts: int) -> list[Row]:
    """Questions about other texts with what that teacher writes, be it true or not."""
    told = scenes("train", OTHERS, LATER + seed)
    rows = about(told, asked(told, LATER + seed))
    prompts = [row.prefix + _question(one) for row in rows for one in row.branches]
    written = iter(replies(teacher(seed, texts), prompts))
    return [Row(row.prefix, [answer(_question(one), next(written)) for one in row.branches]) for row in rows]


@cache
def pupil(seed: int, texts: int) -> LlamaForCausalLM:
    """The base after what that teacher wrote."""
    return tune(base(), answered(seed, texts), seed)


def answers(seed: int, taught: Callable[[int, int], LlamaForCausalLM], texts: int, another: bool = False) -> Scores:
    """Right answers to the exam of a `teacher` or of a `pupil`."""
    return right(taught(seed, texts), exam(seed, another))


def answer(question: list[int], reply: list[int]) -> Branch:
    """A question and what somebody replied, which is to be learned."""
    return question_answer(question, [*reply, END])


def _question(branch: Branch) -> list[int]:
    return branch.ids[: branch.supervised.index(True)]
