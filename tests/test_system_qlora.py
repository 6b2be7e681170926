"""QLoRA: code books of 4 bits, what rounding does, what it saves, and adapters on top."""

import math

import pytest
import torch
from bitsandbytes import functional as library
from small_runs import every_arm, small
from torch.nn.functional import log_softmax

from labs.models.chat import message
from labs.models.conversation import write
from labs.systems import qlora
from labs.systems.parts import camera, quantised
from labs.teaching import low_rank
from labs.tuning.by_hand.code_books import decibels, decoder_weights, round_decoder, rounded, values
from labs.tuning.label_logits import unwrapped
from labs.tuning.parts import part_of

CACHED = [*(getattr(qlora, name) for name in ("tuned", "judged", "asked", "sureness", "_saved")), quantised.matrices,
          *(getattr(camera, name) for name in ("exam", "lessons", "ordinary"))]  # fmt: skip
BOOKS = ("NF4", "FP4", "INT4")


@pytest.fixture
def cheap():
    """One step on a few pictures; what was trained so is forgotten afterwards."""
    sizes = {"TRAIN": 16, "STEPS": 1, "HELDOUT": 3, "EARLIER": 2}
    with small(CACHED, {camera: sizes, qlora: {"NORMAL": 4, "SHAPE": (64, 64), "ORDINARY": 2, "QUESTIONS": 8}}):
        yield


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


# ---------------------------------------------------------------------------------------------------------------
# Code books


@pytest.mark.parametrize("book", ["NF4", "FP4"])
def test_rounding_by_hand_equals_the_library(book):
    weight = 0.02 * drawn(96, 128)
    read = library.dequantize_4bit(*library.quantize_4bit(weight, quant_type=book.lower(), compress_statistics=False))
    assert torch.allclose(rounded(weight, book), read, atol=1e-7)
    own = library.get_4bit_type(book.lower(), device="cpu").unique()  # FP4 has two zeros
    assert torch.allclose(values(book), own, atol=1e-7)


def test_integers_are_evenly_spaced_and_round_to_the_nearest():
    assert torch.allclose(values("INT4").diff(), torch.tensor(1 / 7)) and len(values("INT4")) == 15
    weight = torch.tensor([7.0, 0.4, -2.6, -7.0])
    assert torch.allclose(rounded(weight, "INT4"), torch.tensor([7.0, 0.0, -3.0, -7.0]))


def test_another_book_is_refused():
    with pytest.raises((ValueError, TypeError), match="NF3"):  # the test run enforces the signature first
        values("NF3")


@pytest.mark.parametrize("book", BOOKS)
def test_rounding_twice_is_rounding_once_and_shapes_stay(book):
    weight = drawn(5, 33)
    once = rounded(weight, book)
    assert once.shape == weight.shape and torch.allclose(rounded(once, book), once, atol=1e-6)
    assert not torch.allclose(once, weight, atol=0.01)


def test_a_tenth_is_twenty_decibels():
    weight = drawn(50)
    assert decibels(weight, 0.9 * weight) == pytest.approx(20, abs=1e-4)
    assert decibels(weight, 0.95 * weight) == pytest.approx(20 + 20 * math.log10(2), abs=1e-4)


@pytest.mark.parametrize("book", BOOKS)
def test_the_decoder_s_layers_alone_are_rounded(book):
    before, model = camera.load().model.state_dict(), camera.load().model
    round_decoder(model, book)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {f"{name}.weight" for name, _ in decoder_weights(model)} and len(changed) == 28
    assert {part_of(name) for name in changed} == {"language"} and "lm_head.weight" not in changed


def test_the_same_layers_are_in_4_bits_in_the_library():
    layers = dict(decoder_weights(quantised.stored().model))
    assert {type(layer).__name__ for layer in layers.values()} == {"Linear4bit"} and len(layers) == 28


@pytest.mark.parametrize("book", BOOKS)
def test_a_histogram_counts_every_weight_and_its_error(book):
    weights = [drawn(64, 64), drawn(32, 128)]
    found = quantised.histogram(book, weights)
    assert found[:, 0].sum().item() == pytest.approx(1, abs=1e-5)
    scale = torch.cat([weight.flatten().view(-1, 64) for weight in weights]).abs().amax(1, keepdim=True)
    missed = torch.cat([(weight - rounded(weight, book)).flatten().view(-1, 64) for weight in weights]).abs() / scale
    assert (found[:, 0] * found[:, 1]).sum().item() == pytest.approx(missed.mean().item(), rel=1e-3)


