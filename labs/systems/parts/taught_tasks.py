"""Who learns to answer what is asked of pictures, told of it or blind to it; eyes and language model are frozen."""

from copy import deepcopy
from functools import cache

import torch
from torch import Tensor

from labs.systems.parts import balanced, connected
from labs.systems.parts.asked_by import lessons
from labs.systems.parts.connected import RATE, Connected, train
from labs.systems.parts.instructed import Aware, InstructedQFormer, Misled
from labs.systems.parts.learn import learn
from labs.systems.parts.lookout import described, material
from labs.systems.parts.shipped import fill
from labs.systems.parts.talker import talker

FIRST, STEPS = 300, 200  # steps without instructions, and with
FEW, TOKENS, MANY = 1, 4, 16  # visual tokens
DRAWN = 96  # pairs a step from data sets of unequal sizes
FILE = "04_1/instructblip.safetensors"  # in data/finished, made by scripts/keep_systems.py


@cache
def before(seed: int, tokens: int) -> Connected:
    """What both begin with, as BLIP-2's: a Q-Former that lets the language model describe pictures."""
    model, given = connected.build("Q-Former", tokens, seed), material("train")
    train(model, model.connector.parameters(), given, described(given.scenes), FIRST, seed)
    return model.requires_grad_(False)


def build(seed: int = 0, tokens: int = TOKENS) -> Aware:
    """A Q-Former that has learned to describe and is told what is asked from now on."""
    language = talker()
    torch.manual_seed(seed)
    connector = InstructedQFormer(language.get_input_embeddings().weight, tokens)
    connector.inner.load_state_dict(before(seed, tokens).connector.inner.state_dict())
    return Aware(language, connector)


@cache
def aware(seed: int, tokens: int, misled: bool) -> Aware:
    """One that has learned from the lessons; if `misled`, told all the while what is asked of other scenes."""
    model, given = build(seed, tokens), lessons()
    model = Misled(model.language, model.connector) if misled else model
    train(model, model.connector.parameters(), given, given.pairs, STEPS, seed)
    return model.requires_grad_(False)


@cache
def blind(seed: int, tokens: int, steps: int) -> Connected:
    """One that makes the same of a picture whatever is asked, from the same lessons."""
    given, connector = lessons(), deepcopy(before(seed, tokens).connector).requires_grad_(True)
    model = Connected(talker(), connector)
    train(model, connector.parameters(), given, given.pairs, steps, seed)
    return model.requires_grad_(False)


@cache
def balance(seed: int, how: str) -> Aware:
    """One that has learned from data sets of unequal sizes, drawn from in one of the ways of `balanced.POWERS`."""
    model, at, seen = build(seed), balanced.mixed(how, seed, DRAWN), lessons().seen

    def loss(step: int) -> Tensor:
        drawn = at(step)
        return model.loss(seen[[number for number, _ in drawn]], [[one] for _, one in drawn])

    learn(model.connector.parameters(), loss, STEPS, RATE)
    return model.requires_grad_(False)


def shipped() -> Aware:
    """One that claims measure, of seed 0: so no notebook has to wait for it."""
    language = talker()
    connector = InstructedQFormer(language.get_input_embeddings().weight, TOKENS)
    fill(FILE, {"connector": connector})
    return Aware(language, connector)
