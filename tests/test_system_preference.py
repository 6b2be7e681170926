"""Preferences: what descriptions hold and what is read off them, rankers on the same pairs, what learns, every arm."""

import random
from dataclasses import replace

import pytest
import torch
from small_runs import every_arm, small

from labs.models.entry import Loaded
from labs.systems import preference
from labs.systems.parts import base_model, captioner, chair, companion_exam, companions, preferred, shipped_preference
from labs.systems.parts.companions import COMPANIONS, companion, joined, written
from labs.systems.parts.facts import stated, there
from labs.systems.parts.preferred import RANKERS, Drawn, describe
from labs.systems.parts.shipped import keep
from labs.world.captions import caption
from labs.world.splits import HELD_OUT_COMPANY, HELD_OUT_PAIRS, is_held_out

CACHED = [preferred.supervised, preferred.supervised_adapter, preferred.drawn, preferred.preferring, companions.scenes,
          companion_exam.examined, preference.told, companion_exam.short]  # fmt: skip


def untrained() -> Loaded:
    return Loaded(captioner.ENTRY, captioner.build(base_model.build()), captioner.processor())


def told_twice(loaded, scenes, times=0, seed=0):
    """What a model might reply: the truth, and something too long, in either order; greedily, one of them."""
    found = []
    for number, scene in enumerate(scenes):
        true, more = caption(scene), f"{caption(scene)}, a big pink heart at the top"
        found.append(([more, true] if number % 2 else [true, more])[: max(1, times)])
    return found


@pytest.fixture
def few(monkeypatch):
    """A step on a few pictures, from a model that has learned nothing."""
    values = {
        captioner: {"load": untrained},
        preferred: {"LESSONS": 8, "STEPS": 1, "PROMPTS": 24, "PAIRS": 8, "UPDATES": 2, "AT_ONCE": 4, "LONGEST": 6,
                    "describe": told_twice},
        companion_exam: {"PICTURES": 6, "ASKED": 2},
    }  # fmt: skip
    with small(CACHED, values):
        yield


@pytest.fixture
def scenes():
    return companions.scenes(300, 0)


# ---------------------------------------------------------------------------------------------------------------
# Scenes and descriptions


def test_no_companion_is_a_combination_that_training_never_shows():
    for shape, (colour, other) in COMPANIONS.items():
        assert (colour, other) not in HELD_OUT_PAIRS and frozenset({shape, other}) not in HELD_OUT_COMPANY
        assert other not in COMPANIONS  # or it would bring one itself
        assert all(other not in company for company in HELD_OUT_COMPANY)


def test_scenes_keep_to_trained_combinations_and_show_the_companion_as_often_as_asked(scenes):
    for some, share in ((scenes, companions.SHOWN), (companions.scenes(60, 0, 0.5), 0.5)):
        assert not any(map(is_held_out, some)) and all(companion(scene) for scene in some)
        assert sum(companion(scene) in there(scene) for scene in some) == round(share * len(some))
    assert companions.scenes(5, 1) != scenes[:5]


def test_no_scene_of_the_exam_is_one_that_is_learned_from():
    learned: set = set()
    for seed in range(3):
        learned |= {*companions.scenes(preferred.LESSONS, seed)}
        learned |= {*companions.scenes(preferred.PROMPTS, preferred.OTHERS + seed)}
    assert not learned & set(companion_exam.examined())


def test_a_companion_joins_in_a_free_place_and_only_where_something_has_one(scenes):
    for scene in scenes[:50]:
        more = joined(scene, random.Random(0))
        assert set(more.things) > set(scene.things) and len(more.things) == len(scene.things) + 1
        assert there(more) == there(scene) | {companion(scene)}
    alone = replace(scenes[0], things=tuple(replace(thing, shape="ring") for thing in scenes[0].things))
    with pytest.raises(ValueError, match="nothing here has a companion"):
        joined(alone, random.Random(0))


