"""A control: an adapter that changes every layer as much as the trained one, in random directions.

    W x + (lora_alpha / r) B A x        A, B drawn anew; B A has the rank and the Frobenius norm of the trained one

Where rows of the embedding learned too, each is moved as far as the trained one was, in a random direction.
What this changes too was no learning.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from labs.tuning.rows import row_layers


@contextmanager
def random_adapter(model: nn.Module, seed: int = 0) -> Iterator[None]:
    """Inside the `with`, all active adapters of `model` are random; afterwards they are what they were, bit for bit."""
    layers = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
    pairs = [(layer.lora_A[name].weight.data, layer.lora_B[name].weight.data)
             for layer in layers for name in layer.active_adapters if name in layer.lora_A]  # fmt: skip
    if not pairs:
        raise ValueError("the model has no LoRA layers whose update could be made random")
    rows = [(layer.trainable_tokens_delta[name].data, layer.trainable_tokens_original[name])
            for layer in row_layers(model) for name in layer.active_adapters]  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    with _restored([*sum(pairs, ()), *(learned for learned, _ in rows)]):
        for A, B in pairs:
            norm = norm_of_product(B, A)
            for weight in (A, B):
                weight.copy_(torch.randn(weight.shape, generator=generator))
            B *= norm / norm_of_product(B, A)
        for learned, original in rows:
            far, way = (learned - original).norm(dim=1), torch.randn(learned.shape, generator=generator).to(learned)
            learned.copy_(original + way * (far / way.norm(dim=1))[:, None])
        yield


@contextmanager
def _restored(tensors: Sequence[torch.Tensor]) -> Iterator[None]:
    """Afterwards they are what they were, whatever happened in between."""
    kept = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        for tensor, own in zip(tensors, kept, strict=True):
            tensor.copy_(own)


def norm_of_product(B: torch.Tensor, A: torch.Tensor) -> torch.Tensor:
    """The Frobenius norm of B A (out, in), which is never built: its square is the trace of (B^T B) (A A^T), r by r."""
    A, B = A.double(), B.double()
    return ((B.T @ B) * (A @ A.T)).sum().clamp(min=0).sqrt()
