"""Lifelong tuning: what updates learn from and leave as it was, sums of weights, decoupled weights, the claims."""

import random

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import every_arm, small

from labs.models.chat import message
from labs.models.conversation import write
from labs.systems import lifelong
from labs.systems.parts import composed, limit_counts, limit_forgetting, new_skills, updates
from labs.systems.parts.new_skills import SAMPLERS
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.splits import is_held_out
from labs.world.vocabulary import PLACES

CACHED = [
    lifelong.asked, lifelong.earlier, lifelong.read, lifelong.ordinary, updates.chain, composed.decoupled,
    new_skills.lessons, new_skills.ordinary, new_skills.exam, limit_forgetting.earlier,
]  # fmt: skip
SIZES = {
    new_skills: {"ROWS": 4, "HELDOUT": 2}, updates: {"STEPS": 1, "BATCH": 4}, limit_forgetting: {"EARLIER": 1},
}  # fmt: skip


@pytest.fixture
def cheap():
    """One step an update, on a few pictures; what was trained so is forgotten afterwards."""
    with small(CACHED, SIZES):
        yield


@pytest.fixture
def moved(cheap, monkeypatch):
    """Updates that do not learn: one for depth adds 3 to every weight that may learn, any other 1."""

    def update(loaded, rows, seed):
        with torch.no_grad():
            for weight in loaded.model.parameters():
                if weight.requires_grad:
                    weight.add_(3 if rows == new_skills.lessons("depth", seed) else 1)
        return loaded

    monkeypatch.setattr(updates, "update", update)


def named(shown: new_skills.Shown) -> tuple:
    return shown.picture.tobytes(), tuple(shown.pairs)


# ---------------------------------------------------------------------------------------------------------------
# What is learned and asked


def test_lessons_are_of_training_scenes_and_exams_of_held_out_ones(cheap, monkeypatch):
    seen, sample = {"train": [], "heldout": []}, new_skills.splits.sample
    monkeypatch.setattr(
        new_skills.splits, "sample",
        lambda rng, split="train", **how: seen[split].append(sample(rng, split, **how)) or seen[split][-1],
    )  # fmt: skip
    for skill in SAMPLERS:
        assert len(new_skills.lessons(skill, 0)) == 4 and len(new_skills.exam(skill, 0)) == 2
    assert not any(map(is_held_out, seen["train"])) and all(map(is_held_out, seen["heldout"]))
    assert len(seen["train"]) >= 4 * 4 and len(seen["heldout"]) >= 4 * 2


def test_the_nearest_thing_is_where_the_picture_is_reddest():
    rng = random.Random(0)
    for _ in range(8):
        shown = new_skills.sample("depth", rng, "train")
        red = np.asarray(shown.picture)[..., 0]
        row, column = np.argwhere(red == red.max()).mean(0) // (len(red) / 3)
        assert dict(shown.pairs)[new_skills.NEAREST] == PLACES[int(3 * row + column)]


def test_cells_are_counted_as_they_are_read(monkeypatch):
    drawn: list[Scene] = []
    monkeypatch.setattr(new_skills, "draw", lambda scene: drawn.append(scene) or draw(scene))
    for number in range(8):
        shown = new_skills.sample("cells", random.Random(number), "train")
        assert shown.picture.tobytes() == draw(drawn[-1]).tobytes()
        assert {int(answer) - 1 for _, answer in shown.pairs} <= {thing.cell for thing in drawn[-1].things}
        assert all(question.startswith("In which cell is the ") for question, _ in shown.pairs)


def test_things_are_counted_in_digits_and_numbers_are_equally_frequent():
    told = [new_skills.sample("counts", random.Random(number), "train").pairs[0][1] for number in range(400)]
    assert set(told) == {str(number) for number in range(1, limit_counts.MOST + 1)}
    assert max(map(told.count, set(told))) < 80


def test_a_score_is_the_share_of_right_answers_about_a_picture_and_skills_share_no_scene(cheap, monkeypatch):
    first = [one.pairs[0] for one in new_skills.exam("thermal", 0)]
    monkeypatch.setattr(
        new_skills, "answers",
        lambda model, pictures, questions, **how: [dict(first).get(question, "") for question in questions],
    )  # fmt: skip
    monkeypatch.setattr(new_skills, "exact_match", lambda text, answer: float(answer in dict(first).values()))
    base, parts = updates.base(), []
    for skill in SAMPLERS:
        parts.append(new_skills.right(base, skill, 0))
        assert all(0 <= value <= 1 for value in parts[-1].values)
    scenes = list(new_skills.together(parts).scenes)
    assert len(set(scenes)) == len(scenes) == 4 * 2 and all(part.values != [] for part in parts)


# ---------------------------------------------------------------------------------------------------------------
# Updates


def test_replay_takes_a_quarter_of_the_rows_from_all_that_came_before(monkeypatch):
    with small(CACHED, {new_skills: {"ROWS": 40}}):
        for number, skill in enumerate(updates.ORDER):
            new = list(map(named, new_skills.lessons(skill, 0)))
            before = [new_skills.ordinary(0), *(new_skills.lessons(name, 0) for name in updates.ORDER[:number])]
            plain, mixed = (list(map(named, updates.rows(way, number, 0))) for way in ("plain", "replay"))
            assert plain == new and mixed[10:] == new[10:] and len(mixed) == 40
            sources = [set(map(named, source)) for source in before]
            counts = [sum(row in source for row in mixed[:10]) for source in sources]
            assert sum(counts) == 10 and max(counts) - min(counts) <= 1