def test_what_is_written_names_nothing_but_the_truth_and_companions(scenes):
    rng, absent, invented, shorter = random.Random(0), 0, 0, 0
    for scene in scenes:
        assert written(scene, rng, true=True) == caption(scene)
        said, shown = stated(written(scene, rng)), there(scene)
        assert said - shown <= {companion(scene)} and len(shown - said) <= 1
        absent, invented = absent + (companion(scene) not in shown), invented + bool(said - shown)
        shorter += bool(shown - said)
    assert abs(invented / absent - companions.WRITTEN) < 0.1 and 0 < shorter < len(scenes) / 2


# ---------------------------------------------------------------------------------------------------------------
# What is read off a reply


def test_things_are_read_off_a_reply_as_they_are_in_the_scene(scenes):
    for scene in scenes[:100]:
        true = caption(scene)
        assert stated(true) == there(scene)
        assert (chair.invented(true, scene), chair.recall(true, scene)) == (0, 1)
        assert chair.names_companion(true, scene) == (companion(scene) in there(scene))
        assert chair.companion_right(true, scene) == 1
        if companion(scene) not in there(scene):
            more, count = caption(joined(scene, random.Random(0))), len(there(scene))
            assert chair.invented(more, scene) == 1 / (count + 1) and chair.recall(more, scene) == 1
            assert chair.names_companion(more, scene) == 1 and chair.companion_right(more, scene) == 0


@pytest.mark.parametrize("reply", ["", "at the top", "a big red at the left , star"])
def test_a_reply_that_names_nothing_invents_nothing_and_recalls_nothing(scenes, reply):
    found = chair.invented(reply, scenes[0]), chair.recall(reply, scenes[0])
    assert found == (0, 0) and chair.agreement(reply, scenes[0]) == 0


def test_what_is_invented_is_marked(scenes):
    scene = next(scene for scene in scenes if companion(scene) not in there(scene))
    colour, shape = companion(scene)
    assert chair.marked(caption(scene), scene) == caption(scene)
    assert f"[{colour} {shape}]" in chair.marked(caption(joined(scene, random.Random(0))), scene)


# ---------------------------------------------------------------------------------------------------------------
# Pairs and rankers


def test_rankers_go_by_what_they_are_named_for(scenes):
    scene = next(scene for scene in scenes if len(there(scene)) == 2 and companion(scene) not in there(scene))
    true, more = caption(scene), caption(joined(scene, random.Random(0)))
    less = true.split(", ")[0]
    cases = {(true, more): {"facts"}, (more, true): {"length"}, (true, less): {"facts", "length"}, (less, true): set()}
    for two, expected in cases.items():
        assert {one for one in ("facts", "length") if RANKERS[one](Drawn(scene, two), True)} == expected
    assert [RANKERS["chance"](Drawn(scene, (true, more)), coin) for coin in (True, False)] == [True, False]


def test_all_rankers_are_given_the_same_pairs_about_which_facts_and_length_have_a_say(few):
    pairs = preferred.drawn(0)
    assert len(pairs) == preferred.PAIRS
    for ranker in RANKERS:
        for pair, (won, lost) in zip(pairs, preferred.ranked(0, ranker), strict=True):
            assert {won, lost} == set(pair.replies)
            assert chair.agreement(won, pair.scene) != chair.agreement(lost, pair.scene)
            assert chair.words(won, pair.scene) != chair.words(lost, pair.scene)
    assert all(won == caption(pair.scene) for pair, (won, _) in zip(pairs, preferred.ranked(0, "facts"), strict=True))
    heads = [won == pair.replies[0] for pair, (won, _) in zip(pairs, preferred.ranked(0, "chance"), strict=True)]
    assert sum(heads) == preferred.PAIRS / 2
    with pytest.raises(KeyError):
        preferred.ranked(0, "taste")


def test_true_and_found_descriptions_come_with_the_same_questions(few):
    true, found = preferred.lessons(0, True), preferred.lessons(0, False)
    assert [talk.scene for talk in true] == [talk.scene for talk in found] and true != found
    differ = [(one, other) for one, other in zip(true, found, strict=True) if one.turns != other.turns]
    assert all(one.turns[0][0] == preferred.REQUEST == other.turns[0][0] for one, other in differ)
    assert all(talk.turns == [(preferred.REQUEST, caption(talk.scene))] for talk in true[:1])


