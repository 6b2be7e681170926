"""Logits of a picture, contrasted with those of less than the picture: what would be said anyway counts for less.

    (1 + alpha) * logits(picture) - alpha * logits(noisy picture), of words that the picture makes likely enough

Visual contrastive decoding (https://arxiv.org/abs/2311.16922): noise as a diffusion model adds it, and the plausibility
constraint of https://arxiv.org/abs/2210.15097. A prompt without any picture may take the place of the noisy one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from transformers import LogitsProcessor, LogitsProcessorList

from labs.models.chat import message
from labs.models.entry import Loaded
from labs.tuning.feature_cache import features_once

STEPS = 1000  # of the noise schedule
AGAINST = ("noisy", "nothing")
TOGETHER = 100  # pictures at a time


class How(NamedTuple):
    """What is contrasted with what, and how strongly; as in the authors' script for LLaVA-1.5, if nothing is said."""

    against: str = "noisy"  # one of `AGAINST`
    alpha: float = 1.0
    beta: float = 0.2
    step: int = 500  # of noise


def contrast(
    given: Float[Tensor, "rows vocabulary"], less: Float[Tensor, "rows vocabulary"], alpha: float, beta: float
) -> Float[Tensor, "rows vocabulary"]:
    """The contrasted logits; minus infinity where a word is less than `beta` as likely as the likeliest."""
    given, less = given.log_softmax(-1), less.log_softmax(-1)
    unlikely = given < given.amax(-1, keepdim=True) + torch.tensor(beta).log()
    return ((1 + alpha) * given - alpha * less).masked_fill(unlikely, -torch.inf)


def noisy(pixels: Float[Tensor, "pictures 3 side side"], seed: int, step: int) -> Float[Tensor, "pictures 3 side side"]:
    """Normalised pictures after so many steps of noise, on the schedule of the paper's code."""
    rates = torch.linspace(-6, 6, STEPS).sigmoid() * (0.5e-2 - 1e-5) + 1e-5
    kept = (1 - rates).cumprod(0)[step]
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(seed))
    return kept.sqrt() * pixels + (1 - kept).sqrt() * noise


class Contrast(LogitsProcessor):
    """Beside `generate` the same model reads the same words after less than the picture."""

    def __init__(self, model: torch.nn.Module, less: dict[str, Any], alpha: float, beta: float):
        self.model, self.next, self.how, self.cache = model, dict(less), (alpha, beta), None

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """Logits of the next word, contrasted."""
        mask = self.next["attention_mask"]
        if self.cache is not None:
            mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
            self.next = {"input_ids": input_ids[:, -1:], "attention_mask": mask}
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -self.next["input_ids"].shape[1] :]
        out = self.model(**self.next, position_ids=places, past_key_values=self.cache, use_cache=True)
        self.cache = out.past_key_values
        return contrast(scores, out.logits[:, -1], *self.how)


@torch.no_grad()
def replies(
    loaded: Loaded, pictures: Sequence[Image.Image], requests: Sequence[str], longest: int, how: How | None = None,
    seed: int = 0,
) -> list[str]:  # fmt: skip
    """What a model replies to each request about each picture, greedily, contrasted or not.

    Raises ValueError for a contrast with anything else than `AGAINST`.
    """
    if how and how.against not in AGAINST:
        raise ValueError(f"against must be one of {', '.join(AGAINST)}, not {how.against!r}")
    model, found = loaded.model, []
    with features_once(model):
        for at in range(0, len(pictures), TOGETHER):
            asked, shown = requests[at : at + TOGETHER], pictures[at : at + TOGETHER]
            inputs, processors = _read(loaded, asked, shown), LogitsProcessorList()
            if how:
                less = _read(loaded, asked, ()) if how.against == "nothing" else dict(inputs)
                if how.against == "noisy":
                    less["pixel_values"] = noisy(inputs["pixel_values"], seed + at, how.step)
                processors.append(Contrast(model, less, how.alpha, how.beta))
            written = model.generate(**inputs, do_sample=False, max_new_tokens=longest, logits_processor=processors)
            found += loaded.processor.batch_decode(written[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return [text.strip() for text in found]


def _read(loaded: Loaded, requests: Sequence[str], pictures: Sequence[Image.Image]) -> dict[str, Tensor]:
    write = loaded.processor.apply_chat_template
    texts = [write([message(one, int(len(pictures) > 0))], add_generation_prompt=True) for one in requests]
    return dict(loaded.processor(
        images=list(pictures) or None, text=texts, padding=True, padding_side="left", return_tensors="pt"
    ))  # fmt: skip
