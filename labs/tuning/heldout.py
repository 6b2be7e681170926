"""The records kept back from tuning: which they are, and how well a model does on them."""

import random
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.packing import IGNORE
from labs.tuning.records import Record

FEWEST = 10  # with fewer records none is kept back


class Score(NamedTuple):
    """`loss` is the mean over supervised tokens, `exact` the share of answers that greedy decoding writes exactly."""

    loss: float
    exact: float
    answers: int


def split(records: Sequence[Record], share: float = 0.1, seed: int = 0) -> tuple[list[Record], list[Record]]:
    """Training and held-out records: at least `share` held out, and no picture ever on both sides.

    Nothing is held out of fewer than ten records, or where common pictures tie all of them together.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}")
    groups = _groups(records)
    random.Random(seed).shuffle(groups)
    wanted = share * len(records) if len(records) >= FEWEST else 0
    heldout: set[int] = set()
    for group in groups[1:]:  # one group stays for training whatever happens
        if len(heldout) < wanted:
            heldout.update(group)
    sides: tuple[list[Record], list[Record]] = ([], [])
    for number, record in enumerate(records):
        sides[number in heldout].append(record)
    return sides


@torch.no_grad()
def score(model: Any, processor: Any, records: Sequence[Record], batch: int = 16) -> Score:
    """Loss and exact match of the answers, each given the true conversation before it.

    If at every step the best token is the true one, then greedy decoding writes the answer, and only then.
    """
    if not records:
        raise ValueError("there must be at least one record to score")
    examples, collate = Examples(processor, records), Collator(processor.tokenizer.pad_token_id)
    was_training, losses, right = model.training, [], []
    model.eval()
    for start in range(0, len(records), batch):
        inputs = collate([examples[i] for i in range(start, min(start + batch, len(records)))])
        labels = inputs.pop("labels")[:, 1:]
        inputs = {name: tensor.to(model.device) for name, tensor in inputs.items()}
        logits = model(**inputs).logits[:, :-1].float().cpu()
        losses += cross_entropy(logits[labels != IGNORE], labels[labels != IGNORE], reduction="none").tolist()
        right += _exact(logits.argmax(-1), labels)
    model.train(was_training)
    return Score(sum(losses) / len(losses), sum(right) / len(right), len(right))


def _exact(best: torch.Tensor, labels: torch.Tensor) -> list[bool]:
    """(batch, tokens) twice -> for every answer, a row of supervised tokens, whether all of them are right."""
    result = []
    for row, true in zip(best.tolist(), labels.tolist(), strict=True):
        inside = False
        for token, label in zip(row, true, strict=True):
            if label != IGNORE:
                result += [] if inside else [True]
                result[-1] &= token == label
            inside = label != IGNORE
    return result


def _groups(records: Sequence[Record]) -> list[list[int]]:
    """The records' numbers, those together that a common picture ties to one another, directly or through others."""
    leader = list(range(len(records)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    first: dict = {}
    for number, record in enumerate(records):
        for picture in record.pictures:
            leader[find(number)] = find(first.setdefault(picture, number))
    groups: dict[int, list[int]] = {}
    for number in range(len(records)):
        groups.setdefault(find(number), []).append(number)
    return list(groups.values())
