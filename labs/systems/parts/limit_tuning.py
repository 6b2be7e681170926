"""The bundled mini-llava, asked about pictures of one's own making and tuned on them a little further.

    Lesson(picture, "Is there a red circle?", "yes")

Adapters alone learn, on the engine, a few thousand lessons in 10 to 30 seconds: so the arms of a claim can differ in
one thing about the data, and in nothing else.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from labs.data.record import Record
from labs.models import catalog
from labs.models.chat import message
from labs.models.conversation import picture_token
from labs.models.entry import Loaded
from labs.models.pictures import as_png
from labs.tuning.by_hand.dpo import log_probabilities
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.fit import fit
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.rows import spoken
from labs.tuning.sharing import SharedCollator

RANK, BATCH, RATE = 8, 32, 3e-3
TOGETHER = 200  # questions at a time


class Lesson(NamedTuple):
    """What is asked about a picture, and what is to be answered."""

    picture: Image.Image
    question: str
    answer: str


class Said(NamedTuple):
    """An answer, and the probability that the model gave it, all its words and the end together."""

    text: str
    sure: float


def load() -> Loaded:
    """The bundled mini-llava."""
    return catalog.load("multimodal", "mini")


def records(lessons: Sequence[Lesson]) -> list[Record]:
    """The same for the engine. A picture that several lessons share is written once."""
    files = {key: as_png(one.picture) for key, one in {id(one.picture): one for one in lessons}.items()}
    return [Record(f"lesson {number}", _messages(files[id(one.picture)], one)) for number, one in enumerate(lessons)]


def _messages(file: bytes, one: Lesson) -> list[dict]:
    asked = [{"type": "image", "bytes": file}, {"type": "text", "text": one.question}]
    return [{"role": "user", "content": asked},
            {"role": "assistant", "content": [{"type": "text", "text": one.answer}]}]  # fmt: skip


def tune(
    lessons: Sequence[Lesson], seed: int, steps: int, batch: int = BATCH, rows: bool = False,
    start: Loaded | None = None,
) -> Loaded:  # fmt: skip
    """A fresh mini-llava, or `start` (changed in place), after so many steps; frozen.

    With `rows` the words that answers are made of learn, too: those that no training has met, as digits.
    """
    loaded, told = start or load(), records(lessons)
    words = spoken(loaded.processor, told) if rows else ()
    model = add_lora(loaded.model.requires_grad_(False), LoraSpec(RANK, 2 * RANK, rows=words), seed)
    with TemporaryDirectory() as folder:
        fit(
            model, loaded.processor, told, [], Path(folder) / "run", steps=steps, batch=batch, learning_rate=RATE,
            seed=seed, save_every=10**6, progress=False,
        )  # fmt: skip
    return Loaded(loaded.entry, model.requires_grad_(False), loaded.processor)


@torch.no_grad()
def ask(
    loaded: Loaded, pictures: Sequence[Image.Image], questions: Sequence[str], longest: int = 12
) -> list[Said]:  # fmt: skip
    """What a model answers to each question about each picture, greedily. Raises ValueError for unequal numbers."""
    if len(pictures) != len(questions):
        raise ValueError(f"every question needs a picture, got {len(questions)} and {len(pictures)}")
    model, processor, found = loaded.model, loaded.processor, []
    with features_once(model):
        for at in range(0, len(questions), TOGETHER):
            part = questions[at : at + TOGETHER]
            texts = [processor.apply_chat_template([message(one)], add_generation_prompt=True) for one in part]
            inputs = processor(
                images=list(pictures[at : at + TOGETHER]), text=texts, padding=True, padding_side="left",
                return_tensors="pt",
            )  # fmt: skip
            written = model.generate(
                **inputs, max_new_tokens=longest, do_sample=False, return_dict_in_generate=True, output_logits=True
            )
            words = written.sequences[:, inputs["input_ids"].shape[1] :]
            found += _said(processor.tokenizer, words, torch.stack(written.logits, 1))
    return found


def _said(tokenizer: Any, words: Tensor, logits: Tensor) -> list[Said]:
    """What comes after the end counts as nothing."""
    each = logits.float().log_softmax(-1).gather(2, words[..., None])[..., 0]
    ended = (words == tokenizer.eos_token_id).cumsum(1)
    each = each * (ended - (words == tokenizer.eos_token_id).long() == 0)
    texts = tokenizer.batch_decode(words, skip_special_tokens=True)
    return [Said(text.strip(), sure) for text, sure in zip(texts, each.sum(1).exp().tolist(), strict=True)]


@torch.no_grad()
def likelier(
    loaded: Loaded, pictures: Sequence[Image.Image], request: str, texts: Sequence[tuple[str, str]]
) -> Float[Tensor, "pictures 2"]:
    """The log-probability of each of two replies to a request, about each picture."""
    told = records([Lesson(picture, request, text) for picture, two in zip(pictures, texts, strict=True)
                    for text in two])  # fmt: skip
    read = list(Examples(loaded.processor, told))
    collate = SharedCollator(loaded.processor.tokenizer.pad_token_id, picture_token(loaded.processor))
    pairs = [read[at : at + 2] for at in range(0, len(read), 2)]
    with features_once(loaded.model):
        parts = [log_probabilities(loaded.model, pairs[at : at + 64], collate) for at in range(0, len(pairs), 64)]
    return torch.cat(parts)
