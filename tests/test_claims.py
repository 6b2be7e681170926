"""The machinery of claims: the rule of the verdict, controls, and a run that goes on where it was stopped."""

import json

import pytest

from labs.systems import claim as claims
from labs.systems.claim import Claim, ClaimError, Scores, run
from labs.systems.outcome import VERDICTS, Outcome

ITEMS = 200


def coin(share):
    """An arm that is right on `share` of the items, on others with every seed."""
    return lambda seed: Scores([float((7 * i + seed) % ITEMS < share * ITEMS) for i in range(ITEMS)], range(ITEMS))


def make(better=0.8, than=0.6, control=0.5, **others):
    arms = {"ours": coin(better), "theirs": coin(than), "shuffled": coin(control)}
    return Claim("a claim", "ours is better", "accuracy", arms, "ours", "theirs", controls={"shuffled": 0.5}, **others)


@pytest.mark.parametrize("better, than, index", [(0.8, 0.6, 0), (0.6, 0.8, 1), (0.7, 0.7, 2)])
def test_the_verdict_follows_the_interval_of_the_difference(better, than, index):
    outcome = run(make(better, than), progress=False)
    assert outcome.verdict == VERDICTS[index]
    assert outcome.gap.mean == pytest.approx(better - than)


def test_one_seed_that_disagrees_is_enough_to_withhold_the_verdict():
    arms = {"ours": lambda seed: coin(0.9 if seed else 0.55)(seed), "theirs": coin(0.6)}
    outcome = run(Claim("a claim", "ours is better", "accuracy", arms, "ours", "theirs"), progress=False)
    assert outcome.gap.low > 0 and outcome.verdict == VERDICTS[2]


def test_two_seeds_make_no_verdict():
    assert run(make(), range(2), progress=False).verdict == "no verdict from 2 of 3 seeds"


@pytest.mark.parametrize("found, verdict", [(0.5, 0), (0.62, 2), (0.9, 2)])
def test_that_two_things_are_close_needs_the_whole_interval(found, verdict):
    near = Claim("a claim", "it is at chance", "accuracy", {"ours": coin(found)}, "ours", 0.5, within=0.1)
    assert run(near, progress=False).verdict == VERDICTS[verdict]


@pytest.mark.parametrize("control", [0.3, 0.7])
def test_a_control_that_leaves_chance_breaks_the_experiment(control):
    outcome = run(make(control=control), progress=False)
    assert outcome.verdict.startswith("broken: shuffled sits at") and outcome.broken


def test_what_holds_by_construction_says_so():
    assert run(make(given=True), progress=False).verdict == "holds by construction"


def test_arms_that_saw_other_items_are_refused():
    arms = {"ours": coin(0.5), "theirs": lambda seed: Scores([1.0], [3])}
    with pytest.raises(ValueError, match="not asked the same items"):
        run(Claim("a claim", "", "accuracy", arms, "ours", "theirs"), progress=False)


def test_a_claim_about_an_arm_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no arm 'nobody': it has ours"):
        Claim("a claim", "", "accuracy", {"ours": coin(0.5)}, "ours", "nobody")


def test_a_scene_asked_about_twice_widens_the_interval():
    once = Outcome.of(make().said(), {name: [arm(0)] for name, arm in make().arms.items()}, {})
    pairs = {name: [Scores(arm(0).values, [i // 20 for i in range(ITEMS)])] for name, arm in make().arms.items()}
    clustered = Outcome.of(make().said(), pairs, {})
    assert clustered.gap.high - clustered.gap.low > once.gap.high - once.gap.low


def test_an_outcome_survives_json():
    outcome = run(make(), progress=False)
    again = Outcome.from_dict(json.loads(json.dumps(outcome.as_dict())))
    assert again.verdict == outcome.verdict and again.gap.mean == pytest.approx(outcome.gap.mean)
    assert again.show(again.gap, signed=True) == outcome.show(outcome.gap, signed=True)


def test_what_was_measured_before_is_not_measured_again(tmp_path):
    seen = []
    arms = {"ours": lambda seed: seen.append(seed) or coin(0.9)(seed), "theirs": coin(0.5)}
    one = Claim("a claim", "ours is better", "accuracy", arms, "ours", "theirs")
    first = run(one, range(2), keep=tmp_path, progress=False)
    second = run(one, range(3), keep=tmp_path, progress=False)
    assert seen == [0, 1, 2] and second.gap_by_seed[:2] == first.gap_by_seed


def test_every_system_is_found_and_its_claims_have_names_of_their_own():
    assert claims.systems()
    for name in claims.systems():
        found = claims.find(name)
        assert found and all(one.hypothesis.endswith(".") for one in found.values())


@pytest.mark.parametrize("name", ["flying_carpet", "clip/that it flies"])
def test_a_name_that_does_not_exist_is_refused(name):
    with pytest.raises(ClaimError, match="choose one of|it has"):
        claims.find(name)
