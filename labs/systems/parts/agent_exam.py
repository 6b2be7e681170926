"""What agents are asked in the end: held-out wide pictures and ordinary ones, with honest tools and others.

own         the tools look at the picture that is asked about
another     they look at another one: whoever reads their replies is wrong then, whatever its own eyes see
lying       the detector finds nothing where it sees something, and one thing where it sees nothing
none        every call is answered by the sentence that there is no such tool
"""

import random
from collections.abc import Mapping
from functools import cache, partial

from PIL.Image import Image

from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts.agent_calls import Tool
from labs.systems.parts.agent_lessons import taught
from labs.systems.parts.agent_loop import Worked, work
from labs.systems.parts.agent_pictures import draw_wide, exchanged, wide_scenes
from labs.systems.parts.agent_questions import KINDS, Asked, about, right
from labs.systems.parts.agent_tools import Seen, base, look_closely, toolbox
from labs.world.picture import draw
from labs.world.scene import Scene

WIDE, PLAIN, DRAW = 100, 60, 300  # scenes; the data seed of the first arm, settings were chosen on seed 0
TOOLS = ("own", "another", "lying", "none")


@cache
def scenes(seed: int) -> tuple[Scene, ...]:
    """Those of the wide pictures."""
    return wide_scenes("heldout", WIDE, DRAW + seed)


@cache
def wide(seed: int) -> tuple[tuple[int, Asked], ...]:
    """The number of a scene, and a question of each kind about it."""
    rng = random.Random(f"agent exam {seed}")
    return tuple((number, about(scene, rng, kind)) for number, scene in enumerate(scenes(seed)) for kind in KINDS)


@cache
def plain(seed: int) -> tuple[tuple[Image, ...], tuple[tuple[int, Asked], ...]]:
    """Ordinary pictures, and the number of one with each question of every type that it offers."""
    shown, items = heldout.questions(PLAIN, DRAW + seed)
    asked = tuple((item.picture, Asked(item.kind, item.question, (), item.answer)) for item in items)
    return tuple(draw(scene) for scene in shown), asked


def pictures(seed: int, view: str) -> tuple[Image, ...]:
    """Of "wide" or "plain"."""
    return plain(seed)[0] if view == "plain" else tuple(draw_wide(scene) for scene in scenes(seed))


def items(seed: int, view: str) -> tuple[tuple[int, Asked], ...]:
    """Of "wide" or "plain"."""
    return plain(seed)[1] if view == "plain" else wide(seed)


@cache
def seen(seed: int, view: str) -> tuple[Seen, ...]:
    """What detector and reader see in each picture."""
    return tuple(look_closely(pictures(seed, view)))


def tools_of(seed: int, view: str, tools: str) -> list[Mapping[str, Tool]]:
    """The tools for each picture, of one of `TOOLS`."""
    if tools not in TOOLS:
        raise ValueError(f"tools must be one of {TOOLS}, not {tools!r}")
    looked = seen(seed, view)
    if tools == "none":
        return [{} for _ in looked]
    boxes = [toolbox(one) for one in (exchanged(looked, seed) if tools == "another" else looked)]
    return [box | {"detector": partial(lie, box["detector"])} for box in boxes] if tools == "lying" else boxes


def lie(detector: Tool, asked: str) -> str:
    """The opposite of what a detector finds: nothing, or one thing where there is nothing."""
    return "1" if detector(asked) == "0" else "0"


@cache
def worked(seed: int, way: str, view: str, tools: str = "own", first: str = "") -> tuple[Worked, ...]:
    """What the model that was taught one way makes of every question, "base" being the untuned one."""
    asked, shown, boxes = items(seed, view), pictures(seed, view), tools_of(seed, view, tools)
    loaded, numbers = model_of(way, seed), [number for number, _ in asked]
    texts = [one.text for _, one in asked]
    if way in ("base", "direct"):
        told = answers(loaded, [shown[number] for number in numbers], texts)
        return tuple(Worked(text, []) for text in told)
    own = [shown[number] for number in numbers]
    return tuple(work(loaded, own, texts, [boxes[number] for number in numbers], first=first))


def model_of(way: str, seed: int) -> Loaded:
    """The base, or the model that was taught one of the ways."""
    return base() if way == "base" else taught(seed, way)


# ---------------------------------------------------------------------------------------------------------------
# Scores


def correct(
    seed: int, way: str, view: str = "wide", tools: str = "own", kinds: tuple[str, ...] = (), first: str = ""
) -> Scores:  # fmt: skip
    """1 where a question of one of the kinds, of any where none is named, is answered rightly."""
    done = zip(items(seed, view), worked(seed, way, view, tools, first), strict=True)
    kept = [(right(one.answer, asked), number) for (number, asked), one in done if not kinds or asked.kind in kinds]
    return Scores([value for value, _ in kept], [number for _, number in kept])


def decided(seed: int, way: str = "tools") -> Scores:
    """1 where a tool is called to find something on a wide picture, and is not on an ordinary one: same questions."""
    values, where = [], []
    for view, wanted in (("wide", True), ("plain", False)):
        for (number, asked), one in zip(items(seed, view), worked(seed, way, view), strict=True):
            if asked.kind == "existence":
                values.append(float(bool(one.calls) == wanted))
                where.append(number + WIDE * (view == "plain"))
    return Scores(values, where)
