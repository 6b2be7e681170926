"""One shared model or separate parts: raw patches, what is new and what learns, and operations counted by hand."""

import numpy as np
import pytest
import torch
from recipes import dual
from small_runs import Shown, every_arm, small

from labs.systems import shared_or_separate as system
from labs.systems.parts import by_place, connected, early, eyes, lookout, operations, school, shown, talk
from labs.systems.parts.connected import Connected
from labs.systems.parts.lookout import Material
from labs.systems.parts.talker import build as build_talker
from labs.systems.parts.talker import talker
from labs.world import splits
from labs.world.grammar import at
from labs.world.picture import draw
from labs.world.vocabulary import COLOURS, SHAPES

FEW, STEPS = 48, 2
TIMES = system.LONGER / system.STEPS  # before tests make both small
EXAM, TRAIN = by_place.ASKED, lookout.TRAIN  # likewise


@pytest.fixture(scope="module")
def seen() -> dict[bool, Material]:
    """A few held-out scenes, as patches and as the eyes see them."""
    given = Material(*(part[:FEW] for part in lookout.material("heldout")))
    return {False: given, True: given._replace(seen=early.cut(given.scenes))}


@pytest.fixture(autouse=True)
def few(seen):
    """Two steps and three times as many, on those scenes."""
    values = {"material": lambda split, shared: seen[shared], "COUNTED": 2, "ASKED": 2}
    values["MODELS"] = {name: (shared, min(steps, STEPS)) for name, (shared, steps) in system.MODELS.items()}
    values |= {"STEPS": STEPS, "LONGER": STEPS}
    with small(
        (system.taught, system.pre_training, by_place.material),
        {
            system: values,
            connected: {"material": lambda split: seen[False]},
            lookout: {"TRAIN": FEW},
            by_place: {"ASKED": FEW},
            operations: {"SAMPLE": 1},
        },
    ):
        yield seen


# ---------------------------------------------------------------------------------------------------------------
# Raw patches


def test_patches_are_the_pictures_squares_in_reading_order(few):
    given = few[True]
    assert given.seen.shape == (FEW, early.GRID**2, early.VALUES)
    for number in (0, 7):
        pixels = np.asarray(draw(given.scenes[number]))
        for patch in range(early.GRID**2):
            top, left = (part * early.SIDE for part in divmod(patch, early.GRID))
            square = pixels[top : top + early.SIDE, left : left + early.SIDE]  # (side, side, 3)
            shown = given.seen[number, patch].float().unflatten(0, (3, early.SIDE, early.SIDE)).permute(1, 2, 0)
            assert np.abs((shown.numpy() + 1) * 127.5 - square).max() < 0.1


def test_both_are_asked_the_same_about_the_same_scenes(few):
    assert few[False].pairs is few[True].pairs and few[False].scenes is few[True].scenes


def test_patches_are_words_to_the_shared_model():
    """Read where words stand, one after the other, by the same layers."""
    model, patches = early.build(0), torch.rand(1, 36, early.VALUES)
    batch = shown.rows(model.connector.tokens, [[talk.pair("Where is the star?", "top left")]])
    words = model.language.get_input_embeddings()(batch.input_ids)
    words[:, 1:37] = model.connector(patches)
    with torch.no_grad():
        plain = model.language(
            inputs_embeds=words, attention_mask=batch.attention_mask, position_ids=batch.position_ids
        )
        found = talk.answer_logits(model.language, batch, model.connector(patches))
    torch.testing.assert_close(found, plain.logits[batch.labels != talk.IGNORE], rtol=1e-4, atol=1e-5)


def test_the_shared_model_tells_one_order_of_patches_from_another(few):
    model, given = early.build(0), few[True]
    with torch.no_grad():
        losses = [model.loss(shown, given.pairs[:8]) for shown in (given.seen[:8], given.seen[:8].flip(1))]
    assert not torch.allclose(*losses, atol=1e-4)


def test_shapes_of_patches_are_enforced(few):
    with pytest.raises(Exception, match="forward"):
        early.build(0).loss(few[False].seen[:2], few[False].pairs[:2])


# ---------------------------------------------------------------------------------------------------------------
# What is new, what learns


