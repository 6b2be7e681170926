"""What the catalogue says of sizes, against the real models at their true sizes: counted, on no device."""

import pytest
import torch
from torch import nn
from transformers.quantizers.quantizers_utils import should_convert_module
from true_shapes import BUILDABLE, CONFIGS, PIPELINES, UNKNOWN, true_shape

from labs.models.catalog import PROFILES
from labs.models.real import COLAB, FULL, LLAVA, SYSTEMS
from labs.preflight.decide import decide
from labs.preflight.machine import Gpu, Machine
from labs.tuning.by_hand import memory, shapes
from labs.tuning.four_bit import nf4

ENTRIES = {entry.name: entry for table in (COLAB, FULL, SYSTEMS) for entry in table.values()}
KNOWN = [entry for name, entry in ENTRIES.items() if name in BUILDABLE]
CHATS = [entry for entry in KNOWN if entry.linear]
NUMBERS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
H200 = Machine("Linux", "local", (3, 11), 8, 64.0, 500.0, gpu=Gpu("NVIDIA H200", 150.1, (9, 0)), hub=True)


def by_name(entry):
    return entry.name


def count(modules) -> int:
    return sum(weight.numel() for weight in modules.parameters())


def in_four_bits(entry) -> dict[str, nn.Linear]:
    """The layers that a tuning in 4 bits quantises, by the library's own rule."""
    model = true_shape(entry)
    kept = [*nf4().llm_int8_skip_modules, *(model._keep_in_fp32_modules or ())]
    linears = {name: module for name, module in model.named_modules() if type(module) is nn.Linear}
    return {name: module for name, module in linears.items() if should_convert_module(name, kept)}


def test_every_checkpoint_has_a_shape_but_those_that_are_said_to_have_none():
    assert sorted([*CONFIGS, *PIPELINES, *UNKNOWN]) == sorted(ENTRIES)


@pytest.mark.parametrize("entry", KNOWN, ids=by_name)
def test_the_parameters_are_those_of_the_true_shape(entry):
    model = true_shape(entry)
    assert all(weight.is_meta for weight in model.parameters())
    assert entry.millions == pytest.approx(count(model) / 1e6, rel=0.02)


@pytest.mark.parametrize("numbers", NUMBERS)
@pytest.mark.parametrize("entry", KNOWN, ids=by_name)
def test_the_memory_of_the_weights_is_their_bytes(entry, numbers):
    model = true_shape(entry).to(NUMBERS[numbers])
    assert entry.memory(numbers) == pytest.approx(sum(weight.nbytes for weight in model.parameters()) / 1e9, rel=0.02)


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=by_name)
def test_a_download_is_the_weights_and_at_most_one_word_list_more(entry):
    tables = [module.weight for module in true_shape(entry).modules() if isinstance(module, nn.Embedding)] \
        if entry in KNOWN else []  # fmt: skip
    largest = max((table.numel() for table in tables), default=0) / 1e9 * (4 if entry.stored == "float32" else 2)
    assert 0.95 * entry.memory(entry.stored) <= entry.gigabytes <= 1.05 * (entry.memory(entry.stored) + largest)


@pytest.mark.parametrize("entry", CHATS, ids=by_name)
def test_the_language_model_takes_4_bits_a_weight_and_its_scales_and_all_else_16(entry):
    linears = in_four_bits(entry).values()
    small = sum(module.weight.numel() for module in linears)
    assert entry.linear == pytest.approx(small / 1e6, rel=0.02)
    taken = sum(memory.nf4_bytes(module.weight.numel()) for module in linears) + 2 * (count(true_shape(entry)) - small)
    assert entry.memory("nf4") == pytest.approx(taken / 1e9, rel=0.02)
    assert entry.memory("nf4") < entry.memory("float16")


def test_models_that_are_too_large_for_a_small_gpu_can_be_opened_in_4_bits():
    language = [entry for entry in ENTRIES.values() if entry.name not in PIPELINES]
    assert {entry.name for entry in language if entry.millions > 1000} <= {entry.name for entry in CHATS}
    assert COLAB["multimodal"] in CHATS and FULL["multimodal"] in CHATS


@pytest.mark.parametrize("entry", CHATS, ids=by_name)
def test_eyes_ears_and_projector_stay_in_16_bits(entry):
    towers = ("tower", "vision_model", "visual", "projector", "connector", "merger", "resampler", "qformer")
    assert not [name for name in in_four_bits(entry) if any(part in name for part in towers)]


@pytest.mark.parametrize("entry", [entry for entry in KNOWN if entry.layers], ids=by_name)
def test_layers_width_and_side_are_those_of_the_true_shape(entry):
    config = CONFIGS[entry.name]()
    text = config.get_text_config()
    assert (entry.layers, entry.width) == (text.num_hidden_layers, text.hidden_size)
    assert not entry.side or entry.side == config.vision_config.image_size


# ---------------------------------------------------------------------------------------------------------------
# What a tuning takes


def test_the_shapes_written_by_hand_are_those_of_llava_at_its_true_size():
    counted = shapes.parameters(CONFIGS[LLAVA.name]())
    assert sum(counted.values()) == count(true_shape(LLAVA))


@pytest.mark.parametrize("tokens", [1024, 4096])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("four_bit", [False, True])
def test_the_predicted_memory_of_a_tuning_is_enough_and_not_much_too_much(monkeypatch, four_bit, checkpointing, tokens):
    """Against the prediction tensor by tensor, for LLaVA-1.5-7B and one row of as many tokens."""
    monkeypatch.setitem(PROFILES, "full", PROFILES["full"] | {"multimodal": LLAVA})
    asked = {"profile": "full", "four_bit": four_bit, "checkpointing": checkpointing, "tokens": tokens}
    choice = decide(H200, **asked)
    step = memory.Step(1, tokens, "qlora" if four_bit else "lora", dtype=torch.bfloat16, checkpointing=checkpointing)
    by_hand = memory.predict(CONFIGS[LLAVA.name](), step).total / 1e9
    assert choice.numbers == "bfloat16" and by_hand < choice.memory < 1.5 * by_hand
