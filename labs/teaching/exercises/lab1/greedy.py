"""Greedy decoding by hand: read all tokens so far, take the likeliest next one, put it behind them, and begin again,
until a token ends the answer or there are enough. `model.generate(do_sample=False)` does the same, with a cache."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor

from labs.teaching.examine import Case

HINTS = (
    "A loop of at most `most` turns: read everything so far, look at the last row, append its largest entry's place.",
    "`int(read([*prompt, *new])[-1].argmax())` is the next token; stop after one that is among `ends`, but keep it.",
)


def greedy(read: Callable[[list[int]], Tensor], prompt: list[int], ends: Collection[int], most: int) -> list[int]:
    """The tokens written after the prompt, the ending one included; `read(ids)` is (len(ids), vocabulary)."""
    new: list[int] = []
    while len(new) < most:
        token = int(read([*prompt, *new])[-1].argmax())
        new.append(token)
        if token in ends:
            break
    return new


def _with_prompt(read, prompt, ends, most):
    return [*prompt, *greedy(read, prompt, ends, most)]


def _without_end(read, prompt, ends, most):
    return [token for token in greedy(read, prompt, ends, most) if token not in ends]


def _first_row(read, prompt, ends, most):
    return greedy(lambda ids: read(ids)[:1], prompt, ends, most)


def _forgetful(read, prompt, ends, most):
    return greedy(lambda ids: read(ids[-1:] if len(ids) > len(prompt) else ids), prompt, ends, most)


def _ends_in_prompt(read, prompt, ends, most):
    return [] if set(prompt) & set(ends) else greedy(read, prompt, ends, most)


def _never_ends(read, prompt, ends, most):
    return greedy(read, prompt, (), most)


def _endless(read, prompt, ends, most):
    return greedy(read, prompt, ends, 1000)


def _writes_into_prompt(read, prompt, ends, most):
    new = greedy(read, prompt, ends, most)
    prompt += new
    return new


def _tensors(read, prompt, ends, most):
    return [torch.tensor(token) for token in greedy(read, prompt, ends, most)]


def _one_end(read, prompt, ends, most):
    return greedy(read, prompt, list(ends)[:1], most)


MISTAKES = {
    "only what is new is asked for: leave the prompt out": _with_prompt,
    "the token that ends the answer belongs to it, as in `generate`: append it before you stop": _without_end,
    "the logits of the next token are in the last row, not in the first": _first_row,
    "the model reads only the newest token and has forgotten the rest: give it all of them": _forgetful,
    "only a new token may end the answer: one in the prompt does not count": _ends_in_prompt,
    "nothing ends the answer but `most`: stop after a token that is among `ends`": _never_ends,
    "the loop goes on beyond `most` new tokens: count them": _endless,
    "the prompt is changed: append to a list of your own": _writes_into_prompt,
    "tokens come out as tensors: take the int out of each with .item()": _tensors,
    "there may be several ends: any of them stops the answer": _one_end,
}

LIMIT = 24  # tokens, after which the small talker below breaks, as real models do


def _read(ids: list[int]) -> Tensor:
    """A talker of 11 tokens: what it likes best depends on all tokens that it reads, and on their number."""
    if not 0 < len(ids) <= LIMIT:
        raise IndexError(f"this talker reads 1 to {LIMIT} tokens, not {len(ids)}")
    read, place = torch.tensor(ids).cumsum(0), torch.arange(len(ids))
    best = (3 * read + place * place + 1) % 11
    return -((torch.arange(11) - best[:, None]) ** 2).float()


def _left_alone(function: Callable) -> tuple[list[int], list[int]]:
    prompt = [4, 2]
    return function(_read, prompt, [6], 4), prompt


CASES = (
    Case("the answer ends with the first 9", lambda f: f(_read, [2, 5], [9], 12)),
    Case("no end in sight: four tokens", lambda f: f(_read, [1, 2], [], 4)),
    Case("7 and 3 are both ends", lambda f: [f(_read, [1, 2, 6], ends, 12) for ends in ([7, 3], [3, 7])]),
    Case("an end in the prompt", lambda f: f(_read, [9, 1, 5], [9], 8)),
    Case("the prompt stays as it was", _left_alone),
)
