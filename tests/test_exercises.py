"""Every exercise of the worksheets: its check refuses typical wrong answers with the right words, and accepts others
that are right; and no learner's function, whatever it does, stops a class."""

import importlib

import pytest

from labs.teaching import progress
from labs.teaching.examine import SOLVED, WRONG, examine, reference
from labs.teaching.exercise import task

LABS = ("lab1", "lab2", "lab3")
NAMES = [name for lab in LABS for name in progress.names(lab)]


def written(name: str, what: str):
    lab, _, one = name.partition(".")
    return getattr(importlib.import_module(f"answers_{lab}"), what)[one]


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_whole(name):
    module = task(name)
    assert module.__doc__ and reference(module).__doc__
    assert len(module.HINTS) == 2 and len(module.MISTAKES) >= 3
    assert len({case.says for case in module.CASES}) == len(module.CASES) >= 3
    assert not [line for line in (*module.HINTS, *module.MISTAKES) if len(line.split()) < 4]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_passes_its_own_check(name):
    assert examine(reference(task(name)), task(name)).state == SOLVED


@pytest.mark.parametrize("name", NAMES)
def test_every_usual_mistake_is_refused_and_named(name):
    for words, wrong in task(name).MISTAKES.items():
        found = examine(wrong, task(name))
        assert found.state == WRONG and found.mistake == words, words


@pytest.mark.parametrize("name", NAMES)
def test_wrong_answers_are_refused_with_the_right_words(name):
    module, wrongs = task(name), written(name, "WRONG")
    assert len(wrongs) >= 3
    for wrong, words in wrongs.items():
        found = examine(wrong, module)
        assert found.state == WRONG, f"{wrong.__name__} is accepted"
        assert found.mistake and words in found.mistake, f"{wrong.__name__} is told: {found.mistake}"


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_written_otherwise_are_accepted(name):
    rights = written(name, "RIGHT")
    assert len(rights) >= 2
    for right in rights:
        found = examine(right, task(name))
        assert found.state == SOLVED, [result.wrong for result in found.results if result.wrong]
