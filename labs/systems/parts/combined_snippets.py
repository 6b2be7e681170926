"""Long media in snippets, each combined into few tokens and told on from those before it, beside a model of text, as in
Mirasol3B (Piergiovanni et al., 2023, https://arxiv.org/abs/2311.05698).

    snippet 1: 4 steps seen, 4 heard --Combiner--> 2 tokens --\\
    snippet 2: ...                   --Combiner--> 2 tokens ---> each looks at itself and those before --> states
       ...                                                       and tells the next snippet's tokens         |
    question, in words of its own --------------------------------------------------- looks at the states <--+--> answer

In each snippet one thing is seen in one of four steps and heard in another; the rest is noise. What comes next is one
colour on. In some snippets nothing is seen or heard: what comes there is told by what comes before and behind.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.connectors.resampler import Resampler
from labs.systems.claim import Scores
from labs.systems.parts import shots, sound_films
from labs.systems.parts.learn import batches, learn

WAYS = ("combined", "no autoregression", "one step in four", "all steps")
SNIPPETS, STEPS_EACH, TOKENS = 4, 4, 2
WIDTH, HEADS, LAYERS = 64, 4, 2
STEPS, BATCH, RATE = 300, 32, 2e-3
GRAIN, EMPTY = 0.1, 0.2  # noise of a row; how many snippets show nothing
AHEAD = 0.5  # what it weighs to tell the next snippet's tokens
LESSONS, ASKED = 1024, 300  # films; of the exam
COLOURS = shots.COUNTS[0]


class Media(nn.Module):
    """Steps seen and heard -> states of time-aligned media, in one of `WAYS`."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way, self.combines = way, way in WAYS[:2]
        self.enter = nn.ModuleList(nn.Linear(shots.WIDE, WIDTH) for _ in range(2))
        self.senses, self.steps = (nn.Parameter(0.5 * torch.randn(n, WIDTH)) for n in (2, STEPS_EACH))
        self.when = nn.Parameter(0.5 * torch.randn(SNIPPETS, 1, WIDTH))
        if self.combines:
            self.combine = Resampler(WIDTH, TOKENS, HEADS, layers=1)
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.over = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.ahead = nn.Linear(WIDTH, WIDTH)

    def tokens(self, rows: Float[Tensor, "n 4 2 4 256"]) -> Float[Tensor, "n 4 tokens 64"]:
        """Of each snippet: two that combine all, or those of its first step, or of all four."""
        kept = rows[:, :, :, :1] if self.way == "one step in four" else rows
        read = torch.stack([enter(kept[:, :, i]) for i, enter in enumerate(self.enter)], 2)
        read = (read + self.senses[:, None] + self.steps[: kept.shape[3]]).flatten(2, 3)
        return self.combine(read.flatten(0, 1)).unflatten(0, (-1, SNIPPETS)) if self.combines else read

    def later(self, tokens: int) -> Bool[Tensor, "length length"]:
        """Who comes in a later snippet is not looked at."""
        snippet = torch.arange(SNIPPETS).repeat_interleave(tokens)
        return snippet[:, None] < snippet

    def forward(self, rows: Float[Tensor, "n 4 2 4 256"]) -> tuple[Float[Tensor, "n length 64"], Float[Tensor, ""]]:
        """The states, and how badly each snippet told the tokens of the next one; nothing where that is not asked."""
        tokens = self.tokens(rows)
        told_on = self.way == "combined"
        states = self.over((tokens + self.when).flatten(1, 2), mask=self.later(tokens.shape[2]) if told_on else None)
        if not told_on:
            return states, states.new_zeros(())
        guess = self.ahead(states.unflatten(1, (SNIPPETS, -1))[:, :-1])
        return states, (guess - tokens[:, 1:].detach()).square().mean()


class Answering(nn.Module):
    """A small model of text looks at the states of media."""

    def __init__(self, way: str):
        super().__init__()
        self.media = Media(way)
        self.questions = nn.Parameter(0.5 * torch.randn(SNIPPETS, WIDTH))
        layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.text = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(WIDTH))
        self.answer = nn.Linear(WIDTH, COLOURS)

    def forward(self, rows: Float[Tensor, "n 4 2 4 256"]) -> tuple[Float[Tensor, "n 4 colours"], Float[Tensor, ""]]:
        """Logits of each snippet's colour, and what telling ahead costs; no question hears of another."""
        states, ahead = self.media(rows)
        asked, apart = self.questions.expand(len(rows), -1, -1), torch.eye(SNIPPETS, dtype=torch.bool).logical_not()
        return self.answer(self.text(asked, states, apart)), ahead


def cast(split: str, colours: Int[Tensor, "n 4"], generator: torch.Generator) -> Int[Tensor, "n 4"]:
    """A shot of each colour, drawn."""
    own, draws = shots.words(split)[:, 0], torch.rand(colours.shape, generator=generator)
    many = own.bincount(minlength=COLOURS)
    return own.argsort()[(many.cumsum(0) - many)[colours] + (draws * many[colours]).long()]


def films(split: str, count: int, seed: int) -> tuple[Float[Tensor, "n 4 2 4 256"], Int[Tensor, "n 4"]]:
    """Steps seen and heard of new films, and the colour of each snippet."""
    generator = torch.Generator().manual_seed(seed)
    colours = (torch.randint(COLOURS, (count, 1), generator=generator) + torch.arange(SNIPPETS)) % COLOURS
    drawn = cast(split, colours, generator)
    rows = GRAIN * torch.randn(count, SNIPPETS, 2, STEPS_EACH, shots.WIDE, generator=generator)
    there = torch.rand(colours.shape, generator=generator) >= EMPTY
    for sense, of in enumerate((shots.seen, shots.heard)):
        step = torch.randint(STEPS_EACH, colours.shape, generator=generator)
        shown = nn.functional.one_hot(step, STEPS_EACH) * there[..., None]
        rows[:, :, sense] += shown[..., None] * of(split)[drawn]
    return rows, colours


@cache
def taught(seed: int, way: str) -> Answering:
    """After as many films in every way."""
    torch.manual_seed(seed)
    network = Answering(way)

    (rows, colours), at = films("train", LESSONS, seed), batches(LESSONS, BATCH, seed)

    def loss(step: int) -> Tensor:
        told, ahead = network(rows[at(step)])
        return cross_entropy(told.flatten(0, 1), colours[at(step)].flatten()) + AHEAD * ahead

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def answers(seed: int, way: str, another: bool = False) -> Scores:
    """1 where the colour of a snippet is told rightly, all four of each film of the exam; or of `another` film's."""
    rows, colours = films(sound_films.EXAM, ASKED, 7)
    return shots.scored(shots.same(taught(seed, way)(rows)[0].argmax(-1), colours, another))
