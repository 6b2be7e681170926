"""A small CLIP from the library's class, and its training: pictures and captions that belong together brought close."""

import random
from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig

from labs.models import mini
from labs.models.pixels import to_pixels
from labs.systems.parts import eyes
from labs.systems.parts.contrastive import NAMES, contrastive_loss, embed_pictures, embed_texts, name_of, related
from labs.systems.parts.learn import batches, learn
from labs.world.captions import STYLES, caption
from labs.world.picture import draw
from labs.world.scene import Scene

WIDTH, BATCH = 64, 128
STEPS = {"pixels": 600, "features": 150}
PAIRS = 6144
GRADE = 0.1  # how right a caption is that shares one of the two words with the picture's own


def build(seed: int, start: str = "pixels", width: int = WIDTH) -> CLIPModel:
    """A small CLIP that sees "pixels", or one layer and a projection behind the "features" of the frozen eyes.

    `width` is that of the text tower and of the space in which both towers meet.
    """
    if start not in STEPS:
        raise ValueError(f"start must be one of {', '.join(STEPS)}, not {start!r}")
    tokenizer = eyes.dual_encoder().processor.tokenizer
    torch.manual_seed(seed)
    vision = mini.vision_config(WIDTH, 2) if start == "pixels" else mini.vision_config(layers=1)
    text = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=48, hidden_act="gelu", pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    clip = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=width))
    with torch.no_grad():  # as in labs.models.mini: else a small tower forgets where it looks
        clip.vision_model.embeddings.position_embedding.weight[1:] += 0.4 * mini.grid_positions(vision.hidden_size)
    return clip


@cache
def training_set(start: str, things: tuple[int, ...]) -> tuple[tuple[Scene, ...], Float[Tensor, "n ..."], list[str]]:
    """Scenes of so many things in turn, what the towers get to see of them, and a caption of each in any style."""
    scenes, rng = eyes.scenes("train", PAIRS, things), random.Random("captions")
    return scenes, see(scenes, start), [caption(scene, rng.choice(STYLES[:3])) for scene in scenes]


def see(scenes: Sequence[Scene], start: str) -> Float[Tensor, "n ..."]:
    """Pixels, or what the frozen eyes make of them."""
    return to_pixels([draw(scene) for scene in scenes]) if start == "pixels" else eyes.look(scenes)


@cache
def trained(
    seed: int,
    start: str,
    target: str = "merged",
    things: tuple[int, ...] = (1, 2),
    pairs: int | None = None,
    steps: int | None = None,
    width: int = WIDTH,
) -> CLIPModel:
    """A CLIP that has learned from `pairs` (all). `target` says which captions of a batch are right for a picture.

    own: its own, whatever the others say; merged: also those that are word for word the same; graded: to a degree also
    those about a thing of its colour or its shape; shuffled: another picture's, the control.
    """
    scenes, seen, captions = training_set(start, things)
    number = {text: i for i, text in enumerate(dict.fromkeys(captions))}
    same = torch.tensor([number[text] for text in captions])
    names = torch.tensor([NAMES.index(name_of(scene)) for scene in scenes])
    clip, choose = build(seed, start, width), batches(pairs or len(scenes), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        rows = choose(step)
        told = rows.roll(1) if target == "shuffled" else rows
        texts = embed_texts(clip, [captions[i] for i in told.tolist()])
        logits = embed_pictures(clip, seen[rows]) @ texts.T * clip.logit_scale.exp().clamp(max=100)
        right = torch.eye(len(rows)) if target == "own" else (same[told][:, None] == same[told]).float()
        if target == "graded":
            right = torch.maximum(right, GRADE * related(names[told]))
        return contrastive_loss(logits, right)

    learn(clip.parameters(), loss_at, steps or STEPS[start])
    return clip.eval()
