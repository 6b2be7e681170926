"""Which records a step learns from: those about the same pictures together, as long as the step stays mixed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch.utils.data import Dataset

from labs.tuning.examples import Examples
from labs.tuning.mask import Encoded
from labs.tuning.records import Record, as_records

PICTURES = 4  # a step has at least so many groups: pairs about one picture alone pull a model one way


@dataclass
class Steps(Dataset):
    """The items of a step, one a device: groups of encoded records, those of a group about the same pictures.

    Every step has `batch` records, the last of an epoch perhaps fewer, in an order drawn from seed and epoch. With
    `share` only the first record of a group brings its pictures.
    """

    examples: Examples
    batch: int
    share: bool = True
    seed: int = 0
    devices: int = 1
    plan: list[list[list[int]]] = field(default_factory=list)

    def __post_init__(self):
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch; called by the data loader."""
        most = max(1, self.batch // PICTURES)
        steps = plan(self.examples.records, self.batch, most, random.Random(f"steps {self.seed} {epoch}"))
        if len(steps) > 1 and sum(map(len, steps[-1])) < self.devices:  # no device may be without a record
            steps[-2] += steps.pop()
        self.plan = [part for step in steps for part in dealt(step, self.devices)]

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, item: int) -> list[list[Encoded]]:
        rest = self.examples.text if self.share else self.examples.__getitem__
        return [[self.examples[first], *map(rest, others)] for first, *others in self.plan[item]]


def dealt(step: list[list[int]], devices: int) -> list[list[list[int]]]:
    """The groups of a step dealt to the devices, each time to the one that has the fewest records.

    Where there are fewer groups than devices the largest are halved.
    """
    groups = [list(group) for group in step]
    while len(groups) < devices and max(map(len, groups)) > 1:
        largest = max(groups, key=len)
        groups.remove(largest)
        groups += [largest[::2], largest[1::2]]
    parts: list[list[list[int]]] = [[] for _ in range(devices)]
    for group in sorted(groups, key=len, reverse=True) if devices > 1 else groups:
        min(parts, key=lambda part: sum(map(len, part))).append(group)
    return parts


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
    for number, shown in enumerate(as_records(records).keys.shown.tolist()):
        groups.setdefault(shown or f"record {number}", []).append(number)
    return list(groups.values())
