"""The data engine: what every arm learns from, what is equal, and how answers are scored."""

from pathlib import Path

import pytest
import torch
from small_runs import every_arm, small

from labs.models.entry import Loaded
from labs.systems import data_engine
from labs.systems.data_engine import CAPTIONS, EXAM, NO_BOXES, OTHERS, SOURCES, STRONGLY, TRIPLETS, claims
from labs.systems.parts import base_model, captioner, eyes, instructions, teacher_exam
from labs.systems.parts.instructions import THINGS
from labs.systems.parts.teacher import CONVERSATION, KINDS, REASONING
from labs.systems.parts.teacher_exam import ABOUT, VALUES, choose, exam, is_about, kind_of
from labs.systems.parts.teacher_records import counts, talks, written
from labs.world.vocabulary import PLACES

SCENES = eyes.scenes("train", 25, (1, 2, 2, 3))
CACHED = (data_engine.tuned, data_engine.answered, data_engine.chosen, exam)


def fresh() -> Loaded:
    """An untrained captioner: what ships is not needed here."""
    return Loaded(captioner.ENTRY, captioner.build(base_model.build()), captioner.processor())


@pytest.fixture
def few():
    """One step on few pictures, and an exam of four."""
    values = {data_engine: {"PICTURES": 4, "STEPS": 1, "ASKED": 4}, captioner: {"load": fresh},
              instructions: {"BATCH": 8}, teacher_exam: {"LONGEST": dict.fromkeys(KINDS, 2)}}  # fmt: skip
    with small(CACHED, values):
        yield


def test_arms_have_as_many_records_and_captions_as_many_words():
    found = {name: written(SCENES, source, 0) for name, source in SOURCES.items()}
    assert {sum(map(len, some)) for some in found.values()} == {4 * len(SCENES)}
    words = {name: sum(one["words"] for one in counts(one for some in found[name] for one in some).values())
             for name in (TRIPLETS, CAPTIONS)}  # fmt: skip
    assert words[CAPTIONS] == pytest.approx(words[TRIPLETS], rel=0.06)


def test_noise_and_missing_boxes_change_what_is_written_and_no_picture():
    right, wrong, places = (talks(SCENES, SOURCES[name], 0) for name in (TRIPLETS, STRONGLY, NO_BOXES))
    assert [talk.scene for talk in right] == [talk.scene for talk in wrong] == [talk.scene for talk in places]
    assert [talk.turns for talk in right] != [talk.turns for talk in wrong] != [talk.turns for talk in places]


def test_other_pictures_are_shown_to_what_learned_from_triplets(few, monkeypatch):
    asked, model = [], fresh()
    monkeypatch.setattr(data_engine, "tuned", lambda name, seed: asked.append(name) or model)
    shown = []
    monkeypatch.setattr(teacher_exam, "answers", lambda model, pictures, texts, **rest: shown.append(pictures) or texts)
    for name in (TRIPLETS, OTHERS):
        data_engine.answered(name, 0, CONVERSATION)
    assert asked == [TRIPLETS, TRIPLETS]
    assert not any(one is other for one, other in zip(*shown, strict=True))


def test_tuning_changes_projector_and_language_and_never_the_eyes(few):
    before, after = fresh().model.state_dict(), data_engine.tuned(TRIPLETS, 0).model.state_dict()
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed <= {"multi_modal_projector", "language_model", "weight"} and "language_model" in changed


def test_exams_are_of_new_scenes_and_hide_nothing():
    train = set(eyes.scenes("train", data_engine.PICTURES, THINGS))
    assert not train & set(eyes.scenes("train", data_engine.ASKED, THINGS, EXAM))
    about = {item.kind for kind in (CONVERSATION, REASONING) for item in exam(kind, 24, EXAM).new}
    assert about == {*ABOUT["places"], *ABOUT["the rest"]} and not {*ABOUT["places"]} & {*ABOUT["the rest"]}
    assert ABOUT["attributes"] == tuple(VALUES)
    rest = [item for item in exam(CONVERSATION, 24, EXAM).new if is_about(item, "the rest")]
    assert rest and not any(place in item.question for item in rest for place in PLACES)
    assert all(kind_of(item) == kind for kind in KINDS for item in exam(kind, 10, EXAM).new)


def test_a_choice_is_among_the_words_that_may_begin_an_answer():
    given, model = exam(CONVERSATION, 4, EXAM), fresh()
    ids = {item.kind: [] for item in given.new}
    for item in given.new:
        ids[item.kind].append(model.processor.tokenizer(item.answer)["input_ids"][0])

    class Likes(torch.nn.Module):
        """Always likes the first answer of the kind best that is asked for, and what is no answer even better."""

        def forward(self, **inputs):
            item = next(left)
            logits = torch.zeros(1, 1, 600)
            logits[..., 7], logits[..., ids[item.kind][0]] = 9, 5 + (7 in ids[item.kind]) * 9
            return type("Out", (), {"logits": logits})

    left = iter(given.new)
    found = choose(Loaded(model.entry, Likes(), model.processor), given)
    true = [ids[item.kind].pop(0) for item in given.new]
    firsts = {item.kind: one for item, one in reversed(list(zip(given.new, true, strict=True)))}
    assert found == [float(firsts[item.kind] == one) for item, one in zip(given.new, true, strict=True)]


def test_chance_is_that_of_four_kinds():
    assert 0.15 < teacher_exam.chance(20, EXAM) < 0.25


def test_claims_are_well_formed_and_all_arms_measure_the_same(few, monkeypatch):
    model, found = fresh(), claims()
    monkeypatch.setattr(data_engine, "tuned", lambda name, seed: model)  # tuning has a test of its own
    assert len({claim.name for claim in found}) == len(found)
    arms = {name for claim in found for name in claim.arms}
    assert arms == {*SOURCES, OTHERS}  # as many trainings as there are sources
    for claim in found:
        every_arm(claim, least=4)


def test_the_system_says_what_was_left_out():
    text = Path(data_engine.__file__).read_text(encoding="utf-8")
    assert "https://arxiv.org/abs/2304.08485" in text and "Kept:" in text and "Left out:" in text
