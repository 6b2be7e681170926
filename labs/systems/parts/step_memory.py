"""The memory of a tuning step: measured on the bundled mini-llava, computed for LLaVA-1.5 at its true sizes.

    table()    rows of model, method, bytes, "measured" or "computed", and the GPUs on which that fits

Computed rows are those of labs.tuning.by_hand.memory, which says what it leaves out; `KEPT_BACK` is for that.
"""

from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import nn
from transformers import LlamaConfig, LlavaConfig

from labs.models import catalog
from labs.tuning.by_hand.code_books import decoder_weights
from labs.tuning.by_hand.live_bytes import LiveBytes
from labs.tuning.by_hand.memory import Method, Step, predict
from labs.tuning.four_bit import nf4
from labs.tuning.label_logits import unwrapped
from labs.tuning.lora import add_lora
from labs.tuning.parts import part_of

GPUS = {"T4": 16, "RTX 4090": 24, "L40S": 48, "A100": 80, "H200": 141}  # GB, as their makers state them
KEPT_BACK = 0.1  # of a GPU: CUDA itself, what its allocator wastes, and what the prediction does not count
METHODS: tuple[Method, ...] = ("full", "lora", "qlora")


class Row(NamedTuple):
    """One line of the table. `gpus` are those that have room for `bytes`."""

    model: str
    method: Method
    bytes: int
    how: Literal["measured", "computed"]
    gpus: tuple[str, ...]


def table(batch: int = 1, tokens: int = 1024) -> list[Row]:
    """Steps of a batch of rows of so many tokens, the decoder tuned: mini-llava in float32, as it is measured, and
    LLaVA-1.5 in bfloat16 with checkpointing."""
    rows = [_row("mini-llava", measure(Step(batch, tokens, method)), method, "measured") for method in METHODS]
    for name, config in true_sizes().items():
        steps = [Step(batch, tokens, method, dtype=torch.bfloat16, checkpointing=True) for method in METHODS]
        rows += [_row(name, predict(config, step).total, step.method, "computed") for step in steps]
    return rows


def _row(model: str, size: int, method: Method, how: Literal["measured", "computed"]) -> Row:
    room = {name: (1 - KEPT_BACK) * 1e9 * gigabytes for name, gigabytes in GPUS.items()}
    return Row(model, method, size, how, tuple(name for name in GPUS if size <= room[name]))


@cache
def true_sizes() -> dict[str, LlavaConfig]:
    """Configurations of the published checkpoints, without weights: https://arxiv.org/abs/2310.03744."""
    wider = {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "num_attention_heads": 40}
    texts = {"LLaVA-1.5-7B": {}, "LLaVA-1.5-13B": wider}
    return {
        name: LlavaConfig(text_config=LlamaConfig(vocab_size=32064, **text).to_dict()) for name, text in texts.items()
    }


def prepared(step: Step) -> nn.Module:
    """The bundled mini-llava as the step trains it, in float32. Raises ValueError for a step in other numbers."""
    if step.dtype != torch.float32:
        raise ValueError(f"the mini-llava is measured in float32, not {step.dtype}")
    options = {"quantization_config": nf4()} if step.method == "qlora" else {}
    model = catalog.load("multimodal", "mini", **options).model
    if step.method == "full":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(step.trains(part_of(name)))
    else:
        model = add_lora(model, step.spec)
    if step.checkpointing:  # named anew in transformers 5.2x
        getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    return model.train()


def measure(step: Step) -> int:
    """Bytes held at the peak of a step that finds the optimizer's states there, as all but the first do."""
    model, optimizer, run = _begun(step)
    optimizer.zero_grad()
    states = [state for parameter in optimizer.state for state in _states(optimizer, parameter)]
    with LiveBytes([*model.parameters(), *model.buffers(), *states]) as live:
        run()
    return live.peak


def state_bytes(step: Step) -> dict[str, int]:
    """Bytes that AdamW remembers for each linear layer of the decoder, by the layer's name; of LoRA for A and B."""
    model, optimizer, _ = _begun(step)
    found = {name: 0 for name, _ in decoder_weights(catalog.load("multimodal", "mini").model)}
    for name, parameter in unwrapped(model).named_parameters():
        layer = name.partition(".lora_")[0].removesuffix(".weight")
        if layer in found and parameter.requires_grad:
            found[layer] += sum(state.nbytes for state in _states(optimizer, parameter))
    return found


def _begun(step: Step) -> tuple[nn.Module, torch.optim.Optimizer, Callable[[], None]]:
    """A model and its optimizer after a first step, and what takes the next one."""
    model = prepared(step)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    batch = _batch(model.config, step)

    def run() -> None:
        model(**batch).loss.backward()
        optimizer.step()

    run()
    return model, optimizer, run


def _states(optimizer: torch.optim.Optimizer, parameter: torch.Tensor) -> list[torch.Tensor]:
    """What an optimizer remembers of a parameter, without its counter."""
    return [value for value in optimizer.state[parameter].values() if value.dim()]


def _batch(config: LlavaConfig, step: Step) -> dict:
    generator = torch.Generator().manual_seed(0)
    side, pictures = config.vision_config.image_size, config.image_seq_length
    ids = torch.randint(10, config.text_config.vocab_size, (step.batch, step.tokens), generator=generator)
    ids[ids == config.image_token_id] = 10
    ids[:, :pictures] = config.image_token_id
    pixels = torch.randn(step.batch, config.vision_config.num_channels, side, side, generator=generator)
    return {"input_ids": ids, "labels": ids, "pixel_values": pixels, "use_cache": False}