def test_the_shared_model_has_the_language_models_form_and_none_of_its_weights():
    new, old = early.build(0).language.state_dict(), talker().state_dict()
    assert {name: value.shape for name, value in new.items()} == {name: value.shape for name, value in old.items()}
    assert not any(torch.equal(new[name], old[name]) for name in new)
    again, other = early.build(0), early.build(1)
    assert torch.equal(again.language.lm_head.weight, new["lm_head.weight"])
    assert not torch.equal(again.connector.inner.weight, other.connector.inner.weight)


@pytest.mark.parametrize("shared", [True, False])
def test_all_that_is_shared_learns_and_of_the_parts_the_connector_alone(shared):
    before, after = (model.state_dict() for model in (system.build(0, shared), system.taught(0, shared, STEPS)))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    parts = {name.split(".")[0] for name in changed}
    assert parts == ({"language", "connector"} if shared else {"connector"})
    if shared:
        assert len(changed) == len(before)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("blind", [True, False])
def test_the_blind_learn_beside_other_pictures(shared, blind, few, monkeypatch):
    given, asked, real = few[shared], [], Connected.loss
    shown = given._replace(seen=Shown(given.seen))
    monkeypatch.setattr(system, "material", lambda split, shared: shown)
    monkeypatch.setattr(Connected, "loss", lambda self, seen, pairs: asked.append(pairs) or real(self, seen, pairs))
    system.taught.__wrapped__(0, shared, STEPS, blind=blind)
    lessons = given.lessons()
    own = [[lessons.index(one) for one in some] for some in asked]
    assert len(own) == STEPS and (own == [rows.tolist() for rows in shown.seen.rows]) != blind


@pytest.mark.parametrize("tasks", ["both", "questions"])
def test_questions_alone_are_without_descriptions(tasks, few, monkeypatch):
    asked, real = [], Connected.loss
    monkeypatch.setattr(Connected, "loss", lambda self, seen, pairs: asked.append(pairs) or real(self, seen, pairs))
    system.taught.__wrapped__(0, True, STEPS, tasks=tasks)
    described = [one for some in lookout.described(few[True].scenes) for one in some]
    assert all((some[-1] in described) == (tasks == "both") for batch in asked for some in batch)


# ---------------------------------------------------------------------------------------------------------------
# Shapes and colours, in new scenes of known combinations


def test_scenes_of_shapes_and_colours_are_new_and_none_is_held_out(monkeypatch):
    monkeypatch.setattr(by_place, "ASKED", EXAM)
    asked, learned = by_place.scenes(), set(eyes.scenes("train", TRAIN, lookout.THINGS))
    assert len(set(asked)) == len(asked) and not learned & set(asked)
    assert not any(splits.is_held_out(scene) for scene in asked)
    assert {len(scene.things) for scene in asked} == set(lookout.THINGS)


def test_things_are_named_by_their_place_and_by_nothing_that_helps():
    given = by_place.material(False)
    for scene, pairs in zip(given.scenes, given.pairs, strict=True):
        asked = {tuple(one.ids): kind for one, kind in zip(pairs, by_place.KINDS, strict=True)}
        options = {
            tuple(talk.pair(f"What {kind} is the thing {at('en', thing.place)}?", getattr(thing, kind)).ids): kind
            for thing in scene.things
            for kind in by_place.KINDS
        }
        assert asked.items() <= options.items() and len(asked) == len(by_place.KINDS)
    assert by_place.GUESSED == 1 / len(SHAPES) == 1 / len(COLOURS)


@pytest.mark.parametrize("kind", by_place.KINDS)
def test_of_each_kind_both_are_asked_the_same(kind, monkeypatch):
    asked, words = [], {tuple(talk.write(word)) for word in (SHAPES if kind == "shape" else COLOURS)}

    def right(self, seen, pairs):
        asked.append((seen.shape, pairs))
        return torch.arange(len(pairs)) % 2 == 0

    monkeypatch.setattr(Connected, "right", right)
    monkeypatch.setattr(system, "taught", lambda seed, shared, steps: system.build(seed, shared))
    scores = [system.tell(0, shared, STEPS, kind) for shared in (True, False)]
    assert scores[0] == scores[1] and scores[0].values[:2] == [1, 0]
    (patches, ours), (features, theirs) = asked
    assert ours == theirs and (patches[2], features[2]) == (early.VALUES, lookout.WIDTH)
    assert all(len(some) == 1 and tuple(some[0].ids[-2:-1]) in words for some in ours)


