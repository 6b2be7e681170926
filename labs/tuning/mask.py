"""Which tokens are supervised: the answers and their closing tokens, found through the model's own chat template.

    <user> <image>*36 What colour is the star? <assistant> red </s> <user> Where is it? <assistant> top left </s>
                                                    ^^^  ^^^^                                 ^^^^^^^^ ^^^^

An answer is found by difference: the conversation is written once more with other words in the answer's place, and
what both versions share before and after is not the answer. This needs no mark in the template and counts the picture
tokens as the processor has expanded them; and unlike the difference between a conversation and its beginning it holds
for templates that number all the pictures of a conversation, or write earlier answers differently from the last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from PIL.Image import Image
from rich.text import Text

from labs.models.pictures import open_picture
from labs.tuning.packing import IGNORE
from labs.tuning.records import DataError, Record

# Stand-ins for an answer; one of them always differs from it in the first and in the last character.
STAND_INS = ("0x0", "7w7", "4v4")
STYLES = {"prompt": "white", "picture": "blue", "supervised": "bold green", "padding": "dim"}


@dataclass(frozen=True)
class Encoded:
    """One record as the model sees it. `supervised[i]` says whether token i is to be learned."""

    input_ids: list[int]
    supervised: list[bool]
    inputs: dict[str, torch.Tensor]  # everything the processor made, with a batch dimension of 1

    @property
    def labels(self) -> list[int]:
        """The token ids, -100 where nothing is to be learned; the model itself shifts them by one."""
        return [i if learned else IGNORE for i, learned in zip(self.input_ids, self.supervised, strict=True)]


def encode(processor: Any, record: Record, supervised: Sequence[bool] | None = None) -> Encoded:
    """Token ids and supervised mask of a record; a mask that is known already spares finding it again.

    Raises DataError if the processor has no chat template, or if nothing or everything would be supervised.
    """
    pictures = [open_picture(path) for path in record.pictures]
    inputs = _process(processor, record, record.messages, pictures)
    ids = inputs["input_ids"][0].tolist()
    if supervised is None:
        supervised = find_supervised(processor, record, pictures, ids)
    if not any(supervised) or all(supervised):
        what = "nothing" if not any(supervised) else "everything"
        raise DataError(f"{record.name}: {what} would be supervised; check the model's chat template.")
    return Encoded(ids, list(supervised), inputs)


def find_supervised(processor: Any, record: Record, pictures: list[Image], ids: list[int]) -> list[bool]:
    """For each of the record's token ids, whether it belongs to an answer or closes one."""
    spans = [_span(processor, record, pictures, turn, ids) for turn in _answers(record.messages)]
    closing = _closing_token(processor.tokenizer, ids[spans[-1][1] :])
    mask = [False] * len(ids)
    for start, stop in spans:
        end = stop + len(list(takewhile(lambda i: _is_blank(processor.tokenizer, i), ids[stop:])))
        if closing is not None and ids[end : end + 1] == [closing]:
            stop = end + 1
        mask[start:stop] = [True] * (stop - start)
    return mask


def picture_token(processor: Any) -> int | None:
    """The id of the token that stands for a piece of a picture, None if the processor names none."""
    token = getattr(processor, "image_token_id", None)
    text = getattr(processor, "image_token", None)
    return processor.tokenizer.convert_tokens_to_ids(text) if token is None and isinstance(text, str) else token


def count(processor: Any, ids: Sequence[int], labels: Sequence[int]) -> dict[str, int]:
    """How many tokens are prompt, picture, supervised and padding."""
    kinds = _kinds(processor, ids, labels)
    return {kind: kinds.count(kind) for kind in STYLES}


def explain(processor: Any, ids: Sequence[int], labels: Sequence[int]) -> Text:
    """A view for the terminal, `rich.print(explain(...))`: every token coloured by what it is, then the counts."""
    text, previous, run = Text(), None, 0
    for token, kind in zip([*ids, None], [*_kinds(processor, ids, labels), None], strict=True):
        if kind in ("picture", "padding") and kind == previous:
            run += 1  # a row of equal tokens is written once
            continue
        if run > 1:
            text.append(f"*{run}", STYLES[previous])
        if kind is not None:
            text.append(processor.tokenizer.decode([token]), STYLES[kind])
        previous, run = kind, 1
    numbers = count(processor, ids, labels)
    text.append("\n")
    for kind, style in STYLES.items():
        text.append(f"{kind} {numbers[kind]}  ", style)
    return text


def _kinds(processor: Any, ids: Sequence[int], labels: Sequence[int]) -> list[str]:
    picture, padding = picture_token(processor), processor.tokenizer.pad_token_id
    names = {picture: "picture", padding: "padding"}
    return ["supervised" if label != IGNORE else names.get(token, "prompt")
            for token, label in zip(ids, labels, strict=True)]  # fmt: skip


def _answers(messages: list[dict]) -> Iterator[int]:
    return (number for number, message in enumerate(messages) if message["role"] == "assistant")


def _span(processor: Any, record: Record, pictures: list[Image], turn: int, ids: list[int]) -> tuple[int, int]:
    """Where the answer of one turn begins and ends among the token ids."""
    answer = record.messages[turn]["content"][0]["text"]
    word = next(word for word in STAND_INS if word[0] != answer[0] and word[-1] != answer[-1])
    other = {"role": "assistant", "content": [{"type": "text", "text": word}]}
    messages = [*record.messages[:turn], other, *record.messages[turn + 1 :]]
    changed = _process(processor, record, messages, pictures)["input_ids"][0].tolist()
    before = _shared(ids, changed)
    return before, len(ids) - _shared(ids[before:][::-1], changed[before:][::-1])


def _shared(one: list[int], other: list[int]) -> int:
    """How many tokens two sequences share from the beginning."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _closing_token(tokenizer: Any, tail: list[int]) -> int | None:
    """The special token that the template writes after the last answer. None where it does not close answers.

    Looked for at the very end, where no role marker can be mistaken for it.
    """
    special = {i for i, token in tokenizer.added_tokens_decoder.items() if token.special} | {tokenizer.eos_token_id}
    return next((i for i in tail if i in special), None)


def _is_blank(tokenizer: Any, token: int) -> bool:
    return not tokenizer.decode([token]).strip()


def _process(processor: Any, record: Record, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    if getattr(processor, "chat_template", None) is None:
        raise DataError(f"{record.name} cannot be written for this model: its processor has no chat template.")
    text = processor.apply_chat_template(messages)
    # the template has written the opening token already where there is one
    return dict(processor(images=pictures or None, text=text, add_special_tokens=False, return_tensors="pt"))
