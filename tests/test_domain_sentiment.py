"""Posts with a face: both sides are needed, the truth is the rule's, the face drawn is the face told."""

import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from labs.world.domains import sentiment
from labs.world.domains.sentiment import FACES, PHRASES, TARGETS, Case
from labs.world.splits import SPLITS

# Written down again here, not read off the tables of the module.
SMILING = {"happy", "laughing", "loving"}
LOSSES = ("no more ", " is over", "goodbye ", " is gone", "the end of ", "we lost ")
PRAISE, BLAME = ("I love ", " is the best"), ("I hate ", " is the worst")
BACK = (" is back", "we have ")


def told(marks: tuple[str, ...], post: Case) -> bool:
    return any(mark in post.words for mark in marks)


@pytest.mark.parametrize("split", SPLITS)
def test_the_truth_follows_from_the_face_and_the_words(split):
    for post in sentiment.posts(split):
        smiles = post.face in SMILING
        assert post.target in post.words
        assert post.truth["face"] == post.face
        marks = {"gone": LOSSES, "back": BACK, "praise": PRAISE, "blame": BLAME}
        assert [said for said in marks if told(marks[said], post)] == [post.truth["words"]]
        assert post.truth["sentiment"] == ("positive" if smiles != told(LOSSES, post) else "negative")
        assert ("irony" in post.truth) == told(PRAISE + BLAME, post)
        if "irony" in post.truth:
            assert post.truth["irony"] == ("no" if smiles == told(PRAISE, post) else "yes")


def test_some_posts_read_as_anybody_would_read_them():
    phrase = {phrase.text: i for i, phrase in enumerate(PHRASES)}
    for face, words, target, sentiment_, irony in (
        ("angry", "I love {}", "tea", "negative", "yes"),
        ("sad", "I hate {}", "rain", "negative", "no"),
        ("loving", "{} is the worst", "soup", "positive", "yes"),
        ("loving", "{} is back", "snow", "positive", None),
        ("laughing", "{} is over", "school", "negative", None),
        ("scared", "no more {}", "music", "positive", None),
    ):
        truth = Case(face, phrase[words], target).truth
        assert (truth["sentiment"], truth.get("irony")) == (sentiment_, irony)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("kind", ["sentiment", "irony"])
@pytest.mark.parametrize("side", ["words", "face"])
def test_one_side_alone_is_at_chance_whatever_rule_it_follows(side, kind, split):
    posts = [post for post in sentiment.posts(split) if kind in post.truth]
    answers = sorted({post.truth[kind] for post in posts})
    counts = defaultdict(Counter)
    for post in posts:
        counts[getattr(post, side)][post.truth[kind]] += 1
    assert all(each[answers[0]] == each[answers[1]] > 0 for each in counts.values())
    assert sentiment.alone(side, kind, split) == 0.5
    rng = random.Random(0)
    for _ in range(5):  # any rule from this side to an answer
        rule = {seen: rng.choice(answers) for seen in counts}
        assert 2 * sum(rule[getattr(post, side)] == post.truth[kind] for post in posts) == len(posts)


@pytest.mark.parametrize("split", SPLITS)
def test_for_every_post_there_is_another_that_differs_on_one_side_and_in_the_answer(split):
    posts = sentiment.posts(split)
    answer = {"positive": "negative", "negative": "positive"}
    words = {(post.words, post.truth["sentiment"]) for post in posts}
    faces = {(post.face, post.target, post.truth["sentiment"]) for post in posts}
    for post in posts:
        assert (post.words, answer[post.truth["sentiment"]]) in words
        assert (post.face, post.target, answer[post.truth["sentiment"]]) in faces


def test_the_face_is_told_by_the_face_alone_and_the_words_by_the_words_alone():
    assert sentiment.alone("face", "face", "train") == sentiment.alone("words", "words", "train") == 1.0
    assert sentiment.alone("words", "face", "train") == 0.25  # one of the four faces that training shows with a phrase
    assert sentiment.alone("face", "words", "train") == 0.5  # "gone", as of half of the phrases


def test_no_face_meets_a_phrase_in_both_splits():
    pairs = {split: {(post.face, post.phrase) for post in sentiment.posts(split)} for split in SPLITS}
    assert not pairs["train"] & pairs["heldout"]
    assert len(pairs["train"] | pairs["heldout"]) == len(FACES) * len(PHRASES)
    for place, values in ((0, FACES), (1, range(len(PHRASES)))):  # each side of a kept pair was met in training
        assert {pair[place] for pair in pairs["train"]} == {pair[place] for pair in pairs["heldout"]} == set(values)
    for split in SPLITS:
        rng = random.Random(1)
        drawn = [sentiment.sample(rng, split) for _ in range(2000)]
        assert {(post.face, post.phrase) for post in drawn} == pairs[split]
        for kind, least in (("face", 250), ("words", 250), ("sentiment", 900), ("irony", 250)):
            assert min(Counter(post.truth[kind] for post in drawn if kind in post.truth).values()) > least
        assert {post.target for post in drawn} == set(TARGETS)


