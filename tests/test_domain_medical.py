"""The drawn radiographs show what their cases say, read off the pixels, and what is asked of them is true."""

import random
import re
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from labs.world.domains import medical, radiograph
from labs.world.domains.radiograph import Radiograph

SPLITS = ("train", "heldout")
# What training never shows, said once more: finding, side, place; then finding, pacemaker, heart.
KEPT_PLACES = [("nodule", "right", "top"), ("nodule", "left", "bottom"),
               ("shadow", "right", "centre"), ("shadow", "left", "top")]  # fmt: skip
KEPT_CLEAR = [("left", "enlarged"), ("right", "normal")]
FINDINGS = ("clear", "nodule", "shadow", "fluid")


@pytest.fixture(scope="module")
def cases() -> dict[str, list[Radiograph]]:
    rng = random.Random(1)
    return {split: [medical.sample(rng, split) for _ in range(1500)] for split in SPLITS}


def kept(case: Radiograph) -> bool:
    return (
        (case.finding, case.side, case.zone) in KEPT_PLACES
        or (case.finding == "fluid" and case.device == case.side)
        or (case.finding == "clear" and (case.device, case.heart) in KEPT_CLEAR)
    )


def shades(case: Radiograph, size: int = 144) -> np.ndarray:
    """Brightness without noise to speak of, from 0 to 1; the noise is the same for cases of one grain."""
    return np.asarray(medical.draw(replace(case, exposure=1.0, grain=0), size))[..., 0] / 255


def without(case: Radiograph) -> Radiograph:
    return replace(case, finding="clear", side=None, zone=None, size=None)


def change(case: Radiograph, other: Radiograph, size: int = 144) -> tuple[float, float, float]:
    """Where two pictures differ: the middle of it (x, y) in picture widths, and its share of the picture."""
    differs = np.abs(shades(case, size) - shades(other, size)) > 0.2
    y, x = np.argwhere(differs).mean(axis=0) / size
    return x, y, differs.mean()


def one_of_each() -> list[Radiograph]:
    """Every combination of finding, side, zone, size, heart and pacemaker."""
    made = []
    for finding, heart, device in product(FINDINGS, ("normal", "enlarged"), (None, "left", "right")):
        places = [(None, None)] if finding == "clear" else product(("left", "right"), ("top", "centre", "bottom"))
        for side, zone in places:
            if finding == "fluid" and zone != "bottom":
                continue
            for size in ("small", "big") if finding == "nodule" else (None,):
                made.append(Radiograph(finding, side, zone, size, heart, device, grain=len(made)))
    return made


# ---------------------------------------------------------------------------------------------------------------
# Splits


def test_the_splits_share_no_combination(cases):
    assert not any(kept(case) for case in cases["train"])
    assert all(kept(case) for case in cases["heldout"])
    shown = {split: {(c.finding, c.side, c.zone, c.device, c.heart) for c in cases[split]} for split in SPLITS}
    assert not shown["train"] & shown["heldout"]
    assert {case.finding for case in cases["heldout"]} == set(FINDINGS)


def test_training_shows_every_part_of_what_is_kept(cases):
    """Each finding on each side, at each height, with each heart and each pacemaker; each place with some finding."""
    train = cases["train"]
    for finding in ("nodule", "shadow"):
        mine = [case for case in train if case.finding == finding]
        assert {case.side for case in mine} == {"left", "right"}
        assert {case.zone for case in mine} == {"top", "centre", "bottom"}
    assert len({(case.side, case.zone) for case in train if case.finding in ("nodule", "shadow")}) == 6
    for finding in FINDINGS:
        mine = [case for case in train if case.finding == finding]
        assert {case.heart for case in mine} == {"normal", "enlarged"}
        assert {case.device for case in mine} == {None, "left", "right"}


def test_every_combination_belongs_to_one_split():
    assert all(medical.is_held_out(case) == kept(case) for case in one_of_each())


@pytest.mark.parametrize("split", ["test", "", "Train"])
def test_a_split_that_does_not_exist_is_refused(split):
    with pytest.raises(ValueError, match="split must be one of"):
        medical.sample(random.Random(0), split)


