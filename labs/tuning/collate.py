"""Records -> padded batches for `transformers.Trainer`."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils.data import Dataset

from labs.tuning.mask import Encoded, encode
from labs.tuning.packing import IGNORE
from labs.tuning.records import Record


@dataclass
class Examples(Dataset):
    """Records encoded when they are asked for. Their masks are remembered, the pictures read anew each time."""

    processor: Any
    records: Sequence[Record]
    _masks: dict[int, array] = field(default_factory=dict)  # one byte a token

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> Encoded:
        known = self._masks.get(index)
        encoded = encode(self.processor, self.records[index], None if known is None else [bool(b) for b in known])
        if known is None:
            self._masks[index] = array("b", encoded.supervised)
        return encoded


@dataclass(frozen=True)
class Collator:
    """Pads on the right what runs along the tokens, and lays the pictures of all records one after the other.

    input_ids, attention_mask, labels (batch, tokens), labels -100 where nothing is to be learned; pixel_values
    (pictures, ...) where some record has a picture.
    """

    pad_token_id: int

    def __call__(self, batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        tokens = max(len(example.input_ids) for example in batch)
        rows = [example.inputs | {"labels": torch.tensor([example.labels])} for example in batch]
        fill = {"input_ids": self.pad_token_id, "labels": IGNORE}
        result = {}
        for name in dict.fromkeys(name for row in rows for name in row):
            having = [row for row in rows if name in row]
            parts = [row[name] for row in having]
            if all(row[name].shape == row["input_ids"].shape for row in having):
                parts = [_widen(part, tokens, fill.get(name, 0)) for part in parts]
            result[name] = torch.cat(parts)
        return result


def _widen(row: torch.Tensor, tokens: int, value: int) -> torch.Tensor:
    return torch.nn.functional.pad(row, (0, tokens - row.shape[1]), value=value)
