"""Experts that first learn one sense each, then all senses together behind a router, in the three stages of Uni-MoE.

    1 alignment       a dense encoder learns to name what each sense shows
    2 specialists     its feed-forward layers, and nothing else, learn the shelves of one sense, in a copy for each
    3 together        the copies become the experts of one encoder; a router learns, and LoRA on all matrices

Uni-MoE (Li et al., 2024, https://arxiv.org/abs/2405.11273). The rivals go through the same stages in as many steps: a
dense encoder whose layers are as large as the experts that a token meets, and experts that all learned all senses.
"""

from copy import deepcopy
from functools import cache

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.alternating import RATE, train
from labs.systems.parts.joined_senses import NAMED, SENSES, SHELVED, record, right, truth
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sparse_experts import Encoder

ACTIVE = 2  # experts that a token meets
ALIGNMENT, SPECIALISTS, TOGETHER = 400, 600, 600  # steps; those of specialists are for each of the four
BATCH, RANK = 32, 4
APART = "apart"  # no third stage: each sense is told by its specialist
WAYS = ("one sense each", "all senses each", "dense")


@cache
def aligned(seed: int) -> Encoder:
    """After the first stage: one network in each feed-forward layer."""
    torch.manual_seed(seed)
    return train(Encoder(), seed, ALIGNMENT, NAMED)


def specialise(model: Encoder, asked: tuple[tuple[str, str], ...], seed: int, steps: int) -> Encoder:
    """A copy of which the feed-forward layers alone have learned these questions, one a step."""
    model, (tokens, answers) = deepcopy(model).requires_grad_(False), record("train")
    at = batches(joined_senses.COUNTS["train"], BATCH, 1000 + seed)

    def loss(step: int) -> torch.Tensor:
        (sense, kind), now = asked[step % len(asked)], at(step)
        return cross_entropy(model(sense, kind, tokens[sense][now]), truth(answers, sense, kind)[now])

    for block in model.blocks:
        block.experts.requires_grad_(True)
    learn(model.parameters(), loss, steps, RATE)
    return model


@cache
def specialists(way: str, seed: int) -> list[Encoder]:
    """After the second stage: encoders that differ in their feed-forward layers alone. "dense" has `ACTIVE` networks in
    each layer, which learned side by side for as long as all specialists together. Raises ValueError for another way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "dense":
        return [specialise(assemble([aligned(seed)] * ACTIVE, "dense", seed), SHELVED, seed, SPECIALISTS * len(SENSES))]
    asked = [(one,) if way == "one sense each" else SHELVED for one in SHELVED]
    return [specialise(aligned(seed), some, 10 * seed + i, SPECIALISTS) for i, some in enumerate(asked)]


def assemble(parts: list[Encoder], router: str, seed: int) -> Encoder:
    """One encoder whose experts are the feed-forward layers of these; copies are made a little unlike each other."""
    torch.manual_seed(seed)
    model = deepcopy(parts[0])
    whole = Encoder(len(parts), ACTIVE, router)
    for number, block in enumerate(model.blocks):
        block.experts = whole.blocks[number].experts
        for expert, part in zip(block.experts.each, parts, strict=True):
            expert.load_state_dict(part.blocks[number].experts.each[0].state_dict())
            if parts[0] is parts[-1]:
                with torch.no_grad():
                    expert.up.weight.add_(0.1 * expert.up.weight.std() * torch.randn_like(expert.up.weight))
    return model.requires_grad_(True)


def with_lora(model: Encoder, seed: int) -> Encoder:
    """LoRA on every matrix of the blocks, changed in place; routers, norms and all outside the blocks learn, too."""
    torch.manual_seed(seed)
    spec = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules=["query", "key", "value", "out", "up", "down"])
    inject_adapter_in_model(spec, model.blocks)
    for name, weight in model.named_parameters():
        frozen = ".base_layer." in name
        weight.requires_grad_(not frozen)
    return model


@cache
def joined(way: str, seed: int) -> Encoder:
    """After all three stages."""
    parts = specialists(way, seed)
    model = deepcopy(parts[0]) if way == "dense" else assemble(parts, "tokens choose", seed)
    return train(with_lora(model, seed), seed, TOGETHER, SHELVED, balance=0.0).requires_grad_(False)


def answers(seed: int, way: str, another: bool = False) -> Scores:
    """Right shelves of held-out scenes, sense by sense; `APART` by the specialists after the second stage."""
    tokens = record(joined_senses.EXAM).tokens
    if way == APART:
        own = dict(zip(SENSES, specialists(WAYS[0], seed), strict=True))
    else:
        own = dict.fromkeys(SENSES, joined(way, seed))
    return right(lambda sense, kind: own[sense].tell(sense, kind, tokens[sense]), SHELVED, another)
