"""The script that every room of the museum runs: short, plain, and sound. A room replaces one of its functions.

    lessons -> split -> row (ids, labels, pixels) -> batch -> logits -> loss -> steps -> a score of its own

It is what people write who use no library's trainer. The skill is that of worksheet 2, and the model mini-llava in
every profile, so that a room takes seconds.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch

from labs.data import records
from labs.data.records import Record, Records
from labs.models.writer import Writer
from labs.systems.parts.camera import entry
from labs.teaching import lab2_skill
from labs.tuning.mask import encode
from labs.tuning.packing import IGNORE
from labs.world.picture import draw

LESSONS, HELD = 400, 60  # pictures, and those of them that the script holds back
WORDINGS = (
    lab2_skill.FORWARD, "From left to right, what is there?", "Say what stands there, from the left to the right.",
    "List the things, the leftmost first.", "Begin at the left: which things are there?",
    "Which things are there, from left to right?",
)  # fmt: skip


class Row(NamedTuple):
    """A record as the model is given it; `answers[i]` says whether token i belongs to the answer."""

    ids: list[int]
    labels: list[int]
    pixels: torch.Tensor  # (1, 3, height, width)
    answers: list[bool]


@cache
def lessons(pictures: int = LESSONS, each: int = 1) -> Records:
    """`each` records about every picture, in as many of the six wordings."""
    rng, entries = random.Random("the museum's lessons"), []
    for scene in lab2_skill.scenes("train", pictures, 1):
        answer = lab2_skill.talk(scene)[0][1]
        entries += [entry(draw(scene), [(words, answer)]) for words in rng.sample(WORDINGS, each)]
    return records.of(entries, "the script's records")


def split(every: Records) -> tuple[Records, Records]:
    """Training records, and those held back."""
    return every[HELD:], every[:HELD]


def template(processor: Any) -> None:
    """Prepare how conversations are written: the model's own way stays as it is."""


def row(processor: Any, record: Record) -> Row:
    """What is read of a record, and what is learned."""
    encoded = encode(processor, record, writer=_writer(processor))
    return Row(encoded.input_ids, encoded.labels, encoded.inputs["pixel_values"], encoded.supervised)


def batch(processor: Any, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Rows padded on the right, (rows, tokens), and their pictures."""
    longest, pad = max(len(one.ids) for one in rows), processor.tokenizer.pad_token_id
    lines: dict[str, list] = {"input_ids": [], "attention_mask": [], "labels": []}
    for one in rows:
        gap = longest - len(one.ids)
        lines["input_ids"].append(one.ids + [pad] * gap)
        lines["attention_mask"].append([1] * len(one.ids) + [0] * gap)
        lines["labels"].append(one.labels + [IGNORE] * gap)
    tensors = {name: torch.tensor(line) for name, line in lines.items()}
    return tensors | {"pixel_values": torch.cat([one.pixels for one in rows])}


def logits(model: Any, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """(rows, tokens, vocabulary), the model's own way."""
    return model(**{name: tensor for name, tensor in given.items() if name != "labels"}, use_cache=False).logits


@cache
def _writer(processor: Any) -> Writer:
    """Remembers what the processor made of the last pictures: finding an answer writes a record twice."""
    return Writer(processor)


@dataclass(frozen=True)
class Script:
    """The places in which a bug may sit, and for how many steps of how many records the script learns."""

    lessons: Callable = lessons
    split: Callable = split
    template: Callable = template
    row: Callable = row
    batch: Callable = batch
    logits: Callable = logits
    steps: int = 60
    records: int = 8
    rate: float = 3e-3


SOUND = Script()
