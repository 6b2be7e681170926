"""Many questions at once: batched greedy answers, equal to asking one by one."""

from collections.abc import Sequence

import torch
from tqdm import tqdm

from labs.evaluation.exam import opened, several
from labs.evaluation.reading_once import answers_together
from labs.models.catalog import Loaded
from labs.models.writer import Writer


@torch.no_grad()
def answers(
    loaded: Loaded,
    pictures: Sequence,
    questions: Sequence[str | list[dict]],
    batch: int = 64,
    max_new_tokens: int = 12,
    label: str | None = None,
) -> list[str]:
    """Answer question i, or the conversation that ends with it, about `pictures[i]` (one or several).

    A picture may be a function that opens it. Shows a progress bar named `label`.
    """
    if len(pictures) != len(questions):
        raise ValueError(f"every question needs its pictures, got {len(questions)} and {len(pictures)}")
    told: list[str] = []
    # questions about the same pictures side by side, so that these are read once
    shown = [tuple(map(id, several(entry))) for entry in pictures]
    first = {key: i for i, key in reversed(list(enumerate(shown)))}
    order = sorted(range(len(questions)), key=lambda i: (len(shown[i]), first[shown[i]]))
    writer = Writer(loaded.processor)
    for start in tqdm(range(0, len(order), batch), desc=label, disable=label is None, leave=False):
        part = order[start : start + batch]
        seen = {id(picture): opened(picture) for i in part for picture in several(pictures[i])}
        own = [[seen[key] for key in shown[i]] for i in part]
        told += answers_together(loaded, own, [questions[i] for i in part], max_new_tokens, writer)
    return [text for _, text in sorted(zip(order, told, strict=True))]
