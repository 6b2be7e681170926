"""One small encoder-decoder for several senses and tasks, tuned for each task, and the weights halfway between.

    <caption> tokens of a picture or a sound  ->  "red star"
    <colour>, <shape>, <size> likewise        ->  "red", "star", "big"

UnIVAL (Shukor et al., 2023, https://arxiv.org/abs/2307.16184): all is text to be written; pictures come first, then the
other senses beside them; weights between models that were tuned for different tasks do better out of distribution.
"""

from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.joined_senses import CHOICES, SENSES, record
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sparse_experts import HEADS, WIDTH, Encoder

CAPTION = ("colour", "shape", "size")  # what a caption tells, in this order
TASKS = ("caption", *CAPTION)
SPOKEN = ("picture", "sound")
WORDS = tuple(word for kind in CAPTION for word in CHOICES[kind])
LISTED = [("picture", "caption"), ("sound", "colour"), ("sound", "size")]  # what is asked after all lessons
CHANCE_OF_CAPTIONS = sum(1 / len(CHOICES[kind]) for kind in CAPTION) / len(CAPTION)
CHANCE = sum(1 / len(CHOICES[kind]) for kind in (*CAPTION, "colour", "size")) / (len(CAPTION) + 2)
END, BEGIN = len(WORDS), len(WORDS) + 1
STEPS, TUNED, BATCH, RATE, TUNING_RATE = 1200, 300, 32, 2e-3, 1e-3
FEW = 256  # scenes for each tuning
TASK = "caption"  # what is asked out of distribution
LOUDER = 2.0  # the noise out of distribution, by that of the lessons
CURRICULA = ("pictures first", "all at once")


class Writer(nn.Module):
    """The shared encoder, and a decoder of one layer that writes whole words."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.task = nn.ParameterDict({task: nn.Parameter(0.5 * torch.randn(WIDTH)) for task in TASKS})
        self.word, self.place = nn.Embedding(len(WORDS) + 2, WIDTH), nn.Parameter(torch.randn(len(CAPTION) + 1, WIDTH))
        self.decoder = nn.TransformerDecoderLayer(
            WIDTH, HEADS, 2 * WIDTH, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.head = nn.Linear(WIDTH, len(WORDS) + 1)

    def forward(
        self, sense: str, task: str, tokens: Float[Tensor, "n _ _"], told: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n words vocabulary"]:
        """Logits of the word after each of `told`."""
        x = self.encoder.embed(sense, "colour", tokens)[:, 1:]
        memory = self.encoder.encode(torch.cat([self.task[task].expand(len(x), 1, -1), x], dim=1))
        asking = self.word(told) + self.place[: told.shape[1]]
        future = torch.ones(told.shape[1], told.shape[1], dtype=torch.bool).triu(1)
        return self.head(self.decoder(asking, memory, tgt_mask=future))

    @torch.no_grad()
    def write(self, sense: str, task: str, tokens: Float[Tensor, "n _ _"]) -> Int[Tensor, "n words"]:
        """The likeliest words, as many as the task has."""
        told = torch.full((len(tokens), 1), BEGIN)
        for _ in kinds_of(task):
            told = torch.cat([told, self(sense, task, tokens, told)[:, -1:].argmax(-1)], dim=1)
        return told[:, 1:]


def kinds_of(task: str) -> tuple[str, ...]:
    """What is told, word by word."""
    return CAPTION if task == "caption" else (task,)


def wording(task: str, answers: dict[str, Int[Tensor, " n"]]) -> Int[Tensor, "n words"]:
    """The true words of all scenes, and the end."""
    first = {kind: WORDS.index(CHOICES[kind][0]) for kind in CAPTION}
    words = [answers[kind] + first[kind] for kind in kinds_of(task)]
    return torch.stack([*words, torch.full_like(words[0], END)], dim=1)


def teach(model: Writer, rounds: list[tuple[str, str]], seed: int, steps: int, rate: float, count: int = 0) -> Writer:
    """So many steps on (sense, task) in turn; changes the model in place."""
    (tokens, answers), at = record("train"), batches(count or joined_senses.COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        (sense, task), now = rounds[step % len(rounds)], at(step)
        words = wording(task, answers)[now]
        read = torch.cat([torch.full((BATCH, 1), BEGIN), words[:, :-1]], dim=1)
        return cross_entropy(model(sense, task, tokens[sense][now], read).flatten(0, 1), words.flatten())

    learn(model.parameters(), loss, steps, rate)
    return model


@cache
def base(seed: int, curriculum: str = "pictures first") -> Writer:
    """After lessons in all senses and tasks; half of the steps on pictures alone, or all at once in as many steps of
    each sense. Raises ValueError for another curriculum."""
    if curriculum not in CURRICULA:
        raise ValueError(f"curriculum must be one of {', '.join(CURRICULA)}, not {curriculum!r}")
    torch.manual_seed(seed)
    model, both = Writer(), [(sense, task) for task in TASKS for sense in SPOKEN]
    pictures = [one for one in both if one[0] == "picture"]
    if curriculum == "pictures first":
        teach(model, pictures, seed, STEPS // 2, RATE)
        return teach(model, both, seed + 1, STEPS // 2, RATE).requires_grad_(False)
    return teach(model, [*pictures, *both, *pictures], seed, STEPS, RATE).requires_grad_(False)


@cache
def tuned(seed: int, task: str) -> Writer:
    """The base after it was tuned for one task on pictures."""
    model = deepcopy(base(seed)).requires_grad_(True)
    return teach(model, [("picture", task)], seed + 2, TUNED, TUNING_RATE, FEW).requires_grad_(False)


def between(one: Writer, other: Writer, share: float = 0.5) -> Writer:
    """All weights a `share` of the way from one model to the other."""
    model = deepcopy(one)
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        mine.data.lerp_(theirs.data, share)
    return model


def asked(seed: int, whose: str, louder: float = LOUDER, another: bool = False) -> Scores:
    """Words told rightly of held-out pictures, noisier than any lesson was: by the base, by the model tuned for a task,
    or "between" those of two tasks, as "caption - colour"."""
    if whose == "base":
        model = base(seed)
    else:
        models = [tuned(seed, one) for one in whose.split(" - ")]
        model = models[0] if len(models) == 1 else between(*models)
    return said(model, [("picture", TASK)], louder, another)


def after_base(seed: int, curriculum: str, another: bool = False) -> Scores:
    """Words told rightly of held-out pictures and sounds, as noisy as those of the lessons, by the base."""
    return said(base(seed, curriculum), LISTED, 1.0, another)


def said(model: Writer, asked: list[tuple[str, str]], louder: float, another: bool) -> Scores:
    """1 for each word that is right; what was said of `another` scene is held against each, as a control."""
    tokens, answers = record(joined_senses.EXAM, (louder,) * len(SENSES))
    found = torch.cat([
        (model.write(sense, task, tokens[sense]).roll(int(another), 0) == wording(task, answers)[:, :-1]).T
        for sense, task in asked
    ])  # fmt: skip
    return Scores(found.flatten().float().tolist(), list(range(found.shape[1])) * len(found))
