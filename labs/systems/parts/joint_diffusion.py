"""Words and pictures made from one noise: one matrix says how the tokens of both are replaced and masked, step by step.

    pairs of text and picture --one matrix, step after step--> all masked --denoiser, step after step--> pairs again

Source: UniD3 (Hu et al., 2022, https://arxiv.org/abs/2211.14842).
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.diffusion.denoiser import Attention, waves
from labs.systems.parts import close_ups, codec, eyes
from labs.systems.parts.joint_tokens import (
    IS_TEXT,
    MASK,
    PLACES,
    TEXT,
    TIMES,
    TOKENS,
    WORDS,
    draw,
    matrices,
    own_kind,
    posterior,
)
from labs.systems.parts.learn import batches, learn

STEPS, BATCH, RATE = 400, 32, 3e-3
WIDTH, HEADS, LAYERS = 64, 4, 2
COUNTS, SEEDS = {"train": 2048, "choice": 150, "exam": 150}, {"train": 0, "choice": 1, "exam": 2}  # of the data
TASKS = ("both", "picture", "text")  # what is noised, while the rest is given


class Layer(nn.Module):
    """All tokens look at all; then words look at the picture and the picture at words, or each at its own kind."""

    def __init__(self, mutual: bool):
        super().__init__()
        self.mutual = mutual
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.whole, self.words, self.codes = (Attention(WIDTH, HEADS) for _ in range(3))
        self.inner = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x: Float[Tensor, "n places width"]) -> Float[Tensor, "n places width"]:
        normed = self.norms[0](x)
        x = x + self.whole(normed, normed)
        text, picture = self.norms[1](x).split((WORDS, PLACES - WORDS), 1)
        seen = (picture, text) if self.mutual else (text, picture)
        x = x + torch.cat([self.words(text, seen[0]), self.codes(picture, seen[1])], 1)
        return x + self.inner(self.norms[2](x))


class JointDenoiser(nn.Module):
    """Noisy tokens of text and picture and the step each is at -> logits of what they were, among their own kind."""

    def __init__(self, mutual: bool):
        super().__init__()
        self.tokens, self.place = nn.Embedding(TOKENS, WIDTH), nn.Parameter(0.1 * torch.randn(PLACES, WIDTH))
        self.layers = nn.ModuleList(Layer(mutual) for _ in range(LAYERS))
        self.norm, self.tell = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, TOKENS)

    def forward(self, noisy: Int[Tensor, "n places"], time: Int[Tensor, " n"]) -> Float[Tensor, "n places tokens"]:
        x = self.tokens(noisy) + self.place + 0.1 * waves(time.float(), WIDTH)[:, None]
        for layer in self.layers:
            x = layer(x)
        return self.tell(self.norm(x)).masked_fill(~own_kind(), -torch.inf)


@cache
def pairs(split: str) -> Int[Tensor, "scenes places"]:
    """Close-ups as tokens: their texts, and behind them their pictures. Raises KeyError for an unknown split."""
    kind = "train" if split == "train" else "heldout"
    scenes = list(map(close_ups.closely, eyes.scenes(kind, COUNTS[split], seed=SEEDS[split])))
    return torch.cat([codec.encode("text", scenes), codec.encode("picture", scenes) + TEXT], 1)


def noised(task: str) -> Bool[Tensor, " places"]:
    """Where noise is. Raises ValueError for a task that is none of `TASKS`."""
    if task not in TASKS:
        raise ValueError(f"task must be one of {', '.join(TASKS)}, not {task!r}")
    return {"both": torch.ones_like(IS_TEXT), "picture": ~IS_TEXT, "text": IS_TEXT}[task]


@cache
def train(seed: int, tasks: tuple[str, ...] = TASKS, mutual: bool = True) -> JointDenoiser:
    """A denoiser that learned `tasks`, one a step in turn: what each token was, from all of the noisy pair.

    Each task has a third of the steps, whether they are learned by one model or by one each.
    """
    torch.manual_seed(seed)
    model, known, generator = JointDenoiser(mutual), pairs("train"), torch.Generator().manual_seed(seed)
    at, whole = batches(len(known), BATCH, seed), matrices()[1]

    def loss(step: int) -> Tensor:
        true, where = known[at(step)], noised(tasks[step % len(tasks)])
        time = torch.randint(TIMES, (len(true),), generator=generator)
        noisy = torch.where(where, draw(whole[time[:, None], true], generator), true)
        with torch.autocast(true.device.type, torch.bfloat16):
            told = model(noisy, time)[:, where]
        return cross_entropy(told.flatten(0, 1).float(), true[:, where].flatten())

    learn(model.parameters(), loss, STEPS * len(tasks) // len(TASKS), RATE)
    return model.eval().requires_grad_(False)


@torch.no_grad()
def make(model: JointDenoiser, task: str, given: Int[Tensor, "n places"], seed: int) -> Int[Tensor, "n places"]:
    """What a task asks for, from masks alone, beside what of `given` it gives."""
    generator, where = torch.Generator().manual_seed(seed), noised(task)
    x = given.masked_fill(where, MASK)
    for time in reversed(range(TIMES)):
        told = model(x, torch.full((len(x),), time)).softmax(-1)
        x = torch.where(where, draw(posterior(told, x, time) + 1e-12 * own_kind(), generator), x)
    return x
