"""A layer and its adapter in one go, with the gradients written down: fewer passes over memory, fewer tensors kept.

    y = x W^T + s (x A^T) B^T          PEFT computes, keeps and adds the parts one by one
    dx = dy W + s (dy B) A             dA = s (dy B)^T x             dB = s dy^T (x A^T)

The same sums in the same numbers, so nothing changes but speed and memory. As in Unsloth, https://unsloth.ai, there
for CUDA.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from peft.tuners.lora.layer import Linear
from torch import Tensor, nn


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(context, x: Tensor, weight: Tensor, bias: Tensor | None, A: Tensor, B: Tensor, scale: float) -> Tensor:
        rows = x.reshape(-1, x.shape[-1])
        low = rows @ A.T
        out = nn.functional.linear(rows, weight, bias).addmm_(low, B.T, alpha=scale)  # in place: a pass less
        context.save_for_backward(rows, low, weight, A, B)
        context.scale = scale
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(context, given: Tensor) -> tuple:
        rows, low, weight, A, B = context.saved_tensors
        dy = given.reshape(-1, given.shape[-1])
        inner = (dy @ B).mul_(context.scale)
        dx = None
        if context.needs_input_grad[0]:
            dx = (inner @ A).addmm_(dy, weight).view(*given.shape[:-1], -1)
        return dx, None, None, inner.T @ rows, (dy.T @ low).mul_(context.scale), None


@contextmanager
def lora_at_once(model: nn.Module) -> Iterator[int]:
    """Within it the adapters of ordinary linear layers are computed so. Gives their number.

    Those on weights in 4 bits, with dropout or of a special kind stay as PEFT has them.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, Linear) and _is_plain(layer)]
    for layer in layers:
        layer.forward = partial(_forward, layer, layer.forward)
    try:
        yield len(layers)
    finally:
        for layer in layers:
            del layer.forward  # the class's own again


def _forward(layer: Linear, usual: Callable, x: Tensor, *args, **named) -> Tensor:
    if layer.disable_adapters or layer.merged or args or named:
        return usual(x, *args, **named)
    (name,), base, dtype = layer.active_adapters, layer.base_layer, x.dtype
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
    parts = (base.weight, base.bias, layer.lora_A[name].weight, layer.lora_B[name].weight)
    weight, bias, A, B = (None if part is None else part.to(dtype) for part in parts)
    return _Sum.apply(x.to(dtype), weight, bias, A, B, layer.scaling[name])


def _is_plain(layer: Linear) -> bool:
    """One adapter in use, without dropout, bias or variant, on a frozen layer of torch."""
    names = layer.active_adapters
    return (
        type(layer.base_layer) is nn.Linear
        and not any(parameter.requires_grad for parameter in layer.base_layer.parameters())
        and len(names) == 1
        and names[0] in layer.lora_A
        and names[0] not in layer.lora_variant
        and isinstance(layer.lora_dropout[names[0]], nn.Identity)
        and layer.lora_A[names[0]].bias is layer.lora_B[names[0]].bias is None
    )
