"""Pointing: boxes in words and back, what is asked and answered, states, scores, and every arm once."""

import random
from dataclasses import replace

import pytest
import torch
from small_runs import every_arm, small

from labs.models.chat import message
from labs.models.conversation import write
from labs.systems import pointing
from labs.systems.parts import (
    box_read,
    limit_forgetting,
    pointed,
    pointing_exam,
    pointing_taught,
    premises,
    reply_grounded,
    state_handed,
    state_taught,
)
from labs.systems.parts.asking import KINDS, ask, view
from labs.systems.parts.box_words import GRID, PLACES, add_words, read_box, write_box
from labs.systems.parts.limit_tuning import Said, load, records
from labs.systems.parts.picture_judge import overlap
from labs.tuning.examples import Examples
from labs.world import regions
from labs.world.splits import HELD_OUT_PAIRS, has_held_out_pair, is_held_out

CACHED = [
    *(getattr(pointed, name) for name in ("scenes", "true_boxes", "usual_boxes", "turns", "lessons")),
    *(getattr(pointing_exam, name) for name in ("pictures", "written", "in_words", "by_state")),
    *(getattr(premises, name) for name in ("asked_in_vain", "told", "found_missing")),
    *(getattr(reply_grounded, name) for name in ("replies", "outside", "inside")),
    pointing_taught._taught, state_taught.handed, box_read.told, limit_forgetting.earlier,
]  # fmt: skip


@pytest.fixture
def cheap():
    """One step on a few scenes; what was trained so is forgotten afterwards."""
    sizes = {pointed: {"TRAIN": 8}, pointing_taught: {"STEPS": 1, "BATCH": 8}, pointing_exam: {"HELDOUT": 5},
             limit_forgetting: {"EARLIER": 1}}  # fmt: skip
    with small(CACHED, sizes):
        yield


# ---------------------------------------------------------------------------------------------------------------
# Boxes as words


@pytest.mark.parametrize("notation", ["numbers", "places"])
def test_a_box_is_read_as_it_was_written_to_half_a_step(notation):
    rng = random.Random(0)
    for _ in range(200):
        x0, y0 = rng.randrange(66), rng.randrange(66)
        box = (x0, y0, rng.randint(x0 + 4, 72), rng.randint(y0 + 4, 72))
        text = write_box(box, notation)
        assert read_box(text, notation) == pytest.approx(box, abs=72 / GRID / 2 + 1e-6)
        assert write_box(read_box(text, notation), notation) == text
    assert write_box((24, 24, 48, 48)) == "10,10,20,20"  # a cell takes ten steps


def test_what_is_no_box_is_not_read_as_one():
    for text in ("", "no, a red circle", "12,07,23", "23,07,12,28", "12,07,23,31", "1,2,3,4"):
        assert read_box(text) is None, text
    assert read_box("<5><7><10><31>", "places") is None
    assert read_box("<5><10><15><20>", "places") == (12, 24, 36, 48) == read_box("05,10,15,20")


@pytest.mark.parametrize("box", [(0, 0, 0, 5), (5, 5, 4, 9), (-2, 0, 5, 5), (0, 0, 74, 5)])
def test_a_box_without_an_inside_or_beyond_the_picture_is_refused(box):
    with pytest.raises(ValueError, match="must have an inside and lie in 72 x 72"):
        write_box(box)


def test_new_words_are_one_token_each_and_leave_what_was_known_as_it_was():
    plain, more = load(), load()
    numbers = add_words(more, PLACES)
    assert len(numbers) == GRID + 1 and more.processor.tokenizer("<12><7>")["input_ids"] == [numbers[12], numbers[7]]
    inputs = write(
        plain.processor, [message("Is there a red circle?")], [pointing_exam.draw(pointed.scenes("train", 2)[0])]
    )
    with torch.no_grad():
        before, after = plain.model(**inputs).logits, more.model(**inputs).logits
    torch.testing.assert_close(after[..., : before.shape[-1]], before)
    rows = more.model.get_input_embeddings().weight
    assert torch.equal(rows[numbers[0]], rows[numbers[-1]])  # until they are drawn anew


# ---------------------------------------------------------------------------------------------------------------
# What is asked


