"""Data that models write: what engines read, what they keep and drop, what stays the same, and every arm once."""

import random

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import interpolate

from labs.systems import written_data
from labs.systems.parts import (
    checked_pictures,
    checked_samples,
    eyes,
    grained_texts,
    levelled_posts,
    merged_trailers,
    narrated,
    painted_dialogues,
    sentence_writer,
    sought_pictures,
    teller,
)
from labs.systems.parts.checked_pictures import looks_good, matches
from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.sentence_writer import KNOWN, VOCABULARY, talk
from labs.systems.parts.small_pictures import draw_small
from labs.world.domains.sentiment import HELD_OUT
from labs.world.splits import HELD_OUT_PAIRS, has_held_out_pair, is_held_out

PARTS = (checked_pictures, checked_samples, grained_texts, levelled_posts, merged_trailers, narrated,
         painted_dialogues, sentence_writer, sought_pictures)  # fmt: skip
CACHED = tuple(
    one
    for part in PARTS
    for one in vars(part).values()
    if hasattr(one, "cache_clear") and one.__module__ == part.__name__
)


def few(module, **numbers):
    return {"COUNTS": {name: numbers.get(name, 24) for name in module.COUNTS}}


def every_other(vectors, texts):
    """A checker that always accepts some."""
    return torch.arange(len(vectors)) % 2 == 0


