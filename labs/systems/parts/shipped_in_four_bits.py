"""Larger models of data/finished: their matrices in four bits, by the NF4 that notebook 04_3 writes out.

A quarter of the 16-bit file. Vectors and small matrices stay in 16 bits, and all is float32 again once it is read.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import labs
from labs.tuning.by_hand import nf4

LEAST = 10_000  # numbers of a matrix that is worth rounding
STORED = nf4.Quantised._fields[:-1]  # its shape is the module's


def keep(file: Path, modules: Mapping[str, torch.nn.Module]) -> None:
    """Write the weights of all modules to one file."""
    weights = {}
    for name, part in modules.items():
        for key, value in part.state_dict().items():
            weights |= _packed(f"{name}.{key}", value)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, file)
    file.chmod(0o644)


def fill(file: Path | str, modules: Mapping[str, torch.nn.Module]) -> None:
    """Read them back into fresh modules, which are frozen then; a name alone means a file of data/finished."""
    weights = load_file(labs.home() / "data" / "finished" / file)
    for name, part in modules.items():
        mine = {key: _opened(weights, f"{name}.{key}", value) for key, value in part.state_dict().items()}
        part.load_state_dict(mine)
        part.eval().requires_grad_(False)


def rounded(value: Tensor) -> Tensor:
    """What is read of a weight that was kept."""
    return _opened(_packed("", value), "", value)


def _packed(key: str, value: Tensor) -> dict[str, Tensor]:
    if value.ndim < 2 or value.numel() < LEAST:
        return {key: value.half()}
    stored = nf4.quantise(value)
    return {f"{key}.{field}": getattr(stored, field) for field in STORED}


def _opened(weights: Mapping[str, Tensor], key: str, like: Tensor) -> Tensor:
    if key in weights:
        return weights[key].float()
    return nf4.dequantise(nf4.Quantised(*(weights[f"{key}.{field}"] for field in STORED), like.shape))