def test_lessons_point_at_what_is_there_and_every_mix_is_about_the_same_things(cheap):
    scenes, kinds = pointed.scenes("train", 8), {}
    for mix in pointed.MIXES:
        for (number, place), lesson in zip(pointed.turns(), pointed.lessons(mix), strict=True):
            thing, box = scenes[number].things[place], write_box(regions.boxes(scenes[number])[place].tolist())
            kind = "point" if read_box(lesson.answer) else "refer" if read_box(lesson.question) else "other"
            kinds.setdefault(mix, []).append(kind)
            if kind == "point":
                assert lesson.question == f"Point at the {thing.colour} {thing.shape}." and lesson.answer == box
            elif kind == "refer":
                assert lesson.answer == pointed.name(thing) and lesson.question == f"What is at {box}?"
    assert kinds["pointing"] == ["point"] * 24 and kinds["premises"] == ["point", "point", "other"] * 8
    assert kinds["several"] == ["point", "refer", "other"] * 8


def test_what_is_absent_is_not_there_and_what_is_instead_has_its_shape():
    rng, near = random.Random(0), 0
    for scene in pointed.scenes("train", 100):
        false = pointed.absent(scene, rng)
        there = {(thing.colour, thing.shape) for thing in scene.things}
        assert (false.colour, false.shape) not in there | HELD_OUT_PAIRS
        same = [thing for thing in scene.things if thing.shape == false.shape]
        assert (false.instead is not None) == (len(same) == 1)
        assert pointed.correction(false) == ("no" if len(same) != 1 else f"no, {pointed.name(same[0])}")
        near += bool(same) and false.colour in {thing.colour for thing in scene.things}
    assert near >= 40


def test_lessons_never_show_or_name_what_is_kept_back_and_the_exam_does(cheap):
    assert not any(map(is_held_out, pointed.scenes("train", 8))) and all(map(is_held_out, pointing_exam.scenes()))
    assert any(map(has_held_out_pair, pointing_exam.scenes()))
    for mix in pointed.MIXES:
        for lesson in pointed.lessons(mix):
            assert not any(f"{colour} {shape}" in lesson.question + lesson.answer for colour, shape in HELD_OUT_PAIRS)


def test_words_can_tell_cell_shape_and_size_and_no_more(monkeypatch):
    monkeypatch.setattr(pointed, "TRAIN", 200)
    pointed.usual_boxes.cache_clear()
    scenes, fits = pointed.scenes("heldout", 50, 3), {"small": [], "big": []}
    for scene, boxes in zip(scenes, pointed.true_boxes("heldout", 50, 3), strict=True):
        for thing, box in zip(scene.things, boxes, strict=True):
            told = pointed.in_words(thing)
            left, top, right, bottom = told.tolist()
            assert (int((left + right) / 48), int((top + bottom) / 48)) == (thing.column, thing.row)
            assert torch.equal(told, pointed.in_words(replace(thing, x=(thing.column + 0.4) / 3)))
            assert torch.equal(pointed.in_words(thing, True), pointed.in_words(replace(thing, shape="ring"), True))
            fits[thing.size].append(overlap(box, told).item())
    pointed.usual_boxes.cache_clear()
    small, big = (sum(each) / len(each) for each in fits.values())
    assert small < 0.55 < 0.7 < big  # a big thing fills its cell


# ---------------------------------------------------------------------------------------------------------------
# States


