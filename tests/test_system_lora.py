"""LoRA: the ways that are compared, prefix tuning by hand, and the bytes of a step."""

import pytest
import torch
from peft import PrefixTuningConfig, get_peft_model
from small_runs import every_arm, small

from labs.evaluation.answering import answers
from labs.models.chat import answer, message
from labs.models.conversation import write
from labs.systems import lora
from labs.systems.claim import run
from labs.systems.parts import camera, step_memory
from labs.systems.parts.camera import Way
from labs.teaching import low_rank
from labs.tuning.adapters import merge
from labs.tuning.by_hand.memory import Step, predict
from labs.tuning.by_hand.prefix import add_prefix
from labs.tuning.lora import LoraSpec, add_lora, target_modules
from labs.tuning.parts import part_of
from labs.world.splits import is_held_out
from labs.world.thermal_camera import QUESTIONS

CACHED = [*(getattr(lora, name) for name in ("tuned", "judged", "mixes", "numbers")),
          *(getattr(camera, name) for name in ("exam", "lessons", "ordinary"))]  # fmt: skip
SIZES = {"TRAIN": 16, "STEPS": 1, "HELDOUT": 3, "EARLIER": 1}


@pytest.fixture
def cheap():
    """One step on a few pictures; what was trained so is forgotten afterwards."""
    with small(CACHED, {camera: SIZES, lora: {"RATES": {4: 1e-3, 8: 1e-3, 32: 1e-3}, "MIXES": 3}}):
        yield


def trained(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def shown(cheap_exam, count: int) -> tuple[list, list[str]]:
    items = cheap_exam.earlier[:count]
    return [cheap_exam.earlier_pictures[item.picture] for item in items], [item.question for item in items]


# ---------------------------------------------------------------------------------------------------------------
# Prefix tuning by hand


def with_a_prefix(length: int) -> camera.Loaded:
    return camera.prepare(camera.load(), Way("prefix", 1e-2, length), 0)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks by an earlier name
def test_a_prefix_by_hand_equals_peft_on_the_same_numbers_whose_positions_move_on(cheap):
    pictures, questions = shown(camera.exam(), 1)
    ours, base = with_a_prefix(5), camera.load()
    base.model.name_or_path = None
    theirs = get_peft_model(base.model, PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5))
    numbers = theirs.prompt_encoder.default.embedding.weight.detach().view(5, 4, 2, 4, 32)  # layers, keys or values
    for layer, prefix in zip(ours.model.get_decoder().layers, numbers.unbind(1), strict=True):
        layer.self_attn.prefix.keys.data = prefix[:, 0].transpose(0, 1).contiguous()
        layer.self_attn.prefix.values.data = prefix[:, 1].transpose(0, 1).contiguous()
    inputs = write(ours.processor, [message(questions[0])], pictures)
    moved = torch.arange(5, 5 + inputs["input_ids"].shape[1])[None]
    with torch.no_grad():
        found = ours.model(**inputs, position_ids=moved).logits
        assert torch.allclose(found, theirs(**inputs).logits, atol=1e-5)
        assert not torch.allclose(found, camera.load().model(**inputs).logits, atol=0.1)


def test_a_prefix_begins_as_words_that_were_read_before(cheap):
    base = camera.load()
    talk = camera._long_talk(base.processor, 0)
    read = talk["input_ids"].shape[1]
    question = base.processor.tokenizer("Where is it?", return_tensors="pt")["input_ids"]
    both = talk | {"input_ids": torch.cat([talk["input_ids"], question], 1)}
    both["attention_mask"] = torch.ones_like(both["input_ids"])
    with torch.no_grad():
        found = with_a_prefix(read).model(input_ids=question).logits
        assert torch.allclose(found, base.model(**both).logits[:, read:], atol=1e-3)
        assert not torch.allclose(found, with_a_prefix(3).model(input_ids=question).logits, atol=0.1)


def test_with_a_prefix_many_questions_at_once_are_answered_as_one_by_one(cheap):
    pictures, questions = shown(camera.exam(), 8)
    adapted = with_a_prefix(3)
    one_by_one = [answer(adapted, [shown], asked, max_new_tokens=6)
                  for shown, asked in zip(pictures, questions, strict=True)]  # fmt: skip
    assert answers(adapted, pictures, questions, max_new_tokens=6) == one_by_one


@pytest.mark.parametrize("length", [0, 500])
def test_a_prefix_longer_than_what_it_begins_as_is_refused(length):
    loaded = camera.load()
    with pytest.raises(ValueError, match=f"^length must be from 1 to .*, not {length}$"):
        add_prefix(loaded.model, length, camera._long_talk(loaded.processor, 0))


# ---------------------------------------------------------------------------------------------------------------
# What is compared


def test_every_way_trains_the_decoder_alone_and_the_fair_ones_as_many_numbers():
    counts = {}
    for name, way in lora.ways().items():
        model = camera.prepare(camera.load(), way, 0).model
        learns = [parameter for parameter in model.named_parameters() if parameter[1].requires_grad]
        assert {part_of(parameter) for parameter, _ in learns} == {"language"}, name
        counts[name] = trained(model)
    assert counts["rank 8"] == counts["prefix"] == counts["attention alone"] == 81_920
    assert abs(counts["MLPs alone"] / counts["rank 8"] - 1) < 0.03
    assert counts["rank 32"] == 32 * counts["rank 1"] and counts["full tuning"] == 983_936


