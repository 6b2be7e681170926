"""LoRA by hand, to be read beside labs.tuning.lora, which does the same through PEFT.

    W x  ->  W x + (lora_alpha / r) B A x        A (r, in) random, B (out, r) zero: at first nothing changes

https://arxiv.org/abs/2106.09685, section 4.1; reference implementation: https://github.com/microsoft/LoRA
"""

import copy

import torch
from torch import nn


class LoraLinear(nn.Module):
    """A frozen linear layer W with a trained low-rank addition B A.

    The gradient of A is zero as long as B is, so the first step moves B alone.
    """

    def __init__(self, base: nn.Linear, r: int = 8, lora_alpha: int = 16) -> None:
        """Freeze `base` (in place) and put A and B beside it. Raises ValueError for an r that no such B A can have."""
        super().__init__()
        if not 1 <= r <= min(base.in_features, base.out_features):
            raise ValueError(f"r must be from 1 to {min(base.in_features, base.out_features)}, not {r}")
        self.base = base.requires_grad_(False)
        # divided by r, so that an addition of higher rank is about as large and needs no other learning rate
        self.scale = lora_alpha / r
        self.A = nn.Parameter(torch.empty(r, base.in_features).to(base.weight))
        self.B = nn.Parameter(torch.zeros(base.out_features, r).to(base.weight))
        nn.init.kaiming_uniform_(self.A, a=5**0.5)  # as PEFT does, and nn.Linear its own weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., in) -> (..., out). A comes first: what passes on to B is r numbers wide, and B A is never built."""
        return self.base(x) + (x @ self.A.T @ self.B.T) * self.scale

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """A new plain layer, as fast as the base: its weight is W + (lora_alpha / r) B A."""
        layer = copy.deepcopy(self.base)
        layer.weight += self.scale * self.B @ self.A
        return layer
