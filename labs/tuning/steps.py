"""Which records a step learns from: those about the same pictures together, as long as the step stays mixed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch.utils.data import Dataset

from labs.tuning.examples import Examples
from labs.tuning.mask import Encoded
from labs.tuning.records import Record

PICTURES = 4  # a step has at least so many groups: pairs about one picture alone pull a model one way


@dataclass
class Steps(Dataset):
    """One item a step: groups of encoded records, those of a group about the same pictures.

    Every step has `batch` records, the last of an epoch perhaps fewer, in an order drawn from seed and epoch. With
    `share` only the first record of a group brings its pictures.
    """

    examples: Examples
    batch: int
    share: bool = True
    seed: int = 0
    plan: list[list[list[int]]] = field(default_factory=list)

    def __post_init__(self):
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch; called by the data loader."""
        most = max(1, self.batch // PICTURES)
        self.plan = plan(self.examples.records, self.batch, most, random.Random(f"steps {self.seed} {epoch}"))

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, step: int) -> list[list[Encoded]]:
        rest = self.examples.text if self.share else self.examples.__getitem__
        return [[self.examples[first], *map(rest, others)] for first, *others in self.plan[step]]


def plan(records: Sequence[Record], batch: int, most: int, rng: random.Random) -> list[list[list[int]]]:
    """Steps of groups of record numbers: `batch` records a step, at most `most` about the same pictures."""
    chunks = []
    for group in same_pictures(records):
        rng.shuffle(group)
        chunks += [group[start : start + most] for start in range(0, len(group), most)]
    rng.shuffle(chunks)
    steps: list[list[list[int]]] = []
    room = 0
    for chunk in chunks:
        while chunk:
            if not room:
                steps.append([])
                room = batch
            taken, chunk = chunk[:room], chunk[room:]
            steps[-1].append(taken)
            room -= len(taken)
    return steps


def same_pictures(records: Sequence[Record]) -> list[list[int]]:
    """The numbers of the records that show the same pictures in the same order; those without any stay alone."""
    groups: dict = {}
    for number, record in enumerate(records):
        groups.setdefault(tuple(record.pictures) or number, []).append(number)
    return list(groups.values())
