"""A time series cut into patches, each channel by itself, as PatchTST does (Nie et al., 2023,
https://arxiv.org/abs/2211.14730): a patch of `length` steps is a token, one begins every `stride` steps.

Where whole patches do not fill the series, the steps that are left over are dropped at its BEGINNING: the library drops
them there, because the newest steps tell most. A series shorter than a patch is refused with ValueError.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from labs.teaching.examine import Case

HINTS = (
    "(steps - length) % stride steps are left over. series[:, left:] drops them.",
    "Tensor.unfold(dimension, size, step) cuts a dimension into pieces, which come as a new last dimension.",
)


def patches(
    series: Float[Tensor, "batch steps channels"], length: int, stride: int
) -> Float[Tensor, "batch channels patches length"]:
    """Every channel's patches, the earliest first."""
    steps = series.shape[1]
    if steps < length:
        raise ValueError(f"a patch has {length} steps and the series {steps}: take shorter patches or longer windows.")
    return series[:, (steps - length) % stride :].transpose(1, 2).unfold(2, length, stride)


def _end_dropped(series, length, stride):
    if series.shape[1] < length:
        raise ValueError
    return series.transpose(1, 2).unfold(2, length, stride)


def _side_by_side(series, length, stride):
    return patches(series, length, length)


def _mixed(series, length, stride):
    cut = patches(series, length, stride)
    batch, channels, count, _ = cut.shape
    return cut.permute(0, 2, 3, 1).reshape(batch, channels, count, length)


def _patches_first(series, length, stride):
    return patches(series, length, stride).transpose(1, 2)


def _none(series, length, stride):
    if series.shape[1] < length:
        return series.new_zeros(len(series), series.shape[2], 0, length)
    return patches(series, length, stride)


def _unrefused(series, length, stride):
    return series[:, (series.shape[1] - length) % stride :].transpose(1, 2).unfold(2, length, stride)


def _unrefused_too(series, length, stride):
    return series[:, (series.shape[1] - length) % stride :].unfold(1, length, stride).transpose(1, 2)


def _by_steps(series, length, stride):
    if series.shape[1] < length:
        raise ValueError
    return series[:, series.shape[1] % length :].transpose(1, 2).unfold(2, length, stride)


def _by_strides(series, length, stride):
    if series.shape[1] < length:
        raise ValueError
    return series[:, series.shape[1] % stride :].transpose(1, 2).unfold(2, length, stride)


MISTAKES = {
    "the newest steps are missing: drop the (steps - length) % stride that are over at the beginning": _end_dropped,
    "too many or too few steps are dropped: what lies behind the first patch is cut by stride, so (steps - length) "
    "% stride are over": _by_steps,
    "steps % stride is not what is over: the first patch takes length steps, so it is (steps - length) % stride":
    _by_strides,
    "the patches lie side by side: begin one every stride steps": _side_by_side,
    "steps of several channels stand in one patch: transpose to (batch, channels, steps) before you cut": _mixed,
    "channels come before patches: (batch, channels, patches, length)": _patches_first,
    "a series shorter than a patch must be refused: raise ValueError with one sentence": _none,
    "a series shorter than a patch raises another error: test steps < length first, and raise ValueError": _unrefused,
    "a series shorter than a patch is not tested: before unfold, raise ValueError where steps < length": _unrefused_too,
}


def _series(steps: int, channels: int = 2, batch: int = 2) -> Tensor:
    """Step 7 of channel 3 of series 1 is 1307."""
    numbers = 1000 * torch.arange(batch)[:, None, None] + 100 * torch.arange(channels) + torch.arange(steps)[:, None]
    return numbers.float()


CASES = (
    Case("6 steps, patches of 3, side by side", lambda f: f(_series(6), 3, 3)),
    Case("8 steps, patches of 3: two are left over", lambda f: f(_series(8), 3, 3)),
    Case("patches of 4 that overlap, one every 2 steps, 9 steps", lambda f: f(_series(9, 3), 4, 2)),
    Case("patches of 5, one every 3 steps, 12 steps: one is left over", lambda f: f(_series(12, 1), 5, 3)),
    Case("one patch is the whole series", lambda f: f(_series(5, 3, 1), 5, 5)),
    Case("4 steps are no patch of 5", lambda f: f(_series(4), 5, 5)),
)
