"""A linear layer with LoRA beside it: y = x W^T + (alpha / r) x A^T B^T (Hu et al., 2021,
https://arxiv.org/abs/2106.09685). W is frozen; A has r rows, B has r columns."""

import torch
from jaxtyping import Float
from torch import Tensor

from labs.teaching.examine import Case

HINTS = (
    "Three products: x by W, then x by A, and what comes out by B. PyTorch stores a layer's weight as (out, in).",
    "r is the number of rows of A, and the update is scaled by alpha / r before it is added.",
)


def lora_forward(
    x: Float[Tensor, "batch inputs"], weight: Float[Tensor, "outputs inputs"], A: Float[Tensor, "rank inputs"],
    B: Float[Tensor, "outputs rank"], alpha: float,
) -> Float[Tensor, "batch outputs"]:  # fmt: skip
    """What the layer gives, adapter included."""
    return x @ weight.T + alpha / len(A) * (x @ A.T) @ B.T


def _unscaled(x, weight, A, B, alpha):
    return x @ weight.T + (x @ A.T) @ B.T


def _by_alpha(x, weight, A, B, alpha):
    return x @ weight.T + alpha * (x @ A.T) @ B.T


def _by_inputs(x, weight, A, B, alpha):
    return x @ weight.T + alpha / A.shape[1] * (x @ A.T @ B.T)


def _alone(x, weight, A, B, alpha):
    return alpha / len(A) * (x @ A.T) @ B.T


def _not_turned(x, weight, A, B, alpha):
    return x @ weight + alpha / len(A) * (x @ A.T) @ B.T


MISTAKES = {
    "the update is not scaled by alpha / r": _unscaled,
    "the update is scaled by alpha alone; divide by the rank too": _by_alpha,
    "r is the number of A's rows, A.shape[0], not of its columns": _by_inputs,
    "the frozen layer's own answer x W^T is missing": _alone,
    "W is stored as (out, in), so x is multiplied by its transpose": _not_turned,
}


def _given(rank: int = 2, inputs: int = 5, outputs: int = 3, zero: bool = False) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((4, inputs), (outputs, inputs), (rank, inputs), (outputs, rank))
    x, weight, A, B = (torch.randn(shape, generator=generator) for shape in shapes)
    return x, weight, A, torch.zeros_like(B) if zero else B


CASES = (
    Case("with B = 0 the layer is as it was", lambda f: f(*_given(zero=True), 4.0)),
    Case("rank 2, alpha 4", lambda f: f(*_given(), 4.0)),
    Case("a square layer of rank 3", lambda f: f(*_given(3, 4, 4), 6.0)),
    Case("alpha twice as large, the update twice as large", lambda f: f(*_given(), 8.0) - f(*_given(), 4.0)),
)
