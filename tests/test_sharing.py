"""Shared prefixes in every family: loss and gradients of the separate records, or a reason why not."""

import json
import random
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import standins
import torch
from safetensors.torch import load_file
from test_mask_families import READ_VIDEOS_TOO
from transformers.utils import is_torchvision_available

from labs.data.records import DataError, Record
from labs.models.conversation import picture_token
from labs.tuning import attention_in_parts as attention
from labs.tuning.attention_in_parts import attention_in_parts, note_parts
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.fit import fit
from labs.tuning.label_logits import logits_at, shifted, supervised_logits, token_losses
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.mask import encode
from labs.tuning.packing import IGNORE, Branch, Row, pack
from labs.tuning.sharing import SharedCollator, model_inputs, why_not
from labs.tuning.speed import Speed
from labs.tuning.steps import PICTURES, Steps

SHARING = ["llava", "llava_next", "idefics3"] + (READ_VIDEOS_TOO if is_torchvision_available() else [])
NOT = {
    "paligemma": "see one another in both directions",
    "instructblip": "read together with the question",
}
SAYS = [("What colour is the star?", "red"), ("Where is it?", "at the top left"), ("Which two?", "42 stars")]


@pytest.fixture
def about(record):
    """Builds a record that shows the pictures of these numbers in its first question."""
    return lambda shown, *turns: record((*turns[0], *shown), *turns[1:])


def encoded(processor, records):
    examples = Examples(processor, records)
    return [examples[i] for i in range(len(records))]


def collator(processor) -> SharedCollator:
    return SharedCollator(processor.tokenizer.pad_token_id, picture_token(processor))


def laid_out(processor, groups) -> dict:
    """The groups in one batch."""
    collate = collator(processor)
    return collate(collate.rows(groups))


def gradients(model, loss):
    """Of every parameter, and the loss as a number."""
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}, loss.item()


def separate_loss(model, processor, records):
    """The mean over all supervised tokens, each record computed by the model alone, with its own loss."""
    total, tokens = 0, 0
    for record in records:
        inputs = Collator(processor.tokenizer.pad_token_id)([record])
        count = int((shifted(inputs["labels"]) != IGNORE).sum())
        total, tokens = total + model(**inputs).loss * count, tokens + count
    return total / tokens


def assert_equal(model, processor, groups):
    """Loss and every gradient of the groups as one batch are those of their records one by one."""
    targets, inputs = model_inputs(model, laid_out(processor, groups))
    shared, loss = gradients(model, token_losses(model, targets, inputs).mean())
    alone, expected = gradients(model, separate_loss(model, processor, [r for group in groups for r in group]))
    assert loss == pytest.approx(expected, abs=1e-5)
    assert shared.keys() == alone.keys()
    assert max((shared[name] - alone[name]).abs().max().item() for name in alone) < 1e-5
    return inputs


@pytest.mark.parametrize("family", [*SHARING, "paligemma", "blip_2", "instructblip"])
def test_what_is_remembered_is_what_would_be_found_anew(standin, about, family):
    processor = standin(family).processor
    records = [about((0,), SAYS[0]), about((1,), SAYS[0]), about((0,), SAYS[1])]
    examples = Examples(processor, records)
    for _ in range(2):
        for number, one in enumerate(records):
            found, fresh = examples[number], encode(processor, one)
            assert (found.input_ids, found.supervised) == (fresh.input_ids, fresh.supervised)
            assert found.inputs.keys() == fresh.inputs.keys()
            assert all(torch.equal(found.inputs[name], fresh.inputs[name]) for name in fresh.inputs)
            text = examples.text(number)
            assert (text.input_ids, text.supervised) == (fresh.input_ids, fresh.supervised)


def test_a_picture_is_processed_once_for_the_records_beside_it(about, monkeypatch):
    processor, calls = standins.llava().processor, []
    real = type(processor.image_processor).__call__
    monkeypatch.setattr(
        type(processor.image_processor),
        "__call__",
        lambda self, *args, **kw: calls.append(1) or real(self, *args, **kw),
    )
    encoded(processor, [about((0,), turn) for turn in SAYS])
    assert len(calls) == 1


