"""Pictures of one thing before the frozen language model of section 3: what is seen becomes a few prompts.

    9 regions of frozen eyes --connector--> 4 prompts | Describe the picture. -> top left big red star

Asked are place, size and colour: a held-out thing's shape is one that texts never put behind its colour. The eyes'
features are grainy. Few pictures have pairs to learn from; many texts are there without a picture. "choice"
are held-out scenes on which settings were chosen, "exam" those of the claims.
"""

from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import eyes, shown, told
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.regions import boxes, regions
from labs.systems.parts.talk import answer_logits, pair
from labs.systems.parts.talker import talker
from labs.tuning.packing import IGNORE, Branch
from labs.world.scene import Scene

PROMPTS, LANGUAGE = 4, 96  # prompts of a picture, and how wide they are
COUNTS = {"texts": 2048, "pairs": 384, "choice": 200, "exam": 200}  # scenes; those of "pairs" are not among "texts"
SEEDS = {"texts": 0, "pairs": 1, "choice": 0, "exam": 1}  # of the data
BATCH, RATE = 32, 3e-3
TOLD, CHANCE = ("place", "size", "colour"), (1 / 9 + 1 / 2 + 1 / 8) / 3
LOUD, GRAIN = 6.5, 0.5  # deviation of the eyes' features; of the noise, in units of that
EXAM, SHIFTS = "exam", (1, 2, 3, 4)  # the split that is asked; of controls: scenes so many places on


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    return eyes.scenes("train" if split in ("texts", "pairs") else "heldout", COUNTS[split], seed=SEEDS[split])


@cache
def seen(split: str) -> Float[Tensor, "scenes 9 132"]:
    """What the eyes make of the cells of the grid, with grain; and the boxes of the cells."""
    found = regions(scenes(split))[..., : -boxes().shape[1]] / LOUD
    noise = torch.randn(found.shape, generator=torch.Generator().manual_seed(40 + list(COUNTS).index(split)))
    return torch.cat([found + GRAIN * noise, boxes().expand(len(found), -1, -1)], dim=-1)


def descriptions(split: str) -> list[list[Branch]]:
    """What the language model is to say of each scene, "top left big red star"; and nothing else."""
    return [[pair(told.DESCRIBE, told.tell(scene))] for scene in scenes(split)]


def teach(
    connector: nn.Module, given: Tensor, pairs: list[list[Branch]], seed: int, steps: int,
    beside: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> nn.Module:  # fmt: skip
    """The connector after lessons before the frozen language model.

    `beside` is a further loss, of the prompts and the numbers of the scenes.
    """
    language, at = talker().requires_grad_(False), batches(len(pairs), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        prompts = connector(given[now])
        found = shown.loss(language, prompts, [pairs[i] for i in now.tolist()])
        return found + beside(prompts, now) if beside else found

    learn(connector.parameters(), loss, steps, RATE)
    return connector.eval().requires_grad_(False)


def describes(connector: nn.Module, another: bool = False) -> Scores:
    """1 for each of `TOLD` that is told rightly of a picture of the exam; of `another`, the mean over several."""
    prompts = connector(seen(EXAM))
    right = [words_right(prompts.roll(-by, 0), EXAM) for by in (SHIFTS if another else (0,))]
    return Scores(torch.stack(right).mean(0).flatten().tolist(), [i for i in range(len(prompts)) for _ in TOLD])


@torch.no_grad()
def words_right(prompts: Float[Tensor, "n 4 96"], split: str) -> Float[Tensor, "n told"]:
    """Whether place, size and colour are said rightly, each after the true words before it."""
    batch, language = shown.rows(PROMPTS, descriptions(split)), talker()
    right = (answer_logits(language, batch, prompts).argmax(-1) == batch.labels[batch.labels != IGNORE]).tolist()
    found = []
    for labels in (batch.labels != IGNORE).sum(1).tolist():  # the words of a place, size, colour, shape, <end>
        own, right = right[:labels], right[labels:]
        found.append([all(own[:-4]), own[-4], own[-3]])
    return torch.tensor(found).float()
