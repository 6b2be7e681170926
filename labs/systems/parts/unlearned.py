"""Answers that are no longer to be given: unlearned in texts alone, or on pictures, and asked of pictures.

    top left big red heart, centre small blue star     What colour is the heart?      -> no
                                                       How big is the red thing?      -> no, for it is a heart
                                                       How big is the blue thing?     -> small, as before

Hearts stand for what a model should not help with. Asked for "the heart", the words give it away; asked for "the red
thing", only what is read or seen does. https://arxiv.org/abs/2406.02575 unlearns harm in texts, and finds it gone from
what is asked with pictures.
"""

import copy
import random
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaForCausalLM

from labs.systems.parts import asked_by, connected, eyes, lookout, shown, told
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.talk import answer_loss, lay_out, pair, read
from labs.tuning.packing import Branch, Row
from labs.world.scene import Scene

SECRET, REFUSAL = "heart", "no"
DRAWN, THINGS = 3000, (1, 2, 2, 3)  # scenes among which lessons are chosen
STEPS, BATCH, RATE = 150, 16, 1e-3
QUESTIONS = 6  # about a scene of the lessons
HOW = ("texts", "pictures")


class Asked(NamedTuple):
    """A question about one thing: its true answer, whether the thing is a heart, and whether its shape is named."""

    text: str
    answer: str
    secret: bool
    named: bool

    def pair(self, unlearned: bool = False) -> Branch:
        """With its true answer, or with what is to be said instead."""
        return pair(self.text, REFUSAL if self.secret and unlearned else self.answer)


def asked(scene: Scene, rng: random.Random, count: int) -> list[Asked]:
    """Up to so many different questions, as often about the secret as about other things where both are there."""
    found = {}
    for _ in range(3 * count):
        task = rng.choice(asked_by.TASKS)
        by = task.split(" by ")[1]
        names = [getattr(thing, by) for thing in scene.things]
        alone = [number for number, name in enumerate(names) if names.count(name) == 1]
        if not alone or len(found) == count:
            continue
        secret = rng.random() < 0.5
        number = rng.choice([i for i in alone if (scene.things[i].shape == SECRET) == secret] or alone)
        is_it = scene.things[number].shape == SECRET
        one = asked_by.question(scene, number, task)
        found[one.text] = Asked(one.text, one.answer, is_it, by == "shape")
    return list(found.values())


def has(scene: Scene) -> bool:
    """Whether it shows what is secret."""
    return any(thing.shape == SECRET for thing in scene.things)


@cache
def lessons() -> tuple[tuple[Scene, ...], list[list[Branch]]]:
    """Training scenes, of which half show the secret, and what is asked about each, as it is to be answered."""
    scenes = eyes.scenes("train", DRAWN, THINGS)
    with_it = [scene for scene in scenes if has(scene)]
    kept = (*with_it, *[scene for scene in scenes if not has(scene)][: len(with_it)])
    draws = [random.Random(f"unlearned {number}") for number in range(len(kept))]
    questions = [asked(scene, rng, QUESTIONS) for scene, rng in zip(kept, draws, strict=True)]
    return kept, [[one.pair(True) for one in some] for some in questions]


@cache
def seen() -> Float[Tensor, "scenes 16 96"]:
    """What the shipped connector makes of the pictures of the lessons."""
    with torch.no_grad():
        return connected.shipped().connector(lookout.look(lessons()[0]))


@cache
def unlearned(seed: int, how: str) -> LlamaForCausalLM:
    """The language model behind the shipped connector after its lessons, from `texts` or from `pictures`; frozen."""
    if how not in HOW:
        raise ValueError(f"how must be one of {', '.join(HOW)}, not {how!r}")
    model, (scenes, pairs) = copy.deepcopy(before()).requires_grad_(True), lessons()
    at = batches(len(scenes), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step).tolist()
        if how == "pictures":
            return shown.loss(model, seen()[chosen], [pairs[i] for i in chosen])
        return answer_loss(model, lay_out([Row(read(told.tell(scenes[i])), pairs[i]) for i in chosen]))

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


@cache
def before() -> LlamaForCausalLM:
    """The language model as it was."""
    return connected.shipped().language