@pytest.mark.parametrize("parts", [False, True], ids=["whole", "parts"])
@pytest.mark.parametrize("family", SHARING)
def test_loss_and_every_gradient_are_those_of_the_separate_records(standin, about, family, parts, monkeypatch):
    model, processor = standin(family)
    told, real = [], attention.sdpa_attention_forward
    spy = lambda module, query, *rest, **more: told.append(query.shape[2]) or real(module, query, *rest, **more)  # noqa: E731
    monkeypatch.setattr(attention, "sdpa_attention_forward", spy)
    groups = [
        encoded(processor, [about((0,), SAYS[0]), about((0,), SAYS[1], SAYS[0]), about((0,), SAYS[2])]),
        encoded(processor, [about((1,), SAYS[2], SAYS[1], SAYS[0])]),
        encoded(processor, [about((1, 2), SAYS[0]), about((1, 2), SAYS[0]), about((1, 2), SAYS[1])]),
    ]
    with attention_in_parts(model) if parts else nullcontext():
        inputs = assert_equal(model.eval(), processor, groups)
    rows, tokens = inputs["input_ids"].shape
    cut = inputs["attention_mask"].causal
    assert rows == 3 and 0 < cut < tokens
    assert not parts or {cut, tokens - cut} <= set(told)
    assert why_not(model, groups[0], collator(processor)) is None


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_the_mask_is_right_for_each_kind_of_attention(standin, about, attention):
    model, processor = standin("llava")
    group = encoded(processor, [about((0,), turn) for turn in SAYS])
    before = model.config._attn_implementation
    model.set_attn_implementation(attention)
    try:
        assert_equal(model.eval(), processor, [group])
    finally:
        model.set_attn_implementation(before)


def test_the_first_queries_of_a_mask_look_at_all_before_them():
    """As many as are noted, and one more does not in some row."""
    rng = random.Random(0)
    for _ in range(50):
        rows = [Row([5] * rng.randint(0, 6), [_branch(rng) for _ in range(rng.randint(1, 3))]) for _ in range(2)]
        batch = pack(rows, 0)
        note_parts(batch.attention_mask, batch.branch)
        cut = batch.attention_mask.causal
        causal = torch.ones(batch.input_ids.shape[1], batch.input_ids.shape[1]).tril().bool()
        agree = (batch.attention_mask[:, 0] == causal).all(2).cumprod(1).sum(1)  # rows of the square, from the top
        assert 0 < cut == agree.min() if (batch.branch > 1).any() else cut == (batch.branch >= 0).sum(1).min()


def _branch(rng: random.Random) -> Branch:
    length = rng.randint(2, 5)
    return Branch([7] * length, [False] + [True] * (length - 1))


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_attention_in_parts_leaves_the_model_as_it_was(standin, about, implementation):
    model, processor = standin("llava")
    config, before = model.config.get_text_config(), model.config._attn_implementation
    model.set_attn_implementation(implementation)
    try:
        with pytest.raises(RuntimeError, match="out"), attention_in_parts(model):
            assert config._attn_implementation == ("eager" if implementation == "eager" else attention.NAME)
            assert "sdpa_in_parts" not in model.config.to_json_string()  # of checkpoints written meanwhile
            inputs = Collator(0)(encoded(processor, [about((0,), SAYS[0]), about((1,), SAYS[2])]))
            within = model(**inputs).loss  # batches without branches go through it too
            raise RuntimeError("out")
        assert config._attn_implementation == implementation
        assert torch.equal(model(**inputs).loss, within)
    finally:
        model.set_attn_implementation(before)


def test_the_pictures_stand_once(standin, about):
    model, processor = standin("llava")
    group = encoded(processor, [about((0,), turn) for turn in SAYS])
    batch = laid_out(processor, [group])
    assert len(batch["pixel_values"]) == 1
    assert int((batch["input_ids"] == picture_token(processor)).sum()) == 9
    assert batch["input_ids"].shape[1] < sum(len(example.input_ids) for example in group)


def test_records_whose_pictures_are_not_in_the_common_prefix_stand_alone(standin, about):
    """A picture shown after different words is another picture to the model."""
    model, processor = standin("llava")
    shown = about((0,), SAYS[2]).messages
    talks = [Record("record", about((), turn).messages + shown) for turn in SAYS[:2]]
    group = encoded(processor, talks)
    group[1] = replace(group[1], inputs={})  # as `Examples.text` gives it
    batch = laid_out(processor, [group])
    assert len(batch["input_ids"]) == 2 and len(batch["pixel_values"]) == 2
    group = encoded(processor, talks)
    assert_equal(model.eval(), processor, [group])


def test_one_question_with_two_answers_learns_both(standin, about):
    model, processor = standin("llava")
    question = SAYS[0][0]
    group = encoded(processor, [about((0,), (question, "red")), about((0,), (question, "left"))])
    assert_equal(model.eval(), processor, [group])


@pytest.mark.parametrize("family", NOT)
def test_families_that_cannot_share_say_why(standin, about, family):
    model, processor = standin(family)
    group = encoded(processor, [about((0,), turn) for turn in SAYS[:2]])
    assert NOT[family] in why_not(model, group, collator(processor))


