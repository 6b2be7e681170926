"""Encoded records -> padded batches for `transformers.Trainer`."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from labs.tuning.mask import Encoded
from labs.tuning.packing import IGNORE


@dataclass(frozen=True)
class Collator:
    """Lays the rows, or the pictures, of all records one after the other, each padded on the right as far as needed.

    input_ids, attention_mask, labels (batch, tokens), labels -100 where nothing is to be learned; pixel_values
    (pictures, ...) where some record has a picture. Some models number a picture's tiles, or a record's pictures, in
    a dimension of their own, and have to be given empty ones: the library's way, which the models know.
    """

    pad_token_id: int

    def __call__(self, batch: Sequence[Encoded]) -> dict[str, torch.Tensor]:
        rows = [example.inputs | {"labels": torch.tensor([example.labels])} for example in batch]
        fill = {"input_ids": self.pad_token_id, "labels": IGNORE}
        result = {}
        for name in dict.fromkeys(name for row in rows for name in row):
            parts = [row[name] for row in rows if name in row]
            largest = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
            result[name] = torch.cat([_widen(part, largest, fill.get(name, 0)) for part in parts])
        return result


def _widen(part: torch.Tensor, sizes: Sequence[int], value: int) -> torch.Tensor:
    """Every dimension but the first padded on the right to the sizes asked for."""
    missing = [size - has for size, has in zip(sizes, part.shape[1:], strict=True)]
    return torch.nn.functional.pad(part, [n for more in reversed(missing) for n in (0, more)], value=value)
