"""Two frozen encoders that never met: one of sounds, which heard nothing but sounds, and one of texts, which read only.

The first told hidden parts of sounds, without labels or words; the second is the bundled mini-llama.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaModel

from labs.models import catalog
from labs.models.entry import Loaded
from labs.systems.parts import eyes, senses
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.masked_senses import MaskedSound
from labs.systems.parts.sense_towers import prepare
from labs.world.captions import STYLES, caption
from labs.world.scene import Scene

SCENES, NOISE, PART = 4096, 0.5, 256  # sounds to learn from; in the units of parts.senses; at a time
LISTENED, BATCH = 300, 128  # steps of the encoder of sounds


def perceive(scenes: tuple[Scene, ...], seed: int, noise: float = NOISE) -> Float[Tensor, "scenes frames mels"]:
    """The sounds of scenes of one thing, through a noisy microphone."""
    clean = prepare("sound", senses.perceive_once("sound", scenes))
    return clean + noise * torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))


@cache
@torch.enable_grad()  # whoever listens need not learn
def listener() -> MaskedSound:
    """An encoder that told hidden halves of sounds, without labels or words; one for all seeds."""
    torch.manual_seed(0)
    model, heard, at = MaskedSound(), perceive(eyes.fresh("train", SCENES), 0), batches(SCENES, BATCH, 0)
    learn(model.parameters(), lambda step: model.loss(heard[at(step)]), LISTENED)
    return model.eval().requires_grad_(False)


@cache
def reader() -> Loaded:
    """The bundled mini-llama, which has read texts and nothing else."""
    loaded = catalog.load("language", "mini")
    loaded.model.requires_grad_(False)
    return loaded


def hear(model: MaskedSound, heard: Float[Tensor, "sounds frames mels"]) -> Float[Tensor, "sounds 128"]:
    """Mean and maximum over the encoder's tokens."""
    tokens = model.tokens(heard)
    return torch.cat([tokens.mean(1), tokens.amax(1)], dim=1)


def read(model: LlamaModel, texts: Sequence[str]) -> Float[Tensor, "texts 128"]:
    """The mean of the language model's states over the tokens of each text."""
    tokens = reader().processor(list(texts), return_tensors="pt", padding=True)
    there = tokens["attention_mask"]
    states = model(input_ids=tokens["input_ids"], attention_mask=there).last_hidden_state
    return (states * there[..., None]).sum(1) / there.sum(1, keepdim=True)


@torch.no_grad()
def hear_all(scenes: tuple[Scene, ...], seed: int) -> Float[Tensor, "scenes 128"]:
    """Scenes through the frozen encoder of sounds."""
    return torch.cat([hear(listener(), part) for part in perceive(scenes, seed).split(PART)])


@torch.no_grad()
def read_all(texts: Sequence[str]) -> Float[Tensor, "texts 128"]:
    """Texts through the frozen language model."""
    parts = [texts[at : at + PART] for at in range(0, len(texts), PART)]
    return torch.cat([read(reader().model.model, part) for part in parts])


@cache
def captions() -> tuple[str, ...]:
    """What is said of the training scenes, in three styles."""
    rng = random.Random("captions of sounds")
    return tuple(caption(scene, rng.choice(STYLES[:3])) for scene in eyes.fresh("train", SCENES))


@cache
def pairs() -> tuple[Float[Tensor, "scenes 128"], Float[Tensor, "scenes 128"]]:
    """Training scenes of one thing, heard and read of."""
    return hear_all(eyes.fresh("train", SCENES), 0), read_all(captions())