def all_well(vectors):
    """One that accepts all."""
    return torch.ones(len(vectors), dtype=torch.bool)


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few pictures."""
    values = {
        sought_pictures: {"COUNT": 320, "ASKED": 16, "DRAWN": 12, "ROOMS": 1, "STEPS": 2},
        sentence_writer: {"TALKS": 64, "STEPS": 80, "RATE": 1e-2},
        checked_samples: {"STEPS": 2, "FEW": 16, "SURE": 0.0},
        merged_trailers: few(merged_trailers, train=40) | {"FEW": 12},
        painted_dialogues: {"REAL": 8, "PAINTED": 6, "ASKED": 8, "STEPS": 2, "LOOKS": 1},
        checked_pictures: {"DIALOGUES": 4, "TRUE": 48, "LOOKS": 1, "matches": every_other, "looks_good": all_well},
        levelled_posts: few(levelled_posts, train=60) | {"INSTRUCTIONS": 40, "STEPS": 2},
        grained_texts: few(grained_texts, train=40, labelled=40) | {"STEPS": 2, "ORDERS": 2},
        teller: {"STEPS": 2},
    }
    with small(CACHED, values):
        yield


@pytest.fixture
def talks():
    """Talks about two things each, and the things."""
    rng = random.Random(0)
    things = [[rng.choice(KNOWN), rng.choice(KNOWN)] for _ in range(30)]
    return [talk(some, rng) for some in things], things


# ---------------------------------------------------------------------------------------------------------------
# Splits and the shared exam


def test_what_is_sought_was_kept_back_and_rivals_are_known_names(cheap):
    assert all(map(is_held_out, sought_pictures.scenes("exam")))
    assert not any(map(has_held_out_pair, sought_pictures.scenes("train")))
    assert not set(sought_pictures.scenes("exam")) & set(sought_pictures.scenes("choice"))
    assert sought_pictures.others("exam").shape == (1, len(KNOWN), 128)


def test_nothing_that_engines_learn_from_was_kept_back(cheap):
    assert not any(map(has_held_out_pair, painted_dialogues.prompts(0)))
    assert not any(tuple(text.split()) in HELD_OUT_PAIRS for text in map(" ".join, KNOWN))
    for heard in (False, True):
        assert all(map(is_held_out, merged_trailers.scenes("exam", heard)))
        assert not any(map(has_held_out_pair, merged_trailers.scenes("train", heard)))
    assert all((case.face, case.phrase) in HELD_OUT for case in levelled_posts.cases("exam"))
    assert not any((case.face, case.phrase) in HELD_OUT for case in levelled_posts.cases("train"))


def test_bags_count_words():
    assert sought_pictures.bags(["red star red", ""], ["star", "red"]).tolist() == [[1, 2], [0, 0]]


# ---------------------------------------------------------------------------------------------------------------
# Narration and dialogues


def test_people_caption_what_is_named_by_what_is_told_of_it_later(talks):
    some, things = talks
    right = sentence_writer.rewritten(some, things)
    for one, row, about in zip(some, right, things, strict=True):
        named = [at for at, shows in enumerate(one.shows) if shows]
        assert [one.thing[at] for at in named] == [0, 1]
        assert (row[:, 0] > 0).nonzero()[:, 0].tolist() == named
        for at, (colour, shape) in zip(named, about, strict=True):
            assert shape in one.sentences[at] and colour not in one.sentences[at].split()
            assert NAMES[8 * int(row[at, 1]) + int(row[at, 0]) - 1] == (colour, shape)


def test_every_word_of_a_talk_is_known(talks):
    assert {word for one in talks[0] for text in one.sentences for word in text.split()} <= set(VOCABULARY)


def test_who_hears_raw_narration_hears_each_sentence_once_and_never_early(cheap):
    for start, (one, times) in enumerate(narrated.narrations(0)):
        assert times == sorted(times) and len(times) == len(one.sentences), start
        assert all(time >= thing for time, thing in zip(times, one.thing, strict=True))
    raw, length = narrated.pairs(0, "raw narration"), narrated.LENGTH
    said = sum(len(text.split()) for one, times in narrated.narrations(0)
               for text, time in zip(one.sentences, times, strict=True) if time < length)  # fmt: skip
    assert raw.texts.sum() == said and len(set(raw.clips.tolist())) == len(raw.clips)
    with pytest.raises(ValueError, match="way must be one of"):
        narrated.pairs(0, "dreamt")


def test_captions_are_moved_within_their_film_and_half_of_them_stay(cheap):
    given, judge = narrated.pairs(0, "rewritten"), narrated.model(0, "rewritten")
    found = narrated.moved(given, judge)
    assert len(found.clips) == round(narrated.KEPT * len(given.clips))
    fits = judge(sought_pictures.seen("train"), given.texts).T
    best = []
    for clip, row in zip(given.clips.tolist(), fits, strict=True):
        film = clip // narrated.LENGTH * narrated.LENGTH
        low, high = max(film, clip - narrated.NEAR), min(film + narrated.LENGTH, clip + narrated.NEAR + 1)
        best.append((row[low:high].max().item(), low + row[low:high].argmax().item()))
    kept = sorted(best, reverse=True)[: len(found.clips)]
    assert sorted(found.clips.tolist()) == sorted(clip for _, clip in kept)


# ---------------------------------------------------------------------------------------------------------------
# Painted pictures


def test_dialogues_are_written_from_the_prompt_alone(cheap, monkeypatch):
    before = painted_dialogues.made(0)
    monkeypatch.setattr(painted_dialogues, "painted", lambda seed: torch.zeros(6, 3, 36, 36))
    painted_dialogues.made.cache_clear()
    after = painted_dialogues.made(0)
    painted_dialogues.made.cache_clear()
    assert not torch.equal(before[0], after[0])
    assert all(torch.equal(before[1][kind], after[1][kind]) for kind in painted_dialogues.KINDS)


def test_what_is_accepted_is_not_painted_again(cheap, monkeypatch):
    asked = []

    def paint(model, texts, noise, *rest):
        asked.append(texts)
        return torch.full((len(texts), 3, 36, 36), float(len(asked)) / 10)

    texts = ("red star", "blue ring", "pink moon")
    monkeypatch.setattr(checked_pictures, "described", lambda seed: texts)
    monkeypatch.setattr(checked_pictures.text_to_picture, "paint", paint)
    monkeypatch.setattr(checked_pictures, "painter", lambda: torch.nn.Identity())
    monkeypatch.setattr(
        checked_pictures, "matches",
        lambda vectors, some: torch.tensor([len(asked) > 1 or text == "red star" for text in some]),
    )  # fmt: skip
    monkeypatch.setattr(checked_pictures, "looks_good", lambda vectors: torch.ones(len(vectors), dtype=torch.bool))
    checked_pictures.pictures.cache_clear()
    first, second = checked_pictures.pictures(0, 1), checked_pictures.pictures(0, 2)
    checked_pictures.pictures(0, 3)
    checked_pictures.pictures.cache_clear()
    assert asked == [list(texts), ["blue ring", "pink moon"]]
    assert first[1].tolist() == [True, False, False] and second[1].all()
    assert torch.equal(first[0][0], second[0][0]) and not torch.equal(first[0][1], second[0][1])


def test_a_match_is_the_likeliest_name():
    names = checked_pictures.few_shots.names()
    assert matches(names[:2], tuple(" ".join(name) for name in NAMES[:2])).all()
    assert not matches(names[:1], ("pink moon",)).any()


def test_ghostly_pictures_look_worse_than_true_ones(cheap):
    true = draw_small(eyes.scenes("train", 40, seed=9))
    seen = [checked_pictures.embed(interpolate(some, size=(72, 72))) for some in (true, (true + true.roll(1, 0)) / 2)]
    fine, ghostly = (looks_good(vectors).float().mean() for vectors in seen)
    assert fine > ghostly + 0.2


# ---------------------------------------------------------------------------------------------------------------
# Texts, samples, levels


def test_a_place_is_the_patients_side_and_the_nearest_zone():
    assert grained_texts.place(grained_texts.SIDE * 1 + 1) == "right top"
    assert grained_texts.place(grained_texts.SIDE * 4 + 4) == "left bottom"
    assert all(grained_texts.retrieve(label).startswith(label) for label in grained_texts.FINDINGS)


def test_each_level_adds_its_words_and_global_ones_stay(cheap):
    every = grained_texts.texts(0, grained_texts.LEVELS)
    for case, text, label in zip(grained_texts.cases("train"), every, grained_texts.texts(0, ("global",)), strict=True):
        assert label.split() == [case.finding] and text.split()[0] == case.finding
        assert ({"left", "right"} & set(text.split()) == set()) == (case.finding == "clear")


def test_who_merges_goes_by_most_frames_and_leaves_out_what_is_disputed():
    captions = torch.tensor([[[1, 2], [1, 3], [4, 5]]])
    told = merged_trailers.merge(captions, torch.tensor([[6, 7]]))[0].unflatten(0, (4, 8))
    assert told.sum(1).tolist() == [1, 0, 1, 1]
    assert told[0, 1] == told[2, 6] == told[3, 7] == 1


def test_apart_and_together_say_the_same(cheap):
    _, merged = merged_trailers.described(0, "merged")
    which, apart = merged_trailers.described(0, "seen and heard, apart")
    torch.testing.assert_close(apart[: len(merged)] + apart[len(merged) :], merged)
    assert torch.equal(which[: len(merged)], which[len(merged) :])


def test_a_check_mends_what_is_asked_for_and_drops_what_nobody_is_sure_of(monkeypatch):
    monkeypatch.setattr(checked_samples, "SURE", 0.8)  # a cheap writer is sure of nothing, so there it is 0
    chances = torch.full((3, 2, 8), 0.01)
    chances[0, 0, 1] = chances[0, 1, 2] = chances[1, 0, 1] = chances[2, 0, 1] = 0.9
    chances[1, 1, 2] = chances[2, 1, 2] = 0.4
    judge = type("Judge", (teller.Teller,), {"chances": lambda self, given: chances})(torch.nn.Linear(1, 1))
    wanted, name, colour = torch.tensor([[5, 5]] * 3), 4, 0
    mended, stays = checked_samples.check(judge, torch.zeros(3, 128), wanted, torch.tensor([name, name, colour]))
    assert mended.tolist() == [[1, 2], [1, 2], [1, 5]] and stays.tolist() == [True, False, True]


def test_texts_of_an_instruction_hold_its_words_in_its_language():
    things = torch.tensor([[1, 2]] * 6)
    told = checked_samples.texts(torch.arange(6), things)
    assert told.sum(1).tolist() == [1, 1, 1, 1, 2, 2]
    assert all(row[:16].sum() == 0 if number % 2 else row[16:].sum() == 0 for number, row in enumerate(told))


def test_a_hard_negative_differs_in_one_word():
    wanted, asked = torch.randint(8, (200, 2), generator=torch.Generator().manual_seed(0)), torch.arange(200) % 6
    wrong = checked_samples.nearly(wanted, asked, torch.Generator().manual_seed(1))
    differ = checked_samples.texts(asked, wanted) != checked_samples.texts(asked, wrong)
    assert (differ.sum(1) == 2).all()  # one word goes, another comes


def test_mixes_have_equally_many_instructions_and_only_answers_of_the_level_are_offered(cheap):
    for levels in (tuple(levelled_posts.LEVELS), ("analyse",)):
        which, level = levelled_posts.instructions(0, levels)
        assert len(which) == levelled_posts.INSTRUCTIONS and len(level.unique()) == len(levels)
        assert (levelled_posts.posts("train").answers[which, level] >= 0).all()
    torch.manual_seed(0)
    given, level = levelled_posts.posts("train"), torch.arange(4)
    told = levelled_posts.Answerer()(given.faces[:4], given.words[:4], level)
    assert torch.isfinite(told).sum(1).tolist() == [6, 4, 2, 2]


def test_one_cheap_run_of_every_arm(cheap):
    for claim in written_data.claims():
        assert set(every_arm(claim, least=8)) == set(claim.arms)
