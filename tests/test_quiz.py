"""The quizzes: each question has one right place, its figures are the shipped ones, and wrong input is refused."""

from importlib import import_module
from pkgutil import iter_modules

import pytest

import labs
from labs.errors import LabsError
from labs.systems.outcome import all_kept
from labs.teaching import progress, quizzes
from labs.teaching.quiz import CLAIM, LETTERS, questions, quiz

NAMES = [module.name for module in iter_modules(quizzes.__path__)]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_RUNS", str(tmp_path / "runs"))


def right_letters(name: str) -> str:
    return "".join(LETTERS[question.place] for question in questions(name))


def test_sections_1_to_4_have_one():
    assert NAMES == [f"section_{number}" for number in range(1, 5)]


def test_each_stands_unanswered_in_the_last_notebook_of_its_section():
    for name in NAMES:
        path = sorted((labs.home() / "notebooks").glob(f"0{name[-1]}_*.ipynb"))[-1]
        assert f'quiz(\\"{name}\\", \\"?????\\")' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_questions_are_whole(name):
    asked = import_module(f"labs.teaching.quizzes.{name}").QUESTIONS
    assert len(asked) == 5 and len({question.asks for question in asked}) == 5
    for question in asked:
        assert [option for option, _ in question.options()].index(question.right) == question.place
        assert len({option for option, _ in question.options()}) == 3
        assert all(len(why.split()) >= 3 for _, why in question.options())
    assert len({question.place for question in asked}) == 3  # the right letter cannot be guessed


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_are_those_of_shipped_claims(name):
    texts = " ".join(why for question in questions(name) for _, why in question.options())
    cited = CLAIM.findall(texts)
    assert len(cited) >= 3 and set(cited) <= set(all_kept())
    assert "{" not in CLAIM.sub("", texts) and "}" not in CLAIM.sub("", texts)


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_are_right_and_others_are_not(name, capsys):
    good = right_letters(name)
    quiz(name, good)
    told = capsys.readouterr().out
    assert told.count("      Right: ") == 5 and "      No: " not in told and "5 of 5 right" in told and "{" not in told
    other = "".join("abc"[("abc".index(letter) + 1) % 3] for letter in good)
    quiz(name, other.upper())
    told = capsys.readouterr().out
    assert told.count("      No: ") == 5 and "0 of 5 right" in told
    assert progress.load()[f"{name}.quiz"] == {"right": "0 of 5"}


def test_unanswered_it_gives_nothing_away_and_keeps_nothing(capsys):
    quiz("section_1", "?????")
    told = capsys.readouterr().out
    assert "Right" not in told and "No: " not in told and "Put 5 letters" in told
    assert progress.load() == {}


@pytest.mark.parametrize("answers", ["", "abc", "abcdef", "abcz?", "abcd?"])
def test_answers_that_are_none_are_refused(answers):
    with pytest.raises(LabsError, match="write 5 letters of abc"):
        quiz("section_1", answers)


def test_a_quiz_that_is_none_is_refused():
    with pytest.raises(LabsError, match="there are section_1"):
        quiz("section_5", "?????")
