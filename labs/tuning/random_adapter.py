"""A control: an adapter that changes every layer as much as the trained one, in random directions.

    W x + (lora_alpha / r) B A x        A, B drawn anew; B A has the rank and the Frobenius norm of the trained one

What this changes too was no learning.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from peft.tuners.lora import LoraLayer
from torch import nn


@contextmanager
def random_adapter(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Inside the `with`, all active adapters of `model` are random; afterwards they are what they were, bit for bit."""
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    pairs = [(layer.lora_A[name].weight.data, layer.lora_B[name].weight.data)
             for layer in layers for name in layer.active_adapters if name in layer.lora_A]  # fmt: skip
    if not pairs:
        raise ValueError("the model has no LoRA layers whose update could be made random")
    kept = [(A.clone(), B.clone()) for A, B in pairs]
    generator = torch.Generator().manual_seed(seed)
    try:
        for A, B in pairs:
            norm = norm_of_product(B, A)
            for weight in (A, B):
                weight.copy_(torch.randn(weight.shape, generator=generator))
            B *= norm / norm_of_product(B, A)
        yield
    finally:
        for (A, B), (own_A, own_B) in zip(pairs, kept, strict=True):
            A.copy_(own_A)
            B.copy_(own_B)


def norm_of_product(B: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """The Frobenius norm of B A (out, in), which is never built: its square is the trace of (B^T B) (A A^T), r by r."""
    A, B = A.double(), B.double()
    return ((B.T @ B) * (A @ A.T)).sum().clamp(min=0).sqrt()
