"""LoRA on the parts of a vision-language model that you choose.

    W x  ->  W x + (lora_alpha / r) B A x        A (r, in) random, B (out, r) zero: at first nothing changes

https://arxiv.org/abs/2106.09685, through PEFT. With a base in 4 bits (labs.tuning.four_bit) it is QLoRA.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import PreTrainedModel

from labs.tuning.four_bit import repair_on_cpu
from labs.tuning.parts import PARTS, part_of
from labs.tuning.rows import row_layers, row_targets


@dataclass(frozen=True)
class LoraSpec:
    """Rank, scale, dropout and the parts that get adapters. Raises ValueError for values that cannot work."""

    r: int = 8
    lora_alpha: int = 16
    lora_dropout: float = 0.0
    language: bool = True
    projector: bool = True
    vision: bool = False  # the eyes stay as they are unless your pictures look unlike all that they have seen
    rows: tuple[int, ...] = ()  # tokens whose rows in the embedding learn too (labs.tuning.rows)

    def __post_init__(self) -> None:
        if self.r < 1 or self.lora_alpha < 1:
            raise ValueError(f"r and lora_alpha must be at least 1, not {self.r} and {self.lora_alpha}")
        if not 0 <= self.lora_dropout < 1:
            raise ValueError(f"lora_dropout must be from 0 to below 1, not {self.lora_dropout}")
        if not self.parts:
            raise ValueError(f"at least one part must be switched on: {', '.join(PARTS)}")
        if list(self.rows) != sorted({row for row in self.rows if row >= 0}):
            raise ValueError(f"rows must be numbers of tokens, each once and in order, not {self.rows}")

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that are switched on."""
        return tuple(part for part in PARTS if getattr(self, part))


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


def add_lora(
    model: PreTrainedModel, spec: LoraSpec | None = None, seed: int = 0, targets: list[str] | None = None
) -> PeftModel:
    """Put adapters into `model` (which is changed in place) and freeze all else. The seed draws the A matrices.

    `targets` are the full names of the layers that get one, where it is not to be all of the chosen parts.
    """
    spec = spec or LoraSpec()
    config = LoraConfig(
        r=spec.r, lora_alpha=spec.lora_alpha, lora_dropout=spec.lora_dropout,
        target_modules=targets or target_modules(model, spec), task_type="CAUSAL_LM",
        trainable_token_indices=row_targets(model, spec.rows),
    )  # fmt: skip
    repair_on_cpu(model)
    model.name_or_path = model.name_or_path or None  # before 0.21 peft looks for a model called "" on the Hub
    with torch.random.fork_rng(), _without_future_warnings():
        torch.manual_seed(seed)
        adapted = get_peft_model(model, config)
    for layer in row_layers(adapted):  # in float32 as the adapters are, whatever the base is in
        layer.trainable_tokens_delta.float()
    return adapted


def load_adapter(model: PreTrainedModel, folder: Path, name: str = "default") -> PeftModel:
    """Put saved adapters back into the base that they were trained on (which is changed in place), for evaluation."""
    repair_on_cpu(model)
    with _without_future_warnings():
        return PeftModel.from_pretrained(model, folder, name).eval()


@contextmanager
def _without_future_warnings() -> Iterator[None]:
    """PEFT asks the library for a property by its earlier name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield
