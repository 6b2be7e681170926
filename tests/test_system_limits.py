"""Limits: what lessons hold, that probes ask for what they say, how sure an answer is, what learns, every arm."""

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import every_arm, small

from labs.models.chat import answer
from labs.systems import limits
from labs.systems.claim import Scores
from labs.systems.parts import (
    limit_beyond,
    limit_company,
    limit_counts,
    limit_forgetting,
    limit_inherited,
    limit_learned,
    limit_order,
    limit_specks,
    limit_trust,
    limit_tuning,
)
from labs.systems.parts.companions import companion
from labs.systems.parts.facts import stated, there
from labs.systems.parts.limit_company import POPULAR, PROBES
from labs.systems.parts.limit_tuning import Lesson, ask, likelier, load, records
from labs.systems.parts.lookout import Material
from labs.world import splits
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS, is_held_out
from labs.world.vocabulary import COLOURS, SHAPES

CACHED = [
    limit_company.tuned, limit_company.exam, limit_company.says_yes, limit_beyond.tuned, limit_beyond.exam,
    limit_beyond.told, limit_counts.tuned, limit_counts.exam, limit_counts.told, limit_forgetting.earlier,
    limit_trust.exam, limit_trust.judged, limit_trust.premises, limit_trust.sure_of_premise, limit_order.pairs,
    limit_order.preferred, limit_inherited.language, limit_inherited.connected, limit_inherited.exam,
    limit_inherited.colours,
]  # fmt: skip


@pytest.fixture
def few():
    """A step on a few pictures."""
    values = {
        limit_company: {"SEEN": 4, "STEPS": 1, "ASKED": 6},
        limit_beyond: {"SEEN": 6, "STEPS": 1, "ASKED": 5, "LONGEST": 6},
        limit_counts: {"SEEN": 12, "STEPS": 1, "BATCH": 4, "EACH": 2},
        limit_forgetting: {"EARLIER": 4},
        limit_trust: {"PICTURES": 5},
        limit_order: {"PAIRS": 4},
        limit_inherited: {"READ": 1, "SEEN": 1, "ROWS": 2, "EXAM": 6, "material": few_scenes},
    }
    with small(CACHED, values):
        yield


def few_scenes(split: str) -> Material:
    """Scenes drawn anew, so that nothing large is looked at."""
    scenes = limit_inherited.lookout.eyes.scenes(split, 16, (1, 2), 9)
    lookout = limit_inherited.lookout
    pairs = lookout.described(scenes)
    return Material(scenes, lookout.look(scenes), pairs, [["describe"] for _ in scenes])


@pytest.fixture
def rng():
    return random.Random(0)


# ---------------------------------------------------------------------------------------------------------------
# Asking and tuning


def test_answers_are_those_of_the_chat_and_sureness_is_their_probability():
    loaded, scene = load(), splits.sample(random.Random(1), count=3)
    questions = ["How many things are there?", "Write a short caption.", "Is there a red circle?"]
    pictures = [draw(scene)] * 3
    told = ask(loaded, pictures, questions, 40)
    assert [one.text for one in told] == [answer(loaded, pictures[:1], question) for question in questions]
    assert all(0 < one.sure <= 1 for one in told)
    # by itself, without the padding of a batch, and as the likelihood of what was said
    for one, question in zip(told, questions, strict=True):
        (alone,) = ask(loaded, pictures[:1], [question], 40)
        assert alone.sure == pytest.approx(one.sure, abs=1e-4)
        logs = likelier(loaded, pictures[:1], question, [(one.text, "no idea")])
        assert logs[0, 0].exp().item() == pytest.approx(one.sure, abs=1e-4) and logs[0, 0] > logs[0, 1]


def test_questions_and_pictures_come_in_pairs():
    with pytest.raises(ValueError, match="every question needs a picture, got 2 and 1"):
        ask(load(), [Image.new("RGB", (72, 72))], ["one", "two"])


def test_a_picture_that_lessons_share_is_written_once():
    picture, other = Image.new("RGB", (72, 72)), Image.new("RGB", (72, 72), (9, 9, 9))
    written = records([Lesson(picture, "a", "b"), Lesson(other, "c", "d"), Lesson(picture, "e", "f")])
    files = [one.pictures[0] for one in written]
    assert files[0] is files[2] and files[0] != files[1]
    assert [message["content"][-1]["text"] for one in written for message in one.messages] == list("abcdef")


