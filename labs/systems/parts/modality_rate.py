"""The modality integration rate: how far visual tokens lie from words, in all layers of a language model.

It is the logarithm of the sum over layers of the Frechet distance between both, after all are scaled by the mean length
of that layer's words, and what is much longer or shorter than most is left out (https://arxiv.org/abs/2410.07167; its
authors' code puts a median in the place of what is left out here).
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

FAR = 3.0  # deviations from the median length: what lies farther is left out


def frechet(one: Float[Tensor, "n width"], other: Float[Tensor, "m width"]) -> float:
    """The squared Frechet distance of two Gaussians that have the means and covariances of both."""
    first, second = one.T.cov(), other.T.cov()
    values, turned = torch.linalg.eigh(first)
    root = turned * values.clamp(min=0).sqrt() @ turned.T
    both = torch.linalg.eigvalsh(root @ second @ root).clamp(min=0).sqrt().sum()
    return float(((one.mean(0) - other.mean(0)) ** 2).sum() + first.trace() + second.trace() - 2 * both)


def near(tokens: Float[Tensor, "n width"]) -> Float[Tensor, "some width"]:
    """Without those whose length is far from the median length."""
    lengths = tokens.norm(dim=1)
    return tokens[(lengths - lengths.median()).abs() <= FAR * lengths.std()]


def rate(layers: Sequence[tuple[Float[Tensor, "n width"], Float[Tensor, "m width"]]]) -> float:
    """The decimal logarithm of the sum over layers, each a pair of visual tokens and words."""
    total = 0.0
    for seen, words in layers:
        scale = words.norm(dim=1).mean()
        total += frechet(near(seen / scale).double(), near(words / scale).double())
    return math.log10(total)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's, of numbers of which no two are equal."""
    ranks = torch.tensor([list(one), list(other)], dtype=torch.float64).argsort(1).argsort(1).double()
    return float(ranks.corrcoef()[0, 1])