# ---------------------------------------------------------------------------------------------------------------
# Pictures


def test_a_finding_is_drawn_on_its_side_and_at_its_height():
    for case in one_of_each():
        if case.finding == "clear":
            continue
        x, y, share = change(case, without(case))
        assert (x > 0.5) == (case.side == "left")  # the patient faces us
        assert share > 0.003
        if case.finding != "fluid":
            assert int((y - 0.17) / 0.2) == ("top", "centre", "bottom").index(case.zone)
        else:
            assert y > 0.57


def test_a_nodule_has_an_edge_and_a_shadow_has_none():
    nodule, shadow = Radiograph("nodule", "right", "top", "big"), Radiograph("shadow", "right", "top")
    steepest = [np.abs(np.diff(shades(case, 224)[30:90, 30:100])).max() for case in (nodule, shadow)]
    assert steepest[0] > 2 * steepest[1]


def test_a_big_nodule_is_larger_than_a_small_one():
    for side, zone, heart in product(("left", "right"), ("top", "centre", "bottom"), ("normal", "enlarged")):
        small, big = (Radiograph("nodule", side, zone, size, heart) for size in ("small", "big"))
        assert change(big, without(big))[2] > 2 * change(small, without(small))[2]


def test_an_enlarged_heart_takes_more_than_half_of_the_chest():
    for case in one_of_each():
        if case.finding != "clear":
            continue
        row = shades(replace(case, device=None))[round(0.66 * 144)]
        middle = round(0.55 * 144)
        walls = [np.flatnonzero(row[:20] > 0.3)[-1], 124 + np.flatnonzero(row[124:] > 0.3)[0]]
        lungs = np.flatnonzero(row < 0.3)
        lungs = lungs[(lungs > walls[0]) & (lungs < walls[1])]
        width = lungs[lungs > middle][0] - lungs[lungs < middle][-1]
        assert (width > (walls[1] - walls[0]) / 2) == (case.heart == "enlarged")


def test_a_pacemaker_is_drawn_on_its_side():
    for case in one_of_each():
        box = np.argwhere(shades(case)[:25, :130] > 0.9)  # the L stands further right
        if case.device is None:
            assert len(box) == 0
        else:
            assert len(box) > 100 and (box[:, 1].mean() > 72) == (case.device == "left")


@pytest.mark.parametrize("size", [72, 224])
def test_pictures_are_grey_with_an_l_for_the_left_side_of_the_patient(cases, size):
    for case in cases["train"][:20]:
        picture = medical.draw(case, size)
        pixels = np.asarray(picture)
        assert picture.mode == "RGB" and picture.size == (size, size)
        assert (pixels == pixels[..., :1]).all()
        corner = size // 9
        assert pixels[: 2 * corner, -corner:].max() > 200 > pixels[: 2 * corner, :corner].max()


def test_the_same_case_is_the_same_picture_at_any_size(cases):
    for case in cases["heldout"][:40]:
        assert medical.draw(case).tobytes() == medical.draw(replace(case)).tobytes()
        if case.finding != "clear":
            small, large = change(case, without(case), 72), change(case, without(case), 224)
            assert np.abs(np.subtract(small, large)).max() < 0.015
    case = cases["train"][0]
    assert medical.draw(case).tobytes() != medical.draw(replace(case, grain=case.grain + 1)).tobytes()


# ---------------------------------------------------------------------------------------------------------------
# Questions

PATTERNS = {
    "presence": r"(?:Is there|Do you see|Do the lungs show) (?:(a nodule)|(a shadow)|(fluid))\?",
    "finding": r"What do the lungs show\?|What is there in the lungs\?|Name the finding in the lungs\.",
    "side": r"(?:On which side is the|Which lung has the|Is the) (nodule|shadow|fluid)(?: left or right)?\?",
    "zone": r"(?:In which part of the lung is|At which place of the lung is|Is) the (nodule|shadow)"
            r"(?: at the top, the centre or the bottom)?\?",
    "size": r"(?:How big is|What size is|Is) the nodule(?: small or big)?\?",
    "heart": r"Is the heart (?:enlarged|too big)\?|Does the heart take more than half of the chest\?",
    "device": r"(?:On which side|Where) is the pacemaker\?|Which side has a pacemaker\?",
}  # fmt: skip