def test_adapters_sit_where_they_are_to(cheap):
    model = lora.build("attention alone").model
    names = {name.split(".lora_A")[0] for name, _ in model.named_parameters() if ".lora_A" in name}
    assert len(names) == 16 and all("self_attn" in name for name in names)


def test_named_targets_are_all_that_get_an_adapter_and_none_named_are_all():
    base = camera.load().model
    spec = LoraSpec(2)
    wanted = target_modules(base, spec)[:3]
    for targets, count in ((wanted, 3), (None, 30)):
        model = add_lora(camera.load().model, spec, targets=targets)
        assert sum(hasattr(module, "lora_A") for module in model.modules()) == count


def test_lessons_are_of_training_scenes_and_the_exam_of_held_out_ones(cheap, monkeypatch):
    seen = {"train": [], "heldout": []}
    sample = camera.thermal_camera.splits.sample
    monkeypatch.setattr(
        camera.thermal_camera.splits, "sample",
        lambda rng, split, **how: seen[split].append(sample(rng, split, **how)) or seen[split][-1],
    )  # fmt: skip
    lessons, exam = camera.lessons(), camera.exam()
    assert len(lessons) == 16 and seen["train"] and not any(map(is_held_out, seen["train"]))
    assert seen["heldout"] and all(map(is_held_out, seen["heldout"]))
    asked = {part["text"] for record in lessons for turn in record.messages[::2] for part in turn["content"]
             if part["type"] == "text"}  # fmt: skip
    assert asked == {item.question for item in exam.new} == {QUESTIONS[kind] for kind in camera.KINDS}


def test_tuning_moves_what_learns_and_nothing_else(cheap):
    before, tuned = camera.load().model.state_dict(), lora.tuned("rank 8", 0).model
    after = {name.replace(".base_layer", ""): value for name, value in tuned.get_base_model().state_dict().items()}
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(
        module.lora_B["default"].weight.abs().sum() > 0 for module in tuned.modules() if hasattr(module, "lora_B")
    )


def test_fresh_adapters_change_nothing_and_merging_nothing_more(cheap):
    pictures, questions = shown(camera.exam(), 1)
    fresh = lora.build("rank 4")
    inputs = write(fresh.processor, [message(questions[0])], pictures)
    with torch.no_grad():
        base = camera.load().model(**inputs).logits
        assert torch.equal(fresh.model(**inputs).logits, base)
        for module in fresh.model.modules():
            if hasattr(module, "lora_B"):
                torch.nn.init.normal_(
                    module.lora_B["default"].weight, std=0.2, generator=torch.Generator().manual_seed(0)
                )
        adapted = fresh.model(**inputs).logits
        assert not torch.allclose(adapted, base, atol=0.1)
        assert torch.allclose(merge(fresh.model, "default")(**inputs).logits, adapted, atol=1e-3)


def test_one_cheap_run_of_every_arm_and_the_figure_of_it(cheap, monkeypatch):
    for claim in lora.claims():
        found = every_arm(claim, 3)
        if claim.name == "starts as the base":
            assert found["fresh"] == found["untuned"]
    drawn = [claim for claim in lora.claims() if claim.name in ("low ranks suffice", "forgets less")]
    outcomes = {f"lora/{claim.name}": run(claim, [0], progress=False) for claim in drawn}
    monkeypatch.setattr(low_rank, "kept", outcomes.__getitem__)
    new, earlier = low_rank.ranks().axes
    assert [line.get_xdata()[0] for line in new.lines[1:4]] == [10_240 * rank for rank in (4, 8, 32)]
    assert earlier.get_legend() is not None and new.get_xscale() == "log"


# ---------------------------------------------------------------------------------------------------------------
# Bytes


def test_adamw_remembers_two_numbers_for_each_that_learns():
    full, adapted = (step_memory.state_bytes(Step(1, 48, method, LoraSpec(4))) for method in ("full", "lora"))
    name = "model.language_model.layers.1.mlp.up_proj"
    assert full[name] == 2 * 4 * 128 * 384 and adapted[name] == 2 * 4 * 4 * (128 + 384) and len(full) == 28


@pytest.mark.parametrize("method", step_memory.METHODS)
def test_the_mini_s_memory_is_as_predicted_and_another_step_s_is_not(method):
    step, config = Step(3, 80, method), camera.load().model.config
    peak = step_memory.measure(step)
    assert predict(config, step).total == pytest.approx(peak, rel=0.03)
    assert predict(config, Step(4, 80, method)).total > 1.03 * peak


def test_the_table_says_what_is_measured_and_less_memory_fits_more_gpus():
    rows = step_memory.table(1, 64)
    assert {row.model: row.how for row in rows}["mini-llava"] == "measured"
    assert {row.how for row in rows if "LLaVA" in row.model} == {"computed"} and len(rows) == 9
    for one in rows:
        assert one.gpus == tuple(name for name, size in step_memory.GPUS.items() if one.bytes <= 0.9e9 * size)
    of = {(row.model, row.method): row.bytes for row in rows}
    assert all(of[name, "full"] > of[name, "lora"] > of[name, "qlora"] for name, _ in of)


def test_the_mini_is_measured_in_float32_alone():
    with pytest.raises(ValueError, match="float32, not torch.bfloat16"):
        step_memory.measure(Step(1, 48, dtype=torch.bfloat16))