def test_adapters_learn_and_rows_of_answers_only_if_asked(few):
    lessons = limit_counts.lessons(0, "gently")
    plain, rows = (limit_tuning.tune(lessons, 0, 1, 4, rows=rows).model for rows in (False, True))
    names = {name.split(".")[-2] for name, _ in rows.named_parameters()} - {
        name.split(".")[-2] for name, _ in plain.named_parameters()
    }
    assert any("trainable_tokens" in name for name in names) and not any(one.requires_grad for one in rows.parameters())
    assert any(weight.abs().sum() > 0 for name, weight in plain.state_dict().items() if "lora_B" in name)


# ---------------------------------------------------------------------------------------------------------------
# Specks


def test_a_speck_changes_a_few_pixels_and_nothing_else(rng):
    scene = splits.sample(rng, count=2)
    far = limit_specks.joins(scene, ("red", "circle"), rng)
    assert far.cell not in {thing.cell for thing in scene.things}
    plain, speck = (np.asarray(limit_specks.draw_far(scene, some)) for some in ((), (far,)))
    assert (plain == np.asarray(draw(scene))).all()
    assert 1 < (plain != speck).any(-1).sum() <= limit_specks.WIDTH**2


def test_what_is_absent_is_none_of_what_is_there(rng):
    for _ in range(200):
        scene = splits.sample(rng, count=3)
        pair = limit_specks.absent(scene, rng, POPULAR)
        assert pair not in there(scene) | set(POPULAR) | HELD_OUT_PAIRS


# ---------------------------------------------------------------------------------------------------------------
# Company


@pytest.mark.parametrize("together", [True, False])
def test_lessons_are_true_and_companions_go_together_in_one_of_two(together, monkeypatch):
    monkeypatch.setattr(limit_company, "draw_far", lambda near, far: None)
    lessons = limit_company.lessons(3, together)
    scenes, asks = random.Random("company 3"), random.Random("asked 3")
    usual = {True: 0, False: 0}
    for number in range(300):
        one = limit_company.shown(limit_company.scene(scenes), asks, together)
        five = lessons[5 * number : 5 * number + 5]
        here = there(one.near) | {one.pair}
        for lesson in five:
            asked = next(iter(stated(lesson.question)))
            assert lesson.answer == ("yes" if asked in here else "no")
        assert [lesson.answer for lesson in five[:2]] == ["yes", "yes"] and five[3].answer == five[4].answer == "no"
        usual[one.pair == companion(one.near)] += one.pair in POPULAR
        asks.choice(sorted(there(one.near)))
        asks.choice(POPULAR)
        for _ in range(2):
            limit_specks.absent(one.near, asks, (*POPULAR, one.pair))
    assert usual[True] + usual[False] > 240
    assert usual[False] == 0 if together else 100 < usual[False] < 170


def test_probes_ask_for_what_is_not_there():
    for number, one in enumerate(limit_company.exam(0)):
        asked = {kind: limit_company.probe(one, number, kind) for kind in PROBES}
        assert not set(asked.values()) & (there(one.near) | {one.pair}) and len(set(asked.values())) == 3
        assert asked["adversarial"] == companion(one.near) and {asked["popular"], asked["adversarial"]} == set(POPULAR)
    with pytest.raises(KeyError):
        limit_company.probe(one, 0, "rare")


def test_answers_are_right_for_what_is_there_and_for_what_is_not(monkeypatch):
    said = {"present": [1.0, 0.0], "random": [0.0, 1.0]}
    monkeypatch.setattr(limit_company, "says_yes", lambda seed, together, kind, others: said[kind])
    assert limit_company.answered(0).values == [1.0, 0.0]


# ---------------------------------------------------------------------------------------------------------------
# Beyond sight


def test_captions_differ_in_specks_and_pictures_in_how_large_things_are(few):
    beyond, within, out = (limit_beyond.lessons(0, way) for way in limit_beyond.WAYS)
    some = random.Random("beyond 0")
    for one, other, third in zip(beyond, within, out, strict=True):
        scene = limit_beyond.split(some)
        assert one.answer == other.answer and stated(one.answer) == there(scene.whole)
        assert stated(third.answer) == there(scene.near) and len(scene.near.things) >= 1 <= len(scene.far)
        assert one.picture.tobytes() == third.picture.tobytes() != other.picture.tobytes()
        assert not {(thing.colour, thing.shape) for thing in scene.far} & there(scene.near)
    with pytest.raises(ValueError, match="way must be one of beyond, within, left out"):
        limit_beyond.lessons(0, "above")