def test_every_answer_is_true(cases):
    rng = random.Random(2)
    for case in cases["train"] + cases["heldout"]:
        for question in medical.questions(case, rng):
            match = re.fullmatch(PATTERNS[question.kind], question.text)
            assert match, question
            named = next((group for group in match.groups() if group), "").removeprefix("a ")
            if question.kind in ("side", "zone"):
                assert named == case.finding
            assert (
                question.answer
                == {
                    "presence": "yes" if named == case.finding else "no",
                    "finding": case.finding.replace("clear", "nothing"),
                    "side": case.side,
                    "zone": case.zone,
                    "size": case.size,
                    "heart": "yes" if case.heart == "enlarged" else "no",
                    "device": case.device or "neither",
                }[question.kind]
            )


def test_all_that_can_be_asked_is_asked_once(cases):
    always = {"presence", "finding", "heart", "device"}
    more = {"clear": set(), "fluid": {"side"}, "shadow": {"side", "zone"}, "nodule": {"side", "zone", "size"}}
    for case in cases["train"][:200]:
        kinds = [question.kind for question in medical.questions(case, random.Random(3))]
        assert len(kinds) == len(set(kinds)) and set(kinds) == always | more[case.finding]


@pytest.mark.parametrize("split", SPLITS)
def test_no_answer_is_frequent_enough_to_be_a_guess(cases, split):
    rng, seen = random.Random(4), {kind: Counter() for kind in medical.KINDS}
    for case in cases[split]:
        for question in medical.questions(case, rng):
            seen[question.kind][question.answer] += 1
    classes = {"presence": 2, "finding": 4, "side": 2, "zone": 3, "size": 2, "heart": 2, "device": 3}
    assert {kind: len(answers) for kind, answers in seen.items()} == classes
    # Of the four places kept, two are at the top.
    assert all(max(answers.values()) / answers.total() < 0.57 for answers in seen.values())


def test_whether_something_is_there_cannot_be_told_from_the_question_alone(cases):
    rng, yes = random.Random(5), {}
    for case in cases["train"] * 3:
        question = next(one for one in medical.questions(case, rng) if one.kind == "presence")
        named = re.findall("nodule|shadow|fluid", question.text)[0]
        yes.setdefault(named, []).append(question.answer == "yes")
    assert len(yes) == 3 and all(0.45 < np.mean(answers) < 0.55 for answers in yes.values())


def test_every_wording_is_used_and_the_same_rng_asks_the_same(cases):
    case = next(case for case in cases["train"] if case.finding == "nodule")
    texts = {question.text for seed in range(200) for question in medical.questions(case, random.Random(seed))}
    assert len(texts) == 3 * 6 + 9  # three things are asked for in three wordings each
    assert medical.questions(case, random.Random(7)) == medical.questions(case, random.Random(7))


# ---------------------------------------------------------------------------------------------------------------
# Refusals


@pytest.mark.parametrize(
    "values",
    [
        {"finding": "cough"},
        {"finding": "clear", "side": "left"},
        {"finding": "clear", "zone": "top"},
        {"finding": "nodule", "side": "left", "zone": "top"},
        {"finding": "nodule", "side": "left", "size": "big"},
        {"finding": "shadow", "side": "left", "zone": "top", "size": "big"},
        {"finding": "fluid", "side": "left", "zone": "top"},
        {"finding": "clear", "heart": "broken"},
        {"finding": "clear", "device": "both"},
    ],
)
def test_a_case_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="must be one of"):
        Radiograph(**values)


def test_clear_lungs_have_no_place_and_a_picture_has_a_least_size():
    with pytest.raises(ValueError, match="no finding"):
        radiograph.centre(Radiograph("clear"))
    with pytest.raises(ValueError, match="at least 64"):
        medical.draw(Radiograph("clear"), 48)
