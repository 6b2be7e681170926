"""The loop that makes a model with tools an agent: it writes, a call is answered, it writes again, until it answers.

    user        Each star costs 7, each ring costs 4. What do they cost?
    assistant   detector(stars)
    user        2
    assistant   detector(rings)
    user        1
    assistant   calculator(2*7+1*4)
    user        18
    assistant   18

A reply that only begins like a call, or asks for what is not there, is answered with one sentence, and is never run.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from PIL.Image import Image

from labs.evaluation.answering import answers
from labs.models.chat import message
from labs.models.entry import Loaded
from labs.systems.parts.agent_calls import CallError, Tool, answer, parse

CALLS, LONGEST = 4, 24  # calls to a question at most; tokens of a call or an answer

Toolbox = Callable[[Image], Mapping[str, Tool]]  # a picture -> the tools that look at it


class Worked(NamedTuple):
    """What came of a question: the answer ("" where there was none after all calls), and calls with their replies."""

    answer: str
    calls: list[tuple[str, str]]


def work(
    loaded: Loaded, pictures: Sequence[Image], questions: Sequence[str], tools: Sequence[Mapping[str, Tool]],
    calls: int = CALLS, first: str = "",
) -> list[Worked]:  # fmt: skip
    """Answer question i about pictures[i] with tools[i]: all at once, each as if it were alone.

    `first` is a call that is made before the model may write, whether it wants to or not.
    """
    talks = [[message(question)] for question in questions]
    done, made = [""] * len(talks), [[] for _ in talks]
    waiting = list(range(len(talks)))
    for turn in range(calls + 1):
        forced = first and turn == 0
        said = [first] * len(waiting) if forced else answers(
            loaded, [pictures[i] for i in waiting], [talks[i] for i in waiting], max_new_tokens=LONGEST
        )  # fmt: skip
        for i, reply in zip(list(waiting), said, strict=True):
            try:
                call = parse(reply)
                if call is None:  # an answer: this question is done
                    done[i] = reply
                    waiting.remove(i)
                    continue
                told = answer(call, tools[i])
            except CallError as error:  # one sentence back, and nothing is run
                told = str(error)
            made[i].append((reply, told))
            talks[i] += [_says("assistant", reply), _says("user", told)]
    return [Worked(*one) for one in zip(done, made, strict=True)]


def _says(role: str, text: str) -> dict:
    return {"role": role, "content": [{"type": "text", "text": text}]}