def test_the_blind_differ_from_the_seeing_by_nothing_else():
    claims = {claim.name: claim for claim in system.claims()}
    for name in ("parts from the shelf", "colours are in the pixels", "shapes take eyes"):
        arms = claims[name].arms
        for blind, seeing in system.BLIND.items():
            assert arms[blind].func is arms[seeing].func, name
            assert arms[blind].keywords == arms[seeing].keywords | {"blind": True}, name
    for name in ("colours are in the pixels", "shapes take eyes"):
        assert claims[name].controls == dict.fromkeys(system.BLIND, by_place.GUESSED)


# ---------------------------------------------------------------------------------------------------------------
# Operations


def test_a_product_of_matrices_takes_two_operations_for_each_pair_of_numbers():
    layer, x = torch.nn.Linear(5, 7, bias=False), torch.rand(3, 5)
    assert operations.counted(lambda: layer(x)) == 2 * 3 * 5 * 7
    assert operations.learning(lambda: layer(x).sum()) == 2 * (2 * 3 * 5 * 7)  # nobody asks for the gradient of x
    x.requires_grad_(True)
    assert operations.learning(lambda: layer(x).sum()) == 3 * (2 * 3 * 5 * 7)


def test_attention_is_counted_in_full():
    query = torch.rand(1, 2, 6, 4)
    found = operations.counted(lambda: torch.nn.functional.scaled_dot_product_attention(query, query, query))
    assert found == 2 * (2 * 2 * 6 * 6 * 4)


def test_two_looks_cost_twice_as_much_as_one():
    tower = 4 * (4 * 128 * 128 + 2 * 128 * 512)  # weights of its layers
    assert operations.of_a_look(2) == 2 * operations.of_a_look()
    assert operations.of_a_look() == pytest.approx(2 * 37 * tower, rel=0.15)  # and patches, and attention


def test_a_frozen_language_model_costs_less_to_learn_behind_than_one_that_learns(few):
    model, given = system.build(0, False), few[False]

    def cost() -> int:
        return operations.learning(lambda: model.loss(given.seen[:4], given.pairs[:4]))

    frozen, forward = cost(), operations.counted(lambda: model.loss(given.seen[:4], given.pairs[:4]))
    model.language.requires_grad_(True)
    assert forward < frozen < cost() < 3.1 * forward


def test_pre_training_is_counted_for_as_many_steps_as_it_took(monkeypatch):
    assert (operations.EYES_STEPS, operations.EYES_BATCH) == (dual.STEPS, dual.BATCH)
    eyes, reading = operations.of_eyes(), operations.of_school("weak")
    model, steps = build_talker("weak"), school.STEPS["weak"]
    rows = talk.lay_out(school.lessons(steps // 2, steps))
    assert reading == steps * operations.learning(lambda: talk.answer_loss(model, rows))
    looks = operations.of_a_look(operations.EYES_BATCH) * operations.EYES_STEPS
    assert 3 * looks * 0.98 < eyes < 8 * looks  # the text tower is smaller, and reads no more tokens than patches


def test_costs_grow_with_steps_and_what_came_before_is_added_once():
    one, two = (system.cost_of_learning(0, True, steps).values for steps in (1, 2))
    assert [2 * value for value in one] == pytest.approx(two)
    alone, all_of_it = (system.cost_of_learning(0, False, 2, before=before).values for before in (False, True))
    added = [b - a for a, b in zip(alone, all_of_it, strict=True)]
    assert added == pytest.approx([system.pre_training() / system.TERA] * len(added))


def test_every_picture_is_looked_at_once_however_often_it_comes():
    few, many = (system.cost_of_learning(0, False, steps).values for steps in (3, 300))
    look = operations.of_a_look() / system.TERA
    assert [many[i] - FEW * look for i in range(2)] == pytest.approx([100 * (few[i] - FEW * look) for i in range(2)])


# ---------------------------------------------------------------------------------------------------------------


def test_three_times_as_long_is_what_its_name_says():
    assert TIMES == 3


def test_an_arm_of_every_claim_measures_the_same_items():
    claims = system.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        scores = every_arm(claim, 2)
        if claim.name in ("somebody has paid", "no eyes to pay for"):
            pairs = zip(scores[claim.better].values, scores[claim.than].values, strict=True)
            assert all(better > than for better, than in pairs), claim.name
