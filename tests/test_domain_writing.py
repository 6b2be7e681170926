"""What is written is true of the page and in its style; what is counted of a text is what it says."""

import random
import re
from collections import Counter

import numpy as np
import pytest

from labs.world import picture, splits
from labs.world.domains import writing
from labs.world.regions import masks
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS

PAGE = Scene((Thing("circle", "red", "big", 0.17, 0.17), Thing("star", "blue", "small", 0.5, 0.5)))
OF_ONE = Scene((Thing("moon", "orange", "small", 0.83, 0.5),))
PLACES = "top left|top right|bottom left|bottom right|top|left|centre|right|bottom"
THING = re.compile(r"(an?) (big|small) (\w+) (\w+)")


@pytest.fixture(scope="module")
def pages() -> dict[str, list[Scene]]:
    rng = random.Random(3)
    return {split: [writing.sample(rng, split) for _ in range(400)] for split in splits.SPLITS}


def read(text: str) -> list[tuple[str, ...]]:
    """What a text says of each thing, by this file's own patterns."""
    told = []
    for clause in re.split(r", |\. |\.$| / |\?$", text):
        things, places = THING.findall(clause), re.findall(rf"\bat the ({PLACES})\b", clause, re.IGNORECASE)
        assert len(things) == len(places) <= 1, text
        if things:
            article, size, colour, shape = things[0]
            assert article == "a"
            told.append((size, colour, shape, places[0]))
    return told


@pytest.mark.parametrize("style", writing.STYLES)
def test_a_piece_tells_the_whole_page_and_nothing_else(pages, style):
    rng = random.Random(1)
    for page in pages["train"] + pages["heldout"]:
        text = writing.write(page, rng, style)
        assert read(text) == [(thing.size, thing.colour, thing.shape, thing.place) for thing in page.things]
        assert writing.judge(page, style, text) == (1, 1, True) and writing.score(page, style, text) == 1


@pytest.mark.parametrize("style", writing.STYLES)
def test_every_style_has_several_wordings_that_name_no_fact(style):
    wordings = [text for texts in writing.STYLES[style] for text in texts]
    assert len(set(wordings)) == len(wordings) and min(map(len, writing.STYLES[style])) >= 2
    assert not [text for text in wordings if writing.clauses(text)]
    assert len({writing.write(PAGE, random.Random(seed), style) for seed in range(100)}) > 10


@pytest.mark.parametrize("style", writing.STYLES)
def test_no_style_passes_for_another(pages, style):
    rng = random.Random(2)
    for other in writing.STYLES:
        texts = [writing.write(page, rng, other) for page in pages["heldout"][:60]]
        scores = [writing.score(page, style, text) for page, text in zip(pages["heldout"], texts, strict=False)]
        assert set(scores) == {1.0 if other == style else 0.0}


FORMS = {
    "forecast": "Today there is a big red circle at the top left, later a small blue star at the centre. It stays dry.",
    "tale": "Once there was a big red circle at the top left. It met a small blue star at the centre. But who came?",
    "haiku": "a big red circle at the top left / at the centre a small blue star / hush",
}


@pytest.mark.parametrize("style", FORMS)
def test_a_text_keeps_its_form_from_the_first_to_the_last_letter(style):
    true = FORMS[style]
    assert writing.keeps_form(style, true) and writing.keeps_form(style, f" {true}\n")
    broken = [true[1:], true[:-1], true + true, f"{true} Indeed", true.replace("star", "dog"), true.replace("the", "a"),
              true.replace(true.split("/" if style == "haiku" else ". ")[-1], ""), "", "big red circle"]  # fmt: skip
    assert not [text for text in broken if writing.keeps_form(style, text)]


def test_a_haiku_has_three_lines():
    line = "a big red circle at the top left"
    kept = {lines: writing.keeps_form("haiku", " / ".join([line] * lines)) for lines in range(1, 6)}
    assert kept == {1: False, 2: False, 3: True, 4: False, 5: False}


@pytest.mark.parametrize(
    ("text", "recall", "precision"),
    [
        ("", 0, 0),
        ("Nothing to see.", 0, 0),
        ("a big red circle at the top left", 1 / 2, 1),
        ("a big red circle at the top left, a small blue star at the centre", 1, 1),
        ("a small blue star at the centre, a big red circle at the top left", 1, 1),  # in any order
        ("a big red star at the top left, a small blue circle at the centre", 6 / 8, 6 / 8),  # shapes changed over
        ("a big red circle at the top left, a small blue star at the top", 7 / 8, 7 / 8),
        ("a circle, a star", 2 / 8, 1),
        ("a red circle, a red circle", 2 / 8, 1 / 2),  # twice the same is told once
        (
            "a big red circle at the top left, a small blue star at the centre, a big green moon at the bottom",
            1,
            8 / 12,
        ),
        ("a big small red blue circle star", 3 / 8, 3 / 6),  # says everything at once
        ("A RED CIRCLE", 2 / 8, 1),
        ("a red circles starry", 1 / 8, 1),  # whole words only
    ],
)
def test_facts_are_counted_thing_by_thing(text, recall, precision):
    judged = writing.judge(PAGE, "tale", text)
    assert judged == (pytest.approx(recall), pytest.approx(precision), False)
    both = recall + precision
    assert judged.facts == pytest.approx(2 * recall * precision / both if both else 0)
    assert writing.score(PAGE, "tale", text) == 0  # in no style


