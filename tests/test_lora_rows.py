"""Rows of the embedding that learn beside LoRA: what changes and what does not, kept, merged, resumed, refused."""

import json

import pytest
import standins
import torch
from safetensors.torch import load_file, save_file

from labs.models import catalog
from labs.tuning.adapters import AdapterError, load_adapters, merge, using
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.fit import fit, fit_or_open
from labs.tuning.footprint import trainable_table
from labs.tuning.four_bit import nf4
from labs.tuning.lora import LoraSpec, add_lora, load_adapter
from labs.tuning.random_adapter import random_adapter
from labs.tuning.rows import alike_rows, draw_anew, row_layers, row_targets, spoken
from labs.tuning.run_folder import RunError
from labs.tuning.run_identity import describe
from labs.tuning.speed import Speed
from labs.tuning.trainer import StepTrainer

ROWS = (5, 9, 30)
SAYS = [("What colour is the star?", "red"), ("Where is it?", "at the top left"), ("Which two?", "42 stars")]


@pytest.fixture
def records(record):
    return [record((*SAYS[n % 3], n % 3)) for n in range(12)]


@pytest.fixture
def logits(records):
    inputs = Collator(0)([Examples(standins.llava().processor, records)[1]])
    inputs.pop("labels")

    @torch.no_grad()
    def compute(model):
        return model.eval()(**inputs).logits

    return compute


def untied():
    """A model whose head has weights of its own."""
    model = standins.llava().model
    head = torch.nn.Linear(*reversed(model.get_output_embeddings().weight.shape), bias=False)
    torch.manual_seed(1)
    torch.nn.init.normal_(head.weight, std=0.2)
    model.set_output_embeddings(head)
    model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = False
    return model


def tied():
    """A model whose embedding is its head."""
    model = standins.llava().model
    model.config.tie_word_embeddings = model.config.text_config.tie_word_embeddings = True
    model.tie_weights()
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    return model


def learned(model, rows=ROWS, seed=0):
    """As after training: nothing of the adapter is what it was at the start."""
    model = add_lora(model, LoraSpec(r=2, rows=rows), seed)
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name or "trainable_tokens_delta" in name:
                weight += 0.3 * torch.randn(weight.shape)
    return model


def weights(model) -> tuple[torch.Tensor, torch.Tensor]:
    """Embedding and head as the model computes with them."""
    return tuple(part.weight.detach() for part in (model.get_input_embeddings(), model.get_output_embeddings()))


@pytest.mark.parametrize("build", [tied, untied])
def test_at_the_start_nothing_changes_and_only_the_named_rows_ever_do(build, logits, records, tmp_path):
    base, rows = build(), spoken(standins.llava().processor, records)[::2]
    bare, before = logits(base), [weight.clone() for weight in weights(base)]
    model = add_lora(base, LoraSpec(r=2, rows=rows))
    assert torch.equal(logits(model), bare)
    learning = sum(p.numel() for n, p in model.named_parameters() if p.requires_grad and "token" in n)
    assert learning == len(rows) * before[0].shape[1] * (1 if build is tied else 2)
    said = (standins.llava().processor, records, [], tmp_path / "run")
    fit(model, *said, steps=3, batch=6, learning_rate=1e-2, progress=False)
    for now, then in zip(weights(model), before, strict=True):
        moved = (now != then).any(1).nonzero().flatten().tolist()
        assert moved and set(moved) <= set(rows)  # all others are bit for bit what they were
    if build is tied:
        assert torch.equal(*weights(model))
    assert not torch.allclose(logits(model), bare, atol=1e-3)
    with using(model, None):
        assert torch.equal(logits(model), bare)


def test_a_spec_without_rows_is_what_it_always_was():
    model = add_lora(standins.llava().model, LoraSpec(r=2))
    assert model.peft_config["default"].trainable_token_indices is None and not list(row_layers(model))
    assert set(describe(model)["lora"]) == {"r", "lora_alpha", "lora_dropout", "layers", "names"}
    shipped = json.loads((catalog.labs.home() / "data/finished/06_2/lora/config.json").read_text())
    again = describe(add_lora(catalog.load("multimodal", "mini").model))
    assert again == {name: shipped[name] for name in again}


def test_rows_count_among_what_learns_and_tell_runs_apart():
    plain, one, other = (add_lora(tied(), LoraSpec(r=2, rows=rows)) for rows in ((), ROWS, (5, 9, 31)))
    width = weights(plain)[0].shape[1]
    assert trainable_table(one)[-1].trainable == trainable_table(plain)[-1].trainable + len(ROWS) * width
    assert len({str(describe(model)) for model in (plain, one, other)}) == 3


