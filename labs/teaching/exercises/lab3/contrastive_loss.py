"""The loss that binds two senses (InfoNCE: van den Oord et al., 2018, https://arxiv.org/abs/1807.03748; symmetric as in
CLIP and ImageBind, https://arxiv.org/abs/2305.05665).

Row n of `first` and row n of `second` are the same moment through two sensors. Bring all vectors to length 1. The
similarity of two is their dot product, divided by `temperature`. Of all moments of the other sensor, each is to find
its own: cross-entropy along rows, and along columns; the loss is the mean of both.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.teaching.examine import Case

HINTS = (
    "torch.nn.functional.normalize(x, dim=1) brings rows to length 1; first @ second.T is (n, n), and the right one of "
    "row n stands in column n.",
    "cross_entropy(logits, torch.arange(n)) goes along rows, the same of logits.T along columns; return their mean.",
)


def contrastive_loss(
    first: Float[Tensor, "n width"], second: Float[Tensor, "n width"], temperature: float
) -> Float[Tensor, ""]:
    """How badly n moments find their partners, in nats; 0 is perfect, log(n) is guessing."""
    logits = normalize(first, dim=1) @ normalize(second, dim=1).T / temperature
    right = torch.arange(len(logits))
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def _both_ways(logits):
    right = torch.arange(len(logits))
    return (cross_entropy(logits, right) + cross_entropy(logits.T, right)) / 2


def _of_any_length(first, second, temperature):
    return _both_ways(first @ second.T / temperature)


def _times_temperature(first, second, temperature):
    return _both_ways(normalize(first, dim=1) @ normalize(second, dim=1).T * temperature)


def _rows_alone(first, second, temperature):
    logits = normalize(first, dim=1) @ normalize(second, dim=1).T / temperature
    return cross_entropy(logits, torch.arange(len(logits)))


def _columns_alone(first, second, temperature):
    return _rows_alone(second, first, temperature)


def _sum_of_both(first, second, temperature):
    return 2 * contrastive_loss(first, second, temperature)


def _over_the_batch(first, second, temperature):
    return _both_ways(normalize(first, dim=0) @ normalize(second, dim=0).T / temperature)


def _distance(first, second, temperature):
    return 1 - (normalize(first, dim=1) * normalize(second, dim=1)).sum(1).mean()


MISTAKES = {
    "vectors of any length: bring both to length 1 first, or the loudest wins": _of_any_length,
    "the temperature divides: the smaller it is, the sharper the choice": _times_temperature,
    "only the first sensor looks for the second: add the columns, logits.T": _rows_alone,
    "only the second sensor looks for the first: add the rows": _columns_alone,
    "this is the sum of both directions: take their mean": _sum_of_both,
    "length 1 is for each moment: normalise along dim=1, not over the batch": _over_the_batch,
    "only partners are compared: without the other moments all may become the same; use cross-entropy": _distance,
}


def _pairs(n: int = 5, width: int = 4, apart: float = 0.7, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Vectors of different lengths, and partners that lie near them."""
    generator = torch.Generator().manual_seed(seed)
    first, noise = torch.randn(2, n, width, generator=generator)
    return first * torch.linspace(0.5, 3, n)[:, None], first + apart * noise


def _slope(function) -> Tensor:
    first, second = _pairs()
    function(first.requires_grad_(), second, 0.2).backward()
    return first.grad


CASES = (
    Case("five pairs, temperature 0.1", lambda f: f(*_pairs(), 0.1)),
    Case("temperature 0.5", lambda f: f(*_pairs(), 0.5)),
    Case("other sizes", lambda f: f(*_pairs(8, 3, 1.5, 1), 0.2)),
    Case("ten times as long vectors: the same", lambda f: f(10 * _pairs()[0], _pairs()[1], 0.2)),
    Case("both sensors change places: the same", lambda f: f(*_pairs()[::-1], 0.2)),
    Case("all vectors the same: guessing, log(4)", lambda f: f(torch.ones(4, 3), torch.ones(4, 3), 0.07)),
    Case("its gradient", _slope),
)
