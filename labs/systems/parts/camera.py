"""Learning to read the thermal camera, the tour's skill, in all the ways that section 4 compares; and its exam.

Asked is where the hottest and the coldest thing are: nine places, so that guessing is right once in nine. (The tour's
third question, how many things are warm, is guessed right far more often.)
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

from PIL.Image import Image

from labs.data import records
from labs.evaluation import heldout, proof, skill
from labs.evaluation.exam import Exam
from labs.models import catalog
from labs.models.conversation import write
from labs.models.entry import Loaded
from labs.models.pictures import as_png
from labs.systems.claim import Scores
from labs.tuning.by_hand.prefix import add_prefix
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora, target_modules
from labs.world import thermal_camera
from labs.world.records import QUESTIONS, scene_records

KINDS = ("hottest", "coldest")
PLACES = 9
TRAIN, STEPS, BATCH = 800, 100, 8  # pictures, and those of a step: each is seen once
HELDOUT, EARLIER = 150, 60  # pictures; of two questions each, and of some nine
EXAM = 4  # the data seed of what is measured; rates were chosen on that of 7
SCALE = 2  # lora_alpha / r, the same for every rank
# The learning rate of each rank, see labs.systems.lora.
RATES = {1: 6e-3, 2: 6e-3, 4: 3e-3, 8: 3e-3, 16: 3e-3, 32: 1e-3}
NEAR = 0.05  # two shares of right answers so far apart count as about the same

Loader = Callable[[], Loaded]


class Way(NamedTuple):
    """How the decoder is tuned. The eyes and the projector stay as they are in every way."""

    kind: Literal["lora", "full", "prefix"]
    rate: float
    size: int = 0  # the rank, or the length of the prefix
    layers: str = ""  # in the names of those that get adapters: "self_attn", "mlp", or "" for all


def load() -> Loaded:
    """The bundled mini-llava in float32."""
    return catalog.load("multimodal", "mini")


def prepare(loaded: Loaded, way: Way, seed: int) -> Loaded:
    """The model (changed in place) with what the way trains, and nothing else, ready to be trained."""
    model = loaded.model
    if way.kind == "full":
        model.requires_grad_(False)
        model.get_decoder().requires_grad_(True)
    elif way.kind == "prefix":
        model = add_prefix(model, way.size, like=_long_talk(loaded.processor, seed))
    else:
        spec = LoraSpec(way.size, SCALE * way.size, projector=False)
        targets = [name for name in target_modules(model, spec) if way.layers in name]
        model = add_lora(model, spec, seed, targets)
    return Loaded(loaded.entry, model, loaded.processor)


def tune(
    load: Loader, way: Way, seed: int, taught: records.Records, steps: int | None = None, batch: int = BATCH
) -> Loaded:
    """A freshly loaded model after so many steps (STEPS where none are named) on the records, in evaluation mode."""
    learner = prepare(load(), way, seed)
    with TemporaryDirectory() as folder:
        fit(
            learner.model, learner.processor, taught, [], Path(folder) / "run", steps=steps or STEPS, batch=batch,
            learning_rate=way.rate, seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    return learner


def judge(learner: Loaded, questions: Exam) -> dict[str, list[float]]:
    """Right answers (items,) to the new questions, to the same about another picture, and to the earlier ones."""
    return proof.judge(learner, questions, views=["new", "shuffled", "earlier"])


def scores(judged: dict[str, list[float]], questions: Exam, view: str = "new") -> Scores:
    """What `judge` found, as an arm of a claim."""
    items = questions.earlier if view == "earlier" else questions.new
    return Scores(judged[view], [item.picture for item in items])


@cache
def exam(seed: int = EXAM) -> Exam:
    """Held-out thermal pictures with questions for their places, and ordinary ones with questions of every kind."""
    both, earlier = skill.thermal_items(HELDOUT, seed), heldout.exam(EARLIER, seed)
    new = [item for item in both.new if item.kind in KINDS]
    return replace(both, new=new, earlier_pictures=earlier.pictures, earlier=earlier.new)


@cache
def lessons() -> records.Records:
    """Thermal pictures of training scenes, each a conversation of two questions in random order."""
    rng, entries = random.Random("thermal lessons"), []
    for _ in range(TRAIN):
        reading = thermal_camera.sample_reading(rng, "train")
        entries.append(entry(reading.picture, rng.sample([reading.asked[kind] for kind in KINDS], len(KINDS))))
    return records.of(entries, "thermal lessons")


@cache
def ordinary() -> records.Records:
    """Ordinary pictures of training scenes, each question by itself: what the model could do before."""
    scenes = scene_records("train", TRAIN)
    entries = [entry(scene["image"], [pair]) for scene in scenes for pair in _pairs(scene)]
    return records.of(entries, "ordinary lessons")


def _long_talk(processor: Any, seed: int) -> dict:
    """A training picture with all its questions and answers, as the model's inputs: words for a prefix to begin as."""
    scenes = (scene for scene in scene_records("train", 100, seed) if len(scene["questions"]) == QUESTIONS)
    scene = next(scenes)
    record = records.of([entry(scene["image"], _pairs(scene))], "a talk")[0]
    return write(processor, record.messages, [scene["image"]])


def _pairs(scene: dict) -> list[tuple[str, str]]:
    return [(one["question"], one["answer"]) for one in scene["questions"]]


def entry(picture: Image, pairs: list[tuple[str, str]]) -> dict:
    """A conversation about a picture, as data is read: questions and answers in turn."""
    return entry_of([as_png(picture)], pairs)


def entry_of(files: Sequence[bytes], pairs: Sequence[tuple[str, str]]) -> dict:
    """The same about pictures that are files already."""
    said = [text for pair in pairs for text in pair]
    turns = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(said)]
    return {"messages": turns, "images": [{"bytes": file} for file in files]}
