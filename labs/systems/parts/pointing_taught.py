"""How the bundled mini-llava learns to write boxes: adapters, and rows of words that it never said, on the engine."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from labs.models.entry import Loaded
from labs.systems.parts.box_words import PLACES, Notation, add_words
from labs.systems.parts.limit_tuning import load, records
from labs.systems.parts.pointed import lessons
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.rows import draw_anew, spoken

RANK, RATE, STEPS, BATCH = 16, 4e-3, 188, 32  # each lesson is met once


def prepare(loaded: Loaded, rows: tuple[int, ...], seed: int) -> Loaded:
    """The model (changed in place) with adapters, and with rows that learn; the eyes stay as they are."""
    model = add_lora(loaded.model.requires_grad_(False), LoraSpec(RANK, 2 * RANK, rows=rows), seed)
    draw_anew(model, seed)
    return Loaded(loaded.entry, model, loaded.processor)


def taught(seed: int, mix: str = "pointing", notation: Notation = "numbers") -> Loaded:
    """The model after its steps on the lessons of one of `labs.systems.parts.pointed.MIXES`, frozen."""
    return _taught(seed, mix, notation)  # remembered whether or not defaults are named


@cache
def _taught(seed: int, mix: str, notation: Notation) -> Loaded:
    loaded, told = load(), records(lessons(mix, notation))
    if notation == "places":
        add_words(loaded, PLACES)
    learner = prepare(loaded, spoken(loaded.processor, told), seed)
    with TemporaryDirectory() as folder:
        fit(
            learner.model, learner.processor, told, [], Path(folder) / "run", steps=STEPS, batch=BATCH,
            learning_rate=RATE, seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    learner.model.requires_grad_(False)
    return learner