# ---------------------------------------------------------------------------------------------------------------
# Bytes


def test_double_quantisation_saves_what_the_paper_says_but_not_on_small_matrices():
    large = quantised.bits((2048, 2048), double=False) - quantised.bits((2048, 2048))
    assert large == pytest.approx(qlora.SAVED, abs=0.005)
    assert quantised.bits((128, 128)) > quantised.bits((128, 128), double=False) > 4.5  # its code book is 1 KB


def test_a_third_is_what_a_true_model_needs_and_more_what_a_mini_does():
    found = qlora.whole_models()
    whole, four, how = found["LLaVA-1.5-7B"]
    assert how == "computed" and 0.28 < four / whole < 0.36 and 14e9 < whole < 14.3e9
    whole, four, how = found["mini-llava"]
    assert how == "measured" and 0.5 < four / whole < 0.7


def test_the_figure_of_the_books_has_a_line_for_each_value(monkeypatch):
    monkeypatch.setattr(quantised, "matrices", lambda: (drawn(64, 64),))
    taken = low_rank.code_books().axes[:3]
    assert [len(axes.collections[0].get_segments()) for axes in taken] == [16, 15, 15]


def test_matrices_are_counted_once():
    found = quantised.matrices()
    assert len({weight.numpy().tobytes() for weight in found}) == len(found) > 100


# ---------------------------------------------------------------------------------------------------------------
# Answers


def test_rounding_again_brings_nothing_where_the_adapter_has_learned_nothing_and_moves_the_rest(cheap):
    tuned = qlora.tuned("NF4", 0)
    layers = dict(unwrapped(tuned.model).named_modules())
    for name, layer in decoder_weights(quantised.rounded_again(tuned).model):
        ours, four = layers[name], layers[name].base_layer.weight
        base = library.dequantize_4bit(four.data, four.quant_state)
        learned = ours.get_delta_weight("default").detach()
        assert learned.norm() > 0 and (layer.weight - base).norm() > 0
        torch.nn.init.zeros_(ours.lora_B["default"].weight)
    for name, layer in decoder_weights(quantised.rounded_again(tuned).model):
        four = layers[name].base_layer.weight
        assert torch.allclose(layer.weight, library.dequantize_4bit(four.data, four.quant_state), atol=1e-6)


def test_log_probabilities_are_those_of_the_answer_s_tokens(cheap, monkeypatch):
    base, exam = camera.load(), qlora.asked()
    found = quantised.log_probabilities(base, exam.pictures, exam.new)
    item = exam.new[3]
    picture = exam.pictures[item.picture]
    asked = write(base.processor, [message(item.question)], [picture])["input_ids"].shape[1]
    told = {"role": "assistant", "content": [{"type": "text", "text": item.answer}]}
    inputs = write(base.processor, [message(item.question), told], [picture])
    with torch.no_grad():
        certain = log_softmax(base.model(**inputs).logits[0, asked - 1 : -1], -1)
    wanted = certain.gather(1, inputs["input_ids"][0, asked:, None]).sum().item()
    assert found[3] == pytest.approx(wanted, abs=1e-4) and max(found) <= 0
    monkeypatch.setattr(quantised, "BATCH", 3)  # other company, other padding
    assert quantised.log_probabilities(base, exam.pictures, exam.new) == pytest.approx(found, abs=1e-4)


def test_what_lies_behind_the_whole_one_is_nothing_for_itself(cheap):
    assert set(qlora.behind(0, "whole", tuned=False).values) == {0.0}
    assert min(qlora.behind(0, "INT4", tuned=False).values) < 0


def test_one_cheap_run_of_every_arm(cheap, monkeypatch):
    true = qlora.step_memory.true_sizes()
    for config in true.values():
        monkeypatch.setattr(config.text_config, "hidden_size", 256)
        monkeypatch.setattr(config.text_config, "intermediate_size", 512)
    for claim in qlora.claims():
        assert set(every_arm(claim)) == set(claim.arms)