@pytest.mark.parametrize("build", [tied, untied])
def test_saved_loaded_switched_and_merged(build, logits, tmp_path):
    bare, seen = logits(build()), {}
    for seed, (name, rows) in enumerate({"maths": (5, 9), "code": (9, 30, 31)}.items()):
        model = learned(build(), rows, seed)
        seen[name] = logits(model)
        model.save_pretrained(tmp_path / name)
        kept = load_file(tmp_path / name / "adapter_model.safetensors")
        assert sum("tokens" in key for key in kept) == (1 if build is tied else 2)
        assert {len(kept[key]) for key in kept if "tokens" in key} <= {len(rows)}
    model = load_adapters(build(), {name: tmp_path / name for name in seen})
    for name in ("maths", "code", "maths"):
        with using(model, name):
            assert torch.equal(logits(model), seen[name]), name
    with using(model, None):
        assert torch.equal(logits(model), bare)
    assert torch.equal(logits(model), seen["maths"])
    plain = merge(model, "code")
    assert type(plain) is type(build()) and torch.allclose(logits(plain), seen["code"], atol=1e-5)
    plain.save_pretrained(tmp_path / "merged")
    assert torch.allclose(logits(type(plain).from_pretrained(tmp_path / "merged")), seen["code"], atol=1e-5)


def test_a_run_that_was_stopped_goes_on_with_its_rows_and_ends_the_same(records, tmp_path, monkeypatch):
    def run(out):
        model = add_lora(tied(), LoraSpec(r=2, rows=ROWS))
        options = {"steps": 4, "batch": 6, "save_every": 1, "learning_rate": 1e-2, "progress": False}
        return model, fit_or_open(model, standins.llava().processor, records, records, out, **options)

    whole, fitted = run(tmp_path / "whole")
    original = StepTrainer.training_step

    def stop(self, *args, **kwargs):
        if self.state.global_step == 2:
            raise KeyboardInterrupt
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(RunError, match="stopped at step 2"):
        patch.setattr(StepTrainer, "training_step", stop)
        run(tmp_path / "halves")
    halves, again = run(tmp_path / "halves")
    opened, _ = run(tmp_path / "halves")  # finished now: nothing is trained
    assert again.losses == pytest.approx(fitted.losses, abs=1e-6)
    for model in (halves, opened):
        assert torch.allclose(weights(model)[0], weights(whole)[0], atol=1e-6)


def test_with_other_rows_it_is_another_run(records, tmp_path):
    options = {"steps": 1, "batch": 6, "progress": False}
    fit(add_lora(tied(), LoraSpec(r=2, rows=ROWS)), standins.llava().processor, records, [], tmp_path, **options)
    for rows in ((), (5, 9, 31)):
        other = add_lora(tied(), LoraSpec(r=2, rows=rows))
        with pytest.raises(RunError, match="another lora"):
            fit_or_open(other, standins.llava().processor, records, [], tmp_path, **options)


def test_adapters_with_and_without_rows_are_not_mixed(tmp_path):
    for name, rows in {"maths": ROWS, "plain": ()}.items():
        learned(tied(), rows).save_pretrained(tmp_path / name)
    for names in (("maths", "plain"), ("plain", "maths")):
        with pytest.raises(AdapterError, match="'maths' brings rows of the embedding and 'plain' does not"):
            load_adapters(tied(), {name: tmp_path / name for name in names})


def test_what_makes_tuning_fast_does_not_change_it(records, tmp_path):
    slow = Speed(False, False, False, False, 0, None)
    found = []
    for name, speed in {"fast": Speed(), "slow": slow}.items():
        model = add_lora(tied(), LoraSpec(r=2, rows=ROWS))
        fit(model, standins.llava().processor, records, [], tmp_path / name, steps=3, batch=6, speed=speed,
            learning_rate=1e-2, progress=False)  # fmt: skip
        found.append(weights(model)[0])
    assert torch.allclose(*found, atol=1e-5)


def test_random_rows_go_as_far_and_come_back(logits):
    model = learned(tied())
    (layer,) = row_layers(model)
    own, start = layer.trainable_tokens_delta["default"].data, layer.trainable_tokens_original["default"]
    before, seen = own.clone(), logits(model)
    with random_adapter(model, 3):
        assert torch.allclose((own - start).norm(dim=1), (before - start).norm(dim=1), rtol=1e-4)
        assert (torch.cosine_similarity(own - start, before - start) < 0.9).all()
        assert not torch.allclose(logits(model), seen, atol=1e-3)
    assert torch.equal(own, before) and torch.equal(logits(model), seen)


