"""What is written by hand equals the library, and memory predicted from a configuration equals memory measured."""

import ast
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from bitsandbytes import functional as library
from peft import LoraConfig, get_peft_model
from torch import nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from labs.tuning.by_hand import lora as lora_by_hand
from labs.tuning.by_hand import nf4 as nf4_by_hand
from labs.tuning.by_hand.live_bytes import LiveBytes
from labs.tuning.by_hand.lora import LoraLinear
from labs.tuning.by_hand.memory import Memory, Step, predict
from labs.tuning.by_hand.nf4 import dequantise, quantise
from labs.tuning.by_hand.shapes import parameters
from labs.tuning.footprint import bytes_of
from labs.tuning.four_bit import nf4
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.parts import part_of

# ---------------------------------------------------------------------------------------------------------------
# LoRA


def lines_of_code(source: str) -> int:
    """Lines that are not blank, comment or docstring."""
    text = {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, node.end_lineno + 1)
    }
    lines = enumerate(source.splitlines(), start=1)
    return sum(number not in text and bool(line.strip()) and not line.strip().startswith("#") for number, line in lines)


@pytest.fixture(params=[True, False], ids=["bias", "no bias"])
def base(request) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(48, 32, bias=request.param)


def fill_b(layer: LoraLinear) -> None:
    """Make the adapter do something: B is zero at first."""
    nn.init.normal_(layer.B, std=0.1)


def test_lora_by_hand_is_forty_lines_at_most():
    assert lines_of_code('"""Two\nlines."""\n\n# three\nx = 1  # four\n') == 1
    assert lines_of_code(Path(lora_by_hand.__file__).read_text(encoding="utf-8")) <= 40


def test_lora_by_hand_changes_nothing_at_first(base):
    x = torch.randn(5, 7, 48)
    layer = LoraLinear(base)
    assert torch.equal(layer(x), base(x))
    fill_b(layer)
    assert not torch.allclose(layer(x), base(x), atol=1e-3)


def test_lora_by_hand_merged_is_lora_by_hand_unmerged(base):
    layer = LoraLinear(base.double(), r=4, lora_alpha=6)
    fill_b(layer)
    x, merged = torch.randn(5, 48).double(), layer.merged()
    assert type(merged) is nn.Linear and merged is not layer.base
    assert torch.allclose(merged(x), layer(x), atol=1e-12)
    assert torch.allclose(merged.weight - base.weight, 6 / 4 * layer.B @ layer.A, atol=1e-12)


@pytest.mark.parametrize(("r", "lora_alpha"), [(1, 1), (4, 16), (32, 8)])
def test_lora_by_hand_equals_peft(base, r, lora_alpha):
    model = nn.Sequential(OrderedDict(layer=nn.Linear(48, 32, bias=base.bias is not None)))
    model.layer.load_state_dict(base.state_dict())
    peft = get_peft_model(model, LoraConfig(r=r, lora_alpha=lora_alpha, target_modules=["layer"]))
    theirs, ours = peft.base_model.model.layer, LoraLinear(base, r, lora_alpha)
    fill_b(ours)
    theirs.lora_A.default.weight.data.copy_(ours.A.data)
    theirs.lora_B.default.weight.data.copy_(ours.B.data)
    x = torch.randn(3, 5, 48, requires_grad=True)
    x_theirs = x.detach().clone().requires_grad_()
    out, out_theirs = ours(x), peft(x_theirs)
    assert torch.allclose(out, out_theirs, atol=1e-6)
    out.pow(2).mean().backward()
    out_theirs.pow(2).mean().backward()
    pairs = [(ours.A, theirs.lora_A.default.weight), (ours.B, theirs.lora_B.default.weight), (x, x_theirs)]
    assert all(torch.allclose(mine.grad, other.grad, atol=1e-6) and mine.grad.norm() > 1e-3 for mine, other in pairs)


