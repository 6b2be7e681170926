"""Scales and biases for the frozen layers of a language model: W x becomes scale (W x + bias).

LLaMA-Adapter V2 (Gao et al., 2023, https://arxiv.org/abs/2304.15010) unlocks them and the norms' weights. Scales begin
at 1 and biases at 0: at first nothing changes.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel


class Scaled(nn.Module):
    """A frozen linear layer, scaled and shifted."""

    def __init__(self, inner: nn.Linear):
        super().__init__()
        self.inner = inner
        self.scale, self.bias = (nn.Parameter(fill(inner.out_features)) for fill in (torch.ones, torch.zeros))

    def forward(self, x: Float[Tensor, "*tokens width"]) -> Float[Tensor, "*tokens out"]:
        return self.scale * (self.inner(x) + self.bias)


def add_scales(language: PreTrainedModel) -> list[nn.Parameter]:
    """Scale every linear layer between embeddings and head (changed in place), unlock the norms; what may learn."""
    decoder, learning = language.get_decoder(), []
    for name, part in list(decoder.named_modules()):
        if isinstance(part, nn.Linear):
            decoder.set_submodule(name, scaled := Scaled(part))
            learning += [scaled.scale, scaled.bias]
        elif "norm" in name.rpartition(".")[2]:
            learning += part.requires_grad_(True).parameters()
    return learning
