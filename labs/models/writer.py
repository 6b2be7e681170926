"""Many conversations about few pictures: what a processor makes of pictures, and of the text up to them, is made once.

    <user> <image> What colour is it? <assistant> red </s>      as the template writes it
    <user> <image>*64 What colour is it? <assistant> red </s>   as the processor expands it
    `---- head ----'`--------------- tail ----------------'

The tail is plain text, which the tokenizer writes alike with and without the processor; this is checked for each head.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from PIL.Image import Image

from labs.models.conversation import by_template, picture_token, template_text, write
from labs.models.remembered import remembering

FILL = {"attention_mask": 1, "mm_token_type_ids": 0}  # of plain text


class Writer:
    """Does what `write` does, for one processor. Of the last `kept` heads it knows what the processor made of them."""

    def __init__(self, processor: Any, kept: int = 32):
        self.processor, self.kept = remembering(processor, kept), kept
        self._heads: OrderedDict[tuple, tuple] = OrderedDict()

    def __call__(self, messages: Sequence[dict], pictures: Sequence[Image]) -> dict[str, torch.Tensor]:
        """Everything the processor makes of a conversation, input_ids (1, tokens). Raises ConversationError."""
        token = picture_token(self.processor)
        if not pictures or token is None or not by_template(self.processor):
            return write(self.processor, messages, pictures)
        text, add = template_text(self.processor, messages)
        ids = self.processor.tokenizer(text, add_special_tokens=add)["input_ids"]
        if token not in ids:
            return write(self.processor, messages, pictures)
        cut = len(ids) - ids[::-1].index(token)
        key = tuple(map(id, pictures)), tuple(ids[:cut])
        if key not in self._heads:
            inputs = write(self.processor, messages, pictures)
            # the pictures are kept beside it, so that as long as it lasts their identities are theirs alone
            self._heads[key] = list(pictures), _head(inputs, ids[cut:])
            if len(self._heads) > self.kept:
                self._heads.popitem(last=False)
            return inputs
        head = self._heads[key][1]
        return write(self.processor, messages, pictures) if head is None else _joined(head, ids[cut:])


def _head(inputs: dict[str, torch.Tensor], tail: list[int]) -> dict[str, torch.Tensor] | None:
    """The inputs without the tail; None if the processor makes more of the text than this knows how to join."""
    ids = inputs["input_ids"][0].tolist()
    tokens = len(ids) - len(tail)
    along = {name: inputs[name] for name in ("input_ids", *FILL) if name in inputs}
    known = all((along[name][0, tokens:] == FILL[name]).all() for name in along if name in FILL)
    others = any(name.endswith(("input_ids", "token_type_ids", "attention_mask")) for name in inputs.keys() - along)
    if ids[tokens:] != tail or not known or others:
        return None
    return inputs | {name: value[:, :tokens] for name, value in along.items()}


def _joined(head: dict[str, torch.Tensor], tail: list[int]) -> dict[str, torch.Tensor]:
    ends = {"input_ids": torch.tensor([tail], dtype=torch.long)}
    ends |= {name: torch.full((1, len(tail)), fill) for name, fill in FILL.items() if name in head}
    return head | {name: torch.cat([head[name], end.to(head[name].dtype)], 1) for name, end in ends.items()}
