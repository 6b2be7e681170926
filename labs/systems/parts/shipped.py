"""Small models that nobody should have to wait for ship in data/finished, in 16 bits.

`python scripts/keep_systems.py` makes them again.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import labs


def keep(file: Path, modules: Mapping[str, torch.nn.Module]) -> None:
    """Write the weights of all modules to one file."""
    weights = {f"{name}.{key}": value for name, part in modules.items() for key, value in part.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.half() if value.is_floating_point() else value for key, value in weights.items()}, file)
    file.chmod(0o644)


def fill(file: Path | str, modules: Mapping[str, torch.nn.Module]) -> None:
    """Read them back into fresh modules, which are frozen then; a name alone means a file of data/finished."""
    weights = load_file(labs.home() / "data" / "finished" / file)
    for name, part in modules.items():
        mine = {key: value for key, value in weights.items() if key.startswith(f"{name}.")}
        part.load_state_dict({key.removeprefix(f"{name}."): value.float() for key, value in mine.items()})
        part.eval().requires_grad_(False)
