"""Records kept back from tuning -> an exam: every answer is asked for, after the true conversation before it."""

import random
from collections.abc import Sequence
from functools import partial

from labs.data.records import Record
from labs.evaluation.exam import Exam, Item
from labs.models.pictures import open_picture

MOST = 200  # records that are asked about: to generate an answer takes longer than to score it


def exam_of(records: Sequence[Record], most: int = MOST, seed: int = 0, earlier: Exam | None = None) -> Exam:
    """One item for each answer; its conversation is the record's own, word for word. Of many records, `most` are drawn.

    It shows the pictures that have come up by then; they are opened when they are needed. The new questions of
    `earlier` become the earlier ones.
    """
    chosen = sorted(random.Random(seed).sample(range(len(records)), min(most, len(records))))
    pictures, items, numbers, opening = [], [], {}, {}
    for record in (records[number] for number in chosen):
        for turn, message in enumerate(record.messages):
            if message["role"] != "assistant":
                continue
            before = record.messages[:turn]
            shown = tuple(Record(record.name, before).pictures)
            if shown not in numbers or not shown:
                numbers[shown] = len(pictures)
                pictures.append([opening.setdefault(p, partial(open_picture, p)) for p in shown])
            question, answer = _text(before[-1]), _text(message)
            also = record.also if turn == len(record.messages) - 1 else ()
            items.append(Item(numbers[shown], "tuned for", question, answer, also, tuple(before)))
    return Exam(pictures, items, *((earlier.pictures, earlier.new) if earlier else ()))


def _text(message: dict) -> str:
    return " ".join(part["text"] for part in message["content"] if part["type"] == "text")
