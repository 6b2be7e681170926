"""Missing senses: what stands in and what stays, states, weights, turned gradients, words, and every arm once."""

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import cross_entropy

from labs.systems import missing
from labs.systems.parts import guided, one_after_another, sensed_alone, stand_ins, told_as_text, turned, weighed
from labs.systems.parts.fused import KINDS, SENSES, drop
from labs.systems.parts.one_after_another import AtOnce, OneByOne
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (
    sensed_alone.scenes, sensed_alone.record, sensed_alone.is_spoilt, sensed_alone.encoder, sensed_alone.raw,
    sensed_alone.features, turned.plain, turned.given, turned.train, missing.together, missing.stand_in,
    missing.student, one_after_another.fusing, weighed.voter,
)  # fmt: skip
FEW = {"train": 64, "lessons": 64, "choice": 24, "exam": 24}
SHORT = {"STEPS": 2, "BATCH": 16}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    short = dict.fromkeys((stand_ins, one_after_another, weighed, turned, sensed_alone, told_as_text), SHORT)
    values = dict(short)
    values[stand_ins] = SHORT | {"STAND_STEPS": 2}
    values[sensed_alone] = SHORT | {"COUNTS": FEW}
    values[turned] = SHORT | {"COUNTS": {name: FEW[name] for name in turned.COUNTS}}
    with small(CACHED, values):
        yield


@pytest.fixture
def rows():
    """Rows of three senses for 40 scenes, their kinds, and which senses are there."""
    generator = torch.Generator().manual_seed(0)
    there = drop(len(SENSES), 40, generator).T
    return torch.randn(40, len(SENSES), 64, generator=generator), torch.arange(40) % KINDS, there


# ---------------------------------------------------------------------------------------------------------------
# Scenes and senses


def test_what_is_asked_was_kept_back_and_never_chose_a_setting(cheap):
    assert all(map(is_held_out, sensed_alone.scenes("exam")))
    for split in ("train", "lessons"):
        assert not any(map(has_held_out_pair, sensed_alone.scenes(split)))
    assert not set(sensed_alone.scenes("exam")) & set(sensed_alone.scenes("choice"))
    assert not set(sensed_alone.scenes("train")) & set(sensed_alone.scenes("lessons"))
    with pytest.raises(ValueError, match="split must be one of"):
        sensed_alone.scenes("test")


def test_one_sense_at_most_is_spoilt_and_the_others_are_as_noisy_as_ever(cheap):
    which = sensed_alone.is_spoilt("lessons")
    assert which.sum(1).max() == 1 and 0 < which.float().sum() < len(which)
    plain, spoilt = (sensed_alone.record("lessons", flag).inputs for flag in (False, True))
    for at, name in enumerate(SENSES):
        same = (plain[name] == spoilt[name]).flatten(1).all(1)
        assert torch.equal(same, ~which[:, at])
        wider = (spoilt[name] - plain[name])[which[:, at]].std() / sensed_alone.NOISE[name]
        assert wider.item() == pytest.approx(sensed_alone.LOUDER - 1, rel=0.1)


def test_rows_of_lessons_are_standardised_and_spoilt_ones_in_the_same_units(cheap):
    found = sensed_alone.features(0, "lessons")
    torch.testing.assert_close(found.mean(0), torch.zeros(3, 64), atol=1e-4, rtol=0)
    fine = ~sensed_alone.is_spoilt("lessons")
    torch.testing.assert_close(sensed_alone.features(0, "lessons", True)[fine], found[fine], atol=1e-4, rtol=1e-4)


# ---------------------------------------------------------------------------------------------------------------
# Stand-ins


@pytest.mark.parametrize("name", stand_ins.NAMES)
def test_a_stand_in_reads_nothing_of_what_is_absent_and_leaves_alone_what_is_there(rows, name):
    known, _, there = rows
    torch.manual_seed(0)
    stand_in = stand_ins.StandIn(name, torch.full((3, 64), -0.5))
    found = stand_in(known, there)
    assert torch.equal(found[there > 0], known[there > 0])
    other = torch.where(there[..., None] > 0, known, 9.0)
    torch.testing.assert_close(stand_in(other, there), found)


def test_only_what_stands_in_depends_on_the_scene_where_it_says_so(rows):
    known, _, there = rows
    for name, varies in {"prompt": False, "pool": True, "predicted": True}.items():
        torch.manual_seed(0)
        found = stand_ins.StandIn(name, torch.zeros(3, 64))(known, there)
        absent = found[there[:, 0] == 0, 0]
        assert (absent.std(0).max() > 1e-4).item() == varies, name


