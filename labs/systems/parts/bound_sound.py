"""Sounds of single things, bound to the texts for them: a small audio spectrogram transformer learns to put the sound
of a red star where the frozen text tower of the mini-clip puts "a red star"."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize
from transformers import ASTConfig, ASTModel

from labs.systems.parts.asking import NAMES, THINGS, in_joint_space, view
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.segmenter import JOINT

SCENES, STEPS, BATCH = 2048, 400, 64  # scenes of three things each; steps; things a step


class Ear(torch.nn.Module):
    """The sound of one thing -> the joint space, of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.ast = ASTModel(ASTConfig(
            hidden_size=64, num_hidden_layers=2, num_attention_heads=2, intermediate_size=128, patch_size=8,
            frequency_stride=8, time_stride=8, max_length=25, num_mel_bins=64, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        ))  # fmt: skip
        self.project = torch.nn.Linear(64, JOINT)

    def forward(self, sounds: Float[Tensor, "things 25 64"]) -> Float[Tensor, "things 128"]:
        return normalize(self.project(self.ast(sounds).last_hidden_state[:, 0]), dim=-1)


@cache
def bind(seed: int) -> Ear:
    """Learn from the things of training scenes; pictures and masks play no part."""
    torch.manual_seed(seed)
    ear, seen = Ear(), view("train", SCENES)
    sounds, texts = seen.sounds.flatten(0, 1), in_joint_space(NAMES)[seen.names.flatten()]
    at = batches(len(sounds), BATCH, seed)
    learn(ear.parameters(), lambda step: 1 - (ear(sounds[at(step)]) * texts[at(step)]).sum(1).mean(), STEPS)
    return ear.eval()


@cache
def hear(split: str, count: int, seed: int) -> Float[Tensor, "scenes 3 128"]:
    """The sounds of all things of a view, in the joint space, by the ear of a seed."""
    return listen(bind(seed), view(split, count).sounds)


@torch.no_grad()
def listen(ear: Ear, sounds: Float[Tensor, "scenes 3 25 64"]) -> Float[Tensor, "scenes 3 128"]:
    """Every thing's sound in the joint space."""
    return torch.cat([ear(part) for part in sounds.flatten(0, 1).split(256)]).unflatten(0, (-1, THINGS))
