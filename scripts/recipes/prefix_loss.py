"""The loss of a shared-prefix batch as it comes from `pack`, for a model that takes it without further ado."""

import torch
from torch.nn.functional import cross_entropy

from labs.tuning.label_logits import supervised_logits
from labs.tuning.packing import IGNORE, Batch


def prefix_loss(
    model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None = None, long_answers: float = 1.0
) -> torch.Tensor:
    """Mean cross-entropy over supervised tokens, each weighted by its answer's length to the power `long_answers` - 1.

    At 1 every token counts the same, the usual loss; at 0 every answer does, however long it is.
    """
    logits = _logits(model, batch, pixel_values)
    losses = cross_entropy(logits.float(), batch.labels[batch.labels != IGNORE], reduction="none")
    if long_answers == 1.0:
        return losses.mean()
    weights = answer_lengths(batch).float() ** (long_answers - 1.0)
    return (losses * weights).sum() / weights.sum()


def answer_lengths(batch: Batch) -> torch.Tensor:
    """For each supervised position, row by row, the number of tokens of its answer."""
    supervised = batch.labels != IGNORE
    rows = torch.arange(len(batch.labels))[:, None].expand_as(batch.labels)
    key = rows[supervised] * (batch.branch.max() + 1) + batch.branch[supervised]
    return torch.bincount(key)[key]


def exact_matches(
    model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None = None
) -> dict[tuple[int, int], bool]:
    """(row, branch) -> whether greedy decoding would write exactly the answer.

    Under teacher forcing the best token at every step is the label if and only if greedy decoding writes the answer.
    """
    supervised = batch.labels != IGNORE
    right = _logits(model, batch, pixel_values).argmax(-1) == batch.labels[supervised]
    row, position = supervised.nonzero(as_tuple=True)
    result: dict[tuple[int, int], bool] = {}
    for r, p, ok in zip(row.tolist(), batch.branch[row, position].tolist(), right.tolist(), strict=True):
        result[r, p] = result.get((r, p), True) and ok
    return result


def _logits(model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None) -> torch.Tensor:
    inputs = {"input_ids": batch.input_ids, "position_ids": batch.position_ids, "attention_mask": batch.attention_mask}
    return supervised_logits(
        model, batch.labels, inputs | ({} if pixel_values is None else {"pixel_values": pixel_values})
    )
