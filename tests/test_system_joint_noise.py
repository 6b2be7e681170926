"""One noise for several kinds of data: matrices, posteriors, sums, plans, made senses, partners, and every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import joint_noise
from labs.systems.parts import (
    close_judge,
    eyes,
    joint_diffusion,
    joint_exam,
    joint_tokens,
    planned_boxes,
    point_matcher,
    sense_pairs,
    shared_noise,
)
from labs.systems.parts.joint_tokens import MASK, PLACES, TEXT, TIMES, TOKENS, WORDS
from labs.systems.parts.point_matcher import LINE, SPOT
from labs.systems.parts.small_pictures import draw_small
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (
    close_judge.recall,
    joint_diffusion.pairs, joint_diffusion.train, joint_exam.pairs_made, shared_noise.things, shared_noise.train,
    planned_boxes.scenes, planned_boxes.lexicon, planned_boxes.train, sense_pairs.scenes, sense_pairs.true,
    sense_pairs.on_things, sense_pairs.made, point_matcher.train,
)  # fmt: skip
FEW = {"train": 32, "choice": 8, "exam": 8}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    parts = (joint_diffusion, shared_noise, planned_boxes, sense_pairs, point_matcher)
    values = {part: {"STEPS": 3, "BATCH": 8} for part in parts}
    for part in (joint_diffusion, shared_noise, sense_pairs):
        values[part]["COUNTS"] = FEW
    values[planned_boxes] |= {"COUNTS": {"train": 2000, "choice": 40, "exam": 40}, "ASKED": 6}
    values[shared_noise]["LOOKS"] = 3
    values[sense_pairs]["FEW"] = values[point_matcher]["FEW"] = 16
    values[close_judge] = {"KNOWN": 60}
    values[joint_exam] = {"PAIRS": 8, "LOOKS": 2}
    with small(CACHED, values):
        yield


# ---------------------------------------------------------------------------------------------------------------
# Tokens of two kinds under one matrix


def test_one_matrix_keeps_kinds_apart_and_ends_in_masks():
    steps, whole = joint_tokens.matrices()
    for part in (steps, whole):
        torch.testing.assert_close(part.sum(-1), torch.ones(TIMES, TOKENS))
        assert not part[:, :TEXT, TEXT:MASK].any() and not part[:, TEXT:MASK, :TEXT].any()
        assert (part[:, MASK, MASK] == 1).all()
    torch.testing.assert_close(whole[2], steps[0] @ steps[1] @ steps[2])
    end = whole[-1][:, MASK]
    assert end[:MASK].min().item() == pytest.approx(end[:MASK].max().item(), abs=1e-3) and end[0] > 0.5
    torch.testing.assert_close(whole[TIMES // 2 - 1].diagonal()[:TEXT], torch.full((TEXT,), 0.5), atol=0.02, rtol=0)


def test_the_posterior_is_that_of_bayes():
    steps, whole = joint_tokens.matrices()
    time, was = 5, 3
    joint = whole[time - 1][was][:, None] * steps[time]  # earlier, then now
    for now in (was, 7, MASK):
        told = torch.zeros(1, PLACES, TOKENS)
        told[:, :, was] = 1
        found = joint_tokens.posterior(told, torch.full((1, PLACES), now), time)[0, 0]
        torch.testing.assert_close(found, joint[:, now] / joint[:, now].sum(), atol=1e-5, rtol=1e-3)


def test_a_last_step_down_gives_what_is_told():
    told = torch.rand(2, PLACES, TOKENS, generator=torch.Generator().manual_seed(0)) * joint_tokens.own_kind()
    told /= told.sum(-1, keepdim=True)
    found = joint_tokens.posterior(told, torch.full((2, PLACES), MASK), 0)
    torch.testing.assert_close(found / found.sum(-1, keepdim=True), told, atol=1e-5, rtol=1e-4)


def test_what_is_given_stays_and_kinds_stand_in_their_places(cheap):
    given = joint_diffusion.pairs("exam")
    model = joint_diffusion.train(0)
    for task in joint_diffusion.TASKS:
        made, where = joint_diffusion.make(model, task, given, 0), joint_diffusion.noised(task)
        assert torch.equal(made[:, ~where], given[:, ~where])
        assert (made[:, :WORDS] < TEXT).all() and (made[:, WORDS:] >= TEXT).all() and (made < MASK).all()
    other = given.clone()
    other[:, :WORDS] = 9
    made = [joint_diffusion.make(model, "text", some, 0) for some in (given, other)]
    assert torch.equal(*made)  # what is to be made is not read
    with pytest.raises(ValueError, match="task must be one of"):
        joint_diffusion.noised("sound")


def test_mutual_attention_looks_at_the_other_kind_alone():
    torch.manual_seed(0)
    x = torch.randn(2, PLACES, joint_diffusion.WIDTH)
    layer = joint_diffusion.Layer(mutual=True)
    for own in (layer.whole.out, layer.inner[2]):
        torch.nn.init.zeros_(own.weight)
        torch.nn.init.zeros_(own.bias)
    torch.nn.init.zeros_(layer.codes.out.weight)
    torch.nn.init.zeros_(layer.codes.out.bias)
    other = x.clone()
    other[:, 1] += torch.randn(joint_diffusion.WIDTH)
    assert torch.allclose(layer(x)[:, 0], layer(other)[:, 0])  # no word hears of another word
    other = x.clone()
    other[:, WORDS:] += torch.randn(joint_diffusion.WIDTH)
    assert not torch.allclose(layer(x)[:, 0], layer(other)[:, 0])


# ---------------------------------------------------------------------------------------------------------------
# Pictures and labels under one noise


def test_what_was_kept_back_is_asked(cheap):
    assert not any(map(has_held_out_pair, sense_pairs.scenes("train")))
    for split in ("choice", "exam"):
        assert all(map(is_held_out, sense_pairs.scenes(split)))
        assert all(map(is_held_out, planned_boxes.scenes(split)))
    for part in (sense_pairs, planned_boxes):
        assert not set(part.scenes("choice")) & set(part.scenes("exam"))
    assert not torch.equal(shared_noise.things("exam").names, shared_noise.things("choice").names)


def test_a_sum_holds_both_and_pictures_alone_hold_no_label(cheap):
    known = shared_noise.things("train")
    for joint in (True, False):
        torch.manual_seed(0)
        model = shared_noise.Aggregated(joint)
        one, other = (model.together(known.pictures, labels) for labels in (known.labels, known.labels.flip(0)))
        assert torch.equal(one, other) != joint
    assert model.encoded(known.labels).square().mean().item() == pytest.approx(1, abs=0.15)
    assert known.labels.sum(1).eq(3).all()


def test_a_label_in_doubt_is_the_mean_of_what_it_may_be():
    torch.manual_seed(0)
    model, sure = shared_noise.Aggregated(True), torch.eye(24)[[0, 5]]
    torch.testing.assert_close(model.encoded(sure.mean(0, keepdim=True))[0], model.encoded(sure).mean(0))


def test_what_is_given_takes_the_place_of_what_is_told(cheap):
    known, model = shared_noise.things("exam"), shared_noise.train(0)
    picture, _ = shared_noise.make(model, 8, 0, picture=known.pictures)
    assert torch.equal(picture, known.pictures)
    _, names = shared_noise.make(model, 8, 0, label=known.labels)
    assert torch.equal(names, known.names)
    one, other = (shared_noise.make(model, 8, 0, label=label)[0] for label in (known.labels, known.labels.roll(1, 0)))
    assert not torch.allclose(one, other)


# ---------------------------------------------------------------------------------------------------------------
# Plans


def test_a_text_tells_the_second_place_from_the_first(cheap):
    for scene in planned_boxes.scenes("exam"):
        first, second = planned_boxes.tell(scene).split(", ")
        assert first.startswith("a ") and second.endswith(f"{planned_boxes.WAYS[planned_boxes.way(scene)]} it")
        assert second.startswith("a ") and first.endswith(scene.things[0].place)


def test_a_plan_reads_words_alone_and_no_line_ahead(cheap):
    model, text = planned_boxes.train(0), torch.randint(0, 9, (2, 18))
    plan = torch.randint(0, 31, (2, 7))
    later = plan.clone()
    later[:, 4:] = 0
    torch.testing.assert_close(model(text, plan)[:, :5], model(text, later)[:, :5])
    assert model.write(text).shape == (2, planned_boxes.NUMBERS)


def test_true_pictures_show_what_is_where():
    scenes = eyes.scenes("train", 60, (2,))
    found = joint_exam.in_place(draw_small(scenes), scenes)
    assert found.mean() > 0.95
    moved = joint_exam.in_place(draw_small(scenes).roll(1, 0), scenes)
    assert moved.mean() < 0.3


# ---------------------------------------------------------------------------------------------------------------
# Made senses and points


def test_a_point_keeps_its_partner_when_a_picture_is_rolled():
    maps = torch.randn(3, 1, 36, 36)
    by = torch.tensor([[0, 0], [3, 11], [7, 2]])
    rolled, points = point_matcher.roll(maps, by), torch.randint(0, LINE**2, (3, 5))
    there = point_matcher.partners(points, by)
    for i in range(3):
        for a, b in zip(points[i].tolist(), there[i].tolist(), strict=True):
            y, x, v, u = a // LINE, a % LINE, b // LINE, b % LINE
            assert maps[i, 0, SPOT * y, SPOT * x] == rolled[i, 0, SPOT * v, SPOT * u]
    assert (point_matcher.apart(there, there) == 0).all()
    edge = torch.tensor([[0]]), torch.tensor([[LINE**2 - 1]])
    assert point_matcher.apart(*edge).item() == 1  # round the corner


def test_vectors_move_with_the_picture():
    torch.manual_seed(0)
    model, maps, by = point_matcher.Matcher(), torch.randn(2, 3, 36, 36), torch.tensor([[2, 5], [9, 0]])
    points = torch.arange(LINE**2).expand(2, -1)
    moved = model(point_matcher.roll(maps, by))
    moved = moved.gather(1, point_matcher.partners(points, by)[..., None].expand(-1, -1, moved.shape[2]))
    torch.testing.assert_close(moved, model(maps), atol=1e-5, rtol=1e-4)


def test_made_senses_lie_over_their_pictures_and_learn_from_few(cheap):
    made = sense_pairs.made(0, "depth")
    assert made.shape == sense_pairs.true("train", "depth").shape
    assert not torch.allclose(made, sense_pairs.true("train", "depth"))
    for kind in ("edges", "recoloured"):
        assert sense_pairs.drawn(sense_pairs.true("train", "picture"), kind).shape == made.shape


def test_a_blind_guess_is_right_as_often_as_chance():
    points = torch.arange(LINE**2)[:, None].expand(-1, LINE**2)
    near = (point_matcher.apart(points, points.T) <= 1).float().mean().item()
    assert near == pytest.approx(point_matcher.NEAR)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in joint_noise.claims():
        assert set(every_arm(claim)) == set(claim.arms)
