"""A run of `fit`: batches to a budget, too little memory, faulty records, other numbers, the best checkpoint."""

import json
import random

import pytest
import standins
import torch
from peft.tuners.lora.layer import LoraLayer
from safetensors.torch import load_file

from labs.models import catalog
from labs.models.conversation import picture_token, write
from labs.models.messages import ConversationError
from labs.models.pictures import open_picture
from labs.models.writer import Writer
from labs.tuning import fit as fitting
from labs.tuning import trainer as driving
from labs.tuning.budget import WASTE, Budget
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.four_bit import nf4
from labs.tuning.label_logits import token_losses
from labs.tuning.lora import LoraSpec, add_lora, load_adapter
from labs.tuning.lora_at_once import lora_at_once
from labs.tuning.mask import Encoded
from labs.tuning.run_folder import RunError
from labs.tuning.score import Score, score
from labs.tuning.sharing import SharedCollator, model_inputs
from labs.tuning.speed import Speed
from labs.tuning.steps import Steps, dealt

SAYS = [("What colour is the star?", "red"), ("Where is it?", "at the top left"), ("Which two?", "42 stars")]


@pytest.fixture
def records(record):
    """Eight records about each of three pictures, some longer than others."""
    return [record((SAYS[n % 3][0] * (1 + n % 4), SAYS[n % 3][1], n // 8)) for n in range(24)]


def run(records, out, heldout=(), **settings):
    model, processor = standins.llava()
    tuned = add_lora(model, LoraSpec(r=2))
    options = {"steps": 4, "batch": 12, "progress": False, "save_every": 1} | settings
    return tuned, fit(tuned, processor, records, heldout, out, **options)


def adapter(out) -> dict[str, torch.Tensor]:
    return load_file(out / "adapter" / "adapter_model.safetensors")


def off(one: dict, other: dict) -> float:
    """The largest difference of two adapters."""
    assert one.keys() == other.keys()
    return max((one[name] - other[name]).abs().max().item() for name in one)


# ---------------------------------------------------------------------------------------------------------------
# Batches to a budget


def made(length: int, *, learned: int = 2, name: str = "") -> Encoded:
    """A record of text alone."""
    return Encoded([7] * length, [False] * (length - learned) + [True] * learned, {}, name)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tokens", [None, 50, 400])
def test_batches_hold_every_row_once_within_budget_and_hardly_padded(seed, tokens):
    rng = random.Random(seed)
    groups = [[made(rng.randint(5, 90), name=str(n))] for n in range(40)]
    budget = Budget(Collator(0), tokens)
    batches = budget.batches(groups)
    assert sorted(int(row.first.name) for batch in batches for row in batch) == list(range(40))
    for batch in batches:
        size = len(batch) * max(map(len, batch))
        assert len(batch) == 1 or tokens is None or size <= tokens
        assert size - sum(map(len, batch)) <= WASTE * size
    assert tokens == 50 or len(batches) < 40  # that hold no more than is needed
    for batch in batches:
        laid = budget.lay_out(batch)
        assert laid["labels"].shape == (len(batch), max(map(len, batch)))
    assert budget.counted["padding"] <= WASTE * budget.counted["tokens"]


def test_a_row_longer_than_the_budget_is_a_batch_and_parted_where_it_must(standin, records):
    model, processor = standin("llava")
    examples, collate = Examples(processor, records[:8]), SharedCollator(0, picture_token(processor))
    group = [examples[number] for number in range(8)]
    budget = Budget(collate, tokens=10)
    (batch,) = budget.batches([group])
    (whole,) = batch
    assert len(whole) > 10 and whole.records == group
    for size in (4, 2, 1):
        assert budget.halve([group])
        parted = [row for batch in budget.batches([group]) for row in batch]
        assert {len(row.records) for row in parted} == {size} and {row.prefix for row in parted} == {whole.prefix}
        assert sorted(map(id, group)) == sorted(id(one) for row in parted for one in row.records)
    assert not budget.halve([group])


@pytest.mark.parametrize("shared", [True, False])
def test_loss_and_gradients_do_not_depend_on_the_batches(standin, records, shared):
    model, processor = standin("llava")
    examples = Examples(processor, records)
    groups = [[examples[number] for number in range(start, start + 8)] for start in (0, 8, 16)]
    pad, found = processor.tokenizer.pad_token_id, []
    for tokens in (None, 120, 40, 1):
        budget = Budget(SharedCollator(pad, picture_token(processor)) if shared else Collator(pad), tokens)
        model.zero_grad()
        total, batches = 0.0, budget.batches(groups)
        for rows in batches:
            targets, inputs = model_inputs(model, budget.lay_out(rows))
            loss = token_losses(model, targets, inputs).sum()
            loss.backward()
            total += loss.item()
        found.append((total, {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}, batches))
    assert len(found[0][2]) < len(found[-1][2]) == (3 if shared else 24)
    for total, gradients, _ in found[1:]:
        assert total == pytest.approx(found[0][0], rel=1e-6)
        assert all(torch.allclose(gradients[n], g, atol=1e-4, rtol=1e-4) for n, g in found[0][1].items())


def test_the_loss_of_a_step_is_the_mean_over_its_tokens(records, tmp_path):
    model, processor = standins.llava()
    fresh = score(model, processor, records).loss
    _, fitted = run(records, tmp_path / "run", steps=1, batch=24)
    assert fitted.losses == [pytest.approx(fresh, abs=1e-5)]


def test_a_run_in_small_batches_ends_where_the_whole_one_does(records, tmp_path):
    run(records, tmp_path / "whole", speed=Speed(tokens=None))
    run(records, tmp_path / "small", speed=Speed(tokens=60))
    run(records, tmp_path / "twice", speed=Speed(checkpointing=True))
    whole = adapter(tmp_path / "whole")
    assert off(adapter(tmp_path / "small"), whole) < 1e-5 and off(adapter(tmp_path / "twice"), whole) < 1e-5
    for out in ("whole", "small"):
        assert 0 <= json.loads((tmp_path / out / "metrics.json").read_text())["padding"] <= WASTE


# ---------------------------------------------------------------------------------------------------------------
# What can go wrong


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
]


def small_memory(monkeypatch, most: int, error: Exception) -> list[int]:
    """The device's exception for every batch of more than `most` tokens, raised in the backward pass."""
    sizes, original = [], driving.token_losses

    class TooMuch(torch.autograd.Function):
        @staticmethod
        def forward(context, losses):
            return losses.clone()

        @staticmethod
        def backward(context, gradient):
            raise error

    def losses(model, targets, inputs, everywhere):
        sizes.append(targets.numel())
        found = original(model, targets, inputs, everywhere)
        return TooMuch.apply(found) if targets.numel() > most else found

    monkeypatch.setattr(driving, "token_losses", losses)
    return sizes


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "cpu"])
def test_too_little_memory_halves_the_batch_and_changes_nothing_else(records, tmp_path, monkeypatch, capsys, error):
    run(records, tmp_path / "whole")
    sizes = small_memory(monkeypatch, 100, error)
    _, fitted = run(records, tmp_path / "small")
    assert off(adapter(tmp_path / "small"), adapter(tmp_path / "whole")) < 1e-5
    before = json.loads((tmp_path / "whole" / "metrics.json").read_text())["losses"]
    assert fitted.losses == pytest.approx(before, abs=1e-5) and len(fitted.losses) == 4
    tried = [size for size in sizes if size > 100]
    assert tried and max(sizes[len(sizes) // 2 :]) <= 100  # what did not fit is not tried again
    said = capsys.readouterr().out
    assert "Step 1 does not fit into memory: from here on a step is learned in batches half as large" in said
    assert said.count("does not fit") <= 4


def test_memory_too_small_for_a_single_record_stops_with_advice(records, tmp_path, monkeypatch):
    small_memory(monkeypatch, 0, OUT_OF_MEMORY[0])
    with pytest.raises(RunError, match="step 1, a record at a time: use --qlora, .*there was no checkpoint yet"):
        run(records, tmp_path / "run")
    assert not (tmp_path / "run" / "adapter").exists()


def test_other_errors_are_not_taken_for_a_lack_of_memory(records, tmp_path, monkeypatch):
    sizes = small_memory(monkeypatch, 0, RuntimeError("shapes do not agree"))
    with pytest.raises(RuntimeError, match="shapes do not agree"):
        run(records, tmp_path / "run")
    assert len(sizes) == 1


@pytest.mark.parametrize("share", [True, False])
def test_the_record_with_a_loss_that_is_not_finite_is_named(record, tmp_path, monkeypatch, share):
    """A word whose embedding is broken stands in one record of eight; it may be learned from in the first step."""
    records = [record((f"What colour is {n} ?", "red", n % 2)) for n in range(8)]
    records = [type(one)(f"data.json, record {n}", one.messages) for n, one in enumerate(records)]
    model, processor = standins.llava()
    token = processor.tokenizer("5", add_special_tokens=False)["input_ids"][-1]
    with torch.no_grad():
        model.get_input_embeddings().weight[token] = float("nan")
    tuned = add_lora(model, LoraSpec(r=2))
    with pytest.raises(RunError, match=r"the loss of step 1 is nan for data.json, record 5: .* no checkpoint yet"):
        fit(tuned, processor, records, [], tmp_path / "run", steps=1, batch=8, progress=False,
            speed=Speed(share=share))  # fmt: skip


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"precision": "float8"}, "'float8' is none of float32, bfloat16, float16"),
        ({"precision": "float16"}, "float16 needs scaling that only CUDA has"),
        ({"best": "bleu"}, "'bleu' is no held-out metric: choose one of loss, exact"),
        ({"best": "loss"}, "needs held-out records to choose by"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_written(records, tmp_path, settings, sentence):
    with pytest.raises(RunError, match=sentence):
        run(records, tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


# ---------------------------------------------------------------------------------------------------------------
# Other numbers, the best checkpoint


def test_bfloat16_learns_as_float32_does(records, tmp_path):
    tuned, fitted = run(records, tmp_path / "half", precision="bfloat16", steps=8, learning_rate=1e-2)
    _, exact = run(records, tmp_path / "whole", steps=8, learning_rate=1e-2)
    assert fitted.losses == pytest.approx(exact.losses, rel=0.05) and fitted.losses != exact.losses
    assert all(weight.dtype == torch.float32 for weight in adapter(tmp_path / "half").values())


@pytest.mark.parametrize("best, chosen", [("loss", 3), ("exact", 2)])
def test_the_checkpoint_that_is_best_by_the_named_metric_is_the_result(records, tmp_path, monkeypatch, best, chosen):
    """A lower loss is better and a higher share of exact answers; here they disagree."""
    told = iter([Score(5.0, 0.1, 6), Score(4.0, 0.9, 6), Score(1.0, 0.2, 6), Score(2.0, 0.3, 6)])
    after = []  # what is scored once more at the very end
    monkeypatch.setattr(fitting.Scorer, "__call__", lambda self, model: next(told, None) or after.append(1))
    run(records, tmp_path / "run", records[:6], best=best)
    kept = load_file(tmp_path / "run" / "checkpoints" / f"checkpoint-{chosen}" / "adapter_model.safetensors")
    last = load_file(tmp_path / "run" / "checkpoints" / "checkpoint-4" / "adapter_model.safetensors")
    assert off(adapter(tmp_path / "run"), kept) == 0 < off(kept, last) and after == [1]
    curve = json.loads((tmp_path / "run" / "metrics.json").read_text())["curve"]
    assert curve[2] == {"step": 3, "loss": 1.0, "exact": 0.2} and len(curve) == 4


def test_the_held_out_score_is_that_of_the_saved_adapter(records, tmp_path):
    _, fitted = run(records, tmp_path / "run", records[:6], best="loss")
    model, processor = standins.llava()
    again = score(load_adapter(model, tmp_path / "run" / "adapter"), processor, records[:6])
    assert again.loss == pytest.approx(fitted.heldout.loss, abs=1e-5) and again.answers == fitted.heldout.answers


# ---------------------------------------------------------------------------------------------------------------
# Several devices share a step


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_a_step_is_dealt_to_the_devices_whole_and_evenly(standin, records, devices):
    examples = Examples(standin("llava").processor, records)
    alone, together = Steps(examples, 9), Steps(examples, 9, devices=devices)
    assert len(together) == devices * len(alone)
    for step, whole in enumerate(alone.plan):
        parts = [together.plan[step * devices + device] for device in range(devices)]
        assert sorted(n for part in parts for group in part for n in group) == sorted(n for g in whole for n in g)
        sizes = [sum(map(len, part)) for part in parts]
        assert min(sizes) > 0 and max(sizes) - min(sizes) <= 3
        assert all(len({tuple(records[n].pictures) for n in group}) == 1 for part in parts for group in part)


def test_few_groups_are_halved_for_the_devices():
    assert sorted(len(part[0]) for part in dealt([[1, 2, 3, 4, 5]], 3)) == [1, 2, 2]


# ---------------------------------------------------------------------------------------------------------------
# A layer and its adapter in one go


def trained(model, batch) -> tuple[float, dict]:
    """Loss and gradients of the adapters, whose B matrices are not zero."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.copy_(0.1 * torch.randn(weight.shape, generator=generator))
    model.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    return loss.item(), {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


@pytest.fixture
def batch(record):
    processor = standins.llava().processor
    examples = Examples(processor, [record((*turn, 0)) for turn in SAYS])
    return Collator(processor.tokenizer.pad_token_id)([examples[number] for number in range(3)])


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("parts", [{}, {"vision": True}], ids=["frozen eyes", "eyes too"])
def test_a_layer_and_its_adapter_in_one_go_are_what_peft_computes(batch, half, parts):
    model = add_lora(standins.llava().model, LoraSpec(r=3, **parts)).train()
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        expected, gradients = trained(model, batch)
        with lora_at_once(model) as layers:
            loss, found = trained(model, batch)
    assert layers == sum(isinstance(module, LoraLayer) for module in model.modules()) > 0
    assert loss == pytest.approx(expected, abs=1e-2 if half else 1e-6) and found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert (found[name] - gradient).abs().max() <= (0.05 if half else 1e-5) * gradient.abs().max(), name
        assert found[name].dtype == gradient.dtype
    assert not any("forward" in vars(module) for module in model.modules())


def test_switched_off_or_melted_adapters_are_left_to_peft(batch):
    model = add_lora(standins.llava().model).eval()
    trained(model, batch)  # for the B matrices
    with torch.no_grad():
        usual = model(**batch).logits
        with model.disable_adapter():
            bare = model(**batch).logits
        with lora_at_once(model):
            with model.disable_adapter():
                assert torch.equal(model(**batch).logits, bare)
            model.merge_adapter()
            assert torch.allclose(model(**batch).logits, usual, atol=1e-5) and not torch.allclose(
                usual, bare, atol=1e-3
            )


def test_dropout_and_4_bits_are_left_to_peft(folder):
    with lora_at_once(add_lora(standins.llava().model, LoraSpec(lora_dropout=0.1))) as layers:
        assert layers == 0
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"], quantization_config=nf4())
    model = add_lora(loaded.model)
    with lora_at_once(model) as layers:
        assert layers == 2  # of the projector, which is not in 4 bits


# ---------------------------------------------------------------------------------------------------------------
# The writer


def test_the_writer_writes_what_the_processor_does_and_calls_it_once_a_head(standin, record, monkeypatch):
    processor, calls = standin("llava").processor, []
    real = type(processor).__call__
    monkeypatch.setattr(type(processor), "__call__", lambda self, *a, **k: calls.append(1) or real(self, *a, **k))
    told = [record((*turn, 0)) for turn in SAYS] + [record((*SAYS[0], 0), SAYS[1]), record((*SAYS[0], 1))]
    opened = {path: open_picture(path) for one in told for path in one.pictures}
    writer, written = Writer(processor), []
    for one in told:
        written.append(writer(one.messages, [opened[path] for path in one.pictures]))
    assert len(calls) == 2  # two pictures
    for one, inputs in zip(told, written, strict=True):
        fresh = write(processor, one.messages, [opened[path] for path in one.pictures])
        assert inputs.keys() == fresh.keys()
        assert all(torch.equal(inputs[name], fresh[name]) for name in fresh)


def test_what_a_template_refuses_is_said_in_one_sentence(standin, record, monkeypatch):
    processor = standin("llava").processor
    refusing = "{{ raise_exception('Only user and assistant roles are supported!') }}"
    monkeypatch.setattr(processor, "chat_template", refusing)
    one = record((*SAYS[0], 0))
    with pytest.raises(ConversationError, match=r"^the model's processor refuses it \(Only user and assistant roles"):
        Writer(processor)(one.messages, [open_picture(path) for path in one.pictures])


def test_the_writer_leaves_a_processor_that_changes_the_text_to_itself(standin, record, monkeypatch):
    """One that writes a word more than the template is asked every time."""
    processor, calls = standin("llava").processor, []
    real = type(processor).__call__

    def call(self, *arguments, text, **named):
        calls.append(1)
        return real(self, *arguments, text=text + "so", **named)

    monkeypatch.setattr(type(processor), "__call__", call)
    writer = Writer(processor)
    for _ in range(2):
        for turn in SAYS:
            one = record((*turn, 0))
            shown = [open_picture(path) for path in one.pictures]
            inputs, fresh = writer(one.messages, shown), write(processor, one.messages, shown)
            assert torch.equal(inputs["input_ids"], fresh["input_ids"])
    assert len(calls) == 12
