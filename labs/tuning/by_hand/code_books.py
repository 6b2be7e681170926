"""Three code books of 4 bits, to be compared: normal floats, floats, integers. All else is alike.

    weights, 64 to a block: / their largest size (absmax) -> the nearest value of the book -> * absmax

NF4   quantiles of the normal distribution, equally many weights to each                (by_hand.nf4)
FP4   a sign, two bits of exponent, one of mantissa: dense near zero, far apart at the ends, as bitsandbytes has it
INT4  the integers from -7 to 7, divided by 7: evenly spaced, and -8 is not used, so that both signs are alike

https://arxiv.org/abs/2305.14314, sections 2 and 3 (integers: its equation 1, with 7 in the place of 127).
"""

from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.tuning.by_hand.nf4 import BLOCK, nearest, normal_map, scaled
from labs.tuning.parts import part_of

Book = Literal["NF4", "FP4", "INT4"]
SIZES = (0, 1 / 192, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1)  # of FP4; zero stands in it twice, once with each sign


def values(book: Book) -> Float[Tensor, " values"]:
    """The values of a book, rising from -1 to 1: 16 of NF4, 15 of the others. Raises ValueError for other names."""
    if book == "NF4":
        return normal_map()
    if book == "FP4":
        return torch.tensor([-size for size in reversed(SIZES[1:])] + list(SIZES))
    if book == "INT4":
        return torch.arange(-7, 8) / 7
    raise ValueError(f"book must be NF4, FP4 or INT4, not {book!r}")


def rounded(weight: Tensor, book: Book) -> Tensor:
    """A weight of any shape as it is after 4 bits and back, float32; each block's absmax stays in 32 bits."""
    blocks, absmax = scaled(weight, BLOCK)
    rising = values(book)
    told = rising[nearest(blocks, rising).int()] * absmax[:, None]
    return told.flatten()[: weight.numel()].view(weight.shape)


def decibels(weight: Tensor, told: Tensor) -> float:
    """How far a weight lies above what rounding adds to it: 10 log10 (sum of w^2 / sum of errors^2). Higher is better.

    20 decibels are an error of a tenth of the weight, 6 decibels more half of that.
    """
    return 10 * torch.log10(weight.double().square().sum() / (weight - told).double().square().sum()).item()


def decoder_weights(model: nn.Module) -> Iterable[tuple[str, nn.Linear]]:
    """The linear layers that QLoRA keeps in 4 bits: all of the decoder, without the head. Names and layers."""
    head = model.get_output_embeddings()
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module is not head and part_of(name) == "language":
            yield name, module


@torch.no_grad()
def round_decoder(model: nn.Module, book: Book) -> None:
    """Round the decoder's linear layers in place: what is computed is what 4 bits would give, stored in 32."""
    for _, layer in decoder_weights(model):
        layer.weight.copy_(rounded(layer.weight, book))