def test_how_a_face_is_set_out_tells_nothing():
    rng = random.Random(2)
    posts = [sentiment.sample(rng) for _ in range(6000)]
    seen = Counter((post.truth["sentiment"], post.paper, post.skin) for post in posts)
    assert len(seen) == 2 * len(sentiment.PAPERS) * len(sentiment.SKINS) and min(seen.values()) > 140


def test_the_questions_hold_the_words_and_ask_what_is_true():
    rng, texts = random.Random(3), set()
    for _ in range(300):
        post = sentiment.sample(rng)
        asked = sentiment.questions(post, rng)
        assert {one.kind: one.answer for one in asked} == post.truth
        texts |= {one.text.replace(post.words, "...").replace(post.target, "it") for one in asked}
        for one in asked:
            assert (post.words in one.text) == (one.kind != "face")
    assert len(texts) == sum(map(len, sentiment.WORDINGS.values()))


# ---------------------------------------------------------------------------------------------------------------
# What is drawn


def pixels(face: str, size: int = 72, **look) -> np.ndarray:
    return np.asarray(sentiment.draw(Case(face, 0, "rain", **look), size)).astype(int)


@pytest.mark.parametrize("size", [72, 224])
def test_hearts_tears_and_teeth_are_where_they_belong(size):
    for face in FACES:
        r, g, b = np.moveaxis(pixels(face, size, paper=3), 2, 0)
        assert ((r > 200) & (g < 60)).any() == (face == "loving")
        assert ((b > 200) & (r < 90)).any() == (face == "sad")
        assert ((r > 250) & (b > 250)).any() == (face in ("laughing", "angry", "scared"))


@pytest.mark.parametrize(("face", "way"), [("happy", 1), ("loving", 1), ("sad", -1)])
def test_a_smile_hangs_down_in_the_middle_and_a_sad_mouth_at_its_ends(face, way):
    size = 216
    dark = pixels(face, size).max(axis=2) < 90
    mouth = dark[int(0.54 * size) : int(0.8 * size)]
    height = {where: np.flatnonzero(mouth[:, int(where * size)]).mean() for where in (0.35, 0.5)}
    assert way * (height[0.5] - height[0.35]) > 0.02 * size


@pytest.mark.parametrize("size", [72, 224])
def test_the_six_faces_differ_more_than_two_looks_of_one_in_the_same_place(size):
    drawn = {face: pixels(face, size) for face in FACES}
    same = np.abs(drawn["happy"] - pixels("happy", size, skin=1))[size // 4 : -size // 4, size // 4 : -size // 4].mean()
    for a in FACES:
        assert drawn[a].shape == (size, size, 3)
        for b in FACES:
            assert a == b or np.abs(drawn[a] - drawn[b])[size // 4 : -size // 4, size // 4 : -size // 4].mean() > same


def test_the_words_are_not_in_the_picture():
    post = sentiment.sample(random.Random(4))
    other = Case(post.face, (post.phrase + 1) % len(PHRASES), "soup", post.shift, post.paper, post.skin)
    assert sentiment.draw(post).tobytes() == sentiment.draw(other).tobytes() == sentiment.draw(post).tobytes()
    assert sentiment.draw(post).mode == "RGB"


def test_the_seed_decides():
    def made(seed: int) -> list:
        rng = random.Random(seed)
        return [(post := sentiment.sample(rng, "heldout"), sentiment.questions(post, rng)) for _ in range(20)]

    assert made(0) == made(0) != made(1)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: sentiment.sample(random.Random(0), "test"), r"split must be one of \('train', .*\), not 'test'"),
        (lambda: sentiment.alone("both", "sentiment"), "side must be 'words' or 'face' .*, not 'both' and 'sentiment'"),
        (lambda: sentiment.alone("face", "smell"), "kind one of .*, not 'face' and 'smell'"),
        (lambda: Case("calm", 0, "rain"), r"face must be one of \('happy', .*\), not 'calm'"),
        (lambda: Case("sad", 0, "cake"), r"target must be one of \('rain', .*\), not 'cake'"),
        (lambda: Case("sad", 12, "rain"), r"phrase must be one of \(0, .* 11\), not 12"),
        (lambda: sentiment.draw(Case("sad", 0, "rain"), 32), "size must be at least 64 pixels, not 32"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
