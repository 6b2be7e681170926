"""Two who see different things, against one who sees both: what colour is the hottest thing?

    the agent sees the picture, its colleague the thermal camera        one sees both, and is as large as the two
    assistant   colleague(Where is the hottest thing?)                  user        Where is the hottest thing?
    colleague   top left                                                assistant   top left
    assistant   red                                                     user        What colour is the hottest thing?
                                                                        assistant   red

The colleague is another adapter on the same base; in Visual ChatGPT (https://arxiv.org/abs/2303.04671) the others are
models of their own. All learn from the same scenes, the one alone in more conversations than the two together.
"""

import random
from collections import Counter
from collections.abc import Sequence
from functools import cache, partial

from PIL.Image import Image

from labs.data import records
from labs.evaluation.answering import answers
from labs.models.chat import answer, message
from labs.models.entry import Loaded
from labs.systems.claim import Scores
from labs.systems.parts import agent_lessons, camera
from labs.systems.parts.agent_lessons import entries, taught, warm_scenes
from labs.systems.parts.agent_loop import work
from labs.systems.parts.agent_pictures import exchanged
from labs.systems.parts.agent_questions import EXTREMES, Asked, extreme, heat, right
from labs.systems.parts.camera import Way
from labs.world import thermal
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.thermal_camera import QUESTIONS

RANK, RATE, STEPS, BATCH = 8, 3e-3, 100, 16  # of the colleague
ALONE = 300  # steps of the one alone: more than the colleague's and the agent's conversations about this together
WORDINGS = 3  # in which the one alone may be asked, to be as often asked as the two
SCENES, DRAW = 100, 400  # held-out scenes, and the data seed of the first arm; settings were chosen on seed 0


def hot_view(scene: Scene) -> Image:
    """What the thermal camera shows of a scene."""
    return thermal.as_picture(thermal.temperature_map(scene))


@cache
def colleague(seed: int) -> Loaded:
    """An adapter that reads the thermal camera: where the hottest and the coldest thing is."""
    found = []
    for scene in warm_scenes("train", agent_lessons.WARM):
        talks = [[(QUESTIONS[which], extreme(scene, which).place)] for which in EXTREMES]
        found += entries([hot_view(scene)], talks)
    taught_on = records.of(found, "a colleague's lessons")
    return camera.tune(camera.load, Way("lora", RATE, RANK), seed, taught_on, STEPS, BATCH)


@cache
def alone(seed: int, by_steps: bool) -> Loaded:
    """One adapter of both ranks together that sees both pictures; `by_steps`, it is asked for the place first."""
    found = []
    for number, scene in enumerate(warm_scenes("train", agent_lessons.WARM)):
        rng, talks = random.Random(f"alone {number}"), []
        for which in EXTREMES:
            asked = heat(scene, which, rng.randrange(agent_lessons.WORDED))
            place = [(QUESTIONS[which], extreme(scene, which).place)] * by_steps
            talks.append([*place, (asked.text, asked.answer)])
        found += entries([draw(scene), hot_view(scene)], talks)
    both = Way("lora", RATE, RANK + agent_lessons.RANK)
    return camera.tune(camera.load, both, seed, records.of(found, "lessons of one alone"), ALONE, BATCH)


# ---------------------------------------------------------------------------------------------------------------
# The exam


@cache
def exam(seed: int) -> tuple[tuple[Scene, str], ...]:
    """Held-out scenes, and which thing is asked for."""
    return tuple((scene, which) for scene in warm_scenes("heldout", SCENES, DRAW + seed) for which in EXTREMES)


def questions(seed: int, wording: int = 0) -> list[Asked]:
    """The same in one of the wordings."""
    return [heat(scene, which, wording) for scene, which in exam(seed)]


def scores(seed: int, replies: Sequence[str]) -> Scores:
    """1 where the colour is right."""
    values = [right(reply, asked) for reply, asked in zip(replies, questions(seed), strict=True)]
    return Scores(values, [number // len(EXTREMES) for number in range(len(values))])


def two(seed: int, elsewhere: bool = False) -> Scores:
    """The agent asks its colleague, who sees another scene if it is `elsewhere`."""
    hot = [hot_view(scene) for scene, _ in exam(seed)][:: len(EXTREMES)]
    hot = [view for view in (exchanged(hot, seed) if elsewhere else hot) for _ in EXTREMES]
    tools = [{"colleague": partial(_ask, colleague(seed), view)} for view in hot]
    pictures = [draw(scene) for scene, _ in exam(seed)]
    done = work(taught(seed, "tools"), pictures, [asked.text for asked in questions(seed)], tools)
    return scores(seed, [one.answer for one in done])


def one(seed: int, by_steps: bool = False, times: int = 1) -> Scores:
    """Who sees both is asked once, or in several wordings, of whose answers the most frequent counts."""
    loaded = alone(seed, by_steps)
    shown = [[draw(scene), hot_view(scene)] for scene, _ in exam(seed)]
    first = [QUESTIONS[which] for _, which in exam(seed)]
    places = answers(loaded, shown, first) if by_steps else []
    said = []
    for wording in range(times):
        asked = [one.text for one in questions(seed, wording)]
        talks = [[message(where, 2), _says(place, "assistant"), _says(text, "user")]
                 for where, place, text in zip(first, places, asked, strict=True)] if by_steps else asked  # fmt: skip
        said.append(answers(loaded, shown, talks))
    return scores(seed, [Counter(replies).most_common(1)[0][0] for replies in zip(*said, strict=True)])


def _ask(loaded: Loaded, view: Image, text: str) -> str:
    return answer(loaded, [view], text, max_new_tokens=8) or "nothing"


def _says(text: str, role: str) -> dict:
    return {"role": role, "content": [{"type": "text", "text": text}]}