def test_states_read_several_to_a_row_are_those_read_one_by_one(cheap):
    one = state_handed.build(0, "box")
    one.loaded.model.eval()
    lessons = state_taught.say_here(pointed.lessons("pointing")[:3])
    together = one.read([list(Examples(one.loaded.processor, records(lessons)))])
    for number, lesson in enumerate(lessons):
        talk = records([lesson])[0].messages
        inputs = write(one.loaded.processor, talk, [lesson.picture])
        with torch.no_grad():
            hidden = one.loaded.model.get_base_model().model(**inputs).last_hidden_state
        alone = hidden[inputs["input_ids"] == one.here]
        torch.testing.assert_close(together.states[[number]], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("to", ["mask", "box"])
def test_the_loss_of_what_is_drawn_reaches_the_adapters_and_neither_eyes_nor_segmenter(cheap, to):
    one = state_handed.build(0, to)
    made = one.read(
        [list(Examples(one.loaded.processor, records(state_taught.say_here(pointed.lessons("pointing")[:3]))))]
    )
    loss_of = state_taught._to_masks(one) if to == "mask" else state_taught._to_boxes(one)
    loss_of(made.states, torch.tensor(pointed.turns()[:3])).backward()
    learned = {
        name for name, weight in one.loaded.model.named_parameters() if weight.grad is not None and weight.grad.any()
    }
    assert any("lora_B" in name and "language_model" in name for name in learned)
    assert all("lora" in name or "trainable_tokens" in name for name in learned)
    assert not any("vision_tower" in name for name in learned)
    assert all(weight.grad is None for weight in state_handed.segmenter().parameters())
    assert all(weight.grad is not None for weight in one.head.parameters())


def test_a_vector_in_the_place_of_a_text_is_asked_as_seem_asks_a_text():
    seen, things = view("heldout", 4), torch.tensor([[0, 2]] * 4)
    kinds = torch.full_like(things, list(KINDS).index("text"))
    theirs = ask(seen, things, kinds, torch.zeros(4, 3, 128))
    ours = state_handed.by_meaning(theirs.meanings[:, :, 0])
    looked = state_handed.segmenter().look(seen.pictures, seen.patches)
    with torch.no_grad():
        answers = [state_handed.segmenter().answer(looked, prompts) for prompts in (theirs, ours)]
    torch.testing.assert_close(*answers)


# ---------------------------------------------------------------------------------------------------------------
# Scores


def test_the_box_round_a_mask_is_the_world_s_and_of_no_mask_empty():
    for scene in pointed.scenes("heldout", 5, 3):
        masks = torch.from_numpy(regions.masks(scene))
        assert pointing_exam.round_masks(masks).tolist() == regions.boxes(scene).tolist()
    assert pointing_exam.round_masks(torch.zeros(2, 72, 72, dtype=torch.bool)).tolist() == [[0.0] * 4] * 2


def test_true_boxes_score_one_and_whoever_does_not_know_which_is_meant_scores_nothing(cheap):
    truth = pointed.true_boxes("heldout", 5, pointing_exam.DRAW)
    assert pointing_exam.fits(truth).values == pytest.approx([1] * 15)
    assert pointing_exam.fits_more(truth).values == pytest.approx(
        [1] * 15
    )  # no two things share a pixel of their cells
    always_first = truth[:, :1].expand(-1, 3, -1)
    assert sum(pointing_exam.fits_more(always_first).values) == pytest.approx(0, abs=1e-5)
    assert sum(pointing_exam.hits(always_first).values) == 5


def test_a_right_response_is_a_box_or_a_no(cheap, monkeypatch):
    truth = pointed.true_boxes("heldout", 5, pointing_exam.DRAW)
    monkeypatch.setattr(pointing_exam, "written", lambda seed, mix: truth)
    replies = [pointed.correction(false) for false in premises.asked_in_vain()]
    monkeypatch.setattr(premises, "told", lambda seed, mix: tuple(Said(text, 1.0) for text in replies))
    assert premises.responded(0, "premises").values == [1] * 10 and set(premises.corrected(0, "premises").values) == {1}
    replies[:] = ["05,10,15,20"] * 5
    assert premises.responded(0, "premises").values == [1] * 5 + [0] * 5
    monkeypatch.setattr(premises, "found_missing", lambda: ((True, *[False] * 4), (True, True, *[False] * 3)))
    assert premises.responded(0, "premises", first=True).values == [0, 1, 1, 1, 1, 1, 1, 0, 0, 0]


def test_a_word_that_the_reply_leaves_out_is_not_found(cheap, monkeypatch):
    scenes = pointing_exam.scenes()
    first = [(scene.things[0].colour, scene.things[0].shape) for scene in scenes]
    monkeypatch.setattr(reply_grounded, "replies", lambda: tuple({pair} for pair in first))
    assert reply_grounded.spoken_of() == [[pair, None, None] for pair in first]
    assert reply_grounded.spoken_of(others=True)[0] == [first[1], None, None]
    boxes = reply_grounded.outside(0)
    assert boxes[:, 0].any() and not boxes[:, 1:].any()


def test_one_cheap_run_of_every_arm(cheap):
    for claim in pointing.claims():
        assert set(every_arm(claim, 1)) == set(claim.arms)
