"""How a model calls a tool, and what answers: a call is a whole reply of the form name(what), and nothing else is one.

    detector(red stars) -> 2          reader() -> taxi          calculator(2*7+1*4) -> 18
    colleague(Where is the hottest thing?) -> top left

As Toolformer (https://arxiv.org/abs/2302.04761) writes calls, and ReAct (https://arxiv.org/abs/2210.03629) takes turns
with what they bring. What a model writes is read, never run: the calculator knows numbers, times and plus.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from labs.world.vocabulary import COLOURS, SHAPES

CALL = re.compile(r"([a-z]+)\(([^()]*)\)")
MENTION = re.compile(r"[a-z]+\s*\(")  # what begins as a call does
SUM = re.compile(r"\d{1,3}(?:[*+]\d{1,3}){0,7}")
MANY = {shape: shape + ("es" if shape.endswith("s") else "s") for shape in SHAPES}

Tool = Callable[[str], str]  # what it is asked -> what it replies


class Call(NamedTuple):
    """Which tool is called, and what it is asked."""

    name: str
    asked: str


class CallError(ValueError):
    """A call cannot be answered; the sentence goes back to the model."""


def parse(reply: str) -> Call | None:
    """The call that a reply is; None where it is an answer. Raises CallError for what only begins like a call."""
    if found := CALL.fullmatch(reply.strip()):
        return Call(*found.groups())
    if MENTION.match(reply.strip()):
        raise CallError("A call is a name and what is asked in brackets, and nothing else.")
    return None


def answer(call: Call, tools: Mapping[str, Tool]) -> str:
    """What the tool replies. Raises CallError for a tool that is not there and for what it cannot understand."""
    if call.name not in tools:
        raise CallError(f"There is no tool {call.name}; there are: {', '.join(tools) or 'none'}.")
    return tools[call.name](call.asked)


def calculate(text: str) -> str:
    """The value of numbers with * and + between them: "2*7+1*4" -> "18". Raises CallError for anything else."""
    text = text.replace(" ", "")
    if not SUM.fullmatch(text):
        raise CallError("The calculator knows whole numbers, * and +.")
    total = 0
    for term in text.split("+"):
        product = 1
        for factor in term.split("*"):
            product *= int(factor)
        total += product
    return str(total)


def understood(text: str) -> tuple[str | None, str | None]:
    """Which colour and shape are meant, None for any: "red stars" -> red, star; "things" -> any. Raises CallError."""
    *before, last = text.split() or [""]
    shape = next((shape for shape in SHAPES if last in (shape, MANY[shape])), None)
    colour = before[0] if len(before) == 1 and before[0] in COLOURS else None
    if len(before) > 1 or (before and not colour) or (not shape and last not in ("thing", "things")):
        raise CallError("The detector knows a colour and a shape, or things.")
    return colour, shape
