"""A block for each sense, trained alone, and merged afterwards by their latents: as spectra, or as they are.

    sense's tokens -> FFT -.
    latents        -> FFT -> cross-attention, feed-forward -> spectrum of the latents -> inverse FFT -> head -> kind

    merged    magnitudes: harmonic mean over senses; phases: mean angle; heads: mean, as long as they were
    averaged  the rival: blocks without FFT, whose latents and heads are averaged
    stacked   the latents pass through one block after the other, and all is tuned a little on few scenes

MM-Lego (Hemker et al., 2024, https://arxiv.org/abs/2405.19950).
"""

from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.connectors.attention import Attention
from labs.models.mini import grid_positions
from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.joined_senses import CHOICES, SENSES, TOKENS, record, right
from labs.systems.parts.learn import batches, learn

LATENTS, WIDTH, HEADS = 8, 32, 4
NUMBERS = WIDTH + 2  # real and imaginary parts of a spectrum of `WIDTH` numbers
STEPS, BATCH, RATE = 400, 32, 2e-3
FEW, LIGHT, LIGHT_RATE = 256, 100, 2e-3  # scenes with all senses, and steps of light tuning
KIND = "kind"
WAYS = ("merged", "averaged", *SENSES, "stacked", "stacked, fresh", "together")
LOUDER = (5.0, 10.0, 1.5, 0.8)  # noise of each sense by that of parts.joined_senses, so that none is right by itself


