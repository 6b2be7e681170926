"""The records kept back from tuning, and whether anything of them is among the others after all."""

import random
from collections.abc import Sequence

import numpy as np

from labs.data.keys import Keys
from labs.data.records import Record, Records, as_records
from labs.data.report import WRONG, Finding

FEWEST = 10  # with fewer records none is kept back


def split(records: Sequence[Record], share: float = 0.1, seed: int = 0) -> tuple[Records, Records]:
    """Training and held-out records: at least `share` held out, and no picture ever on both sides, by any name.

    Nothing is held out of fewer than ten records, or where common pictures tie all of them together.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}")
    records = as_records(records)
    groups = _groups(records.keys)
    sizes = np.bincount(groups)
    others = [group for group in range(len(sizes)) if group != sizes.argmax()]  # which stays whatever happens
    random.Random(seed).shuffle(others)
    order = np.asarray(others, int)
    wanted = share * len(records) if len(records) >= FEWEST else 0
    before = sizes[order].cumsum() - sizes[order]
    heldout = np.isin(groups, order[before < wanted])
    return records.part(np.flatnonzero(~heldout)), records.part(np.flatnonzero(heldout))


def leakage(train: Records, heldout: Records) -> Finding:
    """Held-out records of which training knows a picture, by any name, or everything that is said."""
    known = heldout.keys.known_to(train.keys)
    note = f"first {heldout[known[0]].name}" if len(known) else f"of {len(heldout)} held-out records"
    return Finding("held-out in training", len(known), note, WRONG)


def _groups(keys: Keys) -> np.ndarray:
    """(records,) the number of each one's group: those that a common picture ties together, directly or through others.

    Without pictures, those that say the same.
    """
    leader = list(range(len(keys.talks)))

    def find(number: int) -> int:
        while leader[number] != number:
            leader[number] = number = leader[leader[number]]
        return number

    alone = np.flatnonzero(keys.shown == 0)
    first: dict[int, int] = {}
    for number, key in zip(np.append(keys.owners, alone), np.append(keys.pictures, keys.talks[alone]), strict=True):
        leader[find(int(number))] = find(first.setdefault(int(key), int(number)))
    return np.unique([find(number) for number in range(len(leader))], return_inverse=True)[1]
