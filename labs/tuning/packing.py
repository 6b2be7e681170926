"""Shared-prefix batching: all conversations about one picture after one copy of its tokens.

    tokens     <user> <image>*36 | What colour ... <assistant> red </s> | Where is ... <assistant> top </s>
    branch        0        0     |  1    1          1           1   1   |  2    2        2          2   2
    position      0       1..36  |  37   38  ...                        |  37   38  ...            (restarts)

A token sees the prefix and the earlier tokens of its own branch, so every one is computed as if it stood alone:
loss and gradients equal those of the separate samples, but the picture is paid for once.
"""

from typing import NamedTuple

import torch

IGNORE = -100


class Branch(NamedTuple):
    """What follows the shared prefix in one sample: token ids, and which of them are to be learned."""

    ids: list[int]
    supervised: list[bool]


class Row(NamedTuple):
    """One prefix (with the pictures' placeholders in it) and what follows it in each sample."""

    prefix: list[int]
    branches: list[Branch]


class Batch(NamedTuple):
    """All (batch, tokens) but the boolean `attention_mask`, (batch, 1, tokens, tokens), True where a query may look.

    `labels[i]` is the token to predict *at* position i; `branch[i]` the number of the branch that position i belongs
    to, counted from 1 (0 the prefix, -1 padding).
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    labels: torch.Tensor
    branch: torch.Tensor
    attention_mask: torch.Tensor


def question_answer(question: list[int], answer: list[int]) -> Branch:
    """The branch of one question, of which the answer is to be learned."""
    return Branch(question + answer, [False] * len(question) + [True] * len(answer))


def pack(rows: list[Row], pad_token_id: int, multiple: int = 1) -> Batch:
    """Lay each row out as above and pad on the right, to a length that is a multiple of `multiple`.

    Few different lengths spare the processor from preparing its kernels anew at every step. Raises ValueError if a
    branch begins with a token to learn: it would be predicted by the prefix, which belongs to all branches.
    """
    tokens = max(len(row.prefix) + sum(len(branch.ids) for branch in row.branches) for row in rows)
    tokens = -(-tokens // multiple) * multiple
    ids = torch.full((len(rows), tokens), pad_token_id)
    labels, positions = torch.full_like(ids, IGNORE), torch.zeros_like(ids)
    numbers = torch.full_like(ids, -1)
    for r, row in enumerate(rows):
        flat, label, position = list(row.prefix), [IGNORE] * len(row.prefix), list(range(len(row.prefix)))
        number = [0] * len(row.prefix)
        for n, branch in enumerate(row.branches, start=1):
            if branch.supervised[0] and row.prefix:
                raise ValueError(
                    f"branch {n} of row {r} begins with a token to learn: leave one more out of the prefix"
                )
            flat += branch.ids
            # shifted by one: each token is predicted by the one before it
            learned = zip(branch.ids[1:], branch.supervised[1:], strict=True)
            label += [token if learn else IGNORE for token, learn in learned] + [IGNORE]
            position += range(len(row.prefix), len(row.prefix) + len(branch.ids))
            number += [n] * len(branch.ids)
        for target, values in ((ids, flat), (labels, label), (positions, position), (numbers, number)):
            target[r, : len(values)] = torch.tensor(values)
    return Batch(ids, positions, labels, numbers, visible(numbers))


def visible(branch: torch.Tensor) -> torch.Tensor:
    """Branches (batch, tokens), 0 the prefix and -1 padding -> who may look at whom, (batch, 1, tokens, tokens)."""
    query, key = branch[:, :, None], branch[:, None, :]
    causal = torch.ones(branch.shape[1], branch.shape[1], dtype=torch.bool).tril()
    seen = causal & (key >= 0) & ((key == 0) | (key == query))
    # padding looks at itself, so that no row of the softmax is empty
    return (seen | torch.eye(branch.shape[1], dtype=torch.bool))[:, None]
