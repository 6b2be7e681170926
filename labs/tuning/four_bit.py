"""NF4: the frozen language model in 4 bits a weight, each block's scale in 8. With LoRA on top, QLoRA.

https://arxiv.org/abs/2305.14314, through bitsandbytes, which runs on CUDA and on the CPU:

    loaded = catalog.load("multimodal", quantization_config=nf4())
    repair_on_cpu(loaded.model)
"""

from math import gcd

import torch
from bitsandbytes.functional import QuantState
from bitsandbytes.nn import Linear4bit
from torch import nn
from transformers import BitsAndBytesConfig

from labs.errors import LabsError
from labs.tuning.parts import NAMES
from labs.tuning.process import sharded

SMALLEST_BLOCK = 32  # that bitsandbytes reads


class FourBitError(LabsError, ValueError):
    """This model cannot be computed in 4 bits on this device: why, and what to do."""


def nf4(compute_dtype: torch.dtype = torch.float32) -> BitsAndBytesConfig:
    """The configuration to load a model with. Float32 computes exactly everywhere, bfloat16 faster on newer devices.

    Eyes, projector and head stay as they are: they are small, and the first two see pictures, whose activations have
    larger outliers. FSDP deals out only tensors of one type, so for it the 4-bit codes are stored as if they were that.
    """
    kept = "|".join(name for names in NAMES.values() for name in names)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype, bnb_4bit_quant_storage=compute_dtype if sharded() else torch.uint8,
        llm_int8_skip_modules=["lm_head", rf"(.*\.)?({kept})"],
    )  # fmt: skip


def repair_on_cpu(model: nn.Module) -> None:
    """Work around two faults of bitsandbytes 0.50 on the CPU, in place. On CUDA, or a second time, nothing happens.

    Call it before the first use of a model in 4 bits; `add_lora` and `load_adapter` do. Raises FourBitError for a
    model with a layer whose width is no multiple of 32.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit) and module.weight.device.type == "cpu":
            # At the first evaluation, processors with AVX512-BF16 would pack the weights anew: scales are rounded to
            # bfloat16, so that the frozen base changes, and rows that are not whole blocks end in an error.
            module.support_avx512bf16_for_cpu = False
            _align_blocks(module.weight.quant_state)


def _align_blocks(state: QuantState) -> None:
    """Halve the blocks, both halves with the scale of the whole, until rows are whole blocks.

    Weights are put into blocks of 64 across the ends of rows, but the CPU reads them as if a row began a new block:
    at a width of 160 the error grows from 9 % to 25 %. Aligned blocks are read right, and mean the same.
    """
    width = state.shape[-1]
    times = state.blocksize // gcd(state.blocksize, width)
    if times == 1:
        return
    if state.blocksize // times < SMALLEST_BLOCK:
        raise FourBitError(
            f"a layer is {width} wide, no multiple of {SMALLEST_BLOCK}, which bitsandbytes cannot compute in 4 bits "
            "on the CPU: tune this model without --qlora, or on CUDA."
        )
    state.blocksize //= times
    state.absmax = state.absmax.repeat_interleave(times)
    if state.nested:
        state.state2.absmax = state.state2.absmax.repeat_interleave(times)
