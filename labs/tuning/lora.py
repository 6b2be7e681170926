"""LoRA on the parts of a vision-language model that you choose, and NF4 storage for what stays frozen (QLoRA).

    W x  ->  W x + (lora_alpha / r) B A x        A (r, in) random, B (out, r) zero: at first nothing changes

LoRA: https://arxiv.org/abs/2106.09685, QLoRA: https://arxiv.org/abs/2305.14314, both through PEFT and bitsandbytes.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from bitsandbytes.nn import Linear4bit
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import BitsAndBytesConfig, PreTrainedModel

PARTS = ("language", "projector", "vision")
# What the library's models call their modules. The projector first: some keep it inside the vision tower.
_NAMES = {
    "projector": ("multi_modal_projector", "connector", "merger", "language_projection", "qformer"),
    "vision": ("vision_tower", "vision_model", "visual"),
}


@dataclass(frozen=True)
class LoraSpec:
    """Rank, scale, dropout and the parts that get adapters. Raises ValueError for values that cannot work."""

    r: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    language: bool = True
    projector: bool = True
    vision: bool = False  # the eyes stay as they are unless your pictures look unlike all that they have seen

    def __post_init__(self) -> None:
        if self.r < 1 or self.lora_alpha < 1:
            raise ValueError(f"r and lora_alpha must be at least 1, not {self.r} and {self.lora_alpha}")
        if not 0 <= self.lora_dropout < 1:
            raise ValueError(f"lora_dropout must be from 0 to below 1, not {self.lora_dropout}")
        if not self.parts:
            raise ValueError(f"at least one part must be switched on: {', '.join(PARTS)}")

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are switched on."""
        return tuple(part for part in PARTS if getattr(self, part))


def part_of(module: str) -> str:
    """The part that a module or parameter belongs to, by its full name; what is not for pictures is language."""
    names = module.split(".")
    return next((part for part, known in _NAMES.items() if any(name in known for name in names)), "language")


def target_modules(model: nn.Module, spec: LoraSpec) -> list[str]:
    """Full names of all linear layers in the chosen parts, the output head excepted.

    Raises ValueError if a chosen part has none.
    """
    head = model.get_output_embeddings()
    linear = [
        name
        for name, module in model.named_modules()
        # an attention of torch's own reads the weight of such a layer and never calls it
        if isinstance(module, nn.Linear)
        and not isinstance(module, nn.modules.linear.NonDynamicallyQuantizableLinear)
        and module is not head
    ]
    targets = [name for name in linear if part_of(name) in spec.parts]
    empty = set(spec.parts) - {part_of(name) for name in targets}
    if empty:
        raise ValueError(f"{type(model).__name__} has no linear layer in its part {sorted(empty)}: switch it off")
    return targets


def add_lora(model: PreTrainedModel, spec: LoraSpec | None = None, seed: int = 0) -> PeftModel:
    """Put adapters into `model` (which is changed in place) and freeze all else. The seed draws the A matrices."""
    spec = spec or LoraSpec()
    config = LoraConfig(
        r=spec.r, lora_alpha=spec.lora_alpha, lora_dropout=spec.lora_dropout,
        target_modules=target_modules(model, spec), task_type="CAUSAL_LM",
    )  # fmt: skip
    keep_unpacked(model)
    with torch.random.fork_rng(), _without_future_warnings():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def load_adapter(model: PreTrainedModel, folder: Path) -> PeftModel:
    """Put saved adapters back into the base that they were trained on (which is changed in place), for evaluation."""
    keep_unpacked(model)
    with _without_future_warnings():
        return PeftModel.from_pretrained(model, folder).eval()


@contextmanager
def _without_future_warnings() -> Iterator[None]:
    """PEFT asks the library for a property by its earlier name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def nf4(compute_dtype: torch.dtype = torch.float32) -> BitsAndBytesConfig:
    """Store the language model's linear layers in 4 bits, each block's scale in 8.

        catalog.load("multimodal", quantization_config=nf4())

    Runs on CUDA and on the CPU; there call `keep_unpacked` before the first use (`add_lora` does). Eyes, projector
    and head stay as they are: they are small, and the first two see pictures, whose activations have larger outliers.
    """
    kept = [name for names in _NAMES.values() for name in names]
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
        llm_int8_skip_modules=["lm_head", rf"(.*\.)?({'|'.join(kept)})"],
    )  # fmt: skip


def keep_unpacked(model: nn.Module) -> None:
    """Leave 4-bit weights on the CPU as they are, also during evaluation.

    On processors with AVX512-BF16, bitsandbytes otherwise packs them anew at the first evaluation: scales are rounded
    to bfloat16, so that the frozen base changes, and widths that are no multiple of 64 (ours) raise an error.
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False
