"""Where a model computes, and in which numbers."""

import torch


def best_device() -> torch.device:
    """CUDA where there is one, otherwise the processor: on a Mac's GPU the tunings here are untested."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_for(device: torch.device | str) -> torch.dtype:
    """What a device computes fast and well enough. A T4 has float16 alone; a CPU computes the same every time."""
    if torch.device(device).type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
