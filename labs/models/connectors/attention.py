"""Attention with queries from one side and keys from another: what every connector but a projection is made of."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class Attention(nn.Module):
    """softmax(q k / sqrt(d)) v in `heads` heads, and a projection behind.

    `width` is that of who asks, `seen` of what is looked at; `head` is the width of a head, by default a share.
    """

    def __init__(self, width: int, heads: int, seen: int | None = None, head: int | None = None, bias: bool = False):
        super().__init__()
        if head is None and width % heads:
            raise ValueError(f"width must be a multiple of heads, not {width} of {heads}")
        self.heads, inner = heads, heads * (head or width // heads)
        self.query = nn.Linear(width, inner, bias)
        self.key, self.value = (nn.Linear(seen or width, inner, bias) for _ in range(2))
        self.out = nn.Linear(inner, width, bias)

    def forward(
        self, asking: Float[Tensor, "n a width"], seen: Float[Tensor, "n s seen"],
        visible: Bool[Tensor, "n a s"] | None = None,
    ) -> Float[Tensor, "n a width"]:  # fmt: skip
        """`visible` says what of `seen` each may look at; who may look at nothing gets the mean of all."""
        query, key, value = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(asking), self.key(seen), self.value(seen))
        )
        scores = query @ key.transpose(2, 3) / query.shape[-1] ** 0.5  # (n, heads, a, s)
        if visible is not None:
            scores = scores.masked_fill(~visible[:, None], torch.finfo(scores.dtype).min)
        return self.out((scores.softmax(-1) @ value).transpose(1, 2).flatten(2))
