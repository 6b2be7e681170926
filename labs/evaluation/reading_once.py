"""Several questions about the same pictures: the pictures are read once, their keys and values serve every question."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from labs.models.catalog import Loaded
from labs.models.chat import message
from labs.models.conversation import picture_token, write

ALONG_TOKENS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")


def can_read_once(loaded: Loaded) -> bool:
    """Whether pictures are a prefix that may be read before the question, and positions count up by one."""
    named = type(loaded.processor).__name__
    return not hasattr(loaded.model.base_model, "get_rope_index") and named not in (
        "PaliGemmaProcessor", "InstructBlipProcessor", "Blip2Processor", "GitProcessor",
    )  # fmt: skip


@torch.no_grad()
def answers_read_once(
    loaded: Loaded, pictures: Sequence[Sequence[Image.Image]], questions: Sequence[str], max_new_tokens: int
) -> list[str]:
    """Greedy answers to question i about `pictures[i]`, all in one batch as far as their prefixes are equally long."""
    asked = zip(pictures, questions, strict=True)
    inputs = [write(loaded.processor, [message(question, len(shown))], shown) for shown, question in asked]
    token, groups = picture_token(loaded.processor), {}
    for number, one in enumerate(inputs):
        ids = one["input_ids"][0].tolist()
        length = len(ids) - ids[::-1].index(token)  # up to the last picture
        shapes = tuple((name, tuple(value.shape[1:])) for name, value in one.items() if name not in ALONG_TOKENS)
        groups.setdefault((length, shapes), []).append(number)
    told: dict[int, str] = {}
    for (length, _), numbers in groups.items():
        shown = [tuple(map(id, pictures[number])) for number in numbers]
        texts = _generate(loaded, [inputs[number] for number in numbers], shown, length, max_new_tokens)
        told |= dict(zip(numbers, texts, strict=True))
    return [told[number] for number in range(len(questions))]


def _generate(loaded: Loaded, inputs: list[dict], shown: list[tuple], length: int, max_new_tokens: int) -> list[str]:
    """Answers to prompts whose first `length` tokens hold their pictures; equal entries of `shown` share theirs."""
    model, tokenizer = loaded.model, loaded.processor.tokenizer
    first = {key: number for number, key in reversed(list(enumerate(shown)))}
    rows = list(first)
    cache = _read(model, [inputs[first[key]] for key in rows], length)
    cache.batch_select_indices(torch.tensor([rows.index(key) for key in shown], device=model.device))
    rest = [one["input_ids"][0, length:] for one in inputs]
    most = max(map(len, rest))
    ids = torch.full((len(inputs), length + most), tokenizer.pad_token_id)
    mask = torch.zeros_like(ids)
    for row, (one, tail) in enumerate(zip(inputs, rest, strict=True)):
        ids[row, :length], ids[row, length + most - len(tail) :] = one["input_ids"][0, :length], tail
        mask[row, :length], mask[row, length + most - len(tail) :] = 1, 1
    generated = model.generate(
        input_ids=ids.to(model.device), attention_mask=mask.to(model.device), past_key_values=cache,
        max_new_tokens=max_new_tokens, do_sample=False,
    )  # fmt: skip
    return [text.strip() for text in tokenizer.batch_decode(generated[:, ids.shape[1] :], skip_special_tokens=True)]


def _read(model: Any, inputs: list[dict], length: int) -> Any:
    """Keys and values of the first `length` tokens of every prompt."""
    batch = {name: torch.cat([one[name] for one in inputs]) for name in inputs[0] if name not in ALONG_TOKENS}
    ids = torch.cat([one["input_ids"][:, :length] for one in inputs])
    batch = {name: value.to(model.device) for name, value in (batch | {"input_ids": ids}).items()}
    return model(**batch, use_cache=True, logits_to_keep=1).past_key_values
