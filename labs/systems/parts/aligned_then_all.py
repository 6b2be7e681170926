"""Each sense aligned to a language model on its own, then everything tuned on all senses together, as in Baichuan-Omni
(Li et al., 2024, https://arxiv.org/abs/2410.08565).

    1 alignment   each sense --its own queries--> 4 prompts --language model, frozen--> answers     sense by sense
    2 together    all senses mixed in every step; queries and the language model learn

"together from the start" is the second stage for as many steps as both take; "aligned alone" the first, likewise.
"""

import random
from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts import one_thing, shown
from labs.systems.parts.ideal_prompts import Prompter
from labs.systems.parts.joined_senses import TOKENS, record, scenes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.talker import talker
from labs.tuning.packing import Branch

TELLS = {
    "picture": ("shape", "colour", "size", "place"), "depth": ("shape", "size", "place"),
    "heat": ("shape", "size", "place"), "sound": ("shape", "colour", "size"),
}  # fmt: skip
SENSES, CHANCE = tuple(TELLS), sum(one_thing.chance(kinds) for kinds in TELLS.values()) / len(TELLS)
ALIGN, TOGETHER = 45, 120  # steps: of each sense alone; of all together
BATCH, RATE, TUNED = 32, 3e-3, 1e-3  # scenes a step; rates of the first stage and of the second
WAYS = ("aligned, then together", "together from the start", "aligned alone")
EXAM, ITEMS, SHIFTS = "exam", 150, (1, 2, 3, 4)


class Omni(nn.Module):
    """A Q-Former for each sense before one language model."""

    def __init__(self) -> None:
        super().__init__()
        self.language: LlamaForCausalLM = deepcopy(talker())
        self.senses = nn.ModuleDict({sense: Prompter(size + 16) for sense, (_, size) in TOKENS.items()})

    def prompts(self, sense: str, rows: Float[Tensor, "n rows size"]) -> Float[Tensor, "n 4 96"]:
        """What is sensed, each row with its place, as words of the language model."""
        places = nn.functional.one_hot(torch.arange(rows.shape[1]), 16).to(rows.dtype)
        return self.senses[sense](torch.cat([rows, places.expand(len(rows), -1, -1)], dim=2))


@cache
def lessons(sense: str) -> list[list[list[Branch]]]:
    """For each scene every question that the sense can answer, one a list."""
    return [[[one] for one in some] for some in one_thing.ask(scenes("train"), TELLS[sense])]


def teach(model: Omni, met: tuple[str, ...], language: bool, steps: int, seed: int) -> None:
    """Equal parts of these senses in every step; the language model learns, too, or is frozen."""
    model.language.requires_grad_(language)
    tokens, rng = record("train").tokens, random.Random(seed)
    at = [batches(len(scenes("train")), BATCH // len(met), 10 * seed + i) for i in range(len(met))]

    def loss(step: int) -> Tensor:
        prompts, pairs = [], []
        for sense, choose in zip(met, at, strict=True):
            now = choose(step)
            prompts.append(model.prompts(sense, tokens[sense][now]))
            pairs += [rng.choice(lessons(sense)[i]) for i in now.tolist()]
        return shown.loss(model.language, torch.cat(prompts), pairs)

    learn(model.parameters(), loss, steps, TUNED if language else RATE)


@cache
def taught(seed: int, way: str) -> Omni:
    """The model after both stages, or after one of them as long. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model, each = Omni(), ALIGN + TOGETHER // len(SENSES)
    if way != "together from the start":
        for sense in SENSES:
            teach(model, (sense,), False, ALIGN if "then" in way else each, seed)
    if way != "aligned alone":
        teach(model, SENSES, True, TOGETHER if "then" in way else each * len(SENSES), seed)
    return model.eval().requires_grad_(False)


def answers(seed: int, way: str, another: bool = False) -> Scores:
    """Right answers about held-out scenes, sense by sense; about `another`'s, the mean over several."""
    model, values, about = taught(seed, way), [], []
    for sense, kinds in TELLS.items():
        asked = one_thing.ask(scenes(EXAM)[:ITEMS], kinds)
        prompts = model.prompts(sense, record(EXAM).tokens[sense][:ITEMS])
        right = [shown.right(model.language, prompts.roll(by, 0), asked) for by in (SHIFTS if another else (0,))]
        values += torch.stack(right).float().mean(0).tolist()
        about += [i for i, some in enumerate(asked) for _ in some]
    return Scores(values, about)
