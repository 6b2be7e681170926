"""Several questions about the same pictures: the pictures are read once, their keys and values serve every question."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from labs.models.catalog import Loaded
from labs.models.chat import answer, message
from labs.models.conversation import ALONG_TOKENS, picture_token
from labs.models.writer import Writer


def can_read_once(loaded: Loaded) -> bool:
    """Whether pictures are a prefix that may be read before the question, and positions count up by one."""
    counted = not any(hasattr(part, "get_rope_index") for part in loaded.model.modules())  # also beneath an adapter
    return counted and not _must_be_alone(loaded)


@torch.no_grad()
def answers_together(
    loaded: Loaded, pictures: Sequence[Sequence[Image.Image]], questions: Sequence, max_new_tokens: int, writer: Writer
) -> list[str]:
    """Greedy answers to question i about `pictures[i]`, in one batch as far as their inputs can be laid together.

    The `writer` is one of this model's processor.
    """
    asked = list(zip(pictures, questions, strict=True))
    if loaded.entry.model_class == "GitForCausalLM":  # its library code pads on neither side
        one_by_one = Loaded(loaded.entry, loaded.model, writer.processor)
        return [answer(one_by_one, shown, question, max_new_tokens=max_new_tokens) for shown, question in asked]
    inputs = [writer(_conversation(question, shown), shown) for shown, question in asked]
    token, once, alone = picture_token(loaded.processor), can_read_once(loaded), _must_be_alone(loaded)
    groups: dict[tuple, list[int]] = {}
    for number, (one, shown) in enumerate(zip(inputs, pictures, strict=True)):
        ids = one["input_ids"][0].tolist()
        length = len(ids) - ids[::-1].index(token) if once and shown else 0  # up to the last picture
        shapes = tuple((name, tuple(value.shape[1:])) for name, value in one.items() if name not in ALONG_TOKENS)
        groups.setdefault((length, shapes, number * alone), []).append(number)
    told: dict[int, str] = {}
    for (length, *_), numbers in groups.items():
        shown = [tuple(map(id, pictures[number])) for number in numbers]
        texts = _generate(loaded, [inputs[number] for number in numbers], shown, length, max_new_tokens)
        told |= dict(zip(numbers, texts, strict=True))
    return [told[number] for number in range(len(asked))]


def _conversation(question: str | list[dict], shown: Sequence) -> list[dict]:
    return [message(question, len(shown))] if isinstance(question, str) else question


def _must_be_alone(loaded: Loaded) -> bool:
    """Families whose rows the library does not pad, or that read a prompt in both directions."""
    return type(loaded.processor).__name__ in (
        "PaliGemmaProcessor", "InstructBlipProcessor", "Blip2Processor", "GitProcessor",
    )  # fmt: skip


def _generate(loaded: Loaded, inputs: list[dict], shown: list[tuple], length: int, max_new_tokens: int) -> list[str]:
    """Answers to prompts whose first `length` tokens hold their pictures; equal entries of `shown` share theirs."""
    model, tokenizer = loaded.model, loaded.processor.tokenizer
    batch = _padded(inputs, length, tokenizer.pad_token_id or 0)
    batch = {name: value.to(model.device) for name, value in batch.items()}
    if length:
        heads = [(key, *one["input_ids"][0, :length].tolist()) for key, one in zip(shown, inputs, strict=True)]
        first = {head: number for number, head in reversed(list(enumerate(heads)))}
        rows = list(first)
        cache = _read(model, [inputs[first[head]] for head in rows], length)
        cache.batch_select_indices(torch.tensor([rows.index(head) for head in heads], device=model.device))
        batch |= {"past_key_values": cache}
    generated = model.generate(**batch, max_new_tokens=max_new_tokens, do_sample=False)
    new = generated[:, batch["input_ids"].shape[1] :]
    return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]


def _padded(inputs: list[dict], length: int, pad: int) -> dict[str, torch.Tensor]:
    """All rows in one batch. The shorter ones are filled up after `length` tokens, which are those read before."""
    most, batch = max(one["input_ids"].shape[1] for one in inputs), {}
    for name in ("input_ids", "attention_mask") if length else inputs[0]:
        rows = [one[name] for one in inputs]
        if name in ALONG_TOKENS:
            fill = pad if name == "input_ids" else 0
            gaps = [row.new_full((1, most - row.shape[1]), fill) for row in rows]
            rows = [torch.cat((row[:, :length], gap, row[:, length:]), 1) for row, gap in zip(rows, gaps, strict=True)]
        batch[name] = torch.cat(rows)
    return batch


def _read(model: Any, inputs: list[dict], length: int) -> Any:
    """Keys and values of the first `length` tokens of every prompt."""
    batch = {name: torch.cat([one[name] for one in inputs]) for name in inputs[0] if name not in ALONG_TOKENS}
    ids = torch.cat([one["input_ids"][:, :length] for one in inputs])
    batch = {name: value.to(model.device) for name, value in (batch | {"input_ids": ids}).items()}
    return model(**batch, use_cache=True, logits_to_keep=1).past_key_values
