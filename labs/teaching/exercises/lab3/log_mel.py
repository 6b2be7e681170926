"""A log-mel spectrogram, as Whisper's ears hear (Radford et al., 2022, https://arxiv.org/abs/2212.04356).

1 torch.stft with a Hann window of `window` samples, one every `hop` samples; its square is the power. The last frame is
  dropped, as Whisper drops it.
2 The power of each band: `filters` (bins, bands) say how much of each bin goes into it.
3 The logarithm to the base 10, of no less than 1e-10. Whatever lies more than 8 below the largest of all is raised to
  that. Then 4 is added, and all is divided by 4.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from labs.teaching.examine import Case

HINTS = (
    "torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True) is (bins, frames); "
    "its absolute value squared is the power.",
    "[:, :-1] leaves the last frame out, .T turns it over; power @ filters, .clamp(min=1e-10).log10(), then "
    "torch.maximum(loud, loud.max() - 8), then (loud + 4) / 4.",
)


def log_mel(
    samples: Float[Tensor, " samples"], window: int, hop: int, filters: Float[Tensor, "bins bands"]
) -> Float[Tensor, "frames bands"]:
    """How loud each band is in each frame, on a logarithmic scale."""
    spectrum = torch.stft(samples, window, hop, window=torch.hann_window(window), return_complex=True)
    loud = (spectrum[:, :-1].abs().square().T @ filters).clamp(min=1e-10).log10()
    return (torch.maximum(loud, loud.max() - 8) + 4) / 4


def _loud(samples, window, hop, filters, power=2, shape=torch.hann_window, last=-1):
    spectrum = torch.stft(samples, window, hop, window=shape(window), return_complex=True)
    return ((spectrum.abs() ** power)[:, :last].T @ filters).clamp(min=1e-10)


def _finished(loud):
    return (torch.maximum(loud, loud.max() - 8) + 4) / 4


def _amplitude(samples, window, hop, filters):
    return _finished(_loud(samples, window, hop, filters, power=1).log10())


def _natural(samples, window, hop, filters):
    return _finished(_loud(samples, window, hop, filters).log())


def _every_frame(samples, window, hop, filters):
    return _finished(_loud(samples, window, hop, filters, last=None).log10())


def _no_window(samples, window, hop, filters):
    return _finished(_loud(samples, window, hop, filters, shape=torch.ones).log10())


def _no_floor(samples, window, hop, filters):
    return (_loud(samples, window, hop, filters).log10() + 4) / 4


def _not_padded(samples, window, hop, filters):
    spectrum = torch.stft(samples, window, hop, window=torch.hann_window(window), center=False, return_complex=True)
    return _finished((spectrum.abs().square().T @ filters).clamp(min=1e-10).log10())


def _floor_by_frame(samples, window, hop, filters):
    loud = _loud(samples, window, hop, filters).log10()
    return (torch.maximum(loud, loud.amax(1, keepdim=True) - 8) + 4) / 4


def _real(samples, window, hop, filters):
    return torch.stft(samples, window, hop, window=torch.hann_window(window))


def _turned(samples, window, hop, filters):
    return log_mel(samples, window, hop, filters).T


MISTAKES = {
    "the bands add up amplitudes: square them first, it is power that adds up": _amplitude,
    "this is the natural logarithm: take log10": _natural,
    "there is one frame too many: leave the last one out, as the library does": _every_frame,
    "each frame begins and ends with a jump: give torch.stft a Hann window": _no_window,
    "the floor is missing: raise what lies more than 8 below the largest of all": _no_floor,
    "frames are missing: let torch.stft pad both ends by itself (center is True unless told otherwise)": _not_padded,
    "each frame has a floor of its own: the largest of ALL values counts": _floor_by_frame,
    "torch.stft must be told that numbers are to be complex: return_complex=True": _real,
    "frames come first and bands second: turn it over": _turned,
}


def _filters(window: int, bands: int) -> Tensor:
    bank = mel_filter_bank(window // 2 + 1, bands, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(bank).float()


def _sound(samples: int, *pitches: float, noise: float = 0.0) -> Tensor:
    """Tones one after the other, the later the softer."""
    time = torch.arange(samples) / 16_000
    part = torch.arange(samples) * len(pitches) // samples
    tone = 0.5**part * torch.sin(2 * torch.pi * torch.tensor(pitches)[part] * time)
    return tone + noise * torch.randn(samples, generator=torch.Generator().manual_seed(0))


CASES = (
    Case("a tone of 440 Hz in noise", lambda f: f(_sound(3200, 440.0, noise=0.01), 400, 160, _filters(400, 20))),
    Case("two clean tones: what is silent lies at the floor", lambda f: f(_sound(3200, 440.0, 3000.0), 400, 160,
                                                                           _filters(400, 40))),
    Case("long windows far apart", lambda f: f(_sound(4000, 330.0, 880.0, noise=0.1), 1024, 800, _filters(1024, 8))),
    Case("how many frames and bands", lambda f: list(f(_sound(1600, 440.0), 400, 160, _filters(400, 16)).shape)),
    Case("ten times as loud is 0.5 more", lambda f: (
        f(_sound(1600, 500.0), 400, 160, _filters(400, 16)).max()
        - f(0.1 * _sound(1600, 500.0), 400, 160, _filters(400, 16)).max()
    ).item()),
)  # fmt: skip
