"""Preferences for a small writer of rows: of two replies to the same row the preferred one becomes likelier, by DPO.

The loss is that of labs.tuning.by_hand.dpo; the reference is the writer as it was before.
"""

import copy

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter
from labs.tuning.by_hand.dpo import dpo_loss

STEPS, BATCH, RATE, BETA = 100, 32, 5e-4, 0.3


def log_probability(
    model: MixedWriter, rows: list[Tensor], reply: Int[Tensor, "n words"]
) -> Float[Tensor, " n"]:  # fmt: skip
    """Of whole replies to rows."""
    given = sum(part.shape[1] for part in rows)
    return -model.wrong(model.hidden([*rows, reply])[:, given - 1 : -1], reply).sum(1)


def prefer(
    model: MixedWriter, rows: list[Tensor], won: Int[Tensor, "n words"], lost: Int[Tensor, "n words"], seed: int
) -> MixedWriter:  # fmt: skip
    """A copy of the model that has learned from these pairs, frozen; the model stays as it is."""
    better = copy.deepcopy(model).requires_grad_(True)
    with torch.no_grad():
        before = [log_probability(model, rows, reply) for reply in (won, lost)]
    at = batches(len(won), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        some = [part[now] for part in rows]
        after = (log_probability(better, some, reply[now]) for reply in (won, lost))
        return dpo_loss(*after, before[0][now], before[1][now], BETA).mean()

    learn(better.parameters(), loss, STEPS, RATE)
    return better.eval().requires_grad_(False)
