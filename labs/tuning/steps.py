"""Which records a step learns from: those about the same pictures together, as long as the step stays mixed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from torch.utils.data import Dataset

from labs.data.records import Records
from labs.tuning.examples import Examples
from labs.tuning.mask import Encoded

PICTURES = 4  # a step has at least so many groups: pairs about one picture alone pull a model one way


@dataclass(frozen=True, eq=False)
class Plan(Sequence):
    """The groups of record numbers of each item of an epoch; two flat arrays, where lists of lists take 40 MB."""

    order: np.ndarray  # (records,) their numbers
    group: np.ndarray  # (records,) the group that each of them belongs to
    batch: int
    devices: int = 1

    def __len__(self) -> int:
        steps, left = divmod(len(self.order), self.batch)
        return max(1, steps + (left >= self.devices)) * self.devices  # no device may be without a record

    def __getitem__(self, item: int) -> list[list[int]]:
        if not 0 <= item < len(self):
            raise IndexError(item)
        step = item // self.devices
        last = (step + 1) * self.devices == len(self)
        part = slice(step * self.batch, None if last else (step + 1) * self.batch)
        cuts = np.flatnonzero(np.diff(self.group[part])) + 1
        groups = [numbers.tolist() for numbers in np.split(self.order[part], cuts)]
        return dealt(groups, self.devices)[item % self.devices]


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

    def __post_init__(self):
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of an epoch; called by the data loader."""
        shown = self.examples.records.keys.shown
        most = max(1, self.batch // PICTURES)
        self.plan = Plan(*drawn(shown, most, np.random.default_rng([self.seed, epoch])), self.batch, self.devices)

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, item: int) -> list[list[Encoded]]:
        rest = self.examples.text if self.share else self.examples.__getitem__
        return [[self.examples[first], *map(rest, others)] for first, *others in self.plan[item]]


def drawn(shown: np.ndarray, most: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Keys of pictures (records,) -> an order of the records, and the number of the group that each stands in.

    A group is at most `most` records about the same pictures, one after the other; those without any stay alone.
    """
    order = rng.permutation(len(shown))
    order = order[shown[order].argsort(kind="stable")]
    same = shown[order]
    place = np.arange(len(same)) - same.searchsorted(same)  # among those about the same pictures
    group = ((place % most == 0) | (same == 0)).cumsum() - 1
    group = rng.permutation(group[-1] + 1)[group]
    final = group.argsort(kind="stable")
    return order[final], group[final]


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


def same_pictures(records: Records) -> Iterator[list[int]]:
    """The numbers of the records that show the same pictures in the same order; those without any stay alone."""
    shown = records.keys.shown
    order = shown.argsort(kind="stable")
    same = shown[order]
    starts = np.flatnonzero(np.append(True, (same[1:] != same[:-1]) | (same[1:] == 0)))
    for start, stop in pairwise([*starts.tolist(), len(order)]):
        yield order[start:stop].tolist()
