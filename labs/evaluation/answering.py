"""Many questions at once: batched greedy answers, equal to asking one by one."""

from collections.abc import Sequence

import torch
from PIL import Image
from tqdm import tqdm

from labs.evaluation.reading_once import answers_read_once, can_read_once
from labs.models.catalog import Loaded
from labs.models.chat import answer, message
from labs.models.remembered import remembering


@torch.no_grad()
def answers(
    loaded: Loaded,
    pictures: Sequence[Sequence[Image.Image]],
    questions: Sequence[str],
    batch: int = 64,
    max_new_tokens: int = 12,
    label: str | None = None,
) -> list[str]:
    """Answer question i about `pictures[i]` (one or several). Shows a progress bar named `label`."""
    if len(pictures) != len(questions):
        raise ValueError(f"every question needs its pictures, got {len(questions)} and {len(pictures)}")
    told: list[str] = []
    # questions about the same pictures side by side, so that these are read once
    shown = [tuple(map(id, several)) for several in pictures]
    first = {key: i for i, key in reversed(list(enumerate(shown)))}
    order = sorted(range(len(questions)), key=lambda i: (len(pictures[i]), first[shown[i]]))
    loaded = Loaded(loaded.entry, loaded.model, remembering(loaded.processor))
    for start in tqdm(range(0, len(order), batch), desc=label, disable=label is None, leave=False):
        part = order[start : start + batch]
        told += _batch(loaded, [pictures[i] for i in part], [questions[i] for i in part], max_new_tokens)
    return [text for _, text in sorted(zip(order, told, strict=True))]


def _batch(loaded: Loaded, pictures: list, questions: list[str], max_new_tokens: int) -> list[str]:
    if getattr(loaded.processor, "chat_template", None) is None:  # GIT's library code pads on neither side
        return [answer(loaded, p, q, max_new_tokens=max_new_tokens) for p, q in zip(pictures, questions, strict=True)]
    if can_read_once(loaded) and all(pictures):
        return answers_read_once(loaded, pictures, questions, max_new_tokens)
    processor, model = loaded.processor, loaded.model
    prompts = [
        processor.apply_chat_template([message(q, len(p))], add_generation_prompt=True)
        for p, q in zip(pictures, questions, strict=True)
    ]
    flat = [picture for several in pictures for picture in several]
    inputs = processor(images=flat, text=prompts, return_tensors="pt", padding=True, padding_side="left")
    generated = model.generate(**inputs.to(model.device), max_new_tokens=max_new_tokens, do_sample=False)
    new = generated[:, inputs["input_ids"].shape[1] :]
    return [text.strip() for text in processor.batch_decode(new, skip_special_tokens=True)]