def test_a_wrong_colour_in_the_right_form_costs_a_fact_told_and_one_invented():
    text = FORMS["tale"].replace("red", "pink")
    assert writing.judge(PAGE, "tale", text) == (7 / 8, 7 / 8, True)
    assert writing.score(PAGE, "tale", text) == pytest.approx(7 / 8)


def test_another_page_and_one_text_for_all_score_low(pages):
    rng = random.Random(4)
    held = pages["heldout"][:100]
    for style in writing.STYLES:
        texts = [writing.write(page, rng, style) for page in held]
        swapped = [writing.score(page, style, text) for page, text in zip(held, texts[1:] + texts[:1], strict=True)]
        assert 0.1 < np.mean(swapped) < 0.35
        assert max(np.mean([writing.score(page, style, text) for page in held]) for text in texts[:5]) < 0.45


def test_a_long_ramble_is_read_in_no_time():
    ramble = "a red circle, " * 5000
    assert len(writing.clauses(ramble)) == 12
    assert writing.judge(PAGE, "tale", ramble).precision == pytest.approx(2 / 24)


# ---------------------------------------------------------------------------------------------------------------
# Pictures, splits, seeds


def test_every_thing_is_drawn_in_its_colour_on_paper_within_a_frame(pages):
    for page in pages["train"][:60]:
        shown = np.asarray(writing.draw(page))
        for thing, mask in zip(page.things, masks(page), strict=True):
            assert tuple(np.median(shown[mask], axis=0)) == COLOURS[thing.colour]
        assert (shown == writing.PAPER).all(axis=2).mean() > 0.4
        assert (shown[0] == writing.INK).all(axis=1).mean() > 0.4


def test_the_page_does_not_look_like_the_plain_world(pages):
    for page in pages["train"][:30]:
        difference = np.asarray(writing.draw(page)) != np.asarray(picture.draw(page))
        assert difference.any(axis=2).mean() > 0.4


@pytest.mark.parametrize("size", [72, 224, 301])
def test_a_picture_depends_on_the_page_alone(size):
    one = writing.draw(PAGE, size)
    assert one.mode == "RGB" and one.size == (size, size) and one.tobytes() == writing.draw(PAGE, size).tobytes()
    small = np.asarray(one.resize((72, 72), 4)).astype(int)
    assert abs(small - np.asarray(writing.draw(PAGE)).astype(int)).mean() < 8
    assert tuple(np.asarray(one)[size // 2, size // 2]) == COLOURS["blue"]


def test_training_never_shows_what_is_held_out(pages):
    def pairs(page):
        return {(thing.colour, thing.shape) for thing in page.things}

    def company(page):
        shapes = {thing.shape for thing in page.things}
        return {pair for pair in splits.HELD_OUT_COMPANY if pair <= shapes}

    assert not [page for page in pages["train"] if pairs(page) & splits.HELD_OUT_PAIRS or company(page)]
    assert all(pairs(page) & splits.HELD_OUT_PAIRS or company(page) for page in pages["heldout"])
    counts = Counter(len(page.things) for page in pages["train"])
    assert set(counts) == {1, 2, 3} and min(counts.values()) > 100


def test_each_page_is_asked_for_in_every_style():
    asked = [writing.questions(PAGE, random.Random(seed)) for seed in range(60)]
    assert asked == [writing.questions(PAGE, random.Random(seed)) for seed in range(60)]
    assert all({one.kind for one in each} == set(writing.STYLES) for each in asked)
    assert {one.text for each in asked for one in each} == {text for s in writing.STYLES.values() for text in s.asked}
    assert {each[0].kind for each in asked} == set(writing.STYLES)
    assert all(writing.score(PAGE, one.kind, one.answer) == 1 for each in asked for one in each)
    assert writing.score(OF_ONE, "haiku", writing.write(OF_ONE, random.Random(0), "haiku")) == 1


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: writing.sample(random.Random(0), "test"), r"split must be one of \('train', 'heldout'\), not 'test'"),
        (lambda: writing.write(PAGE, random.Random(0), "sonnet"), r"style must be one of \('forecast', .*not 'sonnet'"),
        (lambda: writing.judge(PAGE, "sonnet", "x"), "style must be one of .*, not 'sonnet'"),
        (lambda: writing.score(PAGE, "sonnet", "x"), "style must be one of .*, not 'sonnet'"),
        (lambda: writing.draw(PAGE, 32), "size must be at least 64 pixels, not 32"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()
