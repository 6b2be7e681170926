"""One autoregressive model for text, pictures and sounds: its vocabulary, what it reads, and how it learns to write."""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from labs.systems.parts import close_ups, codec
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.probe import evenly
from labs.systems.parts.shipped import fill
from labs.systems.parts.tagged import DIRECTIONS, MODALITIES, Tagged
from labs.systems.parts.tagged_writing import written_loss
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS

TRAIN, HELDOUT = 4096, 600  # scenes
STEPS, BATCH, RATE = 300, 16, 2e-3  # steps of each direction
WIDTH, LAYERS, HEADS = 96, 3, 4
FILE = "03_2/speaker.safetensors"  # in data/finished, made by scripts/keep_systems.py


@cache
def vocabulary() -> Tagged:
    """Words, codes of pictures, codes of sounds, tags."""
    lengths = {modality: codec.encode(modality, close_ups.scenes("train", 1)).shape[1] for modality in MODALITIES}
    return Tagged(codec.sizes(), lengths)


def build(seed: int) -> GPT2LMHeadModel:
    """An untrained model of all modalities."""
    torch.manual_seed(seed)
    config = GPT2Config(
        vocab_size=vocabulary().size, n_positions=128, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_inner=2 * WIDTH,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.05, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return GPT2LMHeadModel(config)


@cache
def tokens(modality: str, split: str) -> Int[Tensor, "scenes length"]:
    """All scenes of a split, between tags; of the held-out ones equally many of each colour, and so of each shape."""
    scenes = close_ups.scenes(split, TRAIN) if split == "train" else heldout()
    return vocabulary().tag(modality, codec.encode(modality, scenes))


@cache
def heldout() -> tuple[Scene, ...]:
    """The scenes to be asked about."""
    scenes = close_ups.scenes("heldout", HELDOUT)
    chosen = evenly(torch.tensor([list(COLOURS).index(name_of(scene)[0]) for scene in scenes]))
    return tuple(scenes[i] for i in chosen.tolist())


@cache
def train(seed: int, directions: tuple = DIRECTIONS, shuffled: bool = False) -> GPT2LMHeadModel:
    """`STEPS` of each of the directions, in turn. A direction's batches are the same whatever else is learned.

    `shuffled`, a control, has another scene's written, anew at each step; fixed ones would be learned by heart.
    """
    model, data = build(seed), {modality: tokens(modality, "train") for modality in MODALITIES}
    at = {one: batches(TRAIN, BATCH, 10 * seed + i) for i, one in enumerate(DIRECTIONS)}
    met = batches(TRAIN, BATCH, 10 * seed + 1000) if shuffled else None

    def loss(step: int) -> Tensor:
        given, asked = direction = directions[step % len(directions)]
        rows = at[direction](step // len(directions))
        return written_loss(model, data[given][rows], data[asked][met(step) if met else rows])

    learn(model.parameters(), loss, STEPS * len(directions), RATE)
    return model.eval().requires_grad_(False)


def shipped() -> GPT2LMHeadModel:
    """The one that learned all directions with seed 0: so no notebook has to wait for it."""
    model = build(0)
    fill(FILE, {"speaker": model})
    return model