def test_lora_by_hand_trains_a_and_b_alone(base):
    layer = LoraLinear(base)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in layer.parameters() if p.requires_grad], lr=0.1)
    changed = []
    for _ in range(2):
        optimizer.zero_grad()
        layer(torch.randn(9, 48)).pow(2).mean().backward()
        optimizer.step()
        changed.append({name for name, value in layer.state_dict().items() if not torch.equal(value, before[name])})
    assert changed == [{"B"}, {"A", "B"}]


@pytest.mark.parametrize("r", [0, -1, 33])
def test_lora_by_hand_refuses_ranks_that_cannot_be(base, r):
    with pytest.raises(ValueError, match=f"^r must be from 1 to 32, not {r}$"):
        LoraLinear(base, r)


# ---------------------------------------------------------------------------------------------------------------
# NF4

SHAPES = [(64, 64), (256, 320), (100, 33), (7, 9), (1000,), (1,), (3, 5, 7), (301, 999)]


def test_nf4_by_hand_has_the_library_s_values():
    assert torch.equal(nf4_by_hand.normal_map(), library.get_4bit_type("nf4", device="cpu"))
    assert torch.equal(nf4_by_hand.dynamic_map(), library.create_dynamic_map())


def on_the_library_s_grid(absmax: torch.Tensor) -> torch.Tensor:
    """The 8-bit codes as bitsandbytes finds them on the CPU since 0.50: from a table of 65 536 values from -1 to 1."""
    values, largest = nf4_by_hand.scaled(absmax - absmax.mean(), 256)
    grid = ((values + 1) / 2 * 65535 + 0.5).floor() / 65535 * 2 - 1
    codes = nf4_by_hand.nearest(grid, nf4_by_hand.dynamic_map())
    return codes.where(largest[:, None] > 0, 0).flatten()[: len(absmax)]  # a block of zeros is all code 0 there


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_nf4_by_hand_equals_the_library_code_for_code(shape, seed):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 0.02
    packed, state = library.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    ours = quantise(weight)
    assert torch.equal(ours.packed, packed.flatten())
    assert torch.equal(ours.offset, state.offset) and torch.equal(ours.absmax_scales, state.state2.absmax)
    # Ours is the code nearest to the absmax, the library's on the CPU the one nearest to the absmax put on a grid.
    absmax = nf4_by_hand.scaled(weight, 64)[1]
    assert any(torch.equal(codes, state.absmax) for codes in (ours.absmax_codes, on_the_library_s_grid(absmax)))
    assert (ours.absmax_codes != state.absmax).sum() <= max(1, 0.01 * len(absmax))
    # On the CPU it reads rows as if each began a new block (labs.tuning.four_bit): let it read one row.
    state.shape = torch.Size([weight.numel()])
    read = library.dequantize_4bit(packed, state).flatten()
    assert torch.equal(dequantise(ours._replace(absmax_codes=state.absmax)).flatten(), read)
    assert dequantise(ours).shape == shape
    step = 0.9 / 64 * ours.absmax_scales.max()  # between neighbours, where the map of absmaxes is coarsest
    assert (dequantise(ours).flatten() - read).abs().max() <= step


@pytest.mark.parametrize(
    "weight", [torch.zeros(3, 50), torch.full((200,), -0.5), torch.eye(80)], ids=["zero", "flat", "eye"]
)
def test_nf4_by_hand_equals_the_library_on_weights_without_variety(weight):
    packed, state = library.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    state.shape = torch.Size([weight.numel()])
    assert torch.equal(quantise(weight).packed, packed.flatten())
    read = dequantise(quantise(weight)).flatten()
    assert torch.allclose(read, library.dequantize_4bit(packed, state).flatten(), atol=2e-5)
    assert torch.allclose(read, weight.flatten(), atol=0.005)


def test_ties_go_to_the_lower_code():
    assert nf4_by_hand.nearest(torch.tensor([0.5, 0.51, -2.0, 2.0]), torch.tensor([0.0, 1.0])).tolist() == [0, 1, 0, 1]


