"""Operations of matrix products, forward and backward, counted while they happen: what it costs to learn and to answer.

Floating-point operations (FLOPs) are meant: two for a multiplication and an addition, as torch counts them. Norms,
softmax and rotary embeddings are left out, some per cent in models of this size; the fused attention, which torch
counts in part, is switched off meanwhile.
"""

import random
from collections.abc import Callable

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from labs.models import mini
from labs.models.pixels import to_pixels
from labs.systems.parts import eyes, school
from labs.systems.parts.talk import answer_loss, lay_out
from labs.systems.parts.talker import build as build_talker
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import SIZE, draw

EYES_STEPS, EYES_BATCH = 1000, 96  # of the recipe that made mini-clip
SAMPLE = 8  # pictures, or steps of school, on which pre-training is counted


def counted(work: Callable[[], object]) -> int:
    """Operations of what `work` does."""
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        work()
    return counter.get_total_flops()


def learning(loss: Callable[[], torch.Tensor]) -> int:
    """Operations of a loss and of its gradients."""
    return counted(lambda: loss().backward())


def of_a_look(pictures: int = 1) -> int:
    """Operations of the frozen eyes that look at so many pictures."""
    tower = eyes.dual_encoder().model.vision_model
    with torch.no_grad():
        return counted(lambda: tower(pixel_values=torch.zeros(pictures, 3, SIZE, SIZE)))


def of_school(size: str = "strong") -> float:
    """Operations of the language model's own lessons, all of them, judged by a few steps spread evenly."""
    model, steps = build_talker(size), school.STEPS[size]
    spread = [(2 * i + 1) * steps // (2 * SAMPLE) for i in range(SAMPLE)]
    counts = [learning(lambda step=step: answer_loss(model, lay_out(school.lessons(step, steps)))) for step in spread]
    return steps * sum(counts) / SAMPLE


def of_eyes() -> float:
    """Operations of the eyes' own training as mini-clip, both towers, without its heads and what compares pairs."""
    tokenizer, rng = eyes.dual_encoder().processor.tokenizer, random.Random("operations")
    clip, scenes = mini.dual_encoder(tokenizer), [splits.sample(rng, count=1 + i % 4) for i in range(SAMPLE)]
    texts = [caption(scene, "places") + tokenizer.eos_token for scene in scenes]
    words = tokenizer(texts, return_tensors="pt", padding=True)
    pixels = to_pixels([draw(scene) for scene in scenes])

    def loss() -> torch.Tensor:
        pictures = clip.visual_projection(clip.vision_model(pixel_values=pixels).pooler_output)
        return pictures.sum() + clip.text_projection(clip.text_model(**words).pooler_output).sum()

    return EYES_STEPS * EYES_BATCH / SAMPLE * learning(loss)
