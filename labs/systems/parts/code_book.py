"""A code book: rows of numbers become whole numbers and, nearly, themselves again; so pictures and sounds become words.

Found by k-means, the simplest vector quantisation; the models that this stands in for learn theirs together with an
encoder and a decoder (VQ-VAE: van den Oord et al., 2017, https://arxiv.org/abs/1711.00937).
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

ROUNDS = 30


class CodeBook:
    """`entries` are what the codes stand for."""

    def __init__(self, entries: Float[Tensor, "codes numbers"]):
        self.entries = entries

    def __len__(self) -> int:
        return len(self.entries)

    def encode(self, rows: Float[Tensor, "*many numbers"]) -> Int[Tensor, "*many"]:
        """The nearest entry of each row."""
        return torch.cdist(rows.flatten(0, -2), self.entries).argmin(1).unflatten(0, rows.shape[:-1])

    def decode(self, codes: Int[Tensor, "*many"]) -> Float[Tensor, "*many numbers"]:
        """What the codes stand for."""
        return self.entries[codes]


def learn_codes(rows: Float[Tensor, "rows numbers"], size: int, seed: int = 0) -> CodeBook:
    """k-means from rows drawn at random; an entry that no row is near to moves to one that is far from all entries.

    Raises ValueError where there are fewer rows than entries.
    """
    if len(rows) < size:
        raise ValueError(f"a book of {size} codes needs at least as many rows, not {len(rows)}")
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    entries = rows[order[:size]].clone()
    for _ in range(ROUNDS):
        near, nearest = torch.cdist(rows, entries).min(1)
        met = torch.bincount(nearest, minlength=size)
        entries = torch.zeros_like(entries).index_add_(0, nearest, rows) / met.clamp(min=1)[:, None]
        unused = (met == 0).nonzero()[:, 0]
        entries[unused] = rows[near.topk(len(unused)).indices]
    return CodeBook(entries)
