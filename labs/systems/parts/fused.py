"""Several noisy senses of one thing, an encoder for each, one linear layer that fuses them; dropout and modulation."""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import avg_pool2d
from transformers import ResNetConfig, ResNetModel

from labs.systems.parts import eyes, senses

NOISE = {"picture": 1.0, "sound": 1.0, "motion": 1.0}  # standard deviation, in the units of parts.senses
CHANNELS = {"picture": 3, "sound": 1, "motion": 6}
SENSES = tuple(NOISE)
KINDS = 6
WIDTHS = [16, 32, 64]
DROPPED = 0.4  # of the times a sense is missing in training with dropout
ALPHA = 0.5  # strength of the modulation


class Recorded(NamedTuple):
    """Scenes through noisy sensors, one tensor (scenes, channels, height, width) a sense; and what is to be told."""

    inputs: dict[str, Tensor]
    kinds: Int[Tensor, " scenes"]


@cache
def record(split: str, count: int) -> Recorded:
    """The first `count` scenes of one thing. Its kind: is it small or big, in the upper, middle or lower row?"""
    scenes = eyes.scenes(split, count)
    inputs = {name: senses.perceive(name, scenes) for name in SENSES}
    inputs["picture"] = avg_pool2d(inputs["picture"], 2)  # a quarter of the pixels is enough, and four times as fast
    inputs["sound"] = inputs["sound"][:, None]
    inputs["motion"] = inputs["motion"].transpose(1, 2)[:, :, None]
    generator = torch.Generator().manual_seed(0 if split == "train" else 1)
    inputs = {name: x + NOISE[name] * torch.randn(x.shape, generator=generator) for name, x in inputs.items()}
    return Recorded(inputs, torch.tensor([3 * (s.things[0].size == "big") + s.things[0].row for s in scenes]))


class Fusion(torch.nn.Module):
    """One small ResNet for each sense; the answer is a linear function of all their features, laid side by side.

    Such a function is a sum of one vote a sense: a sense that is missing, its features being zero, casts none.
    """

    def __init__(self, chosen: tuple[str, ...]):
        super().__init__()
        self.senses = chosen
        shape = {"embedding_size": WIDTHS[0], "hidden_sizes": WIDTHS, "depths": [1, 1, 1], "layer_type": "basic"}
        configs = {name: ResNetConfig(num_channels=CHANNELS[name], **shape) for name in chosen}
        self.encoders = torch.nn.ModuleDict({name: ResNetModel(config) for name, config in configs.items()})
        self.fused = torch.nn.Linear(len(chosen) * WIDTHS[-1], KINDS)
        self.own = torch.nn.ModuleList(torch.nn.Linear(WIDTHS[-1], KINDS) for _ in chosen)  # for losses of their own

    def features(self, inputs: dict[str, Tensor]) -> Float[Tensor, "senses scenes 64"]:
        """What each encoder makes of its sense."""
        return torch.stack([part(inputs[name]).pooler_output.flatten(1) for name, part in self.encoders.items()])

    def votes(self, features: Float[Tensor, "senses scenes 64"]) -> Float[Tensor, "senses scenes 6"]:
        """What each sense adds to the logits."""
        weight = self.fused.weight.unflatten(1, (len(features), -1))  # (kinds, senses, width)
        return torch.einsum("swf,ksf->swk", features, weight)

    def fuse(
        self, votes: Float[Tensor, "senses scenes 6"], there: Float[Tensor, "senses #scenes"]
    ) -> Float[Tensor, "scenes 6"]:
        """The logits from the senses that are there (1) and not missing (0)."""
        return (votes * there[..., None]).sum(0) + self.fused.bias


def drop(count: int, scenes: int, generator: torch.Generator) -> Float[Tensor, "senses scenes"]:
    """Which senses are there: each is missing at times, and all are there where none were left."""
    there = (torch.rand(count, scenes, generator=generator) >= DROPPED).float()
    return torch.where(there.sum(0) == 0, 1.0, there)


def factors(sure: Float[Tensor, " senses"]) -> Float[Tensor, " senses"]:
    """How far each sense is slowed that is surer of the truth than the others are: with two senses, OGM-GE's factor.

    With three a sense is compared with the mean of the others.
    """
    ratio = sure * (len(sure) - 1) / (sure.sum() - sure)
    return torch.where(ratio > 1, 1 - torch.tanh(ALPHA * ratio), 1.0)


@torch.no_grad()
def modulate(
    network: Fusion, votes: Float[Tensor, "senses scenes 6"], kinds: Int[Tensor, " scenes"], generator: torch.Generator
) -> None:
    """Slow the convolutions of the senses that lead, and add noise as large as the gradient to all of them."""
    chances = (votes + network.fused.bias / len(votes)).softmax(-1)
    sure = chances[:, torch.arange(len(kinds)), kinds].sum(1)
    for factor, encoder in zip(factors(sure), network.encoders.values(), strict=True):
        for weight in encoder.parameters():
            if weight.ndim == 4:
                noise = torch.randn(weight.shape, generator=generator)
                weight.grad = factor * weight.grad + (weight.grad.std() + 1e-8) * noise
