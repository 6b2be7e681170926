"""Small functions behind two frozen encoders that never met, taught by few pairs, which may be mixed.

    sound -> encoder of sounds, frozen --> numbers -> small function -> vector --.
                                                                                  >  contrast
    text  -> language model, frozen -----> numbers -> small function -> vector --'

APE (Rosenfeld et al., 2022, https://arxiv.org/abs/2210.03927) joins unimodal encoders so. FuseMix (Vouitsis et al.,
2023, https://arxiv.org/abs/2312.10144) mixes the numbers of two pairs in equal shares on both sides; M3CoL (Kumar et
al., 2024, https://arxiv.org/abs/2409.17777) mixes one side, which is to be as close to both partners as their shares.
"""

import math
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from labs.systems.parts.learn import batches, learn
from labs.systems.parts.unimodal import pairs

WIDTH, INNER, STEPS, BATCH, RATE = 64, 256, 300, 64, 2e-3
MIXES = ("none", "both sides", "one side")


class Bridge(torch.nn.Module):
    """A small function behind each encoder; `scale` is learned, as in CLIP."""

    def __init__(self, heard: int, told: int):
        super().__init__()
        self.sound, self.text = (
            torch.nn.Sequential(torch.nn.Linear(size, INNER), torch.nn.GELU(), torch.nn.Linear(INNER, WIDTH))
            for size in (heard, told)
        )
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(14.0)))  # CLIP's: a temperature of 0.07

    def forward(
        self, heard: Float[Tensor, "sounds numbers"], told: Float[Tensor, "texts features"]
    ) -> Float[Tensor, "sounds texts"]:
        """Logits: the sharpened cosine of each sound with each text."""
        near = normalize(self.sound(heard), dim=-1) @ normalize(self.text(told), dim=-1).T
        return near * self.log_scale.exp().clamp(max=100)


class Aligned:
    """A bridge, and how its inputs are brought to mean 0 and deviation 1: by the pairs that it learned from."""

    def __init__(self, heard: Float[Tensor, "pairs numbers"], told: Float[Tensor, "pairs features"]):
        self.spread = [(part.mean(0), part.std(0) + 1e-4) for part in (heard, told)]
        self.bridge = Bridge(heard.shape[1], told.shape[1])

    def plain(self, vectors: Float[Tensor, "n numbers"], side: int) -> Float[Tensor, "n numbers"]:
        """Sounds (side 0) or texts (side 1) as the bridge reads them."""
        mean, deviation = self.spread[side]
        return (vectors - mean) / deviation

    @torch.no_grad()
    def compare(
        self, heard: Float[Tensor, "sounds numbers"], told: Float[Tensor, "texts features"]
    ) -> Float[Tensor, "sounds texts"]:
        """How well each sound fits each text."""
        return self.bridge(self.plain(heard, 0), self.plain(told, 1))


def mixed_loss(
    bridge: Bridge,
    heard: Float[Tensor, "pairs numbers"],
    told: Float[Tensor, "pairs features"],
    mix: str,
    share: float,
    order: Int[Tensor, " pairs"],
) -> Float[Tensor, ""]:
    """The contrast of pairs, each mixed with another, as `order` says: `share` is its own, the rest the other's."""
    own = torch.arange(len(heard))
    if mix == "none":
        logits = bridge(heard, told)
        return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
    sounds, texts = (share * part + (1 - share) * part[order] for part in (heard, told))
    if mix == "both sides":
        logits = bridge(sounds, texts)
        return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2
    eye = torch.eye(len(own))
    right = share * eye + (1 - share) * eye[order]
    return (cross_entropy(bridge(sounds, told), right) + cross_entropy(bridge(heard, texts).T, right)) / 2


@cache
def train(seed: int, count: int, mix: str = "none", shuffled: bool = False) -> Aligned:
    """Two small functions taught by the first `count` pairs; `shuffled` ones are a control.

    Raises ValueError for an unknown way to mix.
    """
    if mix not in MIXES:
        raise ValueError(f"mix must be one of {', '.join(MIXES)}, not {mix!r}")
    torch.manual_seed(seed)
    aligned, generator = Aligned(*(part[:count] for part in pairs())), torch.Generator().manual_seed(seed)
    heard, told = (aligned.plain(part[:count], side) for side, part in enumerate(pairs()))
    at = batches(count, min(BATCH, count), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        other = rows[torch.randperm(len(rows), generator=generator)] if shuffled else rows
        share, order = torch.rand(1, generator=generator).item(), torch.randperm(len(rows), generator=generator)
        return mixed_loss(aligned.bridge, heard[rows], told[other], mix, share, order)

    learn(aligned.bridge.parameters(), loss, STEPS, RATE)
    return aligned
