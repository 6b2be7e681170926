"""Rows of talk for a language model: what is read or seen, then pairs of question and answer about it, side by side.

    <cls> at the top a big red star | What colour is the star <decode> red <end> | Where is ... <decode> top <end>
    <cls> <mask> <mask> ... <mask>  | the same, with visual tokens in the places of <mask>

Each pair is learned as if it stood alone after what is read (labs.tuning.packing).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from labs.systems.parts.lexicon import CLS, DECODE, END, MASK, PAD, split
from labs.systems.parts.told import lexicon
from labs.tuning.label_logits import supervised_logits
from labs.tuning.packing import IGNORE, Batch, Branch, Row, pack, question_answer

LONG = 0.5  # an answer weighs as much as its length to this power: long ones would drown short ones


def write(text: str) -> list[int]:
    """Words -> numbers. Raises KeyError for a word that the language model has never read."""
    number = lexicon().number
    return [number[word] for word in split(text)]


def pair(question: str, answer: str) -> Branch:
    """A question, of which the answer is to be learned."""
    return question_answer([*write(question), DECODE], [*write(answer), END])


def read(text: str) -> list[int]:
    """A scene in words."""
    return [CLS, *write(text)]


def see(tokens: int) -> list[int]:
    """A picture: room for so many visual tokens."""
    return [CLS, *[MASK] * tokens]


def lay_out(rows: Sequence[Row]) -> Batch:
    """All rows as one batch, of a length that is a multiple of 16."""
    return pack(list(rows), PAD, multiple=16)


def embed(
    model: PreTrainedModel, batch: Batch, seen: Float[Tensor, "pictures tokens width"]
) -> Float[Tensor, "rows length width"]:
    """What the model reads: its words' embeddings, and what is `seen`, in reading order, where there is room for it."""
    words, room = model.get_input_embeddings()(batch.input_ids), batch.input_ids == MASK
    if int(room.sum()) != seen.shape[0] * seen.shape[1]:
        raise ValueError(f"{seen.shape[0]} x {seen.shape[1]} visual tokens do not fill the room for {int(room.sum())}")
    return words.masked_scatter(room[..., None], seen.to(words.dtype))


def answer_logits(
    model: PreTrainedModel, batch: Batch, seen: Float[Tensor, "pictures tokens width"] | None = None
) -> Float[Tensor, "labels vocabulary"]:
    """Logits of every word that is to be told, row by row."""
    inputs = {"position_ids": batch.position_ids, "attention_mask": batch.attention_mask}
    inputs |= {"input_ids": batch.input_ids} if seen is None else {"inputs_embeds": embed(model, batch, seen)}
    return supervised_logits(model, batch.labels, inputs)


def answer_loss(
    model: PreTrainedModel, batch: Batch, seen: Float[Tensor, "pictures tokens width"] | None = None
) -> Float[Tensor, ""]:
    """Cross-entropy of the answers, the words of each weighing length ** (LONG - 1)."""
    lengths = torch.bincount(_answers(batch))[_answers(batch)]
    weights = lengths.float() ** (LONG - 1)
    losses = cross_entropy(answer_logits(model, batch, seen), batch.labels[batch.labels != IGNORE], reduction="none")
    return (losses * weights).sum() / weights.sum()


@torch.no_grad()
def told_rightly(
    model: PreTrainedModel, batch: Batch, seen: Float[Tensor, "pictures tokens width"] | None = None
) -> Bool[Tensor, " answers"]:
    """Whether the model, left to itself, would tell the whole answer: for every pair, row after row."""
    right = answer_logits(model, batch, seen).argmax(-1) == batch.labels[batch.labels != IGNORE]
    _, number = _answers(batch).unique(return_inverse=True)
    return torch.ones(int(number.max()) + 1).scatter_reduce(0, number, right.float(), "amin").bool()


def _answers(batch: Batch) -> Int[Tensor, " labels"]:
    """For each word that is to be told, a number of its answer, which grows row by row and pair by pair."""
    rows, positions = (batch.labels != IGNORE).nonzero(as_tuple=True)
    return rows * (batch.branch.max() + 1) + batch.branch[rows, positions]
