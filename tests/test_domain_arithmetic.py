"""The drawn sums are read again from the pixels; what is asked is true, and no held-out pair is added in training."""

import random
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from labs.world.domains import arithmetic
from labs.world.domains.arithmetic import Addition

SPLITS = ("train", "heldout")
ROD = (70, 70, 76)


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Addition]]:
    rng = random.Random(1)
    return {split: [arithmetic.sample(rng, split) for _ in range(2000)] for split in SPLITS}


def pair(case: Addition) -> tuple[int, ...]:
    return tuple(sorted((case.first, case.second)))


# ---------------------------------------------------------------------------------------------------------------
# Splits


def test_no_pair_is_added_in_both_splits_in_whatever_order_and_form(cases):
    seen = {split: {pair(case) for case in cases[split]} for split in SPLITS}
    assert not seen["train"] & seen["heldout"]
    assert len(seen["train"]) == 40 and len(seen["heldout"]) == 15
    assert all(arithmetic.is_held_out(case) == (split == "heldout") for split in SPLITS for case in cases[split])


def test_each_held_out_sum_and_digit_is_known_from_training(cases):
    for measure in (lambda case: {case.sum}, pair):
        known, asked = ({each for case in cases[split] for each in measure(case)} for split in SPLITS)
        assert asked <= known
    assert {case.sum for case in cases["heldout"]} == set(range(2, 17))
    for place in ("first", "second"):
        assert all({getattr(case, place) for case in cases[split]} == set(range(10)) for split in SPLITS)


def test_both_orders_and_both_forms_are_drawn(cases):
    for split in SPLITS:
        shown = {(case.first, case.second, case.form) for case in cases[split]}
        assert all((second, first, form) in shown for first, second, form in shown)
        assert {form for *_, form in shown} == {"written", "frame"}


@pytest.mark.parametrize("split", ["test", "", "Train"])
def test_a_split_that_does_not_exist_is_refused(split):
    with pytest.raises(ValueError, match="split must be one of"):
        arithmetic.sample(random.Random(0), split)


# ---------------------------------------------------------------------------------------------------------------
# Pictures


def read_rod(pixels: np.ndarray, row: int) -> int:
    """How many of nine beads stand left of the bare piece of the rod."""
    size = len(pixels)
    bare = np.flatnonzero(np.abs(pixels[row].astype(int) - ROD).max(axis=-1) < 12)
    runs = np.split(bare, np.flatnonzero(np.diff(bare) > 1) + 1)
    longest = max(runs, key=len)
    assert len(longest) > 0.06 * size
    return round((longest[0] / size - 0.07) / 0.082)


@pytest.mark.parametrize("size", [144, 288])
def test_the_beads_are_read_again(size):
    rng = random.Random(2)
    for first, second in product(range(10), range(10)):
        case = Addition(first, second, "frame", rng.choice(("paper", "board")), y=rng.choice((-1.0, 0.0, 1.0)))
        pixels = np.asarray(arithmetic.draw(case, size))
        rows = [round((middle + 0.02 * case.y) * size) for middle in (0.29, 0.71)]
        assert [read_rod(pixels, row) for row in rows] == [first, second]


def test_five_beads_of_nine_are_red_and_none_is_hidden():
    for number in range(10):
        lefts = arithmetic.beads(number)
        assert len(lefts) == 9 and 0.06 < lefts[0] and lefts[-1] + 0.082 < 0.94
        assert (np.diff(lefts) > 0.08).all()
        pixels = np.asarray(arithmetic.draw(Addition(number, number, "frame"), 288)).astype(int)
        row = pixels[round(0.29 * 288)]
        red = (row[:, 0] > 180) & (row[:, 1] < 80)
        assert np.count_nonzero(np.diff(red.astype(int)) == 1) == 5


def test_each_digit_is_written_in_its_place_and_looks_like_no_other():
    def halves(first: int, second: int) -> tuple[bytes, bytes]:
        pixels = np.asarray(arithmetic.draw(Addition(first, second)))
        return pixels[:, :29].tobytes(), pixels[:, -29:].tobytes()

    lefts, rights = zip(*(halves(digit, digit) for digit in range(10)), strict=True)
    assert len(set(lefts)) == len(set(rights)) == 10
    for first, second in product(range(10), range(10)):
        assert halves(first, second) == (lefts[first], rights[second])