def test_a_window_of_attention_and_flash_attention_are_named(standin, about):
    model, processor = standin("llava")
    group = encoded(processor, [about((0,), turn) for turn in SAYS[:2]])
    text = SimpleNamespace(layer_types=["sliding_attention"])
    for config, words in (
        (SimpleNamespace(_attn_implementation="sdpa", get_text_config=lambda: text), "only a window"),
        (SimpleNamespace(_attn_implementation="flash_attention_2"), "takes no mask of who sees whom"),
    ):
        other = torch.nn.Module()
        other.config = config
        assert words in why_not(other, group, collator(processor))


def test_an_unknown_fault_shows_in_the_losses(standin, about, monkeypatch):
    """Positions that do not restart, as a model with its own idea of them would have."""
    model, processor = standin("llava")
    group = encoded(processor, [about((0,), turn) for turn in SAYS])
    real = pack

    def running_on(*args):
        batch = real(*args)
        return batch._replace(position_ids=torch.arange(batch.input_ids.shape[1])[None].expand_as(batch.input_ids))

    monkeypatch.setattr("labs.tuning.sharing.pack", running_on)
    assert why_not(model, group, collator(processor)).startswith("the loss of a token would differ by")


def test_a_model_that_refuses_the_batch_is_named(standin, about, monkeypatch):
    model, processor = standin("llava")
    group = encoded(processor, [about((0,), turn) for turn in SAYS[:2]])

    def refuse(**inputs):
        raise ValueError("no such mask")

    monkeypatch.setattr(model, "forward", refuse)
    assert "refuses such a batch (no such mask)" in why_not(model, group, collator(processor))
    assert not model.training


# ---------------------------------------------------------------------------------------------------------------
# Steps and runs


def test_steps_hold_every_record_once_and_stay_mixed(about):
    records = [about((n % 3,), SAYS[0]) for n in range(30)] + [about((), SAYS[0]) for _ in range(5)]
    examples = Examples(standins.llava().processor, records)
    steps = Steps(examples, 8)
    numbers = [n for step in steps.plan for group in step for n in group]
    assert sorted(numbers) == list(range(35)) and [sum(map(len, step)) for step in steps.plan] == [8, 8, 8, 8, 3]
    for step in steps.plan:
        for group in step:
            assert len(group) <= 8 // PICTURES and len({tuple(records[n].pictures) for n in group}) == 1
            assert len(group) == 1 or records[group[0]].pictures
    first = list(steps.plan)
    steps.set_epoch(1)
    assert list(steps.plan) != first
    steps.set_epoch(0)
    assert list(steps.plan) == first and first != list(Steps(examples, 8, seed=1).plan)


def test_switches_change_the_speed_and_not_the_result(about, tmp_path):
    records = [about((n % 3,), SAYS[n % 2]) for n in range(24)]
    ends, losses = [], []
    names = [name for name in Speed._fields if name != "tokens"]
    others = [Speed(**{name: not getattr(Speed(), name)}) for name in names] + [Speed(tokens=None), Speed(tokens=40)]
    for number, switches in enumerate([Speed(), *others]):
        model, processor = standins.llava()
        tuned = add_lora(model, LoraSpec(r=2))
        out = tmp_path / str(number)
        fitted = fit(tuned, processor, records, [], out, steps=4, batch=12, progress=False, speed=switches)
        assert fitted.separate == (None if switches.share else "share=False")
        ends.append(load_file(out / "adapter" / "adapter_model.safetensors"))
        losses.append(fitted.losses)
    assert losses[1:] == [pytest.approx(losses[0], abs=1e-5)] * len(others)
    for other in ends[1:]:
        assert max((other[name] - ends[0][name]).abs().max().item() for name in other) < 1e-5
    assert max(tensor.abs().max().item() for name, tensor in ends[0].items() if "lora_B" in name) > 1e-3


def test_a_run_whose_model_cannot_share_says_why(standin, about, tmp_path):
    records = [about((n % 2,), SAYS[n % 2]) for n in range(8)]
    model, processor = standins.paligemma()
    tuned = add_lora(model, LoraSpec(r=2))
    fitted = fit(tuned, processor, records, [], tmp_path / "run", steps=1, batch=4, progress=False)
    assert NOT["paligemma"] in fitted.separate
    assert fitted.separate == json.loads((tmp_path / "run" / "metrics.json").read_text())["separate"]


def test_a_cut_record_is_refused_by_fit_before_anything_is_written(about, tmp_path):
    model, processor = standins.llava()
    with pytest.raises(DataError, match="would cut them"):
        fit(add_lora(model), processor, [about((0,), SAYS[0])], [], tmp_path / "run", steps=1, max_length=4)
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------------------------------------------------
# Logits where a label is


