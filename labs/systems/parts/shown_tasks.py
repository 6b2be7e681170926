"""Tasks that nobody names: what is asked of a picture, only the examples before it show.

    <picture> <decode> red <end>   <picture> <decode> blue <end>   <picture> <decode> ?      its colour
    <picture> <decode> small <end> <picture> <decode> big <end>    <picture> <decode> ?      its size

Whoever made the examples was careless: some of the answers are true of the picture and of another task. So one example
may mislead, several seldom do. The shipped connector makes words of pictures; the language model behind it learns to
follow examples, on pages of few.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaForCausalLM

from labs.systems.parts import connected, eyes, lookout
from labs.systems.parts.learn import learn
from labs.systems.parts.lexicon import DECODE, END
from labs.systems.parts.talk import answer_loss, lay_out, see, write
from labs.tuning.packing import Row, question_answer
from labs.world.scene import Scene

TASKS = ("colour", "shape", "size", "place")
CARELESS = 0.3  # of the examples answer another task
SHOTS, ASKED, PAGES = 4, 4, 8  # examples of a lesson, at most; pictures to be answered for; pages of a step
STEPS, RATE = 400, 1e-3
TOKENS = 16  # of a picture
POOL = {"train": 2048, "exam": 600}  # scenes of one thing, both of trained combinations


class Page(NamedTuple):
    """Its row, and which scenes of the pool are its pictures, in the order in which they stand there."""

    row: Row
    pictures: list[int]


@cache
def pool(split: str, data: int) -> tuple[Scene, ...]:
    """Scenes of one thing, of a data seed: those of the exam are new ones."""
    return eyes.scenes("train", POOL[split], seed=data)


@cache
def seen(split: str, data: int) -> Float[Tensor, "scenes 16 96"]:
    """What the shipped connector makes of their pictures."""
    with torch.no_grad():
        return connected.shipped().connector(lookout.look(pool(split, data)))


def page(
    rng: random.Random, scenes: Sequence[Scene], task: str, shots: int, asked: int, careless: float = CARELESS
) -> Page:
    """So many examples of a task, and pictures of which the answer is wanted; no picture comes twice.

    What is wanted is drawn first: it is the same, however many examples there are.
    """
    wanted, room = rng.sample(range(len(scenes)), asked), see(TOKENS)
    left = [number for number in range(len(scenes)) if number not in wanted]
    examples, prefix = rng.sample(left, shots), []
    for number in examples:
        shown = rng.choice([one for one in TASKS if one != task]) if rng.random() < careless else task
        prefix += [*room, DECODE, *answer(scenes[number], shown), END]
    branches = [question_answer([*room, DECODE], [*answer(scenes[number], task), END]) for number in wanted]
    return Page(Row(prefix, branches), [*examples, *wanted])


def answer(scene: Scene, task: str) -> list[int]:
    """What the task wants to hear of the scene's thing."""
    return write(getattr(scene.things[0], task))


@cache
def follower(seed: int) -> LlamaForCausalLM:
    """The talker after it has learned to follow examples; frozen."""
    model, scenes, words = connected.shipped().language.requires_grad_(True), pool("train", 0), seen("train", 0)

    def loss(step: int) -> Tensor:
        rng = random.Random(f"examples {seed} {step}")
        pages = [page(rng, scenes, rng.choice(TASKS), rng.randint(0, SHOTS), ASKED) for _ in range(PAGES)]
        return answer_loss(model, lay_out([one.row for one in pages]), words[of_all(pages)])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def of_all(pages: Sequence[Page]) -> list[int]:
    """The pictures of several pages, page after page."""
    return [number for one in pages for number in one.pictures]
