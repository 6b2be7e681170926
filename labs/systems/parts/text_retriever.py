"""A small retriever of passages that has learned from texts alone, a vector for each word, by late interaction."""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.collages import KNOWN, words
from labs.systems.parts.embedder import Tokens, contrast, late
from labs.systems.parts.learn import learn
from labs.systems.parts.transformer_blocks import WIDTH, Block

ASK, FILLERS, LONG = 16, 24, 5  # the word that asks; other words of passages, and how many of them a passage has
STEPS, BATCH, RATE = 200, 32, 2e-3


class TextRetriever(nn.Module):
    """Words -> a vector for each, of length 1."""

    def __init__(self):
        super().__init__()
        self.words, self.block, self.out = nn.Embedding(ASK + 1 + FILLERS, WIDTH), Block(), nn.Linear(WIDTH, WIDTH)

    def forward(self, texts: Int[Tensor, "n words"]) -> Float[Tensor, "n words width"]:
        return normalize(self.out(self.block(self.words(texts))), dim=-1)


def passages(kinds: Int[Tensor, " n"], draw: torch.Generator) -> Int[Tensor, "n words"]:
    """A colour and a shape among other words."""
    other = torch.randint(ASK + 1, ASK + 1 + FILLERS, (len(kinds), LONG), generator=draw)
    return torch.cat([words(kinds), other], dim=1)


def questions(kinds: Int[Tensor, " n"], told: bool = False) -> Int[Tensor, "n words"]:
    """ "what of the star", or with the colour, "what of the red star"."""
    named = words(kinds)
    return torch.cat([torch.full_like(named[:, :1], ASK), named if told else named[:, 1:]], dim=1)


def near(one: Float[Tensor, "n a width"], other: Float[Tensor, "m b width"]) -> Float[Tensor, "n m"]:
    """Late interaction of rows of tokens that are all there."""
    return late(*(Tokens(part, torch.ones(part.shape[:2], dtype=torch.bool)) for part in (one, other)))


@cache
def retriever(seed: int) -> TextRetriever:
    """What has learned from questions that tell the colour, and is frozen."""
    torch.manual_seed(seed)
    network, draw = TextRetriever(), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        kinds = KNOWN.float().multinomial(BATCH, generator=draw)
        asked, told = network(questions(kinds, True)), network(passages(kinds, draw))
        return contrast(near(asked, told), torch.eye(len(kinds)))

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)
