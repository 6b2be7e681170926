"""Attention of one sense's model put into that of another: queries and keys are interpolated, and nothing is trained.

    sound model    every matrix its own      query, key of each layer: (1 - SHARE) own + SHARE of the picture model

MAM (Sundar et al., 2023, https://arxiv.org/abs/2312.14378): attention that was learned from plenty of pictures is to
help a model that learned from few sounds. Both models here start from the same weights, else matrices would mean
nothing to each other. The rival's matrices come from a model that has learned nothing: a fresh one.
"""

from copy import deepcopy
from functools import cache

import torch
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.joined_senses import record, right
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sparse_experts import Encoder

SHARE = 0.25  # of the other model
FEW = 256  # sounds
STEPS, BATCH, RATE = 600, 32, 2e-3
KINDS = ("colour", "size")  # what is asked of both senses
MATRICES = ("query", "key")
FROM = ("own", "picture", "fresh", "all of picture")


@cache
def alone(sense: str, seed: int, count: int | None = None) -> Encoder:
    """A dense encoder that has learned the questions of one sense, from all scenes or from the first `count`."""
    torch.manual_seed(seed)
    model, (tokens, answers) = Encoder(), record("train")
    at = batches(count or joined_senses.COUNTS["train"], BATCH, seed)

    def loss(step: int) -> torch.Tensor:
        kind, now = KINDS[step % len(KINDS)], at(step)
        return cross_entropy(model(sense, kind, tokens[sense][now]), answers[kind][now])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def merge(model: Encoder, other: Encoder, share: float, matrices: tuple[str, ...] = MATRICES) -> Encoder:
    """A copy of `model` whose matrices of attention have moved a `share` of the way to those of `other`."""
    merged = deepcopy(model)
    for block, theirs in zip(merged.blocks, other.blocks, strict=True):
        for name in matrices:
            mine = getattr(block.attention, name).weight
            mine.data.lerp_(getattr(theirs.attention, name).weight.data, share)
    return merged


def build(whose: str, seed: int, share: float = SHARE) -> Encoder:
    """The model of few sounds with attention of one of `FROM`. Raises ValueError for another."""
    if whose not in FROM:
        raise ValueError(f"whose must be one of {', '.join(FROM)}, not {whose!r}")
    sound = alone("sound", seed, FEW)
    if whose == "own":
        return sound
    if whose == "fresh":
        torch.manual_seed(seed + 1000)
        return merge(sound, Encoder(), share)
    return merge(sound, alone("picture", seed), 1.0 if whose.startswith("all") else share)


def heard(seed: int, whose: str, share: float = SHARE, another: bool = False) -> Scores:
    """Right answers about held-out sounds."""
    model, tokens = build(whose, seed, share), record(joined_senses.EXAM).tokens["sound"]
    asked = tuple(("sound", kind) for kind in KINDS)
    return right(lambda sense, kind: model.tell(sense, kind, tokens), asked, another)