def test_a_prompt_that_reads_changes_no_other_prompt(rows):
    known, _, there = rows
    torch.manual_seed(0)
    stand_in = stand_ins.StandIn("predicted", torch.zeros(3, 64))
    before = stand_in.absent(known * there[..., None], there)
    with torch.no_grad():
        stand_in.ask[1] += 1.0
    after = stand_in.absent(known * there[..., None], there)
    torch.testing.assert_close(before[:, [0, 2]], after[:, [0, 2]])
    assert not torch.allclose(before[:, 1], after[:, 1])


def test_only_the_stand_in_learns_and_the_predictor_needs_no_labels(cheap, rows):
    known, kinds, _ = rows
    network = stand_ins.train(known, kinds, 0)
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    nothing = torch.zeros(3, 64)
    one, other = (stand_ins.fit("predicted", network, known, truth, nothing, 0) for truth in (kinds, kinds.flip(0)))
    assert all(torch.equal(weight, other.state_dict()[name]) for name, weight in one.state_dict().items())
    one, other = (stand_ins.fit("prompt", network, known, truth, nothing, 0) for truth in (kinds, kinds.flip(0)))
    assert not torch.equal(one.prompt, other.prompt)
    assert all(torch.equal(weight, before[name]) for name, weight in network.state_dict().items())


def test_vicreg_is_the_error_where_told_rows_are_varied_and_unlike():
    told = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0)) * 1.2
    assert stand_ins.vicreg(told, told).item() < 0.1
    torch.testing.assert_close(
        stand_ins.vicreg(told, told + 1) - stand_ins.vicreg(told, told), torch.tensor(25.0), rtol=1e-4, atol=0
    )
    same = torch.zeros(100, 64)
    assert stand_ins.vicreg(same, same).item() == pytest.approx(25 * 0.99)


# ---------------------------------------------------------------------------------------------------------------
# States, weights, gradients, words


def test_an_absent_sense_leaves_the_state_as_it_is_and_is_never_read(rows):
    known, _, there = rows
    torch.manual_seed(0)
    network = OneByOne()
    states = network.states(known, there, [2, 0, 1])
    assert states.shape == (4, 40, 64)
    for step, sense in enumerate([2, 0, 1]):
        away = there[:, sense] == 0
        assert torch.equal(states[step + 1][away], states[step][away])
        assert not torch.allclose(states[step + 1][~away], states[step][~away])
    other = torch.where(there[..., None] > 0, known, 9.0)
    for fresh in (network, AtOnce()):
        torch.testing.assert_close(fresh(known, there), fresh(other, there))


def test_every_answer_has_a_loss_or_the_last_alone(rows):
    known, kinds, there = rows
    torch.manual_seed(0)
    network = OneByOne()
    states = network.states(known, there, [0, 1, 2])
    each = [cross_entropy(network.head(state), kinds) for state in states[1:]]
    torch.testing.assert_close(network.loss(known, there, kinds, [0, 1, 2]), torch.stack(each).mean())
    torch.testing.assert_close(network.loss(known, there, kinds, [0, 1, 2], every=False), each[-1])


def test_absence_tells_which_things_are_big():
    kinds = torch.arange(6000) % KINDS
    there = one_after_another.telling_absence(kinds, 1, True, 0.8, torch.Generator().manual_seed(0))
    assert there[:, [0, 2]].all() and there[kinds < 3].all()
    assert there[kinds >= 3, 1].mean().item() == pytest.approx(0.2, abs=0.03)


def test_votes_are_added_and_weighed_as_each_way_says(rows):
    known = rows[0]
    for way in weighed.WAYS:
        torch.manual_seed(0)
        network = weighed.Weighed(way)
        votes = network.votes(known)
        weights = network.weights(known, votes)
        torch.testing.assert_close(network(known), torch.einsum("ns,nsk->nk", weights, votes))
        expected = {"fixed": torch.ones(40, 3), "attention": weights / weights.sum(1, keepdim=True)}
        torch.testing.assert_close(weights, expected.get(way, 0.1 * votes.exp().sum(-1).log()))
    with pytest.raises(ValueError, match="way must be one of"):
        weighed.Weighed("best")


