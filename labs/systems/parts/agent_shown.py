"""An agent to look at: taught in half a minute to count and to read signs, and what it writes until it answers."""

from functools import cache

from PIL.Image import Image

from labs.models.entry import Loaded
from labs.systems.parts.agent_lessons import RATES, lessons, teach
from labs.systems.parts.agent_loop import Worked, work
from labs.systems.parts.agent_tools import look_closely, toolbox

KINDS = ("count", "existence", "sign")  # of questions about wide pictures; sums take longer to learn
SHARE, STEPS, BATCH = 0.4, 150, 24  # of the scenes; steps, and conversations of a step


@cache
def quick(seed: int = 0) -> Loaded:
    """The model after a short course with tools; about half a minute on one core."""
    return teach(lessons("tools", KINDS, SHARE), seed, RATES["tools"], STEPS, BATCH)


def ask(loaded: Loaded, picture: Image, question: str) -> Worked:
    """What it makes of one question about one picture, with tools that look at that picture."""
    (seen,) = look_closely([picture])
    return work(loaded, [picture], [question], [toolbox(seen)])[0]


def transcript(question: str, done: Worked) -> str:
    """The conversation, a line for each that spoke."""
    lines = [("user", question)]
    for call, told in done.calls:
        lines += [("assistant", call), ("tool", told)]
    return "\n".join(f"{who:<11}{text}" for who, text in [*lines, ("assistant", done.answer)])
