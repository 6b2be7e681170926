"""A record as token ids, with who says what where: the raw material of worksheet 2's label mask.

    <user> <image>*36 Name the things ... <assistant> red star, blue moon </s> <user> And ... <assistant> ...
                      `---- user ------'              `--- assistant ----' end        `user'

The places come from the tokenizer's own offsets into the written text. The engine finds answers in another way
(labs.tuning.mask), so that the two can be compared.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from labs.data.record import DataError, Record
from labs.models.conversation import ALONG_TOKENS, picture_token, template_text, write
from labs.models.messages import text_of
from labs.models.pictures import open_picture
from labs.tuning.collate import Collator
from labs.tuning.mask import Encoded


class Talk(NamedTuple):
    """Token ids, turns (role, first token of what is said, token after it), and the token that closes an answer.

    `end` is None where the template closes answers with no special token. `looks` are the pictures, as the processor
    prepared them.
    """

    ids: list[int]
    turns: list[tuple[str, int, int]]
    end: int | None
    looks: dict[str, torch.Tensor]


def read(processor: Any, record: Record) -> Talk:
    """Write a record for the processor's model. Raises DataError where the text cannot be followed token by token."""
    inputs = write(processor, record.messages, [open_picture(picture) for picture in record.pictures])
    ids = inputs["input_ids"][0].tolist()
    text, add = template_text(processor, record.messages)
    told = processor.tokenizer(text, add_special_tokens=add, return_offsets_mapping=True)
    shown, token = told["input_ids"], picture_token(processor)
    pictures = [place for place, one in enumerate(shown) if one == token]
    behind = pictures[-1] + 1 if pictures else 0  # from here on the text is written alike with and without pictures
    more = len(ids) - len(shown)  # into so many tokens more the processor has expanded the pictures
    if ids[behind + more :] != shown[behind:]:
        raise DataError(f"{record.name}: what follows its pictures is written in a way that cannot be followed.")
    turns, cursor = [], 0
    for message in record.messages:
        words = text_of(message)
        start = text.index(words, cursor)
        cursor = start + len(words)
        start -= text[start - 1 : start] == " "  # most tokenizers write a space and the word after it as one token
        first, stop = _tokens(told["offset_mapping"], start, cursor)
        shift = more if first >= behind else 0
        turns.append((message["role"], first + shift, stop + shift))
    special = {i for i, one in processor.tokenizer.added_tokens_decoder.items() if one.special}
    special.add(processor.tokenizer.eos_token_id)
    end = next((one for one in ids[turns[-1][2] :] if one in special), None)
    turns = [(role, first, _with_blanks(processor.tokenizer, ids, stop, end)) for role, first, stop in turns]
    return Talk(ids, turns, end, {name: value for name, value in inputs.items() if name not in ALONG_TOKENS})


def looks(talks: Sequence[Talk]) -> dict[str, torch.Tensor]:
    """The pictures of several talks laid one after the other, as the engine does it; pixel_values (pictures, ...)."""
    together = Collator(0)([Encoded([], [], talk.looks) for talk in talks])
    return {name: value for name, value in together.items() if name != "labels"}


def _tokens(offsets: Sequence[tuple[int, int]], start: int, stop: int) -> tuple[int, int]:
    """The first token that reaches into the characters from `start` to `stop`, and the one after the last."""
    inside = [place for place, (first, last) in enumerate(offsets) if first < stop and last > start]
    return inside[0], inside[-1] + 1


def _with_blanks(tokenizer: Any, ids: Sequence[int], stop: int, end: int | None) -> int:
    """Blanks that a template sets between an answer and its closing token belong to the answer."""
    after = stop
    while after < len(ids) and ids[after] != end and not tokenizer.decode([ids[after]]).strip():
        after += 1
    return after if ids[after : after + 1] == [end] else stop
