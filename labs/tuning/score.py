"""How well a model does on records that it has not learned from: loss and exact match, without writing an answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from labs.data.records import Record
from labs.models.conversation import picture_token
from labs.tuning.budget import Budget
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.label_logits import supervised_logits, unwrapped
from labs.tuning.mask import Encoded
from labs.tuning.packing import IGNORE
from labs.tuning.sharing import SharedCollator, model_inputs, why_separate
from labs.tuning.steps import same_pictures

TOKENS, GROUPS = 4096, 16  # of a batch, and of the records that are sorted into batches together


class Score(NamedTuple):
    """`loss` is the mean over supervised tokens, `exact` the share of answers that greedy decoding writes exactly."""

    loss: float
    exact: float
    answers: int


@dataclass
class Scorer:
    """Scores one model after another on the same records, each answer given the true conversation before it.

    If at every step the best token is the true one, then greedy decoding writes the answer, and only then.
    """

    processor: Any
    records: Sequence[Record]
    max_length: int | None = None
    share: bool = True
    _examples: Examples = field(init=False)

    def __post_init__(self):
        if not self.records:
            raise ValueError("there must be at least one record to score")
        self._examples = Examples(self.processor, self.records, self.max_length)

    @torch.no_grad()
    def __call__(self, model: torch.nn.Module) -> Score:
        was_training, loss, tokens, right = model.training, 0.0, 0, []
        model.eval()
        collate = SharedCollator(self.processor.tokenizer.pad_token_id, picture_token(self.processor))
        if not self.share or why_separate(model, self._examples, collate):
            collate = Collator(collate.pad_token_id)
        budget = Budget(collate, TOKENS)
        encoded = self._groups()
        while groups := list(islice(encoded, GROUPS)):
            for rows in budget.batches(groups):
                batch = {name: value.to(unwrapped(model).device) for name, value in budget.lay_out(rows).items()}
                targets, inputs = model_inputs(model, batch)
                logits = supervised_logits(model, targets, inputs).float().cpu()
                true = targets[targets != IGNORE].cpu()
                loss, tokens = loss + cross_entropy(logits, true, reduction="sum").item(), tokens + len(true)
                answers = [length for row in rows for record in row.records for length in _answers(record)]
                right += [bool(part.all()) for part in (logits.argmax(-1) == true).split(answers)]
        model.train(was_training)
        return Score(loss / tokens, sum(right) / len(right), len(right))

    def _groups(self) -> Iterator[list[Encoded]]:
        for numbers in same_pictures(self._examples.records):
            yield [self._examples[number] for number in numbers]


def score(model: torch.nn.Module, processor: Any, records: Sequence[Record], max_length: int | None = None) -> Score:
    """Loss and exact match of the answers. Raises ValueError if there are no records."""
    return Scorer(processor, records, max_length)(model)


def _answers(record: Encoded) -> list[int]:
    """The tokens of each answer."""
    return [len(list(run)) for learned, run in groupby(record.supervised[1:]) if learned]