def test_specks_count_as_there_only_where_the_picture_has_them(few, monkeypatch):
    whole = [limit_beyond.caption(one.whole, "plain") for one in limit_beyond.exam(0)]
    monkeypatch.setattr(limit_beyond, "told", lambda seed, way, specks: whole)
    assert set(limit_beyond.invents(0).values) == {0.0} and min(limit_beyond.invents(0, specks=False).values) > 0
    assert set(limit_beyond.recalls(0).values) == {1.0}


# ---------------------------------------------------------------------------------------------------------------
# Counting and forgetting


def test_numbers_come_as_often_as_said(monkeypatch):
    monkeypatch.setattr(limit_counts, "draw", lambda scene: None)
    monkeypatch.setattr(limit_counts, "SEEN", 400)
    monkeypatch.setattr(limit_counts, "EACH", 5)
    limit_counts.exam.cache_clear()
    for shares, frequent in (("steeply", "1"), ("turned round", "8")):
        answers = [one.answer for one in limit_counts.lessons(0, shares)]
        assert len(answers) == limit_counts.SEEN and 0.4 < answers.count(frequent) / len(answers) < 0.6
    assert [one.answer for one in limit_counts.exam(0)] == [str(n) for n in range(1, 9) for _ in range(5)]
    limit_counts.exam.cache_clear()


def test_a_share_of_lessons_is_rehearsed_and_the_rest_stays(few):
    plain, mixed = limit_counts.lessons(0, "evenly"), limit_counts.lessons(0, "evenly", 0.25)
    assert len(plain) == len(mixed) and all(one.question != limit_counts.QUESTION for one in mixed[:3])
    assert [one.answer for one in plain[3:]] == [one.answer for one in mixed[3:]]
    with pytest.raises(KeyError):
        limit_counts.lessons(0, "none")


def test_large_tokens_are_means_of_their_squares():
    torch.manual_seed(0)
    words = torch.randn(2, 36, 5)
    large = limit_counts.LargeTokens(torch.nn.Identity(), 3)(words)
    square = words.view(2, 6, 6, 5)[:, 3:, :3].flatten(1, 2).mean(1)
    torch.testing.assert_close(large.view(2, 6, 6, 5)[:, 4, 1], square)
    assert len(large[0].unique(dim=0)) == 4
    torch.testing.assert_close(limit_counts.LargeTokens(torch.nn.Identity(), 1)(words), words)


def test_the_curve_has_a_point_for_each_number(few, monkeypatch):
    asked = limit_counts.exam(0)
    told = [one.answer if int(one.answer) < 6 else "6" for one in asked]
    monkeypatch.setattr(limit_counts, "told", lambda *how: told)
    assert limit_counts.curve(limit_counts.right(0)) == [1.0] * 6 + [0.0] * 2
    assert limit_counts.between(0, 7, 8).values == [0.0] * 4
    assert limit_counts.right(0, numbers=(1, 2)).values == [1.0] * 4


# ---------------------------------------------------------------------------------------------------------------
# Trust


