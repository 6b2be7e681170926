"""NF4 by hand, to be read beside labs.tuning.four_bit, which does the same through bitsandbytes.

    weights   64 to a block: / their largest size (absmax)   -> nearest of 16 quantiles, 4 bits each
    absmaxes  256 to a block: - the mean of all, / absmax    -> nearest of 256 values, 8 bits each

    bits a weight: 4 + 8 / 64 + 32 / (64 * 256) = 4.127; with the absmaxes in 32 bits it would be 4.5

https://arxiv.org/abs/2305.14314, sections 2 and 3; reference implementation: bitsandbytes.functional.quantize_4bit.
On the CPU that one puts absmaxes on a grid of 65 536 values before it looks for the nearest: about one code in a
thousand is the neighbour. Where all absmaxes of a block are alike it stores other codes, which mean the same.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

BLOCK, ABSMAX_BLOCK = 64, 256
SMALLEST = 1e-38  # stands for the absmax of a block of zeros, which would be divided by


class Quantised(NamedTuple):
    """What is stored of a weight of shape `shape`."""

    packed: torch.Tensor  # (weights / 2,) uint8, two codes a byte, the first in the upper half
    absmax_codes: torch.Tensor  # (blocks,) uint8
    absmax_scales: torch.Tensor  # (blocks / 256,) float32
    offset: torch.Tensor  # () float32, the mean absmax
    shape: torch.Size


def normal_map() -> torch.Tensor:
    """The 16 values of NF4, (16,) float32, rising from -1 to 1: quantiles of the normal distribution.

    Zero is one of them, so that padding stays zero; that leaves seven below and eight above. The outermost quantile is
    1 - (1/32 + 1/30) / 2. The paper's equation 4 leaves this open; https://arxiv.org/abs/2306.06965 spells it out, and
    shows that blocks divided by their absmax are not quite normal, so that the 16 are not taken equally often.
    """
    outermost = 0.9677083  # rounded as in bitsandbytes, whose values carry the rounding in their last bits
    positive, negative = (torch.linspace(outermost, 0.5, steps)[:-1].double() for steps in (9, 8))
    quantiles = torch.cat([-torch.special.ndtri(negative), torch.zeros(1), torch.special.ndtri(positive).flip(0)])
    return quantiles.float() / quantiles.float().max()


def dynamic_map() -> torch.Tensor:
    """The 256 values for absmaxes, (256,) float32, rising, and denser and denser towards zero.

    Up to each power of ten from 1e-6 to 1, twice as many as up to the one before: the middles of equal parts of its
    upper nine tenths, with both signs. And zero, and one. https://arxiv.org/abs/1511.04561 (dynamic tree quantisation),
    https://arxiv.org/abs/2110.02861 (in blocks).
    """
    positive = []
    for exponent in range(7):
        edges = torch.linspace(0.1, 1, 2**exponent + 1)
        positive.append(10.0 ** (exponent - 6) * (edges[:-1] + edges[1:]) / 2)
    values = torch.cat(positive)
    return torch.cat([-values, torch.zeros(1), values, torch.ones(1)]).sort().values


def scaled(values: torch.Tensor, block: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Values of any shape -> (blocks, block) from -1 to 1, the last block filled up with zeros; absmaxes (blocks,)."""
    flat = values.flatten().float()
    blocks = functional.pad(flat, (0, -len(flat) % block)).view(-1, block)
    absmax = blocks.abs().amax(dim=1)
    return blocks * (1 / absmax.clamp(min=SMALLEST))[:, None], absmax


def nearest(values: torch.Tensor, rising: torch.Tensor) -> torch.Tensor:
    """Numbers (uint8) of the nearest of `rising`, in the shape of `values`; halfway between two, the lower one."""
    halfway = (rising[:-1] + rising[1:]) / 2
    return torch.bucketize(values, halfway).to(torch.uint8)


def quantise(weight: torch.Tensor) -> Quantised:
    """A weight of any shape, in 4 bits."""
    blocks, absmax = scaled(weight, BLOCK)
    codes = nearest(blocks, normal_map()).flatten()[: weight.numel() + weight.numel() % 2]  # an even number
    offset = absmax.mean()  # absmaxes are all positive; without their mean they use both halves of the map
    absmax_blocks, absmax_scales = scaled(absmax - offset, ABSMAX_BLOCK)
    absmax_codes = nearest(absmax_blocks, dynamic_map()).flatten()[: len(absmax)]
    return Quantised((codes[::2] << 4) | codes[1::2], absmax_codes, absmax_scales, offset, weight.shape)


def dequantise(stored: Quantised) -> torch.Tensor:
    """The weight that the codes stand for, float32, in its own shape."""
    absmax_scales = stored.absmax_scales.repeat_interleave(ABSMAX_BLOCK)[: len(stored.absmax_codes)]
    absmax = dynamic_map()[stored.absmax_codes.int()] * absmax_scales + stored.offset
    codes = torch.stack([stored.packed >> 4, stored.packed & 15], dim=1).flatten()[: stored.shape.numel()]
    values = normal_map()[codes.int()] * absmax.repeat_interleave(BLOCK)[: len(codes)]
    return values.view(stored.shape)
