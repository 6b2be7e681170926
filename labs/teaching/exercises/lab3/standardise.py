"""Each channel with mean 0 and spread 1, by the statistics of the windows to LEARN from, whatever else is measured.

Mean and standard deviation of a channel are those over all training windows and all steps. A channel whose deviation
in training is below 1e-4 never changed: it is only shifted by its mean, for nothing tells how large a change is.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from labs.teaching.examine import Case

HINTS = (
    "train.mean((0, 1)) and train.std((0, 1)) have one number for each channel, the last dimension.",
    "torch.where(spread < 1e-4, 1.0, spread) is what to divide by.",
)


def standardise(
    windows: Float[Tensor, "windows steps channels"], train: Float[Tensor, "others steps channels"]
) -> Float[Tensor, "windows steps channels"]:
    """`windows` in units in which `train` has mean 0 and spread 1 in each channel."""
    spread = train.std((0, 1))
    return (windows - train.mean((0, 1))) / torch.where(spread < 1e-4, 1.0, spread)


def _by_itself(windows, train):
    return standardise(windows, windows)


def _window_by_window(windows, train):
    spread = windows.std(1, keepdim=True)
    return (windows - windows.mean(1, keepdim=True)) / torch.where(spread < 1e-4, 1.0, spread)


def _all_channels(windows, train):
    return (windows - train.mean()) / train.std()


def _by_zero(windows, train):
    return (windows - train.mean((0, 1))) / train.std((0, 1))


def _a_little_more(windows, train):
    return (windows - train.mean((0, 1))) / (train.std((0, 1)) + 1e-6)


def _clamped(windows, train):
    return (windows - train.mean((0, 1))) / train.std((0, 1)).clamp(min=1e-4)


def _with_the_limit(windows, train):
    return (windows - train.mean((0, 1))) / (train.std((0, 1)) + 1e-4)


def _variance(windows, train):
    spread = train.var((0, 1))
    return (windows - train.mean((0, 1))) / torch.where(spread < 1e-4, 1.0, spread)


def _step_by_step(windows, train):
    spread = train.std(0)
    return (windows - train.mean(0)) / torch.where(spread < 1e-4, 1.0, spread)


MISTAKES = {
    "these are the statistics of the windows themselves: they leak what is measured; take those of train": _by_itself,
    "each window has statistics of its own, and how strong it is gets lost: take those of train": _window_by_window,
    "all channels share one mean and spread: keep the last dimension, and take them over (0, 1)": _all_channels,
    "a channel that never changes in training is divided by zero: divide it by 1": _by_zero,
    "a channel that never changes in training is divided by next to nothing: divide it by 1": _a_little_more,
    "a channel that never changed is divided by 1e-4, so that it would shout once it wakes: divide it by 1": _clamped,
    "1e-4 is added to every spread: divide a channel that never changed by 1, the others by their own": _with_the_limit,
    "this divides by the variance: take its root, train.std": _variance,
    "each step has statistics of its own: take mean and spread over windows and steps, (0, 1)": _step_by_step,
}


def _recording(
    windows: int, seed: int, level: float = 0.0, spread: float = 1.0, constant: float | None = None
) -> Tensor:
    """Windows of 40 steps of three channels in units far apart; the third may be constant."""
    drawn = torch.randn(windows, 40, 3, generator=torch.Generator().manual_seed(seed))
    drawn = (level + spread * drawn) * torch.tensor([9.81, 0.05, 20.0]) + torch.tensor([9.81, 0.0, 180.0])
    drawn[:, 20:, 0] += 5  # what happens in the second half of each window
    if constant is not None:
        drawn[..., 2] = constant
    return drawn


CASES = (  # a tolerance for which it is the same whether n or n - 1 stands below the variance
    Case("the training windows themselves", lambda f: f(_recording(60, 0), _recording(60, 0)), 5e-3),
    Case("a louder recording stays louder", lambda f: f(_recording(5, 1, 0.5, 3.0), _recording(60, 0)), 5e-3),
    Case("one window by itself", lambda f: f(_recording(1, 2, -0.5), _recording(60, 0)), 5e-3),
    Case("a dead channel: 180 in training, 180 now",
         lambda f: f(_recording(4, 3, constant=180.0), _recording(60, 0, constant=180.0)), 5e-3),
    Case("a dead channel that wakes up: 180 in training, 181.5 now",
         lambda f: f(_recording(4, 3, constant=181.5), _recording(60, 0, constant=180.0)), 5e-3),
)  # fmt: skip
