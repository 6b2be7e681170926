"""How a model learns to call tools: LoRA on conversations of training scenes in which the calls and replies stand.

The engine supervises whatever the assistant says: calls as well as answers, never what a tool replies.
Toolformer finds such conversations by itself, by what helps; these are written from the scene.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL.Image import Image

from labs.data import records
from labs.models import catalog
from labs.models.entry import Loaded
from labs.models.pictures import as_png
from labs.systems.parts.agent_pictures import draw_wide, wide_scenes
from labs.systems.parts.agent_questions import EXTREMES, KINDS, Asked, about, extreme, heat
from labs.systems.parts.camera import entry_of
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.rows import draw_anew, spoken
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS as ORDINARY
from labs.world.questions import ask
from labs.world.scene import Scene

WIDE, PLAIN, WARM = 1800, 1000, 800  # training scenes: wide, ordinary, ordinary with a colleague at the thermal camera
EACH = 6  # questions about an ordinary picture
RANK, STEPS, BATCH = 16, 500, 32
RATES = {"tools": 4e-3, "direct": 2e-3, "warned": 4e-3}  # settled on scenes of another data seed
WAYS = tuple(RATES)
LIES = 1 / 3  # of the detector's replies about existence, in the lessons of those who are warned
WORDED = 2  # ways to ask for the colour of a thing, of those that the model was trained on


@cache
def taught(seed: int, way: str) -> Loaded:
    """The model after lessons on one of `WAYS`; the seed draws the adapter and the batches.

    tools     calls, replies that are true, answers
    direct    the same questions about the same pictures, answers alone; none that only a colleague can answer
    warned    as tools, but the detector lies about a third of what it is asked to find; the answers are true
    """
    return teach(lessons(way), seed, RATES[way])


def teach(
    taught_on: records.Records, seed: int, rate: float, steps: int | None = None, batch: int | None = None
) -> Loaded:  # fmt: skip
    """A freshly loaded mini-llava with adapters, and rows of the words that it has to say, after so many steps."""
    loaded = catalog.load("multimodal", "mini")
    rows = spoken(loaded.processor, taught_on)
    model = add_lora(loaded.model, LoraSpec(r=RANK, lora_alpha=2 * RANK, rows=rows), seed)
    draw_anew(model, seed)
    with TemporaryDirectory() as folder:
        fit(
            model, loaded.processor, taught_on, [], Path(folder) / "run", steps=steps or STEPS, batch=batch or BATCH,
            learning_rate=rate, seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    return Loaded(loaded.entry, model, loaded.processor)


@cache
def lessons(way: str, kinds: tuple[str, ...] = KINDS, share: float = 1.0) -> records.Records:
    """All conversations, or those about a share of the scenes; in every way the same questions in the same order.

    `kinds` are those about wide pictures.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {WAYS}, not {way!r}")
    found = [*_wide(way, kinds, int(share * WIDE)), *_plain(int(share * PLAIN))]
    if way != "direct":
        found += _warm(int(share * WARM))
    return records.of(found, f"lessons of an agent, {way}")


def conversation(asked: Asked, way: str = "tools", lie: str = "") -> list[tuple[str, str]]:
    """What a user or a tool says, and what the assistant is to say: pairs. A `lie` is what the first call replies."""
    calls = list(asked.calls) if way != "direct" else []
    if lie and calls:
        calls[0] = (calls[0][0], lie)
    heard = [asked.text, *(told for _, told in calls)]
    return list(zip(heard, [*(call for call, _ in calls), asked.answer], strict=True))


def entries(pictures: Sequence[Image], talks: Sequence[Sequence[tuple[str, str]]]) -> Iterator[dict]:
    """Conversations about the same pictures, which stand before each of them, as data is read."""
    files = [as_png(picture) for picture in pictures]
    yield from (entry_of(files, talk) for talk in talks)


def lie_about(asked: Asked) -> str:
    """What a detector says that finds nothing where there is something, and one thing where there is nothing."""
    return "1" if asked.answer == "no" else "0"


def _wide(way: str, kinds: Sequence[str], count: int) -> Iterator[dict]:
    for number, scene in enumerate(wide_scenes("train", count)):
        rng, doubt = random.Random(f"lesson {number}"), random.Random(f"lie {number}")
        asked = [about(scene, rng, kind) for kind in KINDS]
        lied = way == "warned" and doubt.random() < LIES
        talks = [conversation(one, way, lie_about(one) if lied and one.kind == "existence" else "")
                 for one in asked if one.kind in kinds]  # fmt: skip
        yield from entries([draw_wide(scene)], talks)


def _plain(count: int) -> Iterator[dict]:
    """Ordinary pictures, on which it sees all that it is asked: always whether something is there, and more."""
    rng = random.Random("plain lessons")
    for _ in range(count):
        scene = splits.sample(rng, "train")
        others = [kind for kind in ORDINARY if kind != "existence"]
        asked = [ask(scene, rng, kind) for kind in ("existence", *rng.sample(others, len(others)))]
        yield from entries([draw(scene)], [[(one.text, one.answer)] for one in asked if one][:EACH])


def _warm(count: int) -> Iterator[dict]:
    for number, scene in enumerate(warm_scenes("train", count)):
        rng = random.Random(f"warm lesson {number}")
        asked = [heat(scene, which, rng.randrange(WORDED)) for which in EXTREMES]
        yield from entries([draw(scene)], [conversation(one) for one in asked])


@cache
def warm_scenes(split: str, count: int, seed: int = 0) -> tuple[Scene, ...]:
    """Scenes of three to five things, one of them the hottest and one the coldest, and no two of one colour.

    Where colours repeat, the most frequent one is right half the time, whatever the thermal camera shows.
    """
    rng, found = random.Random(f"warm {split} {seed}"), []
    while len(found) < count:
        scene = splits.sample(rng, split, count=rng.randint(3, 5))
        apart = len({thing.colour for thing in scene.things}) == len(scene.things)
        if apart and all(extreme(scene, which) for which in EXTREMES):
            found.append(scene)
    return tuple(found)
