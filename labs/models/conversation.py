"""A conversation and its pictures -> what a model reads, the same in training as in answering.

Most processors bring a chat template. Three families have none and are written here the way their authors do:

    BLIP-2        <image>*32 Question: What is it? Answer: a star</s> Question: Where? Answer: top left</s>
    InstructBLIP  <image>*32 What is it? a star</s>             its Q-Former reads the question too, and only that
    PaliGemma     <image>*256 What is it? \\n a star<eos>        all up to the line break sees itself in both directions
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from jinja2 import TemplateError
from PIL.Image import Image

from labs.errors import LabsError

_CLOSES: WeakKeyDictionary = WeakKeyDictionary()  # processor -> its template, and whether that closes answers


class ConversationError(LabsError, ValueError):
    """A processor cannot write a conversation: why, and what to do about it."""


def write(processor: Any, messages: Sequence[dict], pictures: Sequence[Image]) -> dict[str, torch.Tensor]:
    """Everything the processor makes of a conversation, with a batch dimension of 1; input_ids (1, tokens).

    After a question it is opened for the answer; an answer is closed, by the tokenizer's end token where the chat
    template leaves it open (LLaVA-1.5's does): a model that never saw an end would not stop. Raises ConversationError.
    """
    own = _own_way(processor)
    try:
        if own:
            _demand_told(messages, "")
        inputs = (own or _by_template)(processor, list(messages), list(pictures))
    except ConversationError:
        raise
    except (ValueError, TemplateError) as error:
        why = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConversationError(
            f"the model's processor refuses it ({why}): look whether the chat template shows every picture once, and "
            "keep the processor's own tokens out of the texts"
        ) from error
    return {name: value for name, value in inputs.items() if name != "labels"}  # PaliGemma's own: we make ours


def picture_token(processor: Any) -> int | None:
    """The id of the token that stands for a piece of a picture, None if the processor names none."""
    token = getattr(processor, "image_token_id", None)
    text = getattr(processor, "image_token", None)  # BLIP-2 names an AddedToken, others a string
    return processor.tokenizer.convert_tokens_to_ids(str(text)) if token is None and text is not None else token


def by_template(processor: Any) -> bool:
    """Whether the processor brings a chat template; the others are written here in their own way."""
    return _own_way(processor) is None


def is_open(messages: Sequence[dict]) -> bool:
    """Whether the conversation ends with a question."""
    return messages[-1]["role"] != "assistant"


def _own_way(processor: Any) -> Callable | None:
    own = {"Blip2Processor": _blip2, "InstructBlipProcessor": _instructblip, "PaliGemmaProcessor": _paligemma}
    return own.get(type(processor).__name__)


def template_text(processor: Any, messages: Sequence[dict]) -> tuple[str, bool]:
    """A conversation as the chat template writes it, and whether the tokenizer has yet to add its own first token."""
    if getattr(processor, "chat_template", None) is None:
        raise ConversationError(
            "the model's processor has no chat template: set `processor.chat_template`, or name a model that has one"
        )
    text = processor.apply_chat_template(_closed(processor, messages), add_generation_prompt=is_open(messages))
    _demand_told(messages, text)
    begin = processor.tokenizer.bos_token
    return text, begin is None or not text.startswith(begin)  # as the library itself does, so that it is never doubled


def _by_template(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    text, add = template_text(processor, messages)
    return dict(processor(images=pictures or None, text=text, add_special_tokens=add, return_tensors="pt"))


def _closed(processor: Any, messages: list[dict]) -> list[dict]:
    """The same messages, their answers followed by the end token if the template closes them with no special token."""
    tokenizer = processor.tokenizer
    answers = [number for number, message in enumerate(messages) if not is_open([message])]
    if not answers or tokenizer.eos_token is None or _closes(processor):
        return messages
    ended = list(messages)
    for number in answers:
        content = [{"type": "text", "text": _text(messages[number]) + tokenizer.eos_token}]
        ended[number] = {"role": "assistant", "content": content}
    return ended


def _closes(processor: Any) -> bool:
    """Whether the chat template ends an answer with a special token, tried on a conversation of two words."""
    tokenizer, template = processor.tokenizer, processor.chat_template
    if _CLOSES.get(processor, (None,))[0] != template:
        said = [{"role": role, "content": [{"type": "text", "text": "and"}]} for role in ("user", "assistant")]
        special = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
        ended = processor.apply_chat_template(said).rstrip().endswith((*special, tokenizer.eos_token))
        _CLOSES[processor] = template, ended
    return _CLOSES[processor][1]


def _blip2(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """As in the paper's figure 4 and LAVIS's notebook on instructed generation. https://arxiv.org/abs/2301.12597"""
    _demand(len(pictures) == 1, f"BLIP-2 reads one picture, not {len(pictures)}: write one record for each picture")
    end = processor.tokenizer.eos_token
    said = [f"Question: {_text(m)}" if is_open([m]) else f"Answer: {_text(m)}{end}" for m in messages]
    text = " ".join([*said, "Answer:"] if is_open(messages) else said)
    return dict(processor(images=pictures, text=text, return_tensors="pt"))


def _instructblip(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """The processor gives one text to both readers; the Q-Former must not see the answer. arXiv 2305.06500"""
    _demand(len(pictures) == 1, f"InstructBLIP reads one picture, not {len(pictures)}: write one record for each")
    _demand_one_turn("InstructBLIP", messages)
    question = _text(messages[0])
    text = question if is_open(messages) else f"{question} {_text(messages[1])}{processor.tokenizer.eos_token}"
    instruction = processor.qformer_tokenizer(question, return_tensors="pt")
    inputs = dict(processor(images=pictures, text=text, return_tensors="pt"))
    return inputs | {f"qformer_{name}": instruction[name] for name in ("input_ids", "attention_mask")}


def _paligemma(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """Prefix and suffix. Task words ("answer en", "caption en") belong to the question. arXiv 2407.07726"""
    _demand(bool(pictures), "PaliGemma reads at least one picture: take this record out")
    _demand_one_turn("PaliGemma", messages)
    prefix = processor.image_token * len(pictures) + _text(messages[0])
    suffix = None if is_open(messages) else _text(messages[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's, about its own way from torch to NumPy
        return dict(processor(images=pictures, text=prefix, suffix=suffix, return_tensors="pt"))


def _text(message: dict) -> str:
    if isinstance(message["content"], str):
        return message["content"].strip()
    return " ".join(part["text"].strip() for part in message["content"] if part["type"] == "text")


def _demand_told(messages: Sequence[dict], text: str) -> None:
    """Some templates leave out what `system` says, and the families without one have no place for it."""
    told = messages[0]["role"] != "system" or _text(messages[0]) in text
    _demand(told, "the model does not read the system message: put it into the question")


def _demand_one_turn(family: str, messages: list[dict]) -> None:
    turns = (len(messages) + 1) // 2
    _demand(turns == 1, f"{family} reads one question and its answer, not {turns}: write one record for each question")


def _demand(met: bool, sentence: str) -> None:
    if not met:
        raise ConversationError(sentence)
