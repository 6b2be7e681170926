"""The families whose processors have no chat template, written the way their authors do.

    BLIP-2        <image>*32 Question: What is it? Answer: a star</s> Question: Where? Answer: top left</s>
    InstructBLIP  <image>*32 What is it? a star</s>             its Q-Former reads the question too, and only that
    PaliGemma     <image>*256 What is it? \\n a star<eos>       all up to the line break sees itself in both directions

Their processors have no place for a system message.
"""

import warnings
from typing import Any

import torch
from PIL.Image import Image

from labs.models.messages import demand, is_open, text_of


def _blip2(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """As in the paper's figure 4 and LAVIS's notebook on instructed generation. https://arxiv.org/abs/2301.12597"""
    demand(len(pictures) == 1, f"BLIP-2 reads one picture, not {len(pictures)}: write one record for each picture")
    end = processor.tokenizer.eos_token
    said = [f"Question: {text_of(m)}" if is_open([m]) else f"Answer: {text_of(m)}{end}" for m in messages]
    text = " ".join([*said, "Answer:"] if is_open(messages) else said)
    return dict(processor(images=pictures, text=text, return_tensors="pt"))


def _instructblip(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """The processor gives one text to both readers; the Q-Former must not see the answer. arXiv 2305.06500"""
    demand(len(pictures) == 1, f"InstructBLIP reads one picture, not {len(pictures)}: write one record for each")
    _demand_one_turn("InstructBLIP", messages)
    question = text_of(messages[0])
    text = question if is_open(messages) else f"{question} {text_of(messages[1])}{processor.tokenizer.eos_token}"
    instruction = processor.qformer_tokenizer(question, return_tensors="pt")
    inputs = dict(processor(images=pictures, text=text, return_tensors="pt"))
    return inputs | {f"qformer_{name}": instruction[name] for name in ("input_ids", "attention_mask")}


def _paligemma(processor: Any, messages: list[dict], pictures: list[Image]) -> dict[str, torch.Tensor]:
    """Prefix and suffix. Task words ("answer en", "caption en") belong to the question. arXiv 2407.07726"""
    demand(bool(pictures), "PaliGemma reads at least one picture: take this record out")
    _demand_one_turn("PaliGemma", messages)
    prefix = processor.image_token * len(pictures) + text_of(messages[0])
    suffix = None if is_open(messages) else text_of(messages[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the library's, about its own way from torch to NumPy
        return dict(processor(images=pictures, text=prefix, suffix=suffix, return_tensors="pt"))


def _demand_one_turn(family: str, messages: list[dict]) -> None:
    turns = (len(messages) + 1) // 2
    demand(turns == 1, f"{family} reads one question and its answer, not {turns}: write one record for each question")


WAYS = {"Blip2Processor": _blip2, "InstructBlipProcessor": _instructblip, "PaliGemmaProcessor": _paligemma}
