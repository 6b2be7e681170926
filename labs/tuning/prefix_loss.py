"""The loss of a shared-prefix batch, with logits computed only where there is a label."""

import torch
from torch.nn.functional import cross_entropy

from labs.tuning.packing import IGNORE, Batch


def supervised_logits(
    model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (supervised, vocabulary) and labels (supervised,) at the positions that have a label.

    `model` is any causal language model of transformers with a backbone `model.model` and a head `model.lm_head`
    which passes a four-dimensional mask through; `pixel_values` go along where it has eyes.
    """
    pictures = {} if pixel_values is None else {"pixel_values": pixel_values}
    hidden = model.model(
        input_ids=batch.input_ids,
        position_ids=batch.position_ids,
        attention_mask=batch.attention_mask,
        use_cache=False,
        **pictures,
    ).last_hidden_state
    supervised = batch.labels != IGNORE
    return model.lm_head(hidden[supervised]), batch.labels[supervised]


def prefix_loss(
    model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None = None, long_answers: float = 1.0
) -> torch.Tensor:
    """Mean cross-entropy over supervised tokens, each weighted by its answer's length to the power `long_answers` - 1.

    At 1 every token counts the same, the usual loss; at 0 every answer does, however long it is.
    """
    logits, labels = supervised_logits(model, batch, pixel_values)
    losses = cross_entropy(logits.float(), labels, reduction="none")
    if long_answers == 1.0:
        return losses.mean()
    weights = answer_lengths(batch).float() ** (long_answers - 1.0)
    return (losses * weights).sum() / weights.sum()


def answer_lengths(batch: Batch) -> torch.Tensor:
    """For each supervised position, in the order of `supervised_logits`, the number of tokens of its answer."""
    supervised = batch.labels != IGNORE
    rows = torch.arange(len(batch.labels))[:, None].expand_as(batch.labels)
    key = rows[supervised] * (batch.pair.max() + 1) + batch.pair[supervised]
    return torch.bincount(key)[key]


def exact_matches(
    model: torch.nn.Module, batch: Batch, pixel_values: torch.Tensor | None = None
) -> dict[tuple[int, int], bool]:
    """(row, pair) -> whether greedy decoding would write exactly the answer.

    Under teacher forcing the best token at every step is the label if and only if greedy decoding writes the answer.
    """
    logits, labels = supervised_logits(model, batch, pixel_values)
    right = logits.argmax(-1) == labels
    row, position = (batch.labels != IGNORE).nonzero(as_tuple=True)
    result: dict[tuple[int, int], bool] = {}
    for r, p, ok in zip(row.tolist(), batch.pair[row, position].tolist(), right.tolist(), strict=True):
        result[r, p] = result.get((r, p), True) and ok
    return result
