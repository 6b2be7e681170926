"""What worksheet 2 builds on: the skill, who says what where, adapters beside layers, a loop that is the engine's."""

import random

import pytest
import torch

from labs.data.record import DataError
from labs.data.records import read
from labs.models import catalog
from labs.teaching import lab2_beside, lab2_skill, lab2_study, lab2_talk
from labs.teaching.exercises.lab2.accumulated_loss import accumulated_loss
from labs.teaching.exercises.lab2.collate import collate
from labs.teaching.exercises.lab2.label_mask import label_mask
from labs.teaching.exercises.lab2.lora_forward import lora_forward
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.four_bit import nf4
from labs.tuning.lora import LoraSpec, add_lora, target_modules
from labs.tuning.mask import encode
from labs.tuning.steps import Steps
from labs.world import splits

STEPS, RATE = 4, 3e-3
LONG = 10**6  # tokens: nothing is cut


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    return read(lab2_skill.write_records(folder, 32), folder / "images")


# ---------------------------------------------------------------------------------------------------------------
# The skill


@pytest.mark.parametrize("split", splits.SPLITS)
def test_things_have_one_order_and_the_splits_differ_in_combinations(split):
    for scene in lab2_skill.scenes(split, 50):
        columns = [thing.column for thing in lab2_skill.in_order(scene)]
        assert columns == sorted(set(columns)) and len(columns) > 1
        assert splits.is_held_out(scene) == (split == "heldout")


def test_a_talk_turns_the_order_over():
    (_, there), (_, back) = lab2_skill.talk(lab2_skill.sample(random.Random(0)))
    assert there.split(", ") == back.split(", ")[::-1] and there != back


def test_reading_order_is_another_one_often_enough():
    scenes = lab2_skill.scenes("heldout", 200)
    same = sum(list(scene.things) == lab2_skill.in_order(scene) for scene in scenes)
    assert 40 < same < 140, "a model that lists row by row must fail the exam"


def test_records_are_sound_and_the_exam_asks_about_other_pictures(records):
    assert len(records) == 32 and not records.report.refusal
    exam = lab2_skill.exam(12)
    assert len(exam.new) == 12 == len(exam.pictures) and len(exam.earlier_pictures) == 3
    assert all(item.answer == lab2_skill.talk(scene)[0][1]
               for item, scene in zip(exam.new, lab2_skill.scenes("heldout", 12), strict=True))  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------
# Who says what where


def same_as_the_engine(processor, records):
    """Asserts it of each record; the talk of the last one."""
    for record in records:
        talk, theirs = lab2_talk.read(processor, record), encode(processor, record)
        assert talk.ids == theirs.input_ids
        assert label_mask(talk.ids, talk.turns, talk.end) == theirs.labels
    return talk


def test_labels_by_offsets_are_those_by_difference(records):
    talk = same_as_the_engine(catalog.load("multimodal", "mini").processor, records)
    assert [role for role, _, _ in talk.turns] == ["user", "assistant"] * 2 and talk.end == 1


@pytest.mark.parametrize("family", ["idefics3", "llava_next", "llava"])
def test_so_they_are_in_other_templates_and_tokenizers(family, standin, records):
    talk = same_as_the_engine(standin(family).processor, records[:4])
    assert [role for role, _, _ in talk.turns] == ["user", "assistant"] * 2


def test_a_talk_without_pictures(standin, record):
    talk = same_as_the_engine(standin("idefics3").processor, [record(("What colour is the star?", "red"))])
    assert not talk.looks and [role for role, _, _ in talk.turns] == ["user", "assistant"]


def test_a_text_that_cannot_be_followed_is_refused(monkeypatch, records):
    processor = catalog.load("multimodal", "mini").processor
    monkeypatch.setattr(lab2_talk, "template_text", lambda *given: ("<user><image>Another text.<assistant>", False))
    with pytest.raises(DataError, match="cannot be followed"):
        lab2_talk.read(processor, records[0])


def test_pictures_are_laid_out_as_the_engine_does(records):
    processor = catalog.load("multimodal", "mini").processor
    talks = [lab2_talk.read(processor, record) for record in records[:3]]
    theirs = Collator(0)([encode(processor, record) for record in records[:3]])
    looks = lab2_talk.looks(talks)
    assert set(looks) == {"pixel_values"} and torch.equal(looks["pixel_values"], theirs["pixel_values"])


# ---------------------------------------------------------------------------------------------------------------
# Adapters beside layers


def test_an_adapter_of_ones_own_is_pefts():
    generator = torch.Generator().manual_seed(0)
    loaded, other = (catalog.load("multimodal", "mini") for _ in range(2))
    targets = target_modules(loaded.model, LoraSpec())
    adapters = lab2_beside.put_beside(loaded.model, targets, lora_forward, 8, 16)
    theirs = add_lora(other.model, LoraSpec())
    lab2_beside.begin_alike(theirs, {name: adapter.A.detach() for name, adapter in adapters.items()})
    for name in (targets[0], "model.multi_modal_projector.linear_1"):  # one without a bias, one with
        layer = theirs.get_submodule(f"base_model.model.{name}")
        with torch.no_grad():
            layer.lora_B["default"].weight.normal_(generator=generator)
            adapters[name].B.copy_(layer.lora_B["default"].weight)
            x = torch.randn(2, 3, layer.in_features, generator=generator)
            torch.testing.assert_close(adapters[name](x), layer(x), rtol=1e-4, atol=1e-4)


