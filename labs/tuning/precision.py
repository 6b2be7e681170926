"""The numbers a model is tuned in: bfloat16 where the device has it, float16 with scaling on older ones, or float32."""

import torch

from labs.tuning.run_folder import RunError

PRECISIONS = ("float32", "bfloat16", "float16")


def check_precision(model: torch.nn.Module, precision: str) -> None:
    """Raises RunError for numbers in which this model cannot be tuned: what learns in float16 would not move."""
    device = next(model.parameters()).device.type
    if precision == "float16" and device != "cuda":
        raise RunError(f"float16 needs scaling that only CUDA has, and the model is on {device}: choose bfloat16.")
    if precision == "float16" and any(p.requires_grad and p.dtype == torch.float16 for p in model.parameters()):
        raise RunError("weights that learn cannot be float16 themselves: open the model in float32, or add LoRA to it.")
