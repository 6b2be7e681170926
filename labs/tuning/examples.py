"""Records -> what the model sees of them, without doing anything twice that is remembered in little space."""

import zlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from torch.utils.data import Dataset

from labs.data.records import Record, as_records
from labs.models.pictures import open_picture
from labs.models.writer import Writer
from labs.tuning.mask import Encoded, encode

KEPT = 32  # opened pictures: the records of a step often show the same ones
MEGABYTES = 16  # of tokens; what no longer fits is written anew every time


@dataclass
class Examples(Dataset):
    """Records encoded when they are asked for. Their tokens are remembered, of the pictures only the last few.

    Text beyond `max_length` tokens is cut; DataError where that would cut pictures or every answer.
    """

    processor: Any
    records: Sequence[Record]
    max_length: int | None = None
    _known: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)  # token ids and mask; runs take no space
    _room: float = MEGABYTES * 1e6

    def __post_init__(self):
        self.records = as_records(self.records)
        self._open = lru_cache(KEPT)(open_picture)
        self._writer = Writer(self.processor, KEPT)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Encoded:
        mask = self._recall(index)[1] if index in self._known else None
        encoded = encode(self.processor, self.records[index], mask, self.max_length, self._open, self._writer)
        if mask is None and self._room > 0:
            parts = array("i", encoded.input_ids), array("b", encoded.supervised)
            self._known[index] = tuple(zlib.compress(part.tobytes()) for part in parts)
            self._room -= 250 + sum(map(len, self._known[index]))  # with what Python adds to them
        return encoded

    def text(self, index: int) -> Encoded:
        """The record without its pictures, for use beside one that has the same."""
        return Encoded(*self._recall(index), {}, self.records[index].name) if index in self._known else self[index]

    def _recall(self, index: int) -> tuple[list[int], list[bool]]:
        ids, mask = (zlib.decompress(part) for part in self._known[index])
        return array("i", ids).tolist(), [bool(learned) for learned in mask]
