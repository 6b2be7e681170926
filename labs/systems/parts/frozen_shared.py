"""One frozen encoder for senses that it has never met: only what makes tokens of them learns, and what answers.

    pictures                    -> tokeniser -> blocks -> head        stage 1: all learn, from pictures alone
    depth | heat | sound        -> tokeniser -> the same blocks, frozen -> head        stage 2

Meta-Transformer (Zhang et al., 2023, https://arxiv.org/abs/2307.10802): no two senses ever have to be paired. The rival
has blocks that have learned nothing, and stay so. Whatever is assembled is made of the same exchangeable parts.
"""

from functools import cache

import torch

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.alternating import train
from labs.systems.parts.joined_senses import ASKED, record, right
from labs.systems.parts.sparse_experts import Encoder

PICTURES = tuple(one for one in ASKED if one[0] == "picture")
OTHERS = tuple(one for one in ASKED if one[0] != "picture")
STEPS, LATER = 800, 900
WAYS = ("frozen, from pictures", "frozen, fresh", "all learn")


@cache
def of_pictures(seed: int) -> Encoder:
    """An encoder after the first stage."""
    torch.manual_seed(seed)
    return train(Encoder(), seed, STEPS, PICTURES).requires_grad_(False)


def assemble(way: str, seed: int) -> Encoder:
    """Fresh tokenisers, questions and heads round blocks of one of `WAYS`. Raises ValueError for another."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed + 1000)
    model = Encoder()
    if way == "frozen, from pictures":
        for name in ("blocks", "norm"):
            getattr(model, name).load_state_dict(getattr(of_pictures(seed), name).state_dict())
    frozen = way != "all learn"
    model.blocks.requires_grad_(not frozen)
    model.norm.requires_grad_(not frozen)
    return model


@cache
def joined(way: str, seed: int) -> Encoder:
    """After the second stage, on senses other than pictures."""
    return train(assemble(way, seed), seed, LATER, OTHERS).requires_grad_(False)


def answers(seed: int, way: str, another: bool = False) -> Scores:
    """Right answers about held-out scenes by three senses."""
    model, tokens = joined(way, seed), record(joined_senses.EXAM).tokens
    return right(lambda sense, kind: model.tell(sense, kind, tokens[sense]), OTHERS, another)
