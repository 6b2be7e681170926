"""The tour on a reduced budget: every part of it runs, and what it writes is whole."""

import json
import re

import pytest
from PIL import Image

from labs.cli.tour import sentences, tour, tune_arm
from labs.data.records import read
from labs.evaluation.exam import Exam, Item
from labs.evaluation.interval import difference, interval
from labs.evaluation.metrics import exact_match, told_events
from labs.evaluation.skill import compare


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    out = tmp_path_factory.mktemp("tour")
    return out, tour(out, quick=True)


def test_the_report_has_the_same_items_for_base_lora_and_qlora(ran):
    _, report = ran
    arms = report["skill"]["arms"]
    assert list(arms) == ["base", "LoRA", "QLoRA"]
    for arm in arms.values():
        assert {arm[key]["n"] for key in ("new", "blind", "shuffled")} == {report["skill"]["n"]}
        assert arm["new"]["low"] <= arm["new"]["mean"] <= arm["new"]["high"]
    assert arms["base"]["new - base"]["mean"] == 0
    assert 0 < arms["LoRA"]["trainable"] == arms["QLoRA"]["trainable"]
    assert arms["QLoRA"]["megabytes"] < arms["base"]["megabytes"] < arms["LoRA"]["megabytes"]


def test_both_generations_answered_and_told(ran):
    _, report = ran
    pictures = report["pictures"]
    assert set(pictures["answers"]) == set(pictures["stories"]) == {"generative", "multimodal"}
    assert all(len(told) == len(pictures["questions"]) for told in pictures["answers"].values())


def test_the_page_needs_nothing_from_elsewhere(ran):
    out, _ = ran
    text = (out / "report.html").read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)='(?!data:)", text) == []
    assert "<script" not in text
    assert text.count("<img alt='") == 3 and "alt=''" not in text
    for name in ("answers.png", "story.png", "thermal.png"):
        with Image.open(out / name) as picture:
            assert picture.width > 900


def test_the_machine_reads_what_the_person_reads(ran):
    out, report = ran
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == report


def test_a_second_tour_replaces_the_arms_of_the_first(ran):
    out, _ = ran
    (out / "lora" / "left.txt").write_text("from before")
    records = read(out / "thermal" / "records.json", out / "thermal" / "images")
    _, cost = tune_arm(out / "lora", records[:8], 1, four_bit=False)
    assert cost["steps"] == 1
    assert not (out / "lora" / "left.txt").exists()


def test_a_story_is_cut_into_as_many_sentences_as_pictures():
    assert sentences("A. B. C.", 5) == ["A.", "B.", "C.", "", ""]
    assert sentences("A. B. C. D.", 3) == ["A.", "B.", "C. D."]


def test_events_count_only_in_their_own_place():
    truth = ["Once there was a moon.", "It turned red.", "It became big."]
    assert told_events("Once there was a moon. It turned red. It became big.", truth) == 1
    assert told_events("Once there was a moon. It became big. It turned red.", truth) == pytest.approx(1 / 3)
    assert told_events("", truth) == 0
    assert exact_match("Top  left.", "top left") == 1 and exact_match("top", "top left") == 0


def test_an_interval_over_pictures_is_wider_than_one_over_answers():
    scores = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0] * 5
    by_picture = interval(scores, [i // 4 for i in range(40)])
    by_answer = interval(scores, list(range(40)))
    assert by_picture.high - by_picture.low > 1.5 * (by_answer.high - by_answer.low)
    assert by_picture.mean == by_answer.mean == 0.5


def test_a_difference_is_paired():
    before, after = [0.0, 1.0] * 20, [0.0, 1.0] * 20
    assert difference(after, before, list(range(40)))[:3] == (0, 0, 0)
    with pytest.raises(ValueError, match="40 and 39"):
        difference(after, before[:-1], list(range(40)))


def test_a_verdict_needs_the_base_and_both_controls_beaten():
    pictures = [Image.new("RGB", (8, 8), (number, 0, 0)) for number in range(30)]
    asked = [Item(number, "place", "Where?", "here") for number in range(30)]
    exam, no, yes = Exam(pictures, asked, pictures, asked), [0.0] * 30, [1.0] * 30
    base = {"new": no, "blind": no, "shuffled": no, "earlier": yes}
    assert "LoRA learned the skill" in compare({"base": base, "LoRA": base | {"new": yes}}, exam)["verdict"]
    for like in ({}, {"new": yes, "blind": yes}, {"new": yes, "shuffled": yes}, {"new": yes, "random adapter": yes}):
        assert "LoRA did not learn" in compare({"base": base, "LoRA": base | like}, exam)["verdict"]
    base, after = ({name: run[:9] for name, run in arm.items()} for arm in (base, base | {"new": yes}))
    few = compare({"base": base, "LoRA": after}, Exam(pictures[:9], asked[:9], pictures[:9], asked[:9]))
    assert "too few pictures (9)" in few["verdict"]