@pytest.mark.parametrize("size", [72, 224])
def test_what_is_written_lies_within_the_picture(size):
    for number, x, y in product((0, 4, 8), (-1.0, 1.0), (-1.0, 1.0)):
        for sheet in ("paper", "board"):
            picture = arithmetic.draw(Addition(number, number, "written", sheet, x, y), size)
            pixels = np.asarray(picture).astype(int)
            assert picture.mode == "RGB" and picture.size == (size, size)
            ink = np.abs(pixels - pixels[0, 0]).sum(axis=-1) > 60
            assert ink.any() and not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


def test_the_same_case_is_the_same_picture_and_a_shift_is_seen(cases):
    for case in cases["train"][:30]:
        assert arithmetic.draw(case).tobytes() == arithmetic.draw(replace(case)).tobytes()
        assert arithmetic.draw(replace(case, y=-1.0)).tobytes() != arithmetic.draw(replace(case, y=1.0)).tobytes()


# ---------------------------------------------------------------------------------------------------------------
# Questions


def test_every_answer_is_true(cases):
    rng = random.Random(3)
    for case in cases["train"] + cases["heldout"]:
        asked = {question.kind: question for question in arithmetic.questions(case, rng)}
        assert set(asked) == {"first", "second", "sum", "bigger"}
        told = {kind: question.answer for kind, question in asked.items()}
        assert int(told["first"]) + int(told["second"]) == int(told["sum"])
        names = {"written": ("left", "right"), "frame": ("top", "bottom")}[case.form]
        numbers = dict(zip(names, (case.first, case.second), strict=True))
        for kind, number in zip(("first", "second"), numbers, strict=True):
            assert int(told[kind]) == numbers[number]
            assert number in asked[kind].text
            assert not any(other in asked[kind].text for other in {"left", "right", "top", "bottom"} - {number})
        best = max(numbers.values())
        winners = [name for name, value in numbers.items() if value == best]
        assert told["bigger"] == (winners[0] if len(winners) == 1 else "neither")


def test_order_changes_the_places_and_not_the_sum(cases):
    other = {"left": "right", "right": "left", "top": "bottom", "bottom": "top", "neither": "neither"}
    for case in cases["heldout"][:200]:
        swapped = replace(case, first=case.second, second=case.first)
        one, two = (
            {question.kind: question.answer for question in arithmetic.questions(each, random.Random(4))}
            for each in (case, swapped)
        )
        assert (one["first"], one["second"]) == (two["second"], two["first"])
        assert one["sum"] == two["sum"] and two["bigger"] == other[one["bigger"]]


@pytest.mark.parametrize("split", SPLITS)
def test_no_answer_is_frequent_enough_to_be_a_guess(cases, split):
    seen = {kind: Counter() for kind in arithmetic.KINDS}
    for case in cases[split]:
        for question in arithmetic.questions(case, random.Random(5)):
            seen[question.kind][question.answer] += 1
    for kind, most in {"first": 0.2, "second": 0.2, "sum": 0.2, "bigger": 0.35}.items():
        assert max(seen[kind].values()) / seen[kind].total() < most
    assert len(seen["sum"]) == {"train": 19, "heldout": 15}[split]


def test_no_digit_tells_the_sum(cases):
    """Whoever reads one of two numbers and knows how often which sum goes with it is right in one case of four."""
    for split in SPLITS:
        by_digit: dict[int, Counter] = {}
        for case in cases[split]:
            by_digit.setdefault(case.first, Counter())[case.sum] += 1
        right = sum(max(sums.values()) for sums in by_digit.values())
        assert right / len(cases[split]) < {"train": 0.3, "heldout": 0.55}[split]


def test_every_wording_is_used_and_the_same_rng_asks_the_same():
    for form in ("written", "frame"):
        case = Addition(3, 4, form)
        texts = {question.text for seed in range(60) for question in arithmetic.questions(case, random.Random(seed))}
        assert len(texts) == 12
        assert arithmetic.questions(case, random.Random(7)) == arithmetic.questions(case, random.Random(7))


# ---------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize("values", [{"first": 10}, {"second": -1}, {"form": "spoken"}, {"sheet": "sand"}])
def test_a_case_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="must be one of"):
        Addition(**({"first": 1, "second": 2} | values))


def test_a_picture_has_a_least_size():
    with pytest.raises(ValueError, match="at least 64"):
        arithmetic.draw(Addition(1, 2), 48)