class Block(nn.Module):
    """One sense -> latents of a common shape, and what they tell. Blocks of a seed begin with the same latents."""

    def __init__(self, sense: str, spectral: bool):
        super().__init__()
        self.sense, self.spectral = sense, spectral
        inner = NUMBERS if spectral else WIDTH
        self.latents, self.head = (
            nn.Parameter(torch.randn(LATENTS, WIDTH)),
            nn.Linear(LATENTS * WIDTH, len(CHOICES[KIND])),
        )
        self.norm, self.norm_inner, self.norm_seen = (nn.LayerNorm(inner) for _ in range(3))
        self.attention = Attention(inner, HEADS, head=WIDTH // HEADS)
        self.inner = nn.Sequential(nn.Linear(inner, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, inner))
        with torch.random.fork_rng():  # what follows is the sense's own
            torch.manual_seed(10 * torch.initial_seed() + SENSES.index(sense) + 1)
            self.read = nn.Linear(TOKENS[sense][1], WIDTH)
        self.place = nn.Parameter(grid_positions(WIDTH, 3)[: TOKENS[sense][0]])

    def update(
        self, x: Float[Tensor, "n latents inner"], tokens: Float[Tensor, "n _ _"]
    ) -> Float[Tensor, "n latents inner"]:
        """Latents, or their spectrum as real numbers, after they have looked at the sense's tokens."""
        seen = self.read(tokens) + self.place
        seen = self.norm_seen(as_real(torch.fft.rfft(seen, norm="ortho")) if self.spectral else seen)
        x = x + self.attention(self.norm(x), seen)
        return x + self.inner(self.norm_inner(x))

    def start(self, count: int) -> Float[Tensor, "n latents inner"]:
        """The latents that no scene has changed yet."""
        first = as_real(torch.fft.rfft(self.latents, norm="ortho")) if self.spectral else self.latents
        return first.expand(count, -1, -1)

    def tell(self, x: Float[Tensor, "n latents inner"]) -> Float[Tensor, "n kinds"]:
        """Logits."""
        latents = torch.fft.irfft(as_complex(x), n=WIDTH, norm="ortho") if self.spectral else x
        return self.head(latents.flatten(1))

    def forward(self, tokens: Float[Tensor, "n _ _"]) -> Float[Tensor, "n kinds"]:
        return self.tell(self.update(self.start(len(tokens)), tokens))


class Stacked(nn.Module):
    """Blocks one after the other, before the head of the last."""

    def __init__(self, blocks: list[Block]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(self, tokens: dict[str, Float[Tensor, "n _ _"]]) -> Float[Tensor, "n kinds"]:
        x = self.blocks[0].start(len(tokens[self.blocks[0].sense]))
        for block in self.blocks:
            x = block.update(x, tokens[block.sense])
        return self.blocks[-1].tell(x)


def as_real(spectrum: Complex[Tensor, "*n frequencies"]) -> Float[Tensor, "*n numbers"]:
    """Real parts, then imaginary parts."""
    return torch.cat([spectrum.real, spectrum.imag], dim=-1)


def as_complex(numbers: Float[Tensor, "*n numbers"]) -> Complex[Tensor, "*n frequencies"]:
    """The same again."""
    return torch.complex(*numbers.contiguous().chunk(2, dim=-1))


def harmonic(spectra: Complex[Tensor, "senses *n frequencies"]) -> Complex[Tensor, "*n frequencies"]:
    """Harmonic mean of the magnitudes, mean direction of the phases."""
    size = spectra.abs().clamp(min=1e-6)
    return torch.polar(len(size) / (1 / size).sum(0), (spectra / size).sum(0).angle())


def merged_head(blocks: list[Block], spherical: bool) -> tuple[Tensor, Tensor]:
    """Weight and bias: the mean, which `spherical` makes as long again as the heads are in the mean."""
    heads = [torch.cat([block.head.weight, block.head.bias[:, None]], dim=1) for block in blocks]
    mean = torch.stack(heads).mean(0)
    if spherical:
        mean = mean * torch.stack([head.norm() for head in heads]).mean() / mean.norm()
    return mean[:, :-1], mean[:, -1]


@cache
def block(sense: str, spectral: bool, seed: int) -> Block:
    """A block after its own lessons."""
    torch.manual_seed(seed)
    model, (tokens, answers), at = (
        Block(sense, spectral),
        record("train", LOUDER),
        batches(joined_senses.COUNTS["train"], BATCH, seed),
    )

    def loss(step: int) -> Tensor:
        now = at(step)
        return cross_entropy(model(tokens[sense][now]), answers[KIND][now])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def blocks(spectral: bool, seed: int) -> list[Block]:
    """All of them."""
    return [block(sense, spectral, seed) for sense in SENSES]


def merged(spectral: bool, seed: int, tokens: dict[str, Float[Tensor, "n _ _"]]) -> Float[Tensor, "n kinds"]:
    """Logits of the merged blocks, without any tuning: in the frequency domain, or averaged as they are."""
    parts = blocks(spectral, seed)
    found = torch.stack([one.update(one.start(len(tokens[one.sense])), tokens[one.sense]) for one in parts])
    weight, bias = merged_head(parts, spectral)
    x = torch.fft.irfft(harmonic(as_complex(found)), n=WIDTH, norm="ortho") if spectral else found.mean(0)
    return x.flatten(1) @ weight.T + bias


@cache
def stacked(
    seed: int, spectral: bool = True, fresh: bool = False, steps: int | None = None, count: int = FEW
) -> Stacked:
    """Finished blocks, or `fresh` ones, after so many steps, else `LIGHT`, on scenes with all senses."""
    torch.manual_seed(seed)
    parts = [Block(sense, True) for sense in SENSES] if fresh else deepcopy(blocks(True, seed))
    model, (tokens, answers), at = (
        Stacked(parts).requires_grad_(True),
        record("train", LOUDER),
        batches(count, BATCH, seed),
    )

    def loss(step: int) -> Tensor:
        now = at(step)
        return cross_entropy(model({sense: rows[now] for sense, rows in tokens.items()}), answers[KIND][now])

    learn(model.parameters(), loss, steps or LIGHT, RATE if fresh else LIGHT_RATE)
    return model.eval().requires_grad_(False)


def told(seed: int, way: str, another: bool = False) -> Scores:
    """Right kinds of held-out scenes: "merged", "averaged", by the block of one sense, "stacked", "stacked, fresh", or
    "together", by fresh blocks that learned from all scenes with all senses. Raises KeyError for another way."""
    tokens = record(joined_senses.EXAM, LOUDER).tokens
    if way in ("merged", "averaged"):
        logits = merged(way == "merged", seed, tokens)
    elif way in SENSES:
        logits = block(way, True, seed)(tokens[way])
    else:
        long = {"steps": len(SENSES) * STEPS, "count": joined_senses.COUNTS["train"]}
        settings = {"stacked": {}, "stacked, fresh": {"fresh": True}, "together": {"fresh": True} | long}
        logits = stacked(seed, **settings[way])(tokens)
    return right(lambda sense, kind: logits.argmax(1), (("all", KIND),), another)
