"""What a model costs: parameters in all and trainable, part by part, and bytes as they are stored."""

from typing import NamedTuple

import torch
from torch import nn

from labs.tuning.parts import part_of


class Parameters(NamedTuple):
    """Numbers of parameters of one part."""

    part: str
    trainable: int
    total: int


def trainable_table(model: nn.Module) -> list[Parameters]:
    """A row for each part of the model and one for "all". Adapters count to the part that they sit in."""
    rows: dict[str, list[int]] = {}
    for name, parameter in model.named_parameters():  # shared weights come once
        row = rows.setdefault(part_of(name), [0, 0])
        row[0] += _size(parameter) * parameter.requires_grad
        row[1] += _size(parameter)
    table = [Parameters(part, *row) for part, row in rows.items()]
    return [*table, Parameters("all", sum(row.trainable for row in table), sum(row.total for row in table))]


def bytes_of(model: nn.Module) -> int:
    """Bytes of all weights and buffers as stored, with the scales and code books of those in 4 bits."""
    tensors = [*model.parameters(), *model.buffers()]
    scales = [tensor for parameter in model.parameters() for tensor in _scales(parameter)]
    return sum(tensor.numel() * tensor.element_size() for tensor in [*tensors, *scales])


def _size(parameter: nn.Parameter) -> int:
    """The number of weights; of those in 4 bits, two lie in each stored byte."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else state.shape.numel()


def _scales(parameter: nn.Parameter) -> list[torch.Tensor]:
    """What is stored beside the 4-bit codes: each block's scale, and what double quantisation needs to read it."""
    state = getattr(parameter, "quant_state", None)
    if state is None:
        return []
    tensors = [state.absmax, state.code]
    if state.nested:
        tensors += [state.offset, state.state2.absmax, state.state2.code]
    return tensors
