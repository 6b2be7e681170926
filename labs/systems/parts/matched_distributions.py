"""Finding whom a text describes, where several pictures show the same one: similarities as distributions.

IRRA (Jiang and Ye, 2023, https://arxiv.org/abs/2303.12501): the softmax of a row's similarities is drawn, by their KL
divergence, to the true distribution of matches, in which all pictures of an identity share; besides, hidden words are
told from what text and picture make of each other (implicit relation reasoning).

Persons are things here, of a colour, a shape and a size; where they are, and before which wall, differs from picture to
picture, and texts tell it. Those that are asked about have names that training never showed.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts import eyes, objectives
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.heard_scenes import LOUD, SEEDS
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK, SPECIAL, Lexicon
from labs.systems.parts.regions import boxes, regions
from labs.systems.parts.transformer_blocks import WIDTH, Block
from labs.systems.parts.two_towers import TwoTowers
from labs.world.captions import caption

COUNTS = {"train": 2048, "choice": 400, "exam": 400}  # pictures of one thing
EXAM = "exam"  # the split that is asked
GRAIN, LONGEST = 2.5, 10  # of regions, as in parts.heard_scenes; words
STEPS, BATCH, RATE, HIDDEN = 300, 64, 3e-3, 0.3
LOSSES = ("distributions", "own pair", "equal share")
CHANCE = 1 / 16  # as many of a name and a size are asked about: eight names, two sizes
SMALL = 1e-8  # in the place of a probability of 0


class Persons(NamedTuple):
    """Pictures with texts, and who is shown."""

    regions: Float[Tensor, "pictures 9 132"]
    texts: Int[Tensor, "pictures words"]
    who: Int[Tensor, " pictures"]


class Towers(TwoTowers):
    """Two towers, and what tells hidden words: words look at regions, then at each other."""

    def __init__(self):
        super().__init__(lexicon(), LONGEST)
        self.relate = Block(looks=True)
        self.word = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))

    def hidden_words(
        self, seen: Float[Tensor, "n 9 width"], texts: Int[Tensor, "n words"], generator: torch.Generator
    ) -> Float[Tensor, ""]:
        """MLM, with the picture."""
        words, labels = objectives.hide(texts, texts >= len(SPECIAL), HIDDEN, MASK, generator)
        return objectives.masked(self.word(self.relate(self.read(words), seen=seen)), labels)


def distribution_matching(near: Float[Tensor, "n n"], same: Bool[Tensor, "n n"]) -> Float[Tensor, ""]:
    """SDM: KL(softmax of each row, the share of each match in its row), along rows and columns.

    `near` are similarities over the temperature, `same` says who is who.
    """
    true = same / same.sum(1, keepdim=True)  # symmetric matches: rows and columns have the same shares
    each = []
    for table in (near, near.T):
        told = table.log_softmax(1)
        each.append((told.exp() * (told - (true + SMALL).log())).sum(1).mean())
    return each[0] + each[1]


@cache
def lexicon() -> Lexicon:
    """The words of training texts."""
    return Lexicon(caption(scene) for scene in eyes.scenes("train", COUNTS["train"]))


@cache
def persons(split: str) -> Persons:
    """All of a split. Raises KeyError for one that is none of `COUNTS`."""
    scenes = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    generator = torch.Generator().manual_seed(40 + SEEDS[split])
    seen = regions(scenes)[..., : -boxes().shape[1]] / LOUD
    seen = seen + GRAIN * torch.randn(seen.shape, generator=generator)
    names = [(scene.things[0].colour, scene.things[0].shape, scene.things[0].size) for scene in scenes]
    number = {name: i for i, name in enumerate(sorted(set(names)))}
    return Persons(
        torch.cat([seen, boxes().expand(len(seen), -1, -1)], dim=-1),
        lexicon().write([caption(scene) for scene in scenes]),
        torch.tensor([number[name] for name in names]),
    )


@cache
def train(seed: int, kind: str = "distributions", hidden: bool = True) -> Towers:
    """Towers after learning with one of `LOSSES`, and from `hidden` words.

    own pair: InfoNCE, for which pictures of the same one are wrong. equal share: InfoNCE for which all are right.
    """
    if kind not in LOSSES:
        raise ValueError(f"kind must be one of {', '.join(LOSSES)}, not {kind!r}")
    torch.manual_seed(seed)
    model, given, generator = Towers(), persons("train"), torch.Generator().manual_seed(seed)
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        texts, who = given.texts[rows], given.who[rows]
        seen = model.see(given.regions[rows])
        one, two = model.picture(seen), model.text(model.read(texts), texts)
        near = model.scale * normalize(one, dim=-1) @ normalize(two, dim=-1).T
        same = who[:, None] == who if kind != "own pair" else torch.eye(len(who), dtype=torch.bool)
        total = distribution_matching(near, same) if kind == "distributions" else contrastive_loss(near, same.float())
        return total + (model.hidden_words(seen, texts, generator) if hidden else 0)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds_who(seed: int, another: bool = False, **how: str | bool) -> Scores:
    """Does the picture that is first for a text show the one that is described? Its own picture is not among them.

    As a control, is the one shown that `another` text describes?
    """
    given = persons(EXAM)
    seen, told = train(seed, **how).vectors(given.regions, given.texts)
    near = (normalize(told, dim=-1) @ normalize(seen, dim=-1).T).fill_diagonal_(-2)
    right = given.who[near.argmax(1)] == given.who.roll(int(another))
    return Scores(right.float().tolist(), range(len(right)))