@pytest.mark.parametrize("family", [*SHARING, "blip_2", "paligemma", "instructblip"])
def test_logits_at_labels_are_those_of_all_positions(standin, about, family):
    model, processor = standin(family)
    inputs = Collator(processor.tokenizer.pad_token_id)(encoded(processor, [about((0,), t) for t in SAYS[:2]]))
    targets = shifted(inputs.pop("labels"))
    sizes = []
    handle = model.get_output_embeddings().register_forward_hook(lambda m, args, out: sizes.append(out.shape))
    with torch.no_grad():
        few, all_ = (supervised_logits(model.eval(), targets, inputs, everywhere) for everywhere in (False, True))
    handle.remove()
    assert torch.allclose(few, all_, atol=1e-6) and len(few) == int((targets != IGNORE).sum())
    assert sizes[0] == few.shape and sizes[1][:2] == targets.shape


def test_the_head_is_as_before_afterwards(standin, about):
    model, processor = standin("llava")
    inputs = Collator(processor.tokenizer.pad_token_id)(encoded(processor, [about((0,), SAYS[0])]))
    where = shifted(inputs.pop("labels")) != IGNORE
    with pytest.raises(RuntimeError, match="out"), logits_at(model, where):
        raise RuntimeError("out")
    assert model(**inputs).logits.shape[:2] == where.shape


def test_a_model_without_a_head_is_refused():
    with pytest.raises(ValueError, match="names no output head"), logits_at(_NoHead(), torch.ones(1, 1).bool()):
        pass


class _NoHead(torch.nn.Module):
    def get_output_embeddings(self):
        return None


def test_a_branch_may_not_begin_with_a_token_to_learn():
    with pytest.raises(ValueError, match="branch 1 of row 0 begins with a token to learn"):
        pack([Row([1], [Branch([2], [True])])], 0)


# ---------------------------------------------------------------------------------------------------------------
# Features of frozen eyes


def frozen(family):
    """A stand-in with LoRA in its language model: the eyes are frozen, the projector learns."""
    model, processor = getattr(standins, family)()
    tuned = add_lora(model, LoraSpec(r=2))
    for name, parameter in tuned.named_parameters():
        if "projector" in name or "connector" in name:
            parameter.requires_grad_(True)
    return tuned.eval(), processor


def loss_of(model, processor, records):
    targets, inputs = model_inputs(model, laid_out(processor, [[example] for example in encoded(processor, records)]))
    return token_losses(model, targets, inputs).mean()


@pytest.mark.parametrize("family", [family for family in SHARING if not family.startswith("qwen")])
def test_remembered_features_give_the_same_loss_and_gradients(about, family):
    model, processor = frozen(family)
    records = [about((0,), SAYS[0]), about((1,), SAYS[1]), about((0,), SAYS[2])]
    expected, loss = gradients(model, loss_of(model, processor, records))
    with features_once(model) as cache:
        for _ in range(3):
            found, again = gradients(model, loss_of(model, processor, records))
            assert again == pytest.approx(loss, abs=1e-6) and found.keys() == expected.keys()
            assert max((found[name] - expected[name]).abs().max().item() for name in found) < 1e-5
    assert cache.misses and cache.hits > 2 * cache.misses
    assert any("projector" in name or "connector" in name for name in found)
    misses = cache.misses
    loss_of(model, processor, records)
    assert cache.misses == misses, "outside of the block the model has its own eyes again"


def test_another_picture_other_settings_or_other_weights_are_seen_anew(about):
    model, processor = frozen("llava")
    with features_once(model) as cache:
        for change in (
            lambda: None,
            lambda: setattr(processor.image_processor, "image_mean", [0.1] * 3),
            lambda: next(model.base_model.model.model.vision_tower.parameters()).detach().add_(0.5),
        ):
            before = cache.misses
            change()
            seen = loss_of(model, processor, [about((0,), SAYS[0])])
            assert cache.misses == before + 1
    assert torch.equal(seen, loss_of(model, processor, [about((0,), SAYS[0])]))


def test_what_does_not_fit_is_computed_every_time(about):
    model, processor = frozen("llava")
    with features_once(model, megabytes=0) as cache:
        for _ in range(2):
            loss_of(model, processor, [about((0,), SAYS[0])])
    assert (cache.hits, cache.misses) == (0, 2) and not cache.known


def test_eyes_that_learn_or_see_by_chance_are_not_remembered(about):
    model, _ = frozen("llava")
    tower = model.base_model.model.model.vision_tower
    tower.config.attention_dropout = 0.1
    with features_once(model) as why:
        assert "dropout" in why
    tower.config.attention_dropout = 0.0
    next(tower.parameters()).requires_grad_(True)
    with features_once(model) as why:
        assert why == "the eyes learn too"