def test_the_surer_half_is_chosen_by_confidence_and_the_lot_by_none(few, monkeypatch):
    items = len(limit_trust.exam(0).new)
    sure = [number / items for number in range(items)]
    right = [float(number >= items // 2) for number in range(items)]
    monkeypatch.setattr(limit_trust, "judged", lambda *how: limit_trust.Judged(tuple(sure), tuple(right)))

    def mean(scores: Scores) -> float:
        return sum(scores.values) / len(scores.values)

    assert mean(limit_trust.selected(0)) == pytest.approx(1) and mean(limit_trust.selected(0, by="lot")) < 0.9
    assert mean(limit_trust.over(0)) == pytest.approx(sum(sure) / items - sum(right) / items)
    rows = limit_trust.tenths(limit_trust.judged(0))
    assert sum(row[2] for row in rows) == items and all(low[0] < high[0] for low, high in pairwise(rows))
    assert limit_trust.calibration_error(limit_trust.Judged((1.0,) * 5, (1.0,) * 5)) == 0
    found = limit_trust.Judged((0.95, 0.95, 0.95, 0.95, 0.15, 0.15), (1.0, 1.0, 0.0, 0.0, 1.0, 0.0))
    assert limit_trust.calibration_error(found) == pytest.approx((4 * 0.45 + 2 * 0.35) / 6)


def test_premises_are_true_or_false(few):
    pictures, there_is, none = limit_trust.premises(0)
    assert len(pictures) == len(there_is) == len(none) == 2 * limit_trust.PICTURES
    assert all(one != other for one, other in zip(there_is, none, strict=True))


# ---------------------------------------------------------------------------------------------------------------
# Order


@pytest.mark.parametrize("what", limit_order.STYLES)
def test_variants_change_one_thing_and_captions_say_which(few, what):
    for one in limit_order.pairs(0, what, 4):
        first, second = one.scenes
        assert not is_held_out(first) and not is_held_out(second) and one.captions[0] != one.captions[1]
        same = sorted(one.captions[0].replace(",", "").split()) == sorted(one.captions[1].replace(",", "").split())
        assert same or "another" in what or "an" in one.captions[0].split()
        places = ({thing.cell for thing in scene.things} for scene in (first, second))
        assert next(places) == next(places) and len(set(first.things) - set(second.things)) == (
            1 if "another" in what else 2
        )


def test_who_prefers_the_first_caption_always_is_right_half_the_time(few, monkeypatch):
    def first(pictures, request, texts):
        return torch.tensor([[1.0, 0.0]] * len(texts))

    monkeypatch.setattr(limit_order, "JUDGES", {"habit": first})
    assert set(limit_order.prefers(0, "habit").values) == {0.5}


def test_the_dual_encoder_judges_as_the_library_does(few):
    shown = limit_order.pairs(0, "colours", 2)
    pictures, texts = [draw(one.scenes[0]) for one in shown], [one.captions for one in shown]
    loaded = limit_order.eyes.dual_encoder()
    near = limit_order.near(pictures, "", texts)
    for picture, two, found in zip(pictures, texts, near, strict=True):
        inputs = loaded.processor(images=[picture], text=list(two), padding=True, return_tensors="pt")
        with torch.no_grad():
            theirs = loaded.model(**inputs).logits_per_image[0] / loaded.model.logit_scale.exp()
        torch.testing.assert_close(found, theirs, rtol=0, atol=1e-4)


# ---------------------------------------------------------------------------------------------------------------
# What is inherited


def test_usual_colours_differ_and_are_none_that_training_never_shows():
    for seed in range(5):
        known = limit_inherited.usual(seed)
        assert set(known) == set(SHAPES) and set(known.values()) == set(COLOURS)
        assert not {(colour, shape) for shape, colour in known.items()} & HELD_OUT_PAIRS
    assert limit_inherited.usual(0) != limit_inherited.usual(1)


def test_sayings_are_skewed_or_not(rng):
    words, known = limit_inherited.told.lexicon().words, limit_inherited.usual(0)
    for skewed, low, high in ((True, 0.85, 0.95), (False, 0.08, 0.2)):
        usual = []
        for _ in range(150):
            for one in limit_inherited.sayings(rng, 0, skewed).branches:
                said = [words[number] for number in one.ids]
                shape, colour = next(word for word in said if word in SHAPES), said[-2]
                usual.append(known[shape] == colour)
                assert (colour, shape) not in HELD_OUT_PAIRS
        assert low < sum(usual) / len(usual) < high


def test_things_asked_about_have_not_the_usual_colour():
    for one in limit_inherited.exam(0)[:100]:
        assert one.thing.colour != limit_inherited.usual(0)[one.thing.shape]
        assert [thing.shape for thing in one.scene.things].count(one.thing.shape) == 1


def test_only_the_connector_learns_from_pictures(few):
    read = {name: weight.clone() for name, weight in limit_inherited.language(0, True).state_dict().items()}
    model = limit_inherited.connected(0, True)
    assert all(torch.equal(weight, read[name]) for name, weight in model.language.state_dict().items())


# ---------------------------------------------------------------------------------------------------------------
# All of it


def test_every_arm_measures_the_same_items(few, monkeypatch):
    monkeypatch.setattr(limit_trust, "blurred", list)
    found = limits.claims()
    assert len({claim.name for claim in found}) == len(found)
    for claim in found:
        for one in every_arm(claim, 4).values():
            assert all(-1 <= value <= 2.1 for value in one.values)


def test_what_is_shown_is_as_before(few):
    assert limits.build().entry.name == "mini-llava" and limit_learned.remembered(0).scenes
    assert isinstance(replace(limit_company.exam(0)[0].near, background="plain"), Scene)