def test_reversed_is_the_plain_way_with_the_last_skill_first(cheap):
    assert updates.order("reversed") == updates.order("plain")[::-1] == ("depth", "counts", "cells", "thermal")
    assert updates.rows("reversed", 0, 0) == new_skills.lessons("depth", 0)


def test_an_update_moves_the_language_model_and_nothing_else(cheap):
    before = {name: weight.clone() for name, weight in updates.base().model.state_dict().items()}
    loaded = updates.base()
    updates.update(loaded, new_skills.lessons("thermal", 0), 0)
    moved = {name for name, weight in loaded.model.state_dict().items() if not torch.equal(weight, before[name])}
    assert moved and all("language_model" in name or name == "lm_head.weight" for name in moved)  # tied to the words
    assert {name.rpartition("language_model.")[2] for name in moved if "lm_head" not in name} == set(
        updates.weights(loaded)
    )


def test_merged_updates_go_half_the_way_back_and_on_from_there(moved):
    start, *plain = updates.chain("plain", 0)
    _, *merged = updates.chain("merged", 0)
    for far, near, sum_of_all in zip(plain, merged, (1, 2, 3, 6), strict=True):
        for name, before in start.items():
            for found, expected in ((far, sum_of_all), (near, sum_of_all / 2)):
                difference = found[name] - before
                torch.testing.assert_close(difference, torch.full_like(before, expected), atol=1e-4, rtol=0)


def test_sums_of_weights():
    first, second, base = ({"w": torch.tensor([value, 1.0])} for value in (3.0, 5.0, 2.0))
    assert updates.mean([first, second])["w"].tolist() == [4, 1]
    assert updates.mean([first, second, base], (1.0, 1.0, -1.0))["w"].tolist() == [2 + 1 + 3, 1]
    with pytest.raises(ValueError, match="other names"):
        updates.mean([first, {"v": torch.zeros(2)}])


# ---------------------------------------------------------------------------------------------------------------
# Two into one


def logits(loaded, picture: Image.Image) -> torch.Tensor:
    with torch.no_grad():
        return loaded.model(**write(loaded.processor, [message(new_skills.NEAREST)], [picture])).logits


def test_a_decoupled_base_says_what_the_base_says_and_reads_pictures_with_its_visual_weights(cheap):
    picture = new_skills.exam("depth", 0)[0].picture
    base, decoupled = updates.base(), composed.decoupled_base()
    torch.testing.assert_close(logits(decoupled, picture), logits(base, picture))
    own = updates.weights(decoupled)
    spoiled = {name: weight * (0 if ".expert." in name else 1) for name, weight in own.items()}
    assert not torch.allclose(logits(updates.fill(decoupled, spoiled), picture), logits(base, picture), atol=0.1)


def test_decoupled_weights_stay_each_camera_s_own_and_all_else_is_merged(cheap):
    first, second = (composed.decoupled(camera, 0) for camera in composed.CAMERAS)
    base = updates.weights(composed.decoupled_base())
    for camera, own in (("thermal", first), ("depth", second), (composed.ORDINARY, base)):
        found = updates.weights(composed.reader("decoupled", 0, camera))
        for name, weight in found.items():
            expected = own[name] if ".expert." in name else (first[name] + second[name]) / 2
            torch.testing.assert_close(weight, expected)
    assert any(not torch.equal(first[name], second[name]) for name in first if ".expert." in name)
    merged = updates.weights(composed.reader("decoupled, all merged", 0, "depth"))
    torch.testing.assert_close(dict(merged), {name: (first[name] + second[name]) / 2 for name in first})


def test_what_two_models_become(moved):
    base = updates.weights(updates.base())
    expected = {("apart", "thermal"): 1, ("apart", "depth"): 3, ("merged", "depth"): 2, ("summed", "depth"): 4}
    for (how, camera), change in expected.items():
        found = updates.weights(composed.reader(how, 0, camera))
        for name, weight in base.items():
            difference = found[name] - weight
            torch.testing.assert_close(difference, torch.full_like(weight, change), atol=1e-4, rtol=0)


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="skill must be one of thermal, .*, not 'smell'"):
        new_skills.sample("smell", random.Random(0), "train")
    with pytest.raises(ValueError, match="way must be one of plain, .*, not 'sideways'"):
        updates.order("sideways")
    with pytest.raises(ValueError, match="camera must be one of thermal, depth, not 'counts'"):
        composed.parent("counts", 0)
    with pytest.raises(ValueError, match="how must be one of apart, .*, not 'glued'"):
        composed.reader("glued", 0, "depth")


# ---------------------------------------------------------------------------------------------------------------
# Claims


def test_one_cheap_run_of_every_arm(cheap):
    for claim in lifelong.claims():
        found = every_arm(claim)
        assert set(claim.controls) <= set(found)
    assert updates.chain.cache_info().misses == 4 and composed.decoupled.cache_info().misses == 2  # six trainings
