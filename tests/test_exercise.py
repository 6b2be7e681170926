"""Exercises never stop a class: what learners write, whatever it does, ends in an answer, a sentence and a note."""

import threading
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image

from labs.errors import LabsError
from labs.teaching import examine as examining
from labs.teaching import progress
from labs.teaching.examine import SOLVED, UNWRITTEN, WRONG, Case, examine, reference, unwritten
from labs.teaching.exercise import check, exercise, hint, solution, task
from labs.teaching.same import difference, short

NAME = "lab2.lora_forward"
GIVEN = torch.ones(1, 2), torch.ones(3, 2), torch.ones(2, 2), torch.ones(3, 2), 2.0  # x, weight, A, B, alpha


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("LABS_TEACHING", raising=False)
    return tmp_path / "runs"


def right(x, weight, A, B, alpha):
    return x @ (weight + alpha / len(A) * B @ A).T


def gap(x, weight, A, B, alpha):
    """A docstring alone, and a gap."""
    ...


def half(x, weight, A, B, alpha):
    y = x @ weight.T
    return y + ...


def filled_in_part(x, weight, A, B, alpha):
    scale = ...
    return x @ weight.T * scale


def not_implemented(x, weight, A, B, alpha):
    raise NotImplementedError


def nothing(x, weight, A, B, alpha):
    x @ weight.T


def crashing(x, weight, A, B, alpha):
    return x / 0 @ "words"


def leaving(x, weight, A, B, alpha):
    raise SystemExit("gone")


def endless(x, weight, A, B, alpha):
    while True:
        pass


def wrong(x, weight, A, B, alpha):
    return x @ weight.T + alpha * x @ A.T @ B.T


# ---------------------------------------------------------------------------------------------------------------
# The class goes on


@pytest.mark.parametrize("function", [gap, filled_in_part, not_implemented, nothing, crashing, leaving, wrong, half])
def test_the_reference_stands_in_for_what_is_not_right(function, capsys):
    answer = exercise(NAME)(function)
    torch.testing.assert_close(answer(*GIVEN), right(*GIVEN))
    assert "the notebook goes on with the reference" in capsys.readouterr().out


def test_a_loop_without_an_end_is_ended(monkeypatch, capsys):
    monkeypatch.setattr(examining, "SECONDS", 0.5)
    answer = exercise(NAME)(endless)
    torch.testing.assert_close(answer(*GIVEN), right(*GIVEN))
    check(answer)
    assert "does not end" in capsys.readouterr().out
    assert not [thread for thread in threading.enumerate() if thread.daemon and "work" in thread.name]


def test_what_passes_is_the_learners_own(capsys):
    called = []

    def own(*given):
        called.append(True)
        return right(*given)

    answer = exercise(NAME)(own)
    before = len(called)
    torch.testing.assert_close(answer(*GIVEN), right(*GIVEN))
    assert len(called) == before + 1 and answer.examined.state == SOLVED
    assert "4 of 4 cases hold." in capsys.readouterr().out


def test_what_passes_and_then_raises_is_replaced_and_said_once(capsys):
    def picky(x, *rest):
        if len(x) == 1:
            raise ValueError("one is too few")
        return right(x, *rest)

    answer = exercise(NAME)(picky)
    for _ in range(2):
        torch.testing.assert_close(answer(*GIVEN), right(*GIVEN))
    assert capsys.readouterr().out.count("raised ValueError here (one is too few)") == 1


def test_a_refusal_that_is_right_is_no_failure():
    answer = exercise("lab2.collate")(reference(task("lab2.collate")))
    for _ in range(2):
        with pytest.raises(ValueError, match="."):
            answer([([7, 7, 7], [7, 7, 7])], 0, 7, 2)  # a picture's tokens would be cut
    assert not answer.failed


def test_an_answer_may_call_itself():
    scope = {}
    exec(
        "def f(x, weight, A, B, alpha, deep=2):\n"
        "    return f(x, weight, A, B, alpha, deep - 1) if deep else x @ (weight + alpha / len(A) * B @ A).T",
        scope,
    )
    assert exercise(NAME)(scope["f"]).examined.state == SOLVED