def int4(weight: torch.Tensor) -> torch.Tensor:
    """Fifteen equal steps from -absmax to absmax, in blocks of 64."""
    blocks, absmax = nf4_by_hand.scaled(weight, 64)
    return ((blocks * 7).round() / 7 * absmax[:, None]).flatten()[: weight.numel()].view(weight.shape)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_normal_weights_lose_less_in_nf4_than_in_fp4_and_int4(seed):
    weight = torch.randn(256, 256, generator=torch.Generator().manual_seed(seed))
    fp4 = library.dequantize_4bit(*library.quantize_4bit(weight, compress_statistics=True, quant_type="fp4"))
    errors = {
        name: (read - weight).abs().mean().item()
        for name, read in {"nf4": dequantise(quantise(weight)), "fp4": fp4, "int4": int4(weight)}.items()
    }
    print(seed, {name: round(error, 4) for name, error in errors.items()})
    assert errors["nf4"] < 0.95 * errors["int4"] and errors["nf4"] < 0.85 * errors["fp4"]


def test_nf4_by_hand_needs_four_bits_and_an_eighth():
    weight = torch.randn(1024, 1024)
    stored = quantise(weight)
    bits = 8 * sum(part.numel() * part.element_size() for part in stored[:3]) / weight.numel()
    assert bits == 4 + 8 / 64 + 32 / (64 * 256)


# ---------------------------------------------------------------------------------------------------------------
# Memory


def test_live_bytes_sees_what_is_held_at_once():
    held = torch.zeros(1000)
    with LiveBytes([held]) as live:
        one = torch.zeros(2000)
        view = one.view(2, 1000)[0]
        del one  # the view still holds it
        assert live.live == 4 * 3000
        del view
        two = torch.zeros(5000)
        two.add_(1)
        assert live.live == 4 * 6000
        del two
    assert (live.live, live.peak) == (4 * 1000, 4 * 6000)


def test_live_bytes_sees_what_autograd_holds():
    x = torch.zeros(1000, requires_grad=True)
    with LiveBytes([x]) as live:
        out = x.exp().sin().sum()  # exp keeps its result, which is also what sin keeps
        assert live.live == 4 * (1000 + 1000 + 1)
        out.backward()
        del out
    assert live.live == 4 * (1000 + 1000)  # x and its gradient


def small_llava(eye_layers: int = 3, **text) -> LlavaConfig:
    """Untrained, with decoder layers wide enough for activations to matter."""
    language = {
        "vocab_size": 512, "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 3,
        "num_attention_heads": 4, "num_key_value_heads": 4, "bos_token_id": None, "eos_token_id": None,
    }  # fmt: skip
    eyes = CLIPVisionConfig(
        hidden_size=64,
        intermediate_size=256,
        num_hidden_layers=eye_layers,
        num_attention_heads=2,
        image_size=48,
        patch_size=12,
    )
    return LlavaConfig(
        vision_config=eyes.to_dict(), text_config=LlamaConfig(**(language | text)).to_dict(), image_token_id=5,
        image_seq_length=16, tie_word_embeddings=text.get("tie_word_embeddings", False),
    )  # fmt: skip


def model_for(config: LlavaConfig, step: Step, folder: Path) -> nn.Module:
    """The model that the step trains: what it does not train is frozen."""
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(config).to(step.dtype)
    if step.method == "qlora":
        model.save_pretrained(folder)
        model = type(model).from_pretrained(folder, quantization_config=nf4(step.dtype), dtype=step.dtype)
    if step.method == "full":
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(part_of(name) in step.spec.parts)
    else:
        model = add_lora(model, step.spec)
    if step.checkpointing:  # named anew in transformers 5.2x
        getattr(model, "activation_checkpointing_enable", model.gradient_checkpointing_enable)()
    return model.train()


def stored(model: nn.Module) -> int:
    """Bytes of the base and the adapters, without buffers."""
    return bytes_of(model) - sum(buffer.numel() * buffer.element_size() for buffer in model.buffers())


def batch_for(config: LlavaConfig, step: Step) -> dict:
    ids = torch.randint(6, config.text_config.vocab_size, (step.batch, step.tokens))
    ids[:, :16] = config.image_token_id
    pixels = torch.randn(step.batch, 3, 48, 48, dtype=step.dtype)
    return {"input_ids": ids, "labels": ids, "pixel_values": pixels, "use_cache": False}


