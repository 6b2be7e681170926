"""The printer: questions that no report can answer, a chain that cannot either, and one cheap run."""

import pytest
import torch

from labs.systems import specialists
from labs.systems.specialists import chain, exam, reports, said
from labs.world.splits import is_held_out


@pytest.fixture
def few(monkeypatch):
    """Ten scenes, a few steps; forgotten afterwards."""
    for function in (specialists.exam, specialists.build):
        function.cache_clear()
    for name, value in {"SCENES": 10, "TRAINED": 48, "STEPS": 3}.items():
        monkeypatch.setattr(specialists, name, value)
    yield
    for function in (specialists.exam, specialists.build):
        function.cache_clear()


def test_both_words_are_true_of_something_and_only_the_binding_decides(few):
    for one in exam(1):
        assert is_held_out(one.scene)
        assert one.colour in said(one.scene, "colour") and one.shape in said(one.scene, "shape")
        bound = any((thing.colour, thing.shape) == (one.colour, one.shape) for thing in one.scene.things)
        assert one.answer == ("yes" if bound else "no")
    assert [one.answer for one in exam(1)] == ["yes", "no"] * 10


def test_a_chain_of_perfect_specialists_always_says_yes(few):
    perfect = {kind: [said(one.scene, kind) for one in exam(0)] for kind in specialists.WORDS}
    assert set(chain(exam(0), perfect)) == {"yes"}


def test_a_word_that_was_not_reported_makes_the_chain_say_no(few):
    none = {"colour": [set()] * 20, "shape": [said(one.scene, "shape") for one in exam(0)]}
    assert set(chain(exam(0), none)) == {"no"}


def test_a_specialist_hears_its_best_patch(few):
    specialist = specialists.build("colour", 0)
    features = torch.rand(1, 37, 128)
    alone = torch.stack([specialist.head(features[:, i]) for i in range(1, 37)], 1)
    torch.testing.assert_close(specialist(features), alone.amax(1))
    assert {len(rows) for rows in reports(exam(0), 0).values()} == {20}


def test_one_cheap_run_and_the_control_at_chance(few):
    (claim,) = specialists.claims()
    scores = {name: arm(0) for name, arm in claim.arms.items()}
    assert {len(one.values) for one in scores.values()} == {20}
    control = scores["generalist, another scene's picture"].values
    assert 0.3 <= sum(control) / 20 <= 0.7
    assert sum(scores["chain of perfect specialists"].values) == 10
