"""The share of one micro-batch in the loss of a step that is learned in several, so that all shares add up to the loss
of the whole step at once: the mean over all its supervised tokens.

The logits at place i predict the token at place i + 1; the first token of a row is predicted by nothing. A micro-batch
with nothing to learn has the share 0.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.teaching.examine import Case

HINTS = (
    "Shift first: logits[:, :-1] against labels[:, 1:]. Then cross_entropy of the flattened pair with reduction='sum', "
    "which leaves -100 out by itself.",
    "Divide by the number of labels[:, 1:] != -100 in the whole step: add it up over all micro-batches.",
)


def accumulated_loss(
    logits: Float[Tensor, "batch tokens vocabulary"], labels: Int[Tensor, "batch tokens"], step: list[Tensor]
) -> Float[Tensor, ""]:
    """`step`: the labels of every micro-batch of the step, this one's among them. Returns this one's share."""
    losses = cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    return losses / sum(int((one[:, 1:] != -100).sum()) for one in step)


def _summed(logits, labels):
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")


def _mean_of_means(logits, labels, step):
    return _summed(logits, labels) / (labels[:, 1:] != -100).sum() / len(step)


def _own_mean(logits, labels, step):
    return _summed(logits, labels) / (labels[:, 1:] != -100).sum()


def _not_shifted(logits, labels, step):
    return cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="sum") / sum((o != -100).sum() for o in step)


def _all_tokens(logits, labels, step):
    return _summed(logits, labels) / sum(one[:, 1:].numel() for one in step)


def _first_counted(logits, labels, step):
    return _summed(logits, labels) / sum((one != -100).sum() for one in step)


def _not_divided(logits, labels, step):
    return _summed(logits, labels)


MISTAKES = {
    "a mean of means: tokens of a micro-batch with few answers weigh more; divide the sum by all of the step's":
        _mean_of_means,
    "this is the micro-batch's own mean; divide by the supervised tokens of the whole step": _own_mean,
    "logits and labels are not shifted: logits[:, :-1] predict labels[:, 1:]": _not_shifted,
    "all tokens are counted; divide by the supervised ones, those whose label is not -100": _all_tokens,
    "the first token of a row counts though nothing predicts it; count in labels[:, 1:]": _first_counted,
    "the sum is not divided at all; a step with long answers would move the weights further": _not_divided,
}  # fmt: skip


def _step() -> list[tuple[Tensor, Tensor]]:
    """Three micro-batches: few answers, many, none; one row begins with a supervised token."""
    generator, parts = torch.Generator().manual_seed(0), []
    for supervised in ([[4], [5, 6]], [[1, 2, 3, 4, 5, 6], [0, 3, 4, 5]], [[], []]):
        logits = torch.randn(2, 7, 11, generator=generator)
        labels = torch.randint(0, 11, (2, 7), generator=generator)
        kept = torch.tensor([[place in row for place in range(7)] for row in supervised])
        parts.append((logits, labels.where(kept, torch.tensor(-100))))
    return parts


def _share(function, number: int, among: slice = slice(None)) -> Tensor:
    parts = _step()
    return function(*parts[number], [labels for _, labels in parts[among]])


def _gradient(function) -> Tensor:
    logits, labels = _step()[0]
    logits.requires_grad_(True)
    function(logits, labels, [labels for _, labels in _step()]).backward()
    return logits.grad


CASES = (
    Case("a step of one micro-batch: the mean over its supervised tokens", lambda f: _share(f, 0, slice(1))),
    Case("the share of a micro-batch with three supervised tokens", lambda f: _share(f, 0)),
    Case("the share of one with many", lambda f: _share(f, 1)),
    Case("the share of one with nothing to learn", lambda f: _share(f, 2)),
    Case("all shares add up to the loss of the step", lambda f: sum(_share(f, number) for number in range(3))),
    Case("its gradient", _gradient),
)
