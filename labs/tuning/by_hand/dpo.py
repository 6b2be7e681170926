"""Direct preference optimization by hand: of two replies to one picture the preferred one becomes likelier.

    loss = - log sigmoid( beta ( (log p(w) - log q(w)) - (log p(l) - log q(l)) ) )

p is the model that learns, q the same model before, w the reply that won and l the one that lost. Were the reward of a
reply beta log p / q, the sigmoid would be the chance that w is preferred: the loss fits that, and keeps p near q.

https://arxiv.org/abs/2305.18290, equation 7; reference implementation: appendix B there, and TRL's DPOTrainer. With
LoRA q needs no second model: it is p with its adapters switched off. Both replies are branches after one copy of the
picture and the request (labs.tuning.packing), so what they have in common is computed once.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import logsigmoid

from labs.tuning.label_logits import token_losses
from labs.tuning.mask import Encoded
from labs.tuning.packing import IGNORE
from labs.tuning.sharing import SharedCollator, model_inputs

Pair = Sequence[Encoded]  # what won and what lost, about the same pictures

BETA = 0.1


def dpo_loss(
    won: Float[Tensor, " pairs"], lost: Float[Tensor, " pairs"],
    won_before: Float[Tensor, " pairs"], lost_before: Float[Tensor, " pairs"], beta: float = BETA,
) -> Float[Tensor, " pairs"]:  # fmt: skip
    """From the log-probabilities of whole replies, now and before. Log 2 as long as nothing was learned.

    Raises ValueError for a beta that is not positive: the replies would be told apart by nothing, or the wrong way.
    """
    if beta <= 0:
        raise ValueError(f"beta must be positive, not {beta}")
    return -logsigmoid(beta * ((won - won_before) - (lost - lost_before)))


def log_probabilities(
    model: torch.nn.Module, pairs: Sequence[Pair], collate: SharedCollator
) -> Float[Tensor, "pairs 2"]:
    """log p of each reply, summed over its tokens: of what won and of what lost."""
    batch = collate(collate.rows(pairs))
    if len(batch["input_ids"]) != len(pairs):
        raise ValueError("the two replies of a pair must be to the same request about the same pictures")
    targets, inputs = model_inputs(model, batch)
    rows, places = (targets != IGNORE).nonzero(as_tuple=True)
    reply = 2 * rows + batch["branch"][rows, places] - 1  # branches count from 1
    losses = token_losses(model, targets, inputs)
    return losses.new_zeros(2 * len(pairs)).index_add(0, reply, -losses).view(-1, 2)


@torch.no_grad()
def before(model: PeftModel, pairs: Sequence[Pair], collate: SharedCollator) -> Float[Tensor, "pairs 2"]:
    """log q, of the same model with its adapters switched off."""
    with model.disable_adapter():
        return log_probabilities(model, pairs, collate)
