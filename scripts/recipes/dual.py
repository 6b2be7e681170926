"""The dual encoder (CLIPModel): contrastive pairs, and dense labels for the patches.

Contrastive loss alone is the slowest teacher of a small tower. Three linear heads, thrown away afterwards, ask every
patch which shape, colour and size covers it, and which of nine places it is; the same tower then serves as the eyes
of the other models.
"""

import random
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import CLIPModel, PreTrainedTokenizerFast

from labs.models import mini
from labs.models.pixels import to_pixels
from labs.world import splits
from labs.world.captions import caption
from labs.world.grammar import phrase
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES
from recipes import loop

WORKERS, GATE = 1, {"zero_shot": 0.7, "patch_place": 0.9}  # contrast needs the whole batch in one place
STEPS, BATCH, LEARNING_RATE = 1000, 96, 1.5e-3
COUNTS = (1, 1, 2, 3, 4)  # things in a scene
GRID = SIZE // mini.PATCH
# What a patch is asked; class 0 is the background. Without the place, the tower forgets where its patches are.
CLASSES = {"shape": SHAPES, "colour": tuple(COLOURS), "size": tuple(SIZES), "place": PLACES}
NAMES = [(colour, shape) for colour in COLOURS for shape in SHAPES]


class WithHeads(torch.nn.Module):
    """The dual encoder with its patch heads."""

    def __init__(self, clip: CLIPModel):
        super().__init__()
        self.clip = clip
        heads = {name: torch.nn.Linear(mini.VISION_WIDTH, len(words) + 1) for name, words in CLASSES.items()}
        self.heads = torch.nn.ModuleDict(heads)


def run(
    folder: Path,
    tokenizer: PreTrainedTokenizerFast,
    steps: int = STEPS,
    counts: tuple[int, ...] = COUNTS,
    shuffled: bool = False,
) -> CLIPModel:
    """Train, or continue, in `folder`, and return the model without its heads.

    `shuffled` is the control: captions and labels go with the next scene's picture, so there is nothing to learn.
    """
    model = WithHeads(mini.dual_encoder(tokenizer))
    loop.train(
        model, lambda step: _loss(model, tokenizer, step, counts, shuffled), folder, steps, LEARNING_RATE,
        validate=lambda: validate(model, tokenizer),
    )  # fmt: skip
    return model.clip


def _loss(
    model: WithHeads, tokenizer: PreTrainedTokenizerFast, step: int, counts: tuple[int, ...], shuffled: bool
) -> torch.Tensor:
    rng = random.Random(f"dual {step}")
    scenes = [splits.sample(rng, count=rng.choice(counts)) for _ in range(BATCH)]
    texts = [_text(scene, rng) for scene in scenes]
    seen = scenes[1:] + scenes[:1] if shuffled else scenes
    vision = model.clip.vision_model(pixel_values=to_pixels([draw(scene) for scene in seen]))
    dense = _patch_loss(model, vision.last_hidden_state[:, 1:].float(), scenes)
    pictures = model.clip.visual_projection(vision.pooler_output)
    words = _encode(model.clip, tokenizer, texts)
    logits = _unit(pictures) @ _unit(words).T * model.clip.logit_scale.exp().clamp(max=100)
    # two scenes with the same caption are no mismatch: both are right
    same = torch.tensor([[a == b for b in texts] for a in texts], dtype=torch.float32)
    target = same / same.sum(1, keepdim=True)
    contrastive = (cross_entropy(logits.float(), target) + cross_entropy(logits.T.float(), target)) / 2
    return contrastive + 2 * dense


def _text(scene: Scene, rng: random.Random) -> str:
    if len(scene.things) == 1 and rng.random() < 0.5:
        return phrase("en", scene.things[0].shape, scene.things[0].colour, article="a")
    return caption(scene, rng.choice(("tags", "plain", "places", "places")))


def _encode(clip: CLIPModel, tokenizer: PreTrainedTokenizerFast, texts: list[str]) -> torch.Tensor:
    batch = tokenizer([text + tokenizer.eos_token for text in texts], return_tensors="pt", padding=True)
    return clip.text_projection(clip.text_model(**batch).pooler_output)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def patch_labels(scene: Scene) -> dict[str, np.ndarray]:
    """For each attribute the class of the thing that covers a patch, (GRID, GRID), 0 where there is none."""
    labels = {name: np.zeros((GRID, GRID), np.int64) for name in CLASSES}
    centres = (np.arange(GRID) + 0.5) / GRID
    for thing in scene.things:
        reach = thing.radius + 0.25 / GRID
        rows, columns = np.abs(centres - thing.y) < reach, np.abs(centres - thing.x) < reach
        covered = np.ix_(rows, columns)
        for name, words in CLASSES.items():
            labels[name][covered] = words.index(getattr(thing, name)) + 1
    return labels


def _patch_loss(model: WithHeads, patches: torch.Tensor, scenes: list[Scene]) -> torch.Tensor:
    labels = [patch_labels(scene) for scene in scenes]
    losses = []
    for name, head in model.heads.items():
        target = torch.from_numpy(np.stack([label[name] for label in labels])).flatten()
        losses.append(cross_entropy(head(patches).flatten(0, 1).float(), target))
    return sum(losses)


def validate(model: WithHeads, tokenizer: PreTrainedTokenizerFast, count: int = 400) -> dict[str, float]:
    """Zero-shot accuracy over all 64 names, on single things of held-out pairs, and patch accuracy."""
    rng = random.Random("dual validation")
    scenes = [splits.sample(rng, "heldout", count=1) for _ in range(count)]
    vision = model.clip.vision_model(pixel_values=to_pixels([draw(scene) for scene in scenes]))
    prompts = [phrase("en", shape, colour, article="a") for colour, shape in NAMES]
    scores = (
        _unit(model.clip.visual_projection(vision.pooler_output)) @ _unit(_encode(model.clip, tokenizer, prompts)).T
    )
    truth = torch.tensor([NAMES.index((scene.things[0].colour, scene.things[0].shape)) for scene in scenes])
    scenes = [splits.sample(rng, "heldout") for _ in range(count)]
    patches = model.clip.vision_model(pixel_values=to_pixels([draw(scene) for scene in scenes])).last_hidden_state[
        :, 1:
    ]
    result = {"zero_shot": (scores.argmax(1) == truth).float().mean().item()}
    for name, head in model.heads.items():
        target = torch.from_numpy(np.stack([patch_labels(scene)[name] for scene in scenes])).flatten(1)
        on = target > 0
        result[f"patch_{name}"] = (head(patches.float()).argmax(-1) == target)[on].float().mean().item()
    return {name: round(value, 4) for name, value in result.items()}
