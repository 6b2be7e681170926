"""A film made from its text by masked prediction: all tokens at once, the surest kept, the others told again.

    text, [mask] [mask] [mask] ... -> a few sure ones -> text, [mask] 17 [mask] 205 ... -> ... -> all
Source: MaskGIT (Chang et al., 2022, https://arxiv.org/abs/2202.04200), for films MAGVIT (Yu et al., 2022,
https://arxiv.org/abs/2212.05199).
"""

import math
from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import lookup_free, small_films
from labs.systems.parts.film_writer import SHOWN
from labs.systems.parts.learn import batches, learn

STEPS, BATCH, RATE = 300, 32, 2e-3
WIDTH, HEADS, LAYERS = 64, 4, 3
ROUNDS = 8
TOKENS, CODES = 32, 2**lookup_free.BITS


class MaskedFilms(nn.Module):
    """A stock encoder over the words of a text and the tokens of a film, some of them masked."""

    def __init__(self):
        super().__init__()
        self.words, self.codes = nn.Embedding(small_films.words(), WIDTH), nn.Embedding(CODES + 1, WIDTH)
        self.place = nn.Parameter(0.1 * torch.randn(4 + TOKENS, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.tell = nn.Linear(WIDTH, CODES)

    def forward(
        self, told: Int[Tensor, "n 4"], codes: Int[Tensor, "n 32"], masked: Bool[Tensor, "n 32"]
    ) -> Float[Tensor, "n 32 codes"]:
        """Logits of every token; what a masked one is, is not read."""
        read = torch.cat([self.words(told), self.codes(codes.masked_fill(masked, CODES))], 1)
        return self.tell(self.encoder(read + self.place)[:, 4:])

    @torch.no_grad()
    def make(self, told: Int[Tensor, "n 4"], draw: int) -> Int[Tensor, "n 32"]:
        """Films, in `ROUNDS`: tokens are drawn as likely as they are; after each round a cosine says how many of the
        least sure ones are masked again. What has been kept stays."""
        generator = torch.Generator().manual_seed(draw)
        codes, masked = (
            torch.zeros(len(told), TOKENS, dtype=torch.long),
            torch.ones(len(told), TOKENS, dtype=torch.bool),
        )
        for round_ in range(1, ROUNDS + 1):
            chances = self(told, codes, masked).softmax(-1)
            drawn = torch.multinomial(chances.flatten(0, 1), 1, generator=generator).view_as(codes)
            codes = torch.where(masked, drawn, codes)
            sure = chances.gather(2, codes[..., None])[..., 0].masked_fill(~masked, torch.inf)
            again = int(TOKENS * math.cos(math.pi / 2 * round_ / ROUNDS))
            masked = torch.zeros_like(masked).scatter_(1, sure.argsort(1)[:, :again], True)
        return codes


@cache
def train(seed: int, way: str) -> MaskedFilms:
    """Masked tokens are told from the others and the text. How many are masked is drawn anew for every film."""
    torch.manual_seed(seed)
    model, count = MaskedFilms(), small_films.COUNTS["train"]
    codes, told = lookup_free.encode(way, "train"), small_films.as_words(small_films.attributes("train"))
    at, generator = batches(count, BATCH, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        share = torch.cos(math.pi / 2 * torch.rand(len(chosen), 1, generator=generator))
        masked = torch.rand(len(chosen), TOKENS, generator=generator) < share
        masked[:, 0] |= ~masked.any(1)
        logits = model(told[chosen], codes[chosen], masked)
        return cross_entropy(logits[masked], codes[chosen][masked])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def makes(seed: int, way: str, another: bool = False, true: bool = False) -> Scores:
    """1 for each of `SHOWN` that the judge finds in a film made from its text; or, `true`, in the true one's codes."""
    codes = lookup_free.encode(way, small_films.EXAM)
    if not true:
        told = small_films.as_words(small_films.attributes(small_films.EXAM))
        codes = train(seed, way).make(told, draw=seed)
    return small_films.right(small_films.judge(lookup_free.decode(way, codes)), SHOWN, another)