def measure(config: LlavaConfig, step: Step, folder: Path, accumulating: bool = False) -> tuple[Memory, int]:
    """(what is stored, activations left out; the peak) of the second step, both measured."""
    model = model_for(config, step, folder)
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    batch = batch_for(config, step)

    def run() -> None:
        model(**batch).loss.backward()
        optimizer.step()

    run()
    trained = [parameter for parameter in model.parameters() if parameter.grad is not None]
    gradients = sum(parameter.grad.numel() * parameter.grad.element_size() for parameter in trained)
    if not accumulating:
        optimizer.zero_grad()
    states = [value for state in optimizer.state.values() for value in state.values() if value.dim()]
    adapters = [parameter for name, parameter in model.named_parameters() if "lora_" in name]
    adapter_bytes, state_bytes = (sum(t.numel() * t.element_size() for t in many) for many in (adapters, states))
    kept = [parameter.grad for parameter in trained if parameter.grad is not None]
    with LiveBytes([*model.parameters(), *model.buffers(), *states, *kept]) as live:
        run()
    return Memory(stored(model) - adapter_bytes, adapter_bytes, gradients, state_bytes, 0, 0), live.peak


def off(predicted: Memory, peak: int, accumulating: bool = False) -> float:
    """By how much of the measured the prediction misses what comes and goes: activations, gradients, working memory."""
    lasting = predicted.weights + predicted.adapters + predicted.optimizer
    total = predicted.accumulating if accumulating else predicted.total
    return (total - lasting) / (peak - lasting) - 1


TOLERANCE = 0.1  # of the peak
STEPS = [
    Step(batch, tokens, method, checkpointing=checkpointing)
    for method in ("full", "lora")
    for checkpointing in (False, True)
    for batch, tokens in ((2, 64), (8, 64), (4, 192))
] + [
    Step(4, 64, "qlora"),
    Step(4, 64, "qlora", checkpointing=True),
    Step(4, 64, "full", dtype=torch.bfloat16),
    Step(4, 64, "lora", dtype=torch.bfloat16),
    Step(4, 64, "lora", dtype=torch.bfloat16, checkpointing=True),
    Step(4, 64, "qlora", dtype=torch.bfloat16),
    Step(8, 32, "full", LoraSpec(vision=True)),
    Step(8, 32, "lora", LoraSpec(vision=True), checkpointing=True),
    Step(8, 64, "full", LoraSpec(language=False)),
    Step(8, 64, "lora", LoraSpec(r=32, projector=False)),
]


def name_of(step: Step) -> str:
    parts = "+".join(step.spec.parts)
    kind = f"{step.method} {parts} {str(step.dtype)[6:]}"
    return f"{kind} {step.batch}x{step.tokens}" + " checkpointing" * step.checkpointing


@pytest.mark.parametrize("step", STEPS, ids=name_of)
def test_memory_is_as_predicted(step, tmp_path):
    config = small_llava()
    predicted = predict(config, step)
    lasting, peak = measure(config, step, tmp_path)
    assert predicted[:4] == lasting[:4]
    moving = off(predicted, peak)
    print(f"{name_of(step):54} measured {peak / 1e6:6.2f} MB  predicted {predicted.total / 1e6:6.2f} MB  "
          f"{predicted.total / peak - 1:+.1%}, of what comes and goes {moving:+.1%}")  # fmt: skip
    assert abs(predicted.total / peak - 1) < TOLERANCE and abs(moving) < 0.25


def kept(config: LlavaConfig, step: Step, folder: Path) -> int:
    """Bytes that are held when the forward pass is over, beside the model."""
    model, batch = model_for(config, step, folder), batch_for(config, step)
    with LiveBytes([*model.parameters(), *model.buffers()]) as live:
        before = live.live
        loss = model(**batch).loss
        assert loss.requires_grad
        return live.live - before


BF16 = {"dtype": torch.bfloat16}


