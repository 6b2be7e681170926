"""One vocabulary for several modalities: a range of numbers for each, and a tag for each that says what is to follow.

text        left          right         sound          tags
0 ... 15    16 ... 79     80 ... 143    144 ... 239    <text> <left> <right> <sound>
"""

from collections.abc import Mapping

import torch
from jaxtyping import Int
from torch import Tensor


class Ranges:
    """`sizes` says how many tokens each modality has."""

    def __init__(self, sizes: Mapping[str, int]):
        self.sizes, self.start, at = dict(sizes), {}, 0
        for name, size in sizes.items():
            self.start[name], at = at, at + size
        self.tags = {name: at + i for i, name in enumerate(sizes)}
        self.size = at + len(self.tags)

    def of(self, name: str) -> tuple[int, int]:
        """The first number of a modality, and the one behind its last. Raises KeyError for an unknown modality."""
        return self.start[name], self.start[name] + self.sizes[name]

    def tag(self, name: str, count: int) -> Int[Tensor, "count 1"]:
        """The tag of a modality, for so many rows."""
        return torch.full((count, 1), self.tags[name])
