"""Which tokens are supervised: the answers and their closing tokens, found through the text that the model reads.

    <user> <image>*36 What colour is the star? <assistant> red </s> <user> Where is it? <assistant> top left </s>
                                                    ^^^  ^^^^                                 ^^^^^^^^ ^^^^

An answer is found by difference: the conversation is written once more with another word in the answer's place, and
what both versions share before and after is not the answer. This needs no mark in the template and counts the picture
tokens as the processor has expanded them; and unlike the difference between a conversation and its beginning it holds
for templates that number all the pictures of a conversation, or write earlier answers differently from the last.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from labs.data.records import DataError, Record
from labs.models.conversation import ALONG_TOKENS, picture_token
from labs.models.messages import ConversationError
from labs.models.pictures import open_picture
from labs.models.writer import Writer
from labs.tuning.packing import IGNORE

# Stand-ins for an answer; one of them always differs from it in the first and in the last letter. Common words, for
# which every tokenizer has one token with the space before them: a digit's space is a token of its own in Llama's and
# Gemma's, and what a stand-in shares with an answer is not learned.
STAND_INS = ("and", "so", "the")


@dataclass(frozen=True)
class Encoded:
    """One record as the model sees it. `supervised[i]` says whether token i is to be learned."""

    input_ids: list[int]
    supervised: list[bool]
    inputs: dict[str, torch.Tensor]  # everything the processor made, with a batch dimension of 1
    name: str = ""  # the record's

    @property
    def labels(self) -> list[int]:
        """The token ids, -100 where nothing is to be learned; the model itself shifts them by one."""
        return [i if learned else IGNORE for i, learned in zip(self.input_ids, self.supervised, strict=True)]


def encode(
    processor: Any,
    record: Record,
    supervised: Sequence[bool] | None = None,
    max_length: int | None = None,
    open_picture: Callable[[Path], Image] = open_picture,
    writer: Writer | None = None,
) -> Encoded:
    """Token ids and supervised mask of a record; a mask that is known already spares finding it again.

    A `writer` of this processor that is kept for many records spares most of the work.

    What is longer than `max_length` tokens is cut at the end, as long as that is text. Raises DataError if the
    conversation cannot be written for the processor, if it leaves the pictures out, if the cut would go through
    pictures, or if nothing or everything would be supervised.
    """
    pictures = [open_picture(path) for path in record.pictures]
    writer = writer or Writer(processor)
    inputs = _write(writer, record, record.messages, pictures)
    ids = inputs["input_ids"][0].tolist()
    token = picture_token(processor)
    if pictures and token is not None and token not in ids:
        raise DataError(f"{record.name}: its pictures leave no token in the text; check the model's chat template.")
    if supervised is None:
        supervised = find_supervised(writer, record, pictures, ids)
    if not any(supervised) or all(supervised):
        what = "nothing" if not any(supervised) else "everything"
        raise DataError(f"{record.name}: {what} would be supervised; check the model's chat template.")
    if max_length is None or len(ids) <= max_length:
        return Encoded(ids, list(supervised), inputs, record.name)
    _check_cut(record, ids, list(supervised), token, max_length)
    inputs |= {name: inputs[name][:, :max_length] for name in ALONG_TOKENS if name in inputs}
    return Encoded(ids[:max_length], list(supervised[:max_length]), inputs, record.name)


def find_supervised(writer: Writer, record: Record, pictures: list[Image], ids: list[int]) -> list[bool]:
    """For each of the record's token ids, whether it belongs to an answer or closes one."""
    spans = [_span(writer, record, pictures, turn, ids) for turn in _answers(record.messages)]
    tokenizer = writer.processor.tokenizer
    closing = _closing_token(tokenizer, ids[spans[-1][1] :])
    mask = [False] * len(ids)
    for start, stop in spans:
        end = stop + len(list(takewhile(lambda i: _is_blank(tokenizer, i), ids[stop:])))
        if closing is not None and ids[end : end + 1] == [closing]:
            stop = end + 1
        mask[start:stop] = [True] * (stop - start)
    return mask


def _answers(messages: list[dict]) -> Iterator[int]:
    return (number for number, message in enumerate(messages) if message["role"] == "assistant")


def _span(writer: Writer, record: Record, pictures: list[Image], turn: int, ids: list[int]) -> tuple[int, int]:
    """Where the answer of one turn begins and ends among the token ids."""
    answer = record.messages[turn]["content"][0]["text"]
    word = next(word for word in STAND_INS if word[0] != answer[0] and word[-1] != answer[-1])
    other = {"role": "assistant", "content": [{"type": "text", "text": word}]}
    messages = [*record.messages[:turn], other, *record.messages[turn + 1 :]]
    changed = _write(writer, record, messages, pictures)["input_ids"][0].tolist()
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


def _check_cut(record: Record, ids: list[int], supervised: list[bool], picture: int | None, max_length: int) -> None:
    """Raises DataError if the first `max_length` tokens lack a picture's, or have none to learn."""
    if picture in ids[max_length:]:
        last = len(ids) - ids[::-1].index(picture)
        raise DataError(
            f"{record.name}: its pictures end at token {last}, and max_length={max_length} would cut them: "
            f"raise max_length to more than {last}, or make the pictures smaller or fewer."
        )
    if not any(supervised[:max_length]):
        first = supervised.index(True)
        raise DataError(
            f"{record.name}: its first answer begins after {first} tokens, and max_length={max_length} would leave "
            f"nothing to learn: raise max_length to more than {first}, or shorten the question."
        )


def _write(writer: Writer, record: Record, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    try:
        return writer(messages, pictures)
    except ConversationError as error:
        raise DataError(f"{record.name}: {error}.") from None
