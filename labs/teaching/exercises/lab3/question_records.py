"""What can be asked about one window, and its answers: records to tune on, true by construction.

`labels` say what went on when: {"start": 0.0, "stop": 1.0, "colour": "red", "motion": "left"}, in seconds. A window may
be asked about only if ONE label holds all the time, and no other label touches it. Two that only meet, as one stops
where the other starts, do not touch. `questions` are worded for each kind: {"colour": "What colour is the thing?"}.
Each kind that the label tells makes a record, in the format that the labs' engine checks and people tune on:

    {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
"""

from labs.teaching.examine import Case

HINTS = (
    'A label touches the window (start, stop) if label["start"] < stop and label["stop"] > start. Collect those first.',
    "Return [] unless just one label touches and it starts no later and stops no sooner than the window. Then one "
    "record for each kind of `questions` that is in the label, in the order of `questions`.",
)


def question_records(window: tuple[float, float], labels: list[dict], questions: dict[str, str]) -> list[dict]:
    """One record for each kind of question that the window answers; none where the window answers nothing for sure."""
    start, stop = window
    touching = [label for label in labels if label["start"] < stop and label["stop"] > start]
    if len(touching) != 1 or touching[0]["start"] > start or touching[0]["stop"] < stop:
        return []
    told = [(questions[kind], touching[0][kind]) for kind in questions if kind in touching[0]]
    return [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in told
    ]


def _record(question: str, answer: str | None) -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def _asked(label, questions):
    return [_record(questions[kind], label[kind]) for kind in questions if kind in label]


def _all_that_touch(window, labels, questions):
    touching = [label for label in labels if label["start"] < window[1] and label["stop"] > window[0]]
    return [one for label in touching for one in _asked(label, questions)]


def _by_its_beginning(window, labels, questions):
    there = [label for label in labels if label["start"] <= window[0] < label["stop"]]
    return _asked(there[0], questions) if there else []


def _by_its_middle(window, labels, questions):
    middle = sum(window) / 2
    there = [label for label in labels if label["start"] <= middle < label["stop"]]
    return _asked(there[0], questions) if there else []


def _others_forgotten(window, labels, questions):
    there = [label for label in labels if label["start"] <= window[0] and label["stop"] >= window[1]]
    return _asked(there[0], questions) if there else []


def _only_inside(window, labels, questions):
    start, stop = window
    touching = [label for label in labels if label["start"] <= stop and label["stop"] >= start]
    if len(touching) != 1 or touching[0]["start"] > start or touching[0]["stop"] < stop:
        return []
    return _asked(touching[0], questions)


def _a_part_will_do(window, labels, questions):
    touching = [label for label in labels if label["start"] < window[1] and label["stop"] > window[0]]
    return _asked(touching[0], questions) if len(touching) == 1 else []


def _kinds_not_told(window, labels, questions):
    start, stop = window
    touching = [label for label in labels if label["start"] < stop and label["stop"] > start]
    if len(touching) != 1 or touching[0]["start"] > start or touching[0]["stop"] < stop:
        return []
    return [_record(questions[kind], touching[0].get(kind)) for kind in questions]


def _kinds_that_fail(window, labels, questions):
    start, stop = window
    touching = [label for label in labels if label["start"] < stop and label["stop"] > start]
    if len(touching) != 1 or touching[0]["start"] > start or touching[0]["stop"] < stop:
        return []
    return [_record(questions[kind], touching[0][kind]) for kind in questions]


def _turned_over(window, labels, questions):
    records = question_records(window, labels, questions)
    return [{"messages": [dict(one, role=other["role"]) for one, other in zip(said, said[::-1], strict=True)]}
            for said in (record["messages"] for record in records)]  # fmt: skip


MISTAKES = {
    "a label that only touches the window makes records: it must hold from its beginning to its end": _all_that_touch,
    "only the window's beginning is looked at: the label must hold up to its end": _by_its_beginning,
    "only the window's middle is looked at: the label must hold from its beginning to its end": _by_its_middle,
    "another label touches the window, so the answer is not sure: return no record": _others_forgotten,
    "two labels that only meet at the window's edge do not touch it: compare with < and >": _only_inside,
    "the one label holds in a part of the window only: return no record": _a_part_will_do,
    "the label does not tell this kind, so it must not be asked: leave it out": _kinds_not_told,
    "the label does not tell every kind: ask only those that are in it": _kinds_that_fail,
    "the question is what the user says, the answer what the assistant says": _turned_over,
}

_QUESTIONS = {"colour": "What colour is the thing?", "motion": "Which way does the thing move?"}
_LABELS = [
    {"start": 0.0, "stop": 1.0, "colour": "red", "motion": "left"},
    {"start": 1.0, "stop": 2.5, "colour": "blue", "motion": "up"},
    {"start": 2.25, "stop": 4.0, "motion": "down", "note": "the wind blew"},
]

CASES = (
    Case("a window as long as its label", lambda f: f((0.0, 1.0), _LABELS, _QUESTIONS)),
    Case("a window within a longer label", lambda f: f((1.25, 2.0), _LABELS, _QUESTIONS)),
    Case("half red, half blue: no record", lambda f: f((0.5, 1.5), _LABELS, _QUESTIONS)),
    Case("mostly blue, and red at the beginning: no record", lambda f: f((0.75, 1.75), _LABELS, _QUESTIONS)),
    Case("blue to the end, but something else has begun: no record", lambda f: f((1.5, 2.5), _LABELS, _QUESTIONS)),
    Case("a label that tells no colour", lambda f: f((2.75, 3.5), _LABELS, _QUESTIONS)),
    Case(
        "nothing is known any more in the window's last part: no record", lambda f: f((3.5, 4.5), _LABELS, _QUESTIONS)
    ),
    Case("before anything is known: no record", lambda f: f((5.0, 6.0), _LABELS, _QUESTIONS)),
)