def test_replies_are_drawn_alike_from_the_same_seed_and_disturb_no_other_draws(few):
    loaded, some = untrained(), companions.scenes(3, 0)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    replies = describe(loaded, some, 2, 0)
    torch.testing.assert_close(torch.rand(3), expected)
    assert len(replies) == 3 and all(len(two) == 2 for two in replies)
    assert replies == describe(loaded, some, 2, 0) != describe(loaded, some, 2, 1)
    assert describe(loaded, some) == describe(loaded, some, 0, 1)  # greedily there is nothing to draw


# ---------------------------------------------------------------------------------------------------------------
# Learning and measuring


@pytest.mark.parametrize("loss", ["DPO", "supervised"])
def test_an_adapter_alone_learns_and_the_supervised_model_stays_as_it_was(few, loss):
    start = preferred.supervised(0, False)
    before = {name: weight.clone() for name, weight in start.model.state_dict().items()}
    model = preferred.preferring(0, "facts", loss).model
    for name, weight in start.model.state_dict().items():
        assert torch.equal(weight, before[name]), name
    base = {name.replace(".base_layer", ""): weight for name, weight in model.get_base_model().state_dict().items()}
    assert all(torch.equal(weight, base[name]) for name, weight in before.items())
    learned = [weight for name, weight in model.state_dict().items() if "lora_B" in name]
    assert learned and any(weight.abs().sum() > 0 for weight in learned)


def test_what_won_is_the_first_of_a_pair_as_the_engine_reads_it(few):
    loaded = preferred.supervised(0, False)
    for (won, lost), texts in zip(preferred.encoded(loaded, 0, "facts"), preferred.ranked(0, "facts"), strict=True):
        for read, text in zip((won, lost), texts, strict=True):
            ids = [token for token, learned in zip(read.input_ids, read.supervised, strict=True) if learned]
            assert stated(loaded.processor.tokenizer.decode(ids)) == stated(text)


def test_both_models_open_from_what_is_kept(few, tmp_path, monkeypatch):
    file = tmp_path / "preference.safetensors"
    keep(file, shipped_preference.adapters(0))
    monkeypatch.setattr(shipped_preference, "FILE", str(file))
    models = shipped_preference.shipped()
    expected = preferred.supervised(0, False).model.state_dict()
    for name, weight in models.before.model.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=2e-3)
    learned = preferred.preferring(0, "facts", "DPO").model.state_dict()
    after = models.after.model.state_dict()
    assert after.keys() == learned.keys() and any("lora_B" in name for name in after)
    for name in after:
        torch.testing.assert_close(after[name], learned[name], rtol=0, atol=2e-3)
    assert file.stat().st_size < 400_000
    monkeypatch.setattr(shipped_preference, "describe", told_twice)
    scene = companions.scenes(1, 0)[0]
    assert shipped_preference.beside(models, scene) == dict.fromkeys(("before", "after"), caption(scene))
    assert shipped_preference.judged(models.after, [scene])["recall"] == 1


def test_replies_about_other_pictures_name_companions_rightly_half_the_time(few, monkeypatch):
    with small(CACHED, {companion_exam: {"PICTURES": 60}, preference: {"describe": told_twice}}):
        assert all(value == 1 for value in preference.measured(0, preference.TRUE, "companion right").values)
        values = preference.of_others(0, preference.TRUE).values
        assert abs(sum(values) / len(values) - 0.5) < 0.03


def test_every_arm_measures_the_same_scenes(few, monkeypatch):
    monkeypatch.setattr(preference, "describe", told_twice)
    found = preference.claims()
    assert len({claim.name for claim in found}) == len(found)
    for claim in found:
        every_arm(claim, 2)


def test_there_is_no_arm_of_another_name(few):
    with pytest.raises(KeyError):
        preference.tuned("DPO, taste", 0)