def test_an_answer_keeps_its_name_and_words():
    answer = exercise(NAME)(gap)
    assert answer.__name__ == "gap" and answer.__doc__ == gap.__doc__


# ---------------------------------------------------------------------------------------------------------------
# What a function is found to be


@pytest.mark.parametrize("function, state", [
    (gap, UNWRITTEN), (filled_in_part, UNWRITTEN), (not_implemented, UNWRITTEN), (nothing, WRONG), (crashing, WRONG),
    (wrong, WRONG), (right, SOLVED),
])  # fmt: skip
def test_states(function, state):
    assert examine(function, task(NAME)).state == state


def test_a_slice_is_no_gap():
    def sliced(x):
        return x[..., 0]

    assert not unwritten(sliced)


def test_a_forgotten_return_is_named():
    found = examine(nothing, task(NAME))
    assert "is a `return` missing?" in found.results[0].wrong


def test_a_crash_is_shown_with_its_line():
    assert "x / 0" in examine(crashing, task(NAME)).results[0].wrong


def test_the_likely_mistake_is_that_of_the_function_that_agrees():
    assert "divide by the rank" in examine(wrong, task(NAME)).mistake


def test_nothing_is_guessed_where_no_usual_mistake_agrees():
    assert examine(lambda *given: right(*given) + 1, task(NAME)).mistake is None


def test_a_refusal_must_be_the_same_refusal():
    module = ModuleType("exercises.halved")

    def halved(number):
        if number < 0:
            raise ValueError("negative")
        return number / 2

    module.halved, module.MISTAKES = halved, {"never refuses anything": lambda number: number / 2}
    module.CASES = Case("four", lambda f: f(4)), Case("refuses", lambda f: f(-1))
    assert examine(lambda number: halved(number), module).state == SOLVED
    found = examine(lambda number: number / 2, module)
    assert found.mistake == "never refuses anything"
    assert found.results[1].wrong == "it must be refused with ValueError"


# ---------------------------------------------------------------------------------------------------------------
# Hints, references, presenters


def test_hints_come_one_after_the_other_and_are_counted(capsys):
    answer = exercise(NAME)(gap)
    for _ in range(3):
        hint(answer)
    told = capsys.readouterr().out
    assert told.count("Hint 1 of 2") == 1 and told.count("Hint 2 of 2") == 2
    assert progress.load()[NAME]["hints"] == 2


def test_the_reference_is_shown_after_an_attempt_and_not_before(capsys):
    solution(exercise(NAME)(gap))
    assert "write something first" in capsys.readouterr().out
    solution(exercise(NAME)(wrong))
    assert "return x @ weight.T + alpha / len(A)" in capsys.readouterr().out
    assert progress.load()[NAME]["seen"] is True


@pytest.mark.parametrize("role, shown, hinted", [("student", 0, 0), ("solution", 1, 0), ("instructor", 1, 2)])
def test_one_notebook_for_everybody(role, shown, hinted, monkeypatch, capsys):
    monkeypatch.setenv("LABS_TEACHING", role)
    exercise(NAME)(gap)
    told = capsys.readouterr().out
    assert told.count("def lora_forward(") == shown and told.count("\nhint: ") + told.startswith("hint: ") == hinted


def test_names_and_roles_that_are_none_are_refused_in_a_sentence(monkeypatch):
    with pytest.raises(LabsError, match="no exercise 'lab2.lora': lab2 has lab2.*lora_forward"):
        exercise("lab2.lora")
    with pytest.raises(LabsError, match="no worksheet 'lab9'"):
        exercise("lab9.lora")
    with pytest.raises(LabsError, match="is @exercise"):
        check(right)
    monkeypatch.setenv("LABS_TEACHING", "teacher")
    with pytest.raises(LabsError, match="student, instructor, solution"):
        exercise(NAME)(gap)


# ---------------------------------------------------------------------------------------------------------------
# Progress


def test_unwritten_is_not_noted_and_solved_stays_solved():
    exercise(NAME)(gap)
    assert progress.load() == {}
    for function in (wrong, right, wrong):
        exercise(NAME)(function)
    assert progress.load() == {NAME: {"state": "solved", "attempts": 3}}