@pytest.mark.parametrize(
    ("method", "parts", "options", "text"),
    [
        *((method, {}, options, {}) for method in ("full", "lora", "qlora") for options in ({}, BF16)),
        *((method, {}, {"checkpointing": True} | options, {}) for method in ("full", "lora") for options in ({}, BF16)),
        *((method, {}, {}, {"num_key_value_heads": 2}) for method in ("full", "lora")),
        *((method, {"language": False}, {}, {}) for method in ("full", "lora")),
        *((method, {"vision": True}, {}, {}) for method in ("full", "lora")),
    ],
    ids=str,
)
def test_a_layer_more_keeps_as_many_bytes_more_as_predicted(method, parts, options, text, tmp_path):
    """To the byte: what a layer keeps is known, tensor by tensor."""
    step = Step(3, 40, method, LoraSpec(**parts), **options)
    part = "eye_layers" if step.spec.vision else "num_hidden_layers"
    few, more = (small_llava(**text, **{part: layers}) for layers in (2, 4))
    measured = kept(more, step, tmp_path) - kept(few, step, tmp_path)
    assert measured == predict(more, step).activations - predict(few, step).activations > 0


@pytest.mark.parametrize("method", ["full", "lora"])
def test_gradients_of_an_earlier_step_come_on_top(method, tmp_path):
    step = Step(4, 64, method)
    peak = measure(small_llava(), step, tmp_path, accumulating=True)[1]
    assert abs(off(predict(small_llava(), step), peak, accumulating=True)) < TOLERANCE


@pytest.mark.parametrize(
    "text",
    [{"num_key_value_heads": 2}, {"tie_word_embeddings": True}, {"hidden_size": 192, "vocab_size": 2048}],
    ids=str,
)
def test_other_decoders_are_predicted_too(text, tmp_path):
    step = Step(4, 64, "full")
    lasting, peak = measure(small_llava(**text), step, tmp_path)
    predicted = predict(small_llava(**text), step)
    assert predicted[:4] == lasting[:4] and abs(off(predicted, peak)) < TOLERANCE


def test_the_prediction_of_another_step_misses(tmp_path):
    """The tolerance is small enough to tell steps apart."""
    step = Step(4, 64, "lora")
    peak = measure(small_llava(), step, tmp_path)[1]
    others = [Step(4, 64, "lora", checkpointing=True), Step(4, 64, "full"), Step(3, 64, "lora"), Step(4, 96, "lora")]
    assert all(abs(predict(small_llava(), other).total / peak - 1) > TOLERANCE for other in others)
    assert abs(predict(small_llava(), step).total / peak - 1) < TOLERANCE


@pytest.mark.parametrize(
    ("config", "known"),
    [
        (LlavaConfig(), {"language": 6_738_415_616, "projector": 20_979_712, "vision": 303_507_456}),  # LLaVA-1.5-7B
        (LlavaConfig(text_config=LlamaConfig(hidden_size=5120, intermediate_size=13824, num_hidden_layers=40,
                                             num_attention_heads=40).to_dict()), {"language": 13_015_864_320}),
        (small_llava(num_key_value_heads=2, tie_word_embeddings=True), {}),
    ],
    ids=["7B", "13B", "small"],
)  # fmt: skip
def test_parameters_are_those_of_the_model(config, known):
    with torch.device("meta"):
        model = LlavaForConditionalGeneration(config)
    counted = dict.fromkeys(("language", "projector", "vision"), 0)
    for name, parameter in model.named_parameters():
        counted[part_of(name)] += parameter.numel()
    assert parameters(config) == counted and counted | known == counted
    assert predict(config, Step(1, 600, dtype=torch.bfloat16)).weights == 2 * sum(counted.values())


def test_steps_and_models_that_cannot_be_are_refused():
    for wrong in ({"batch": 0}, {"tokens": 0}, {"dtype": torch.int8}):
        with pytest.raises(ValueError, match="must be"):
            Step(**({"batch": 1, "tokens": 8} | wrong))
    mistral = LlavaConfig(text_config={"model_type": "mistral"})
    with pytest.raises(ValueError, match="with a llama, not clip_vision_model with mistral"):
        predict(mistral, Step(1, 8))
