"""Films as tokens without a code book: each token is the signs of a few numbers. Of patches of a frame, or of
spatio-temporal ones.

| way        | a token is                                     | numbers | of a film |
|------------|------------------------------------------------|---------|-----------|
| by frame   | 12 x 12 pixels of one frame                    | 432     | 32        |
| tubelets   | 6 x 6 pixels of four frames, one after another | 432     | 32        |

Source: lookup-free quantisation of MAGVIT-v2 (Yu et al., 2023, https://arxiv.org/abs/2310.05737), a chapter of Yu's
thesis of 2024. Kept: signs, gradients straight through, commitment,
entropies. Left out: 3D causal convolutions, here one small network a token; adversarial and perceptual losses.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.parts import small_films
from labs.systems.parts.film_codes import BLOCK, patches, together
from labs.systems.parts.learn import batches, learn

WAYS = ("tubelets", "by frame")
BITS, NUMBERS, WIDE = 10, 432, 128
DEEP = 4  # frames of a tubelet
STEPS, BATCH, LEARNED_FROM = 600, 256, 500  # steps, tokens of each, films
COMMITMENT, ENTROPY = 0.02, 0.1


class LookupFree(nn.Module):
    """Encoder, signs, decoder; `usual` is what rows are like in the mean, so that signs tell what is unusual."""

    def __init__(self, usual: Float[Tensor, " numbers"], bits: int = BITS):
        super().__init__()
        numbers = len(usual)
        self.register_buffer("usual", usual)
        self.encoder = nn.Sequential(nn.Linear(numbers, WIDE), nn.GELU(), nn.Linear(WIDE, bits))
        self.decoder = nn.Sequential(nn.Linear(bits, WIDE), nn.GELU(), nn.Linear(WIDE, numbers))
        self.register_buffer("weights", 2 ** torch.arange(bits))

    def encode(self, rows: Float[Tensor, "*many numbers"]) -> Int[Tensor, "*many"]:
        """The number that the signs spell, the first the lowest bit."""
        return ((self.encoder(rows - self.usual) > 0) * self.weights).sum(-1)

    def decode(self, codes: Int[Tensor, "*many"]) -> Float[Tensor, "*many numbers"]:
        """What the numbers stand for."""
        return self.decoder(((codes[..., None] & self.weights) > 0) * 2.0 - 1) + self.usual

    def loss(self, rows: Float[Tensor, "n numbers"]) -> Float[Tensor, ""]:
        """Squared error; how far numbers are from their signs; each bit sure of a token, and even over tokens."""
        found = self.encoder(rows - self.usual)
        signs = torch.where(found > 0, 1.0, -1.0)
        made = self.usual + self.decoder(found + (signs - found).detach())
        chances = torch.sigmoid(4 * found)
        spread = _entropy(chances).mean() - _entropy(chances.mean(0)).mean()
        return (made - rows).square().mean() + COMMITMENT * (found - signs).square().mean() + ENTROPY * spread


def _entropy(chances: Tensor) -> Tensor:
    """Of bits that are 1 with these chances, in nats."""
    sure = chances.clamp(1e-4, 1 - 1e-4)  # at 0 and 1 the gradient is infinite
    return torch.special.entr(sure) + torch.special.entr(1 - sure)


def rows_of(film: Float[Tensor, "n 8 3 24 24"], way: str) -> Float[Tensor, "n 32 432"]:
    """The numbers of each token. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "by frame":
        return patches(film, 2 * BLOCK)
    each = patches(film, BLOCK).unflatten(1, (-1, DEEP, 16))  # (n, 2, 4, 16, 108)
    return each.transpose(2, 3).flatten(3).flatten(1, 2)


def film_of(rows: Float[Tensor, "n 32 432"], way: str) -> Float[Tensor, "n 8 3 24 24"]:
    """Films again."""
    if way == "by frame":
        return together(rows, 2 * BLOCK)
    return together(rows.unflatten(2, (DEEP, -1)).unflatten(1, (-1, 16)).transpose(2, 3).flatten(1, 3), BLOCK)


@cache
def tokeniser(way: str) -> LookupFree:
    """After it has learned from training films; the same for every seed of an experiment."""
    rows = rows_of(small_films.films("train")[:LEARNED_FROM], way).flatten(0, 1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LookupFree(rows.mean(0))
    at = batches(len(rows), BATCH, 0)
    with torch.enable_grad():
        learn(network.parameters(), lambda step: network.loss(rows[at(step)]), STEPS, 3e-3)
    return network.eval().requires_grad_(False)


@cache
def encode(way: str, split: str) -> Int[Tensor, "scenes 32"]:
    """All films of a split."""
    return tokeniser(way).encode(rows_of(small_films.films(split), way))


def decode(way: str, codes: Int[Tensor, "n 32"]) -> Float[Tensor, "n 8 3 24 24"]:
    """Films again."""
    return film_of(tokeniser(way).decode(codes), way)