def test_the_bar_counts():
    assert "0 of" in progress.bar("lab2")
    exercise(NAME)(wrong)
    assert "1 tried" in progress.bar("lab2") and "+" in progress.bar("lab2")
    exercise(NAME)(right)
    assert "1 of" in progress.bar("lab2") and "#" in progress.bar("lab2") and "tried" not in progress.bar("lab2")


def test_a_damaged_file_is_put_aside_and_said_so(folder, capsys):
    exercise(NAME)(wrong)
    for n, broken in enumerate(('{"lab2', "[1]", '{"lab2.lora_forward": 3}'), 1):
        (folder / "progress.json").write_text(broken)
        assert progress.load() == {}
        assert (folder / f"progress.json.damaged-{n}").read_text() == broken
        assert "kept as progress.json.damaged" in capsys.readouterr().out


def test_the_report_holds_exercises_and_studies_as_text_only():
    exercise(NAME)(wrong)
    progress.record("lab2.study", "<script>ranks</script> do little", gain=0.25)
    progress.note("lab2.room_A", state="solved")
    page = progress.report("lab2").read_text(encoding="utf-8")
    assert page.count("lab2.room_A") == 1 and page.count(NAME) == 1
    assert NAME in page and "tried" in page and "<td>gain</td><td>0.25</td>" in page
    assert "<script" not in page and "&lt;script&gt;" in page


def _adds(count):
    for _ in range(count):
        progress.note(NAME, attempts=1)


def test_two_notebooks_at_once_lose_nothing():
    both = [threading.Thread(target=_adds, args=(20,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert progress.load()[NAME]["attempts"] == 40


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LABS_RUNS", str(tmp_path / "file" / "runs"))
    with pytest.raises(LabsError, match="set LABS_RUNS"):
        progress.load()


# ---------------------------------------------------------------------------------------------------------------
# Same or not


@pytest.mark.parametrize("got, expected", [
    (1, 1.0), (0.1 + 0.2, 0.3), ([1, (2, 3)], (1, [2, 3])), ({"a": [1.0]}, {"a": (1,)}), (float("nan"), float("nan")),
    (torch.tensor([1, 2]), torch.tensor([1.0, 2.0])), (np.bool_(True), True), ({1, 2}, {2, 1}), (None, None),
    (Image.new("RGB", (2, 2), "red"), Image.new("RGB", (2, 2), "red")),
    (torch.ones(2, requires_grad=True), torch.ones(2)),
])  # fmt: skip
def test_the_same(got, expected):
    assert difference(got, expected) is None


@pytest.mark.parametrize("got, expected, words", [
    (None, 1, "return"), ([1.0], torch.tensor([1.0]), "a list where a tensor"), (1, True, "a number where a truth"),
    (torch.ones(2, 3), torch.ones(3, 2), "turned over"), (torch.ones(2), torch.ones(3), "shape"),
    (torch.tensor([float("nan")]), torch.ones(1), "not a number"),
    (torch.tensor([1, 0]), torch.tensor([True, False]), "it holds int64"),
    (torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0]), "1 of 2"), ([1], [1, 2], "1 parts where 2"),
    ([1, 5], [1, 2], "at place 1"), ({"a": 1}, {"a": 1, "b": 2}, "'b' is missing"), ({"c": 1}, {}, "does not belong"),
    ({"a": 1}, {"a": 2}, "at 'a'"), ("red", "blue", "'blue' is expected"), (2, 3, "2 where 3"), (..., 3, "unfilled"),
    (Image.new("RGB", (2, 2), "red"), Image.new("RGB", (2, 2), "blue"), "values are other ones"),
])  # fmt: skip
def test_not_the_same_and_why(got, expected, words):
    assert words in difference(got, expected)


def test_values_are_shown_in_a_line_or_two():
    assert short(torch.arange(100.0)).endswith("4, 5, ...") and "(100,)" in short(torch.arange(100.0))
    assert len(short("word " * 100)) == 160 and short(0.123456) == "0.1235" and short({"a": [1]}) == "{a: [1]}"
