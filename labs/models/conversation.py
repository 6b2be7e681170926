"""A conversation and its pictures -> what a model reads, the same in training as in answering.

Most processors bring a chat template; the families that have none are in labs.models.without_template.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from PIL.Image import Image

from labs.models.messages import ConversationError, demand_told, is_open, said_clearly, text_of
from labs.models.without_template import WAYS

# What processors make with one place for each token; the Q-Former's tokens are others.
ALONG_TOKENS = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
_CLOSES: WeakKeyDictionary = WeakKeyDictionary()  # processor -> its template, and whether that closes answers


def write(processor: Any, messages: Sequence[dict], pictures: Sequence[Image]) -> dict[str, torch.Tensor]:
    """Everything the processor makes of a conversation, with a batch dimension of 1; input_ids (1, tokens).

    After a question it is opened for the answer; an answer is closed, by the tokenizer's end token where the chat
    template leaves it open (LLaVA-1.5's does): a model that never saw an end would not stop. Raises ConversationError.
    """
    own = WAYS.get(type(processor).__name__)
    with said_clearly():
        if own:
            demand_told(messages, "")
        inputs = (own or _by_template)(processor, list(messages), list(pictures))
    return {name: value for name, value in inputs.items() if name != "labels"}  # PaliGemma's own: we make ours


def picture_token(processor: Any) -> int | None:
    """The id of the token that stands for a piece of a picture, None if the processor names none."""
    token = getattr(processor, "image_token_id", None)
    text = getattr(processor, "image_token", None)  # BLIP-2 names an AddedToken, others a string
    return processor.tokenizer.convert_tokens_to_ids(str(text)) if token is None and text is not None else token


def by_template(processor: Any) -> bool:
    """Whether the processor brings a chat template; the others are written in ways of their own."""
    return type(processor).__name__ not in WAYS


def template_text(processor: Any, messages: Sequence[dict]) -> tuple[str, bool]:
    """A conversation as the chat template writes it, and whether the tokenizer has yet to add its own first token."""
    if getattr(processor, "chat_template", None) is None:
        raise ConversationError(
            "the model's processor has no chat template: set `processor.chat_template`, or name a model that has one"
        )
    with said_clearly():
        text = processor.apply_chat_template(_closed(processor, messages), add_generation_prompt=is_open(messages))
    demand_told(messages, text)
    begin = processor.tokenizer.bos_token
    return text, begin is None or not text.startswith(begin)  # as the library itself does, so that it is never doubled


def _by_template(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    text, add = template_text(processor, messages)
    return dict(processor(images=pictures or None, text=text, add_special_tokens=add, return_tensors="pt"))


def _closed(processor: Any, messages: list[dict]) -> list[dict]:
    """The same messages, their answers followed by the end token if the template closes them with no special token."""
    tokenizer = processor.tokenizer
    answers = [number for number, message in enumerate(messages) if not is_open([message])]
    if not answers or tokenizer.eos_token is None or _closes(processor, messages[: answers[-1] + 1]):
        return messages
    ended = list(messages)
    for number in answers:
        content = [{"type": "text", "text": text_of(messages[number]) + tokenizer.eos_token}]
        ended[number] = {"role": "assistant", "content": content}
    return ended


def _closes(processor: Any, messages: list[dict]) -> bool:
    """Whether the chat template ends an answer with a special token, tried on the first conversation that has one."""
    tokenizer, template = processor.tokenizer, processor.chat_template
    if _CLOSES.get(processor, (None,))[0] != template:
        special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        text = processor.apply_chat_template(messages).rstrip()
        _CLOSES[processor] = template, text.endswith((*special, tokenizer.eos_token))
    return _CLOSES[processor][1]
