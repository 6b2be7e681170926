"""Tokens of texts and pictures under one transition matrix, with a block for each kind and a mask for both.

               words  codes  mask
       words [   x             x  ]    x: what a token may become in one step of noise
       codes [          x      x  ]
       mask  [                 1  ]

Source: UniD3 (Hu et al., 2022, https://arxiv.org/abs/2211.14842); the posterior is that of D3PM (Austin et al., 2021,
https://arxiv.org/abs/2107.03006).
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from labs.systems.parts import codec

TIMES, REPLACED = 16, 0.1  # steps of noise; the share of noised tokens that become another one, where others are masked
WORDS, PLACES = 4, 4 + 37  # tokens of a text; of text and picture
TEXT, PICTURE = len(codec.lexicon()), codec.sizes()["picture"]
MASK, TOKENS = TEXT + PICTURE, TEXT + PICTURE + 1
IS_TEXT = torch.arange(PLACES) < WORDS


def block(first: int, size: int) -> Float[Tensor, "tokens tokens"]:
    """A kind of tokens, any of which becomes any other of that kind."""
    uniform = torch.zeros(TOKENS, TOKENS)
    uniform[first : first + size, first : first + size] = 1 / size
    return uniform


@cache
def matrices() -> tuple[Float[Tensor, "times tokens tokens"], Float[Tensor, "times tokens tokens"]]:
    """Of each step, and of all steps up to it: from the token of a row to that of a column.

    A word becomes another word, a code another code, and both the one mask, which stays. After step t of T the share
    1 - t/T of tokens is as it was.
    """
    uniform, masked = block(0, TEXT) + block(TEXT, PICTURE), torch.zeros(TOKENS, TOKENS)
    masked[:, MASK] = 1
    steps, before = [], 1.0
    for time in range(1, TIMES + 1):
        kept = (1 - time / TIMES) / before
        before = 1 - time / TIMES
        one = kept * torch.eye(TOKENS) + (1 - kept) * (REPLACED * uniform + (1 - REPLACED) * masked)
        one[MASK] = masked[MASK]
        steps.append(one)
    whole = [steps[0]]
    for one in steps[1:]:
        whole.append(whole[-1] @ one)
    return torch.stack(steps), torch.stack(whole)


def draw(chances: Float[Tensor, "n places tokens"], generator: torch.Generator) -> Int[Tensor, "n places"]:
    """A token each, as likely as it is."""
    return torch.multinomial(chances.flatten(0, 1), 1, generator=generator).view(chances.shape[:2])


@cache
def own_kind() -> Bool[Tensor, "places tokens"]:
    """Which tokens may stand at each place in the end: words in the text, codes in the picture, and no mask."""
    word = torch.arange(TOKENS) < TEXT
    own = torch.where(IS_TEXT[:, None], word, ~word)
    own[:, MASK] = False
    return own


def posterior(
    told: Float[Tensor, "n places tokens"], noisy: Int[Tensor, "n places"], time: int
) -> Float[Tensor, "n places tokens"]:
    """How likely each token is one step earlier, if it was in the beginning what is `told`: D3PM's equation 3."""
    steps, whole = matrices()
    earlier = whole[time - 1] if time else torch.eye(TOKENS)
    weights = told / whole[time].T[noisy].clamp(min=1e-12)
    return weights @ earlier * steps[time].T[noisy]
