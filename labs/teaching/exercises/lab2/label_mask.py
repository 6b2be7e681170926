"""Labels of a talk with several turns: the token's own id where it is to be learned, -100 everywhere else.

To be learned are what the assistant says, in every turn, and the closing token right after it, if it stands there.
`turns` are (role, start, stop): what the turn says is ids[start:stop]. `end` is the id of the closing token, None where
the template has none. The model shifts labels by itself: label i stands at the place of token i.
"""

from labs.teaching.examine import Case

HINTS = (
    "Begin with a list of -100 as long as ids, and copy ids[start:stop] into it for each turn of the assistant.",
    "Right after an answer: if ids[stop:stop + 1] == [end], copy that token as well. A slice never runs over the end.",
)


def label_mask(ids: list[int], turns: list[tuple[str, int, int]], end: int | None) -> list[int]:
    """Token ids, turns and closing token -> labels, as many as ids."""
    labels = [-100] * len(ids)
    for role, start, stop in turns:
        if role == "assistant":
            stop += ids[stop : stop + 1] == [end]
            labels[start:stop] = ids[start:stop]
    return labels


def _open_end(ids, turns, end):
    return label_mask(ids, turns, None)


def _last_alone(ids, turns, end):
    return label_mask(ids, turns[-1:], end)


def _from_the_first_on(ids, turns, end):
    first = next(start for role, start, _ in turns if role == "assistant")
    return [-100] * first + ids[first:]


def _shifted(ids, turns, end):
    return label_mask(ids, turns, end)[1:] + [-100]


def _every_end(ids, turns, end):
    labels = label_mask(ids, turns, end)
    return [one if one == end else label for one, label in zip(ids, labels, strict=True)]


def _one_more(ids, turns, end):
    labels = [-100] * len(ids)
    for role, start, stop in turns:
        if role == "assistant":
            labels[start : stop + 1] = ids[start : stop + 1]
    return labels


def _runs_over(ids, turns, end):
    labels = [-100] * len(ids)
    for role, start, stop in turns:
        if role == "assistant":
            labels[start:stop] = ids[start:stop]
            if ids[stop] == end:
                labels[stop] = end
    return labels


def _zeros(ids, turns, end):
    return [max(0, label) for label in label_mask(ids, turns, end)]


def _all_turns(ids, turns, end):
    return label_mask(ids, [("assistant", start, stop) for _, start, stop in turns], end)


MISTAKES = {
    "the closing token carries no loss: a model that never learns to stop goes on talking; add ids[stop]": _open_end,
    "only the last answer is learned; go through all turns and take those of the assistant": _last_alone,
    "everything from the first answer on is learned; the later questions must stay -100": _from_the_first_on,
    "labels are shifted by one already; leave each at its own token, for the model shifts them": _shifted,
    "closing tokens of questions are learned too; take the one right after an answer alone": _every_end,
    "the token after an answer is learned whatever it is; compare it with `end` first": _one_more,
    "ids[stop] runs over the end of a text that was cut: ask whether stop < len(ids) first": _runs_over,
    "what is not learned must be -100; 0 is a token like any other": _zeros,
    "questions are learned as well; look at the role of a turn": _all_turns,
}
USER, ANSWER, END = 3, 4, 1
ONE = ([USER, 9, 9, 9, 20, 21, ANSWER, 30, 31, END], [("user", 4, 6), ("assistant", 7, 9)])
TWO = (
    [5, 40, USER, 9, 9, 20, END, ANSWER, 30, 31, END, USER, 22, 23, END, ANSWER, 32, END],
    [("system", 1, 2), ("user", 5, 6), ("assistant", 8, 10), ("user", 12, 14), ("assistant", 16, 17)],
)

CASES = (
    Case("one question, one answer", lambda f: f(list(ONE[0]), list(ONE[1]), END)),
    Case("system, two questions and two answers, all turns closed", lambda f: f(list(TWO[0]), list(TWO[1]), END)),
    Case("a template that closes nothing", lambda f: f([USER, 20, ANSWER, 30, USER, 21, ANSWER, 31],
         [("user", 1, 2), ("assistant", 3, 4), ("user", 5, 6), ("assistant", 7, 8)], None)),
    Case("the closing token was cut off", lambda f: f(ONE[0][:-1], list(ONE[1]), END)),
    Case("as many labels as tokens", lambda f: len(f(list(TWO[0]), list(TWO[1]), END))),
)  # fmt: skip
