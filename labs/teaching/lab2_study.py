"""The open study of worksheet 2: one dial turned, the new skill and the earlier ones measured.

    study(rank=8, rate=3e-3, rehearsal=0.25, records=400, steps=60)

Through the engine, on mini-llava in every profile; a run of 60 steps takes some ten seconds on one core.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from labs.data.records import Records, of
from labs.evaluation.interval import Interval, interval
from labs.evaluation.proof import judge
from labs.models import catalog
from labs.models.entry import Loaded
from labs.systems.parts.camera import entry
from labs.teaching import lab2_skill
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.world.picture import draw
from labs.world.records import scene_records

BATCH, ASKED = 8, 80  # records of a step; held-out pictures
TURNS = 2  # questions of a rehearsed record, as many as a new one has


class Found(NamedTuple):
    """Right answers to the new question, to the same about another picture, and to the earlier questions."""

    new: Interval
    shuffled: Interval
    earlier: Interval


def study(
    rank: int = 8,
    rate: float = 3e-3,
    rehearsal: float = 0.0,
    records: int = 400,
    steps: int = 60,
    seed: int = 0,
    exam: int = 11,
) -> Found:
    """Tune with these settings and measure. `rehearsal` is the share of the records that are of the earlier kinds.

    `exam` draws the held-out pictures: choose a setting by one exam, and report it on another.
    With no steps it is the base that is asked. Raises ValueError for a share that is none, or for records that are too
    few for a step.
    """
    if not 0 <= rehearsal <= 1:
        raise ValueError(f"rehearsal is a share from 0 to 1, not {rehearsal}")
    if records < BATCH:
        raise ValueError(f"a step needs {BATCH} records, and there are {records}: give more")
    loaded = catalog.load("multimodal", "mini")
    model = add_lora(loaded.model, LoraSpec(rank, 2 * rank), seed)
    with TemporaryDirectory() as folder:
        if steps:
            fit(
                model, loaded.processor, lessons(records, rehearsal, seed), [], Path(folder) / "run", steps=steps,
                batch=BATCH, learning_rate=float(rate), seed=seed, save_every=10**6, progress=False,
            )  # fmt: skip
    questions = lab2_skill.exam(ASKED, exam)
    judged = judge(Loaded(loaded.entry, model, loaded.processor), questions, views=["new", "shuffled", "earlier"])
    asked = {"new": questions.new, "shuffled": questions.new, "earlier": questions.earlier}
    return Found(*(interval(judged[view], [item.picture for item in items]) for view, items in asked.items()))


def lessons(count: int, rehearsal: float | int, seed: int = 0) -> Records:
    """`count` records of two questions each, a share of them of the earlier kinds, about ordinary scenes."""
    old = round(count * rehearsal)
    new = [entry(draw(scene), lab2_skill.talk(scene)) for scene in lab2_skill.scenes("train", count - old, seed)]
    scenes = scene_records("train", old, seed) if old else ()
    asked = [(scene["image"], [(one["question"], one["answer"]) for one in scene["questions"]]) for scene in scenes]
    return of(new + [entry(image, pairs[:TURNS]) for image, pairs in asked], "the study's records")
