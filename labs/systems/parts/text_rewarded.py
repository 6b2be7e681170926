"""A reward model, learned from preferences, picks the replies that a tuned model learns from next.

    supervised   the base, tuned on replies as they are found (labs.systems.parts.text_honesty)
    reward       that model with one number at the end of a reply; of two of its replies the preferred one scores higher
    rejection    of four replies drawn for each of other questions the one with the highest reward, learned from

So LLaMA-2-Chat (Touvron et al., 2023, https://arxiv.org/abs/2307.09288): its ranking loss, without a margin, and its
rejection sampling. Who prefers here knows the text.
"""

import copy
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, pad
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts import text_honesty
from labs.systems.parts.base_words import PAD, words
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.text_honesty import chances, supervised, texts
from labs.systems.parts.text_talks import TOGETHER, about, tune, turn
from labs.tuning.packing import Batch, Row, pack

DRAWS = 4  # replies of which the best is taken
REWARD_STEPS, REWARD_ROWS, REWARD_RATE = 120, 16, 2e-3
AGAIN_STEPS, AGAIN_RATE = 50, 2e-3


class Reward(nn.Module):
    """A language model that says one number at the end of each branch."""

    def __init__(self, model: LlamaForCausalLM):
        super().__init__()
        self.model = copy.deepcopy(model.model).requires_grad_(True)
        self.head = nn.Linear(model.config.hidden_size, 1, bias=False)  # the same for all would rank nothing
        nn.init.zeros_(self.head.weight)

    def forward(self, batch: Batch) -> Float[Tensor, " branches"]:
        """Row by row."""
        states = self.model(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.attention_mask,
            use_cache=False,
        ).last_hidden_state  # fmt: skip
        after = pad(batch.branch[:, 1:], (0, 1), value=-1)
        return self.head(states[(batch.branch > 0) & (batch.branch != after)])[:, 0]


def draw(model: LlamaForCausalLM, rows: Sequence[Row], count: int, seed: int) -> Int[Tensor, "branches count"]:
    """So many replies to each question, at temperature 1."""
    return torch.multinomial(chances(model, rows), count, True, generator=torch.Generator().manual_seed(seed))


def with_replies(row: Row, replies: Int[Tensor, "questions count"]) -> Row:
    """Each question of a row once for each of its replies, in the place of the reply that stands there."""
    many = []
    for branch, said in zip(row.branches, replies.tolist(), strict=True):
        many += [branch._replace(ids=[*branch.ids[:-2], word, branch.ids[-1]]) for word in said]
    return Row(row.prefix, many)


def drawn(seed: int, stage: str, count: int) -> tuple[list[Row], Tensor, Tensor]:
    """True rows of a stage; replies drawn for them, (rows, questions, count); the true replies, (rows, questions)."""
    told, questions = texts(seed, stage)
    rows = about(told, [[turn(*one) for one in some] for some in questions])
    truth = torch.tensor([[words()[one[1]] for one in some] for some in questions])
    return rows, draw(supervised(seed), rows, count, seed).view(*truth.shape, count), truth


def ranked(rows: Sequence[Row], replies: Tensor, truth: Tensor) -> list[Row]:
    """Pairs of which one reply is true, a row each: that one first, for it is preferred."""
    found = []
    for row, (two, true) in zip(rows, zip(replies, truth, strict=True), strict=True):
        for branch, (one, other), right in zip(row.branches, two, true, strict=True):
            if (one == right) != (other == right):
                best_first = torch.stack([one, other] if one == right else [other, one])
                found.append(with_replies(Row(row.prefix, [branch]), best_first[None]))
    return found


@cache
def reward(seed: int) -> Reward:
    """After the ranked pairs: what is preferred is to score higher."""
    pairs = ranked(*drawn(seed, "preferences", 2))
    torch.manual_seed(seed)
    model, at = Reward(supervised(seed)), batches(len(pairs), REWARD_ROWS, seed)

    def loss(step: int) -> Tensor:
        won, lost = model(pack([pairs[i] for i in at(step).tolist()], PAD, multiple=16)).view(-1, 2).T
        return -logsigmoid(won - lost).mean()

    learn(model.parameters(), loss, REWARD_STEPS, REWARD_RATE)
    return model.eval().requires_grad_(False)


@cache
def preferring(seed: int, judge: str) -> LlamaForCausalLM:
    """The supervised model after one of four replies that a judge picked: the "reward" model, "chance", or "truth"."""
    rows, replies, truth = drawn(seed, "rejection", DRAWS)
    if judge == "reward":
        marks = rewards(reward(seed), [with_replies(*one) for one in zip(rows, replies, strict=True)])
        best = marks.view(replies.shape).argmax(-1, keepdim=True)
    else:
        best = (replies == truth[..., None]).float().argmax(-1, keepdim=True) * (judge == "truth")
    chosen = [with_replies(*one) for one in zip(rows, replies.gather(-1, best), strict=True)]
    start = copy.deepcopy(supervised(seed)).requires_grad_(True)
    return tune(start, chosen, seed, AGAIN_STEPS, AGAIN_RATE)


@torch.no_grad()
def rewards(model: Reward, rows: Sequence[Row]) -> Float[Tensor, " branches"]:
    """Of every branch."""
    parts = [model(pack(list(rows[start : start + TOGETHER]), PAD)) for start in range(0, len(rows), TOGETHER)]
    return torch.cat(parts)


def honest(seed: int, judge: str, another: bool = False) -> Scores:
    """The exam of the model after what a judge picked, or of the supervised model where there is "none"."""
    model = supervised(seed) if judge == "none" else preferring(seed, judge)
    return text_honesty.honest(model, seed, another)