def test_only_adapters_learn_and_they_change_nothing_at_first(records):
    loaded = catalog.load("multimodal", "mini")
    talk = lab2_talk.read(loaded.processor, records[0])
    given = {"input_ids": torch.tensor([talk.ids])} | talk.looks
    with torch.no_grad():
        before = loaded.model(**given).logits
        adapters = lab2_beside.put_beside(loaded.model, target_modules(loaded.model, LoraSpec()), lora_forward, 8, 16)
        torch.testing.assert_close(loaded.model(**given).logits, before, rtol=1e-4, atol=1e-4)
    learns = {name for name, one in loaded.model.named_parameters() if one.requires_grad}
    assert learns == {f"{name}.{matrix}" for name in adapters for matrix in "AB"}


@pytest.mark.parametrize("options", [{"dtype": "bfloat16"}, {"quantization_config": nf4()}], ids=["16 bits", "4 bits"])
def test_a_base_in_other_numbers_answers_for_itself(options):
    model = catalog.load("multimodal", "mini", **options).model
    name = "model.language_model.layers.0.self_attn.q_proj"
    layer = model.get_submodule(name)
    adapter = lab2_beside.put_beside(model, [name], lora_forward, 4, 8)[name]
    x = torch.randn(2, 3, layer.in_features, generator=torch.Generator().manual_seed(0)).to(model.dtype)
    with torch.no_grad():
        assert torch.equal(adapter(x), layer(x))
        adapter.B.fill_(0.1)
        expected = layer(x) + 2 * (x.float() @ adapter.A.T @ adapter.B.T).to(x.dtype)
        torch.testing.assert_close(adapter(x), expected, rtol=2e-2, atol=2e-2)


def test_adapters_elsewhere_are_refused():
    theirs = add_lora(catalog.load("multimodal", "mini").model, LoraSpec())
    with pytest.raises(ValueError, match="other layers"):
        lab2_beside.begin_alike(theirs, {})


def test_the_loop_of_the_worksheet_has_the_losses_of_the_engine(records, tmp_path):
    mine, other, spec = catalog.load("multimodal", "mini"), catalog.load("multimodal", "mini"), LoraSpec()
    adapters = lab2_beside.put_beside(mine.model, target_modules(mine.model, spec), lora_forward, 8, 16)
    theirs = add_lora(other.model, spec)
    lab2_beside.begin_alike(theirs, {name: adapter.A.detach() for name, adapter in adapters.items()})
    talks = [lab2_talk.read(mine.processor, record) for record in records]
    rows = [(talk.ids, label_mask(talk.ids, talk.turns, talk.end)) for talk in talks]
    update, losses = lab2_beside.Update(mine.model, STEPS, RATE), []
    for groups in list(Steps(Examples(mine.processor, records), 8).plan)[:STEPS]:
        numbers, shares = sum(groups, []), []
        parts = [numbers[:3], numbers[3:]]
        batches = [collate([rows[n] for n in part], 0, mine.model.config.image_token_id, LONG) for part in parts]
        every = [batch.pop("labels") for batch in batches]
        for part, batch, labels in zip(parts, batches, every, strict=True):
            told = mine.model(**batch, **lab2_talk.looks([talks[n] for n in part])).logits
            shares.append(accumulated_loss(told, labels, every))
            update.backward(shares[-1])
        update.step()
        losses.append(sum(share.item() for share in shares))
    run = fit(theirs, other.processor, records, [], tmp_path / "run", steps=STEPS, learning_rate=RATE, progress=False)
    assert losses == pytest.approx(run.losses, abs=1e-4) and losses[0] - losses[-1] > 0.1


# ---------------------------------------------------------------------------------------------------------------
# The open study


def test_rehearsal_is_a_share_of_the_records():
    lessons = lab2_study.lessons(40, 0.25)
    asked = [record.messages[0]["content"][-1]["text"] for record in lessons]
    assert len(asked) == 40 and asked.count(lab2_skill.FORWARD) == 30
    assert all(len(record.messages) == 4 for record in lessons)


def test_a_study_measures_both_skills(monkeypatch):
    monkeypatch.setattr(lab2_study, "ASKED", 8)
    found = lab2_study.study(rank=2, records=8, steps=1)
    assert found.new.n == 8 == found.shuffled.n and found.earlier.n > 8
    assert found.new.mean < 0.5 < found.earlier.mean, "one step has taught nothing and cost nothing"


@pytest.mark.parametrize("dial, what", [({"rehearsal": 1.5}, "share from 0 to 1"), ({"records": 4}, "give more")])
def test_a_dial_turned_too_far_is_refused(dial, what):
    with pytest.raises(ValueError, match=what):
        lab2_study.study(**dial)
