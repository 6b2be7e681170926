"""Talks of text alone: a scene told in words, then turns of a user and an assistant, for the base language model.

    </s> a big red star at the top , a small ring at the left | <user> where is the ring ? <assistant> left </s>

Who is tuned is the base of section 4 (labs.systems.parts.base_model), in LLaMA's place: it has read documents and no
question. Questions about one text are branches behind it, as in labs.tuning.packing.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts import base_model, captioner
from labs.systems.parts.base_words import END, PAD, SAYS_ASSISTANT, SAYS_USER, write
from labs.systems.parts.documents import begun
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped import fill
from labs.systems.parts.talk import answer_loss, told_rightly
from labs.tuning.packing import Branch, Row, pack, question_answer
from labs.world import splits
from labs.world.scene import Scene

THINGS, EXAM, TOGETHER = 2, 150, 64  # of a scene; held-out scenes; rows that are examined at a time
STEPS, ROWS, RATE = 100, 8, 4e-3
CHANCES = {"colour": 1 / 8, "shape": 1 / 8, "size": 1 / 2, "place": 1 / 9}  # of an answer about another text


def base() -> LlamaForCausalLM:
    """The base that ships, as a copy that may learn."""
    model = base_model.build()
    fill(captioner.FILE, {"language": model})
    return model.requires_grad_(True)


@cache
def scenes(split: str, count: int, seed: int) -> tuple[Scene, ...]:
    """So many scenes of `THINGS` things."""
    rng = random.Random(f"talks {split} {seed}")
    return tuple(splits.sample(rng, split, count=THINGS, kind="free") for _ in range(count))


def unlike(split: str, count: int, seed: int) -> tuple[Scene, ...]:
    """Of so many scenes those whose things have shapes of their own."""
    return tuple(one for one in scenes(split, count, seed) if len({thing.shape for thing in one.things}) > 1)


def turn(question: str, answer: str) -> Branch:
    """What a user asks, and the answer, which is to be learned."""
    return question_answer([SAYS_USER, *write(question), SAYS_ASSISTANT], [*write(answer), END])


def talk(turns: Sequence[Branch]) -> Branch:
    """Several turns as one talk, each read after those before it."""
    return Branch([word for one in turns for word in one.ids], [mark for one in turns for mark in one.supervised])


def tune(
    model: LlamaForCausalLM, rows: Sequence[Row], seed: int, steps: int | None = None, rate: float = RATE
) -> LlamaForCausalLM:
    """The model after so many steps, or `STEPS`, each on `ROWS` of the rows; frozen."""
    at = batches(len(rows), ROWS, seed)

    def loss(step: int) -> Tensor:
        return answer_loss(model, pack([rows[i] for i in at(step).tolist()], PAD, multiple=16))

    learn(model.parameters(), loss, steps or STEPS, rate)
    return model.eval().requires_grad_(False)


def about(told: Sequence[Scene], branches: Sequence[list[Branch]], another: bool = False) -> list[Row]:
    """Each scene's text with what is asked of it behind; with `another` it is the text of the next scene."""
    read = [*told[1:], told[0]] if another else told
    return [Row(begun(scene), asked) for scene, asked in zip(read, branches, strict=True)]


def right(model: LlamaForCausalLM, rows: Sequence[Row]) -> Scores:
    """1 for every branch of which a model would tell, word by word, all that is to be learned."""
    parts = (rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER))
    values = [one for part in parts for one in told_rightly(model, pack(list(part), PAD, multiple=16)).tolist()]
    return Scores([float(one) for one in values], [number for number, row in enumerate(rows) for _ in row.branches])


def replies(model: LlamaForCausalLM, prompts: Sequence[list[int]], longest: int = 4) -> list[list[int]]:
    """What a model says after each prompt, greedily, up to its end."""
    told: list[list[int]] = []
    for start in range(0, len(prompts), 4 * TOGETHER):
        some = prompts[start : start + 4 * TOGETHER]
        width = max(map(len, some))
        ids = torch.tensor([[PAD] * (width - len(one)) + one for one in some])
        written = model.generate(
            input_ids=ids, attention_mask=(ids != PAD).long(), max_new_tokens=longest, do_sample=False,
            pad_token_id=PAD, eos_token_id=END,
        )[:, width:].tolist()  # fmt: skip
        told += [one[: one.index(END)] if END in one else one for one in written]
    return told
