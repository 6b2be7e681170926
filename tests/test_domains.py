"""What the six domains share: names, cases by number, scores, folders to tune on, exams."""

import json

import numpy as np
import pytest
from PIL import Image

from labs.data.records import read
from labs.evaluation.domains import questions
from labs.world.domains import NAMES, asked, of, score, worked
from labs.world.domains.records import write_llava


@pytest.mark.parametrize("name", NAMES)
def test_a_domain_is_what_it_says_and_a_case_depends_on_its_number_alone(name):
    module = of(name)
    assert not {"sample", "draw", "questions"} - set(dir(module))
    for split in ("train", "heldout"):
        first = [asked(name, split, number, seed=4) for number in range(6)]
        assert first == [asked(name, split, number, seed=4) for number in range(6)]
        assert first != [asked(name, split, number, seed=5) for number in range(6)]
        assert all(one.questions for one in first)
    picture = module.draw(first[0].case, 224)
    assert picture.size == (224, 224) and picture.mode == "RGB"


@pytest.mark.parametrize("name", NAMES)
def test_true_answers_score_one_with_and_without_their_steps_and_others_less(name):
    cases = [asked(name, "heldout", number, seed=1) for number in range(30)]
    pairs = [(one.case, question) for one in cases for question in one.questions]
    for case, question in pairs:
        assert score(name, case, question, question.answer) == 1
        assert score(name, case, question, worked(name, case, question)) == 1
        assert score(name, case, question, "") == 0
    swapped = [score(name, case, question, other.answer) for (case, question), (_, other)
               in zip(pairs, pairs[1:] + pairs[:1], strict=True)]  # fmt: skip
    assert sum(swapped) / len(swapped) < 0.6


def test_only_what_follows_the_last_step_counts():
    cases = (asked("arithmetic", "heldout", number) for number in range(9))
    one = next(one for one in cases if one.case.second > 1)
    question = next(question for question in one.questions if question.kind == "sum")
    assert score("arithmetic", one.case, question, f"1+1={question.answer}") == 1
    assert score("arithmetic", one.case, question, f"{question.answer}=1") == 0
    assert len(worked("arithmetic", one.case, question).split("=")) == one.case.second + 1


@pytest.mark.parametrize("number", range(40))
def test_every_step_is_true(number):
    one = asked("arithmetic", "train", number)
    said = {question.kind: (question.answer, worked("arithmetic", one.case, question)) for question in one.questions}
    first, second = one.case.first, one.case.second
    assert said["first"] == (str(first),) * 2 and said["second"] == (str(second),) * 2
    assert said["bigger"][1] == f"{first}, {second}: {said['bigger'][0]}"
    parts = said["sum"][1].split("=")
    assert {sum(map(int, part.split("+"))) for part in parts} == {first + second}
    assert parts[0] == f"{first}+{second}" and parts[-1] == str(first + second)
    assert [int(part.split("+")[1]) for part in parts[:-1]] == list(range(second, 0, -1)) or second == 0
    found = asked("medical", "train", number)
    for question in found.questions:
        seen = "nothing" if found.case.finding == "clear" else found.case.finding
        steps = f"{seen}: {question.answer}" if question.kind == "presence" else question.answer
        assert worked("medical", found.case, question) == steps
    post = asked("sentiment", "train", number)
    for question in post.questions:
        text = worked("sentiment", post.case, question)
        truth = post.case.truth
        both = f"{truth['face']}, {truth['words']}: {truth[question.kind]}"
        assert text == (both if question.kind in ("sentiment", "irony") else question.answer)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_to_tune_on(name, tmp_path):
    file = write_llava(name, tmp_path / "data", "train", 5, seed=3)
    entries, records = json.loads(file.read_text()), read(file, file.parent / "images")
    cases = [asked(name, "train", number, seed=3) for number in range(5)]
    assert len(records) == len(entries) == sum(len(one.questions) for one in cases)
    assert len({entry["id"] for entry in entries}) == len(entries)
    names = [f"{number:06d}.png" for number, one in enumerate(cases) for _ in one.questions]
    assert [entry["image"] for entry in entries] == names
    flat = [(one.case, question) for one in cases for question in one.questions]
    for entry, (case, question) in zip(entries, flat, strict=True):
        asks, says = (turn["value"] for turn in entry["conversations"])
        assert asks == f"<image>\n{question.text}" and says == worked(name, case, question)
        with Image.open(file.parent / "images" / entry["image"]) as picture:
            assert np.array_equal(np.asarray(picture), np.asarray(of(name).draw(case)))
    short = json.loads(write_llava(name, tmp_path / "short", "train", 5, seed=3, steps=False).read_text())
    assert [entry["conversations"][1]["value"] for entry in short] == [question.answer for _, question in flat]


@pytest.mark.parametrize("name", NAMES)
def test_an_exam_asks_held_out_cases_and_scores_them_as_the_domain_does(name):
    found = questions(name, 8, seed=2)
    assert found.asked == [asked(name, "heldout", number, seed=2) for number in range(8)]
    flat = [(i, question) for i, one in enumerate(found.asked) for question in one.questions]
    assert [(item.picture, item.kind, item.question, item.answer) for item in found.items] == [
        (i, question.kind, question.text, question.answer) for i, question in flat
    ]
    assert found.scores([item.answer for item in found.items]) == [1.0] * len(flat)
    assert found.scores([""] * len(flat)) == [0.0] * len(flat)
    with pytest.raises(ValueError, match="every question needs an answer"):
        found.scores(["yes"])


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"domain must be one of \('medical', .*, not 'law'"):
        of("law")
    with pytest.raises(ValueError, match="split must be one of"):
        write_llava("medical", tmp_path / "new", "test", 3)
    with pytest.raises(ValueError, match="count at least 1, not 'train' and 0"):
        write_llava("medical", tmp_path / "new", "train", 0)
    assert not (tmp_path / "new").exists()
    (tmp_path / "something").write_text("")
    with pytest.raises(FileExistsError, match="already holds something"):
        write_llava("medical", tmp_path, "train", 3)