def test_ranking_costs_only_where_who_cost_more_weighs_too_much():
    history, now = weighed.History(2), torch.tensor([0, 1])
    assert history.ranking_loss(now, torch.rand(2, 3)).item() == 0  # nothing is known yet
    history.cost = torch.tensor([[0.0, 0.0, 0.0], [2.0, 4.0, 8.0]])
    assert history.ranking_loss(now, torch.tensor([[1.0] * 3, [0.0] * 3])).item() == 0
    assert history.ranking_loss(now, torch.tensor([[0.5] * 3, [0.5] * 3])).item() == pytest.approx(1)
    assert history.ranking_loss(now, torch.tensor([[0.0] * 3, [1.0] * 3])).item() == pytest.approx(2)


def test_turned_gradients_conflict_no_more_and_others_stay():
    one, other = [torch.tensor([1.0, 0.0]), torch.tensor([0.0])], [torch.tensor([-1.0, 1.0]), torch.tensor([1.0])]
    first, second = turned.turn(one, other)
    assert sum((a * b).sum() for a, b in zip(first, other, strict=True)).item() == pytest.approx(0, abs=1e-6)
    assert sum((a * b).sum() for a, b in zip(second, one, strict=True)).item() == pytest.approx(0, abs=1e-6)
    assert turned.turn(one, one) == (one, one)


def test_the_nudge_has_no_value_and_turns_the_gradient_of_the_shared_weights():
    weight, own = torch.nn.Parameter(torch.tensor([1.0, 2.0])), torch.nn.Parameter(torch.tensor(3.0))
    one, other = weight[0] * own, -2 * weight[0] + weight[1]
    nudge = turned.nudge([weight], one, other)
    assert nudge.item() == 0
    (one + other + nudge).backward()
    first, second = turned.turn([torch.tensor([3.0, 0.0])], [torch.tensor([-2.0, 1.0])])
    torch.testing.assert_close(weight.grad, first[0] + second[0])
    assert own.grad.item() == 1  # as if nothing had been turned


def test_a_shelf_needs_both_size_and_height():
    told = told_as_text.shelf(torch.arange(KINDS)).tolist()
    assert told == [0, 1, 2, 2, 0, 1] and len(told_as_text.SENTENCES) == KINDS
    assert told_as_text.SENTENCES[5] == "a big thing at the bottom"


def test_the_same_words_are_read_the_same_whoever_says_them():
    told = torch.tensor([0, 5, 0])
    vectors = told_as_text.write(told[None])
    assert torch.equal(vectors[0], vectors[2]) and not torch.allclose(vectors[0], vectors[1])
    assert told_as_text.write(torch.stack([told, told])).shape == (3, 128)


def test_what_is_said_most_surely_is_kept_and_who_agree_count_together():
    told = torch.tensor([[0, 0], [1, 1], [1, 2]])
    sure = torch.tensor([[0.7, 0.7], [0.4, 0.4], [0.4, 0.4]])
    assert told_as_text.sum_up(sure, told).tolist() == [[1, 0]]


def test_rows_that_follow_from_others_are_translated_exactly():
    generator = torch.Generator().manual_seed(0)
    here, turn = torch.randn(200, 64, generator=generator), torch.randn(64, 64, generator=generator)
    torch.testing.assert_close(
        told_as_text.translate(here, here @ turn + 3, here[:10]), here[:10] @ turn + 3, rtol=1e-3, atol=1e-2
    )


# ---------------------------------------------------------------------------------------------------------------
# Students and claims


def test_a_student_without_a_guide_is_the_encoder_of_pictures(cheap):
    plain = guided.teach(0, None, sensed_alone.kinds("train"))
    for name, weight in sensed_alone.encoder("picture", 0).state_dict().items():
        torch.testing.assert_close(plain.state_dict()[name], weight)
    led = missing.student(0, "all")
    assert not torch.equal(led.fused.weight, plain.fused.weight)
    assert {name for name, _ in led.named_parameters()} == {name for name, _ in plain.named_parameters()}


def test_the_control_holds_what_was_told_of_another_scene_against_each_truth():
    truth = torch.tensor([0, 1, 2])
    told = torch.tensor([0, 1, 2, 1, 1, 2])
    assert sensed_alone.right(told, truth).values == [1, 1, 1, 0, 1, 1]
    assert sensed_alone.right(told, truth, another=True).values == [0, 0, 0, 0, 1, 0]
    assert sensed_alone.right(told, truth, another=True).scenes == [0, 1, 2, 0, 1, 2]


def test_one_cheap_run_of_every_arm(cheap):
    for claim in missing.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)


def test_combinations_of_words_are_new_to_the_lessons():
    assert all(told_as_text.NEW in part for part in told_as_text.COMBINATIONS)
    assert told_as_text.NEW not in told_as_text.KNOWN