def test_on_a_base_in_four_bits_rows_learn_in_full(folder, records, tmp_path):
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"], quantization_config=nf4())
    model = add_lora(loaded.model, LoraSpec(r=2, rows=ROWS))
    before = weights(model)[0].clone()
    fit(model, loaded.processor, records, [], tmp_path / "run", steps=2, batch=6, learning_rate=1e-2, progress=False)
    now = weights(model)[0]
    assert set((now != before).any(1).nonzero().flatten().tolist()) <= set(ROWS) and not torch.equal(now, before)


def test_a_base_in_half_precision_has_rows_in_float32_and_shipped_adapters_may_be_half(tmp_path, logits):
    half = add_lora(tied().to(torch.bfloat16), LoraSpec(r=2, rows=ROWS))
    assert {p.dtype for p in half.parameters() if p.requires_grad} == {torch.float32}
    model = learned(tied())
    model.save_pretrained(tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    save_file({name: weight.half() for name, weight in load_file(file).items()}, file, {"format": "pt"})
    assert torch.allclose(logits(load_adapter(tied(), tmp_path)), logits(model), atol=0.02)


def test_spoken_are_the_tokens_of_answers_and_of_nothing_else(records):
    processor = standins.llava().processor
    tokenizer = processor.tokenizer
    rows = spoken(processor, records)
    assert tokenizer.convert_tokens_to_ids("Where") not in rows and list(rows) == sorted(set(rows))
    for _, answer in SAYS:
        assert set(tokenizer(answer, add_special_tokens=False).input_ids) & set(rows)
    examples = Examples(processor, records)
    assert set(rows) == {i for n in range(12) for i in examples[n].labels if i != -100}


def test_rows_that_nobody_learned_are_alike():
    model = catalog.load("multimodal", "mini").model
    alike = set(alike_rows(model))
    tokenizer = catalog.load("multimodal", "mini").processor.tokenizer
    never = set(tokenizer.convert_tokens_to_ids([*"06789", "<", ">", "\\", "=", "+"]))
    often = set(tokenizer.convert_tokens_to_ids(["red", "blue", "yes", "no", "1", "2"]))
    assert never <= alike and not often & alike


def test_what_cannot_be_is_refused(monkeypatch):
    for rows in ((3, 3), (4, 2), (-1, 2)):
        with pytest.raises(ValueError, match="rows must be numbers of tokens, each once and in order"):
            LoraSpec(rows=rows)
    model = tied()
    with pytest.raises(ValueError, match=r"has rows 0 to \d+, not 99999"):
        add_lora(model, LoraSpec(rows=(99999,)))
    model.config.tie_word_embeddings = False
    with pytest.raises(ValueError, match="shares its embedding with its head and does not say so"):
        add_lora(model, LoraSpec(rows=ROWS))
    other = untied()
    other.get_output_embeddings().bias = torch.nn.Parameter(torch.zeros(len(weights(other)[1])))
    with pytest.raises(ValueError, match="has a bias, which PEFT would drop"):
        add_lora(other, LoraSpec(rows=ROWS))
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ValueError, match="dealt to devices"):
        row_targets(tied(), ROWS)
    assert row_targets(tied(), ()) is None


def test_rows_drawn_anew_lie_among_the_learned_ones_and_the_base_is_left_alone():
    loaded = catalog.load("multimodal", "mini")
    numbers = loaded.processor.tokenizer.convert_tokens_to_ids([*"06789", "red", "blue"])
    before = loaded.model.get_input_embeddings().weight.detach().clone()
    model = add_lora(loaded.model, LoraSpec(r=1, rows=tuple(sorted(numbers))))
    assert draw_anew(model, seed=1) == 5
    now = weights(model)[0]
    assert sorted((now != before).any(1).nonzero().flatten().tolist()) == sorted(numbers[:5])
    alike = alike_rows(loaded.model)
    known = before[[n for n in range(len(before)) if n not in alike]]
    assert not set(numbers[:5]) & set(alike_rows(model))
    assert (now[numbers[:5]].norm(dim=1) < 1.5 * known.norm(dim=1).max()).all()
    with using(model, None):
        assert torch.equal(model.get_input_embeddings().weight, before)
    again = add_lora(catalog.load("multimodal", "mini").model, LoraSpec(r=1, rows=tuple(sorted(numbers))))
    draw_anew(again, seed=1)
    assert torch.equal(weights(again)[0], now)
    assert draw_anew(add_lora(tied(), LoraSpec(r=1))) == 0  # where no rows learn there is nothing to draw
