"""Fusion: votes beside one linear layer, modulation beside its formula, dropout, and one cheap run of every arm."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from labs.systems import fusion
from labs.systems.parts import eyes, fused
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (fused.record, fusion.train, fusion.look)


@pytest.fixture
def cheap(monkeypatch):
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    for function in CACHED:
        function.cache_clear()
    for name, value in {"TRAIN": 48, "HELDOUT": 24, "STEPS": 3, "BATCH": 16}.items():
        monkeypatch.setattr(fusion, name, value)
    yield
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def batch():
    """A fresh network with its features, votes and what is true."""
    inputs, kinds = fused.record("train", 12)
    network = fusion.build(seed=1)
    features = network.features(inputs)
    return network, features, network.votes(features), kinds


def test_the_votes_add_up_to_one_linear_layer_on_all_features(batch):
    network, features, votes, _ = batch
    side_by_side = torch.cat(list(features), dim=1)
    torch.testing.assert_close(network.fuse(votes, torch.ones(3, 1)), network.fused(side_by_side))


def test_a_missing_sense_is_one_whose_features_are_zero(batch):
    network, features, votes, _ = batch
    there = torch.tensor([1.0, 0.0, 1.0])[:, None]
    without = torch.cat(list(features * there[..., None]), dim=1)
    torch.testing.assert_close(network.fuse(votes, there), network.fused(without))


def test_what_a_sense_votes_depends_on_no_other_sense():
    inputs, _ = fused.record("train", 12)
    network = fusion.build(seed=1).eval()
    others = inputs | {"sound": torch.zeros_like(inputs["sound"])}
    before, after = (network.votes(network.features(seen)) for seen in (inputs, others))
    torch.testing.assert_close(before[[0, 2]], after[[0, 2]])
    assert not torch.allclose(before[1], after[1])


def test_dropout_leaves_one_sense_at_least_and_drops_as_often_as_it_says():
    there = fused.drop(3, 20_000, torch.Generator().manual_seed(0))
    assert there.sum(0).min() == 1 and set(there.unique().tolist()) == {0, 1}
    expected = (1 - fused.DROPPED) + fused.DROPPED**3  # all are there where none were left
    assert there.mean().item() == pytest.approx(expected, abs=0.01)


def test_with_two_senses_the_factors_are_those_of_ogm_ge():
    first, second = fused.factors(torch.tensor([6.0, 2.0])).tolist()
    assert first == pytest.approx(1 - math.tanh(fused.ALPHA * 6 / 2)) and second == 1


def test_with_three_senses_each_is_compared_with_the_mean_of_the_others():
    found = fused.factors(torch.tensor([4.0, 2.0, 0.0])).tolist()
    assert found == pytest.approx([1 - math.tanh(fused.ALPHA * 4 / 1), 1, 1])


def test_modulation_changes_the_gradients_of_convolutions_alone_and_by_the_factor(batch):
    network, _, votes, kinds = batch
    cross_entropy(network.fuse(votes, torch.ones(3, 1)), kinds).backward()
    before = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}
    fused.modulate(network, votes, kinds, torch.Generator().manual_seed(0))
    after = {name: weight.grad for name, weight in network.named_parameters() if weight.grad is not None}
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if before[name].ndim == 4}
    chances = (votes + network.fused.bias / 3).softmax(-1)[:, torch.arange(12), kinds].sum(1)
    name = next(name for name in before if name.startswith("encoders.picture") and before[name].ndim == 4)
    noise = torch.randn(before[name].shape, generator=torch.Generator().manual_seed(0)) * before[name].std()
    torch.testing.assert_close(after[name], fused.factors(chances)[0] * before[name] + noise)


def test_all_senses_record_the_same_things_and_the_picture_tells_their_kind():
    scenes = eyes.scenes("train", 12)
    inputs, kinds = fused.record("train", 12)
    assert [tuple(inputs[name].shape[1:]) for name in fused.SENSES] == [(3, 36, 36), (1, 25, 64), (6, 1, 100)]
    assert all((kind >= 3) == (scene.things[0].size == "big") for kind, scene in zip(kinds, scenes, strict=True))
    assert all(kind % 3 == scene.things[0].row for kind, scene in zip(kinds, scenes, strict=True))


def test_what_is_tested_was_kept_back_and_what_is_learned_from_was_not():
    assert all(map(is_held_out, eyes.scenes("heldout", 24)))
    assert not any(map(has_held_out_pair, eyes.scenes("train", 48)))


def test_the_control_has_the_same_labels_in_another_order(cheap):
    true, shuffled = fusion.labels(0, fusion.JOINT), fusion.labels(0, fusion.SHUFFLED)
    assert torch.equal(true.sort().values, shuffled.sort().values) and not torch.equal(true, shuffled)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in fusion.claims():
        scenes = {name: list(arm(0).scenes) for name, arm in claim.arms.items()}
        first = scenes[claim.better]
        assert all(one == first for one in scenes.values()), claim.name
        assert set(first) == set(range(24)), claim.name


def test_an_own_loss_reaches_the_branch_that_the_fused_loss_ignores(cheap):
    plain, owned = (fusion.train(0, recipe) for recipe in (fusion.JOINT, fusion.OWN_LOSSES))
    fresh = fusion.build(seed=0)
    assert torch.equal(plain.own[0].bias, fresh.own[0].bias) and not torch.equal(owned.own[0].bias, fresh.own[0].bias)


def test_the_table_has_a_figure_for_every_subset(cheap):
    table = fusion.every_subset(0)
    assert set(table) == {"dropout", "joint", "joint, mean", "one each", "shuffled labels"}
    for row in table.values():
        assert len(row) == 7 and {"picture", "picture + sound + motion"} <= set(row)
    assert table["joint"]["picture + sound + motion"] == table["joint, mean"]["picture + sound + motion"]


def test_an_untrained_network_sits_at_chance(monkeypatch):
    monkeypatch.setattr(fusion, "HELDOUT", 300)
    network = fusion.build(seed=0).eval().requires_grad_(False)
    share = sum(fusion.tell(network, fusion.SENSES).values) / 300
    assert share == pytest.approx(1 / 6, abs=0.07)


def test_shapes_are_enforced():
    with pytest.raises(TypeError):
        fusion.build().fuse(torch.zeros(3, 5, 4), torch.ones(3, 1))
