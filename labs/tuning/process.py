"""This process among those of `accelerate launch`: how many there are, and which device is its own."""

import os

import torch
from accelerate import PartialState


def this_process() -> PartialState:
    """Alone it is one of one, on the accelerator if there is one, otherwise on the CPU."""
    return PartialState(cpu=not torch.accelerator.is_available())


def sharded() -> bool:
    """Whether the weights are dealt to the processes' devices (FSDP)."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"
