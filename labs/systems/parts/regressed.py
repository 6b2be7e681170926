"""A language model that writes what a frozen denoiser reads: the next visual embedding is regressed, words classified.

Emu (Sun et al., 2023, https://arxiv.org/abs/2307.05222) has one objective for both, told from what stands before;
CoDi-2 (Tang et al., 2023, https://arxiv.org/abs/2311.18775) lets a language model that follows an interleaved
instruction regress the features that condition a generator, which stays as it is. The rival writes codes: each patch
of a crop as the nearest of `CODES` rows, as any-to-any models of tokens do.

    crop, crop, instruction, made left, made right, colour, shape, colour, shape
                          '--> regressed -'------------'--> classified ---------'
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from labs.systems.parts.exchanged import INSTRUCTIONS, exchanges, row_of
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.painted_pairs import CROP, pairs
from labs.systems.parts.picture_prompts import standard
from labs.systems.parts.prompted_denoiser import Prompt, crop_tokens, word_tokens
from labs.world.vocabulary import COLOURS, SHAPES

STEPS, BATCH, RATE, WIDTH, LAYERS = 600, 64, 2e-3, 128, 3
CODES, ROUNDS, SPOTS = 256, 12, 4  # rows of the book of codes, rounds of k-means, patches of a crop
WAYS = ("regressed", "codes")
WORDS = (*COLOURS, *SHAPES)


class Writer(nn.Module):
    """A causal transformer over numbers of crops and of words. From each position it tells what comes next."""

    def __init__(self):
        super().__init__()
        self.enter, self.order = nn.Linear(768, WIDTH), nn.Parameter(torch.randn(9, WIDTH))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(WIDTH, 4, 2 * WIDTH, 0.0, batch_first=True, norm_first=True)
            for _ in range(LAYERS)
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.embedding, self.code = nn.Linear(WIDTH, CROP), nn.Linear(WIDTH, SPOTS * CODES)
        self.word = nn.Linear(WIDTH, len(WORDS))

    def forward(self, row: Float[Tensor, "n row 768"]) -> Float[Tensor, "n row width"]:
        x, size = self.enter(row) + self.order[: row.shape[1]], row.shape[1]
        mask = torch.full((size, size), float("-inf")).triu(1)
        for layer in self.layers:
            x = layer(x, src_mask=mask)
        return self.norm(x)


@cache
def book() -> Float[Tensor, "codes 128"]:
    """k-means of the patches of training crops; the same for every seed."""
    patches = standard(pairs("train").crops).reshape(-1, CROP // SPOTS)
    rows = patches[torch.randperm(len(patches), generator=torch.Generator().manual_seed(0))]
    centres, sample = rows[:CODES].clone(), rows[:8192]
    for _ in range(ROUNDS):
        near = torch.cdist(sample, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add(0, near, sample)
        counts = torch.bincount(near, minlength=CODES)[:, None]
        centres = torch.where(counts > 0, sums / counts.clamp(min=1), centres)
    return centres


def coded(crops: Float[Tensor, "*n 512"]) -> Int[Tensor, "*n 4"]:
    """The nearest row of the book for each patch."""
    patches = crops.unflatten(-1, (SPOTS, -1))
    return torch.cdist(patches.flatten(0, -2), book()).argmin(-1).view(patches.shape[:-1])


def decoded(codes: Int[Tensor, "*n 4"]) -> Float[Tensor, "*n 512"]:
    """Crops again, as far as the book tells them."""
    return book()[codes].flatten(-2)


def words_of(names: Int[Tensor, "n 2 3"]) -> Int[Tensor, "n 4"]:
    """Colour and shape of what is at the left, then at the right, as numbers of `WORDS`."""
    return torch.stack([names[..., 1], len(COLOURS) + names[..., 0]], -1).flatten(1)


@cache
def word_rows() -> Float[Tensor, "16 768"]:
    """Every word as a token."""
    return word_tokens(WORDS)


@cache
def writer(seed: int, way: str) -> Writer:
    """One that has learned to go on with embeddings that are "regressed", or with "codes"; words always follow."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model, given, draw = Writer(), exchanges("train"), torch.Generator().manual_seed(seed)
    at = batches(len(given.shown), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        rows = at(step)
        asked = torch.randint(len(INSTRUCTIONS), (len(rows),), generator=draw)
        made, names = given.crops[asked, rows], given.names[asked, rows]
        return next_loss(model, row_of(given.shown[rows], asked), made, names, way)

    learn(model.parameters(), loss_at, STEPS, RATE)
    return model.eval().requires_grad_(False)


def next_loss(
    model: Writer, prompt: Prompt, made: Float[Tensor, "n 2 512"], names: Int[Tensor, "n 2 3"], way: str
) -> Float[Tensor, ""]:
    """One objective: squared error where an embedding comes next (or cross-entropy of its codes), else of the word."""
    before = made if way == "regressed" else decoded(coded(made))
    told = words_of(names)
    row = torch.cat([prompt.tokens, crop_tokens(before), word_rows()[told[:, :-1]]], 1)
    states = model(row)
    if way == "regressed":
        visual = mse_loss(model.embedding(states[:, 2:4]), made)
    else:
        codes = model.code(states[:, 2:4]).unflatten(-1, (SPOTS, CODES))
        visual = cross_entropy(codes.flatten(0, 2), coded(made).flatten())
    return visual + cross_entropy(model.word(states[:, 4:]).flatten(0, 1), told.flatten())


@torch.no_grad()
def write(model: Writer, prompt: Prompt, way: str) -> tuple[Float[Tensor, "n 2 512"], Int[Tensor, "n 4"]]:
    """What it goes on with, one after another: two crops as a denoiser reads them, then four words."""
    row = prompt.tokens
    for _ in range(2):
        state = model(row)[:, -1]
        if way == "regressed":
            crop = model.embedding(state)
        else:
            crop = decoded(model.code(state).unflatten(-1, (SPOTS, CODES)).argmax(-1))
        row = torch.cat([row, crop_tokens(crop)[:, None]], 1)
    crops, said = row[:, -2:, :CROP], []
    for _ in range(4):
        said.append(model.word(model(row)[:, -1]).argmax(-1))
        row = torch.cat([row, word_rows()[said[-1]][:, None]], 1)
    return crops, torch.stack(said, 1)
