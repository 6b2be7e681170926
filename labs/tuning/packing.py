"""Shared-prefix batching: all question-answer pairs about one picture after one copy of its tokens.

    tokens     <user> <image>*36 | What colour ... <assistant> red </s> | Where is ... <assistant> top </s>
    segment       0        0     |  1    1          1           1   1   |  2    2        2          2   2
    position      0       1..36  |  37   38  ...                        |  37   38  ...            (restarts)

A token sees the prefix and the earlier tokens of its own segment, so every pair is computed as if it stood alone:
loss and gradients equal those of the separate samples, but the picture is paid for once.
"""

from typing import NamedTuple

import torch

IGNORE = -100


class Pair(NamedTuple):
    """Token ids of one sample after the shared prefix. Only `answer` is supervised."""

    prompt: list[int]
    answer: list[int]


class Row(NamedTuple):
    """One prefix (with the picture's placeholders in it) and its pairs."""

    prefix: list[int]
    pairs: list[Pair]


class Batch(NamedTuple):
    """All (batch, tokens) but the boolean `attention_mask`, (batch, 1, tokens, tokens), True where a query may look.

    `labels[i]` is the token to predict *at* position i; `pair[i]` the number of the pair that position i belongs to,
    counted from 1 (0 the prefix, -1 padding).
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    pair: torch.Tensor
    attention_mask: torch.Tensor


def pack(rows: list[Row], pad_token_id: int, multiple: int = 1) -> Batch:
    """Lay each row out as above and pad on the right, to a length that is a multiple of `multiple`.

    Few different lengths spare the processor from preparing its kernels anew at every step.
    """
    tokens = max(len(row.prefix) + sum(len(p.prompt) + len(p.answer) for p in row.pairs) for row in rows)
    tokens = -(-tokens // multiple) * multiple
    ids = torch.full((len(rows), tokens), pad_token_id)
    labels, positions = torch.full_like(ids, IGNORE), torch.zeros_like(ids)
    segments = torch.full_like(ids, -1)
    for r, row in enumerate(rows):
        flat, label, position = list(row.prefix), [IGNORE] * len(row.prefix), list(range(len(row.prefix)))
        segment = [0] * len(row.prefix)
        for number, (prompt, answer) in enumerate(row.pairs, start=1):
            length = len(prompt) + len(answer)
            flat += prompt + answer
            # shifted by one: the last prompt token predicts the first answer token
            label += [IGNORE] * (len(prompt) - 1) + answer + [IGNORE]
            position += range(len(row.prefix), len(row.prefix) + length)
            segment += [number] * length
        for target, values in ((ids, flat), (labels, label), (positions, position), (segments, segment)):
            target[r, : len(values)] = torch.tensor(values)
    return Batch(ids, positions, labels, segments, visible(segments))


def visible(segments: torch.Tensor) -> torch.Tensor:
    """Segments (batch, tokens), 0 the prefix and -1 padding -> who may look at whom, (batch, 1, tokens, tokens)."""
    query, key = segments[:, :, None], segments[:, None, :]
    causal = torch.ones(segments.shape[1], segments.shape[1], dtype=torch.bool).tril()
    seen = causal & (key >= 0) & ((key == 0) | (key == query))
    # padding looks at itself, so that no row of the softmax is empty
    return (seen | torch.eye(segments.shape[1], dtype=torch.bool))[:, None]
