"""The rows of a step -> batches to a budget of tokens, hardly any of them padding.

Rows of about the same length stand together. Whether a step is learned in one batch or in several, its loss and its
gradients are the same, so what does not fit at once is learned one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from labs.tuning.collate import Collator
from labs.tuning.mask import Encoded
from labs.tuning.sharing import Shared, SharedCollator

WASTE = 0.05  # of a batch's tokens may be padding


@dataclass
class Budget:
    """Cuts steps into batches of at most `tokens` tokens, padding included, and counts how many are padding.

    A row that is longer is a batch by itself, of at most `records` records. With `collate` a `Collator` every record
    has a row of its own.
    """

    collate: Collator | SharedCollator
    tokens: int | None = None
    records: int | None = None
    counted: dict[str, int] = field(default_factory=lambda: {"tokens": 0, "padding": 0})

    def batches(self, groups: Sequence[Sequence[Encoded]]) -> list[list[Shared]]:
        """The rows of each batch of a step, the longest first: if memory is too small it shows at once."""
        if isinstance(self.collate, SharedCollator):
            rows = self.collate.rows(groups, self.records)
        else:
            rows = [Shared([record], 0, record) for group in groups for record in group]
        batches: list[list[Shared]] = []
        for row in sorted(rows, key=len, reverse=True):
            if not batches or not self._fits(batches[-1], row):
                batches.append([])
            batches[-1].append(row)
        return batches

    def lay_out(self, rows: Sequence[Shared]) -> dict:
        """A batch as the model's inputs, see the collators."""
        size = len(rows) * max(map(len, rows))
        self.counted["tokens"] += size
        self.counted["padding"] += size - sum(map(len, rows))
        shared = isinstance(self.collate, SharedCollator)
        return self.collate(rows if shared else [row.first for row in rows])

    def halve(self, groups: Sequence[Sequence[Encoded]]) -> bool:
        """Make the batches of a step, and of all to come, half as large. False if they hold single records already."""
        batches = self.batches(groups)
        if any(len(batch) > 1 for batch in batches):
            self.tokens = max(len(batch) * len(batch[0]) for batch in batches if len(batch) > 1) // 2
            return True
        most = max(len(batch[0].records) for batch in batches)
        self.records = most // 2
        return most > 1

    def _fits(self, batch: list[Shared], row: Shared) -> bool:
        size = (len(batch) + 1) * len(batch[0])
        used = sum(map(len, batch)) + len(row)
        return (self.tokens is None or size <= self.tokens) and size - used <= WASTE * size
