"""GIT's one task: text after pictures (Wang et al., 2022, https://arxiv.org/abs/2205.14100), for the bundled mini-git.

picture(s) <user>Where is the star?<assistant>left</s><user>What colour is it?<assistant>red</s>
                                              '--------' learned                         '-----' learned
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from transformers import GitForCausalLM

from labs.models import catalog
from labs.models.entry import Loaded
from labs.models.tokens import ASSISTANT, END, USER
from labs.systems.parts.objectives import IGNORE

BATCH = 128


class Text(NamedTuple):
    """Tokens, and the same as labels where they are to be told, elsewhere IGNORE."""

    ids: Int[Tensor, "texts tokens"]
    labels: Int[Tensor, "texts tokens"]


@cache
def mini_git() -> Loaded:
    """The bundled checkpoint."""
    return catalog.load("generative", "mini")


def write(conversations: Sequence[Sequence[tuple[str, str]]]) -> Text:
    """Conversations of (question, answer) as mini-git reads and tells them, filled up on the right."""
    tokenizer, rows = mini_git().processor.tokenizer, []
    for turns in conversations:
        row = []
        for question, answer in turns:
            parts = (f"{USER}{question}{ASSISTANT}", False), (f"{answer}{END}", True)
            row += [(token, told) for part, told in parts for token in tokenizer(part)["input_ids"]]
        rows.append(row)
    longest = max(map(len, rows))
    rows = [row + [(tokenizer.pad_token_id, False)] * (longest - len(row)) for row in rows]
    ids, told = torch.tensor(rows).unbind(-1)
    return Text(ids, ids.where(told.bool(), IGNORE))


def text_logits(
    model: GitForCausalLM, pixels: Float[Tensor, "texts *pictures 3 72 72"], ids: Int[Tensor, "texts tokens"]
) -> Float[Tensor, "texts tokens vocabulary"]:
    """What follows each token, by one picture a text or several. No token sees those after it, nor what fills up.

    The library's own loss cuts off as many picture tokens as the most pictures have, so it is right for five only.
    """
    hidden = model.git(input_ids=ids, pixel_values=pixels, use_cache=False).last_hidden_state
    return model.output(hidden[:, -ids.shape[1] :])


@torch.no_grad()
def told_exactly(
    model: GitForCausalLM, pixels: Float[Tensor, "texts *pictures 3 72 72"], text: Text
) -> Bool[Tensor, " texts"]:
    """Whether the model, left to itself, would tell every labelled token: each of them is the likeliest to follow."""
    right = []
    for start in range(0, len(pixels), BATCH):
        ids, labels = (part[start : start + BATCH] for part in text)
        likeliest = text_logits(model, pixels[start : start + BATCH], ids).argmax(-1)
        right.append(((likeliest[:, :-1] == labels[:, 1:]) | (labels[:, 1:] == IGNORE)).all(1))
    return torch.cat(right)
