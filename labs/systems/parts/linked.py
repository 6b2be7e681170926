"""Mentions matched to entities on several levels, as in M3EL (Hu et al., 2024, https://arxiv.org/abs/2412.10440).

    mention   "Ada, pink star"  [picture: A, C, another]      entity   "Ada, blue ring"  [picture: A, B, another]
                     |  words - words: the name                        |
                     |  picture - picture: A                           |  globally: a vector for each side
                     |  words - picture: B, the pink star              |  locally: each token finds its best match
                     |  picture - words: C, the blue ring              |

Each of the four facts has a decoy that shares a colour or a shape with the truth, so that 16 entities stand to choose.
"""

from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts.collages import SEEN, altered, collage, different, words
from labs.systems.parts.embedder import Tokens, contrast, late
from labs.systems.parts.learn import learn
from labs.systems.parts.transformer_blocks import WIDTH, Block, Rows

NAMES, FACTS, EXAM = 16, 4, 200
STEPS, BATCH, RATE = 350, 32, 2e-3
SENSES, LEVELS = ("words", "picture"), ("global", "local")
WITHIN = tuple((sense, sense) for sense in SENSES)
ACROSS = (("words", "picture"), ("picture", "words"))
ENTITIES = torch.tensor(list(product((0, 1), repeat=FACTS)))  # which facts are a decoy's; the first entity is right


class Side(NamedTuple):
    """Mentions or entities."""

    words: Int[Tensor, "n 3"]  # a name, a colour, a shape
    picture: Float[Tensor, "n 9 132"]


class Facts(NamedTuple):
    """What is true of entities, and what is not: [:, 0] and [:, 1]."""

    names: Int[Tensor, "n 2"]
    things: Int[Tensor, "n 3 2"]  # A, B, C
    others: Int[Tensor, "n 2"]  # another thing in the mention's picture and in the entity's


def facts(split: str, n: int, draw: torch.Generator) -> Facts:
    """Truth and decoy are drawn alike, so that neither is the likelier."""
    names = torch.rand(n, NAMES, generator=draw).argsort(1)[:, :2] + 16
    kinds = different(split, n, 5, draw)
    decoys = torch.stack([altered(split, kinds[:, at], draw) for at in range(3)], dim=1)
    pair, swap = torch.stack([kinds[:, :3], decoys], dim=-1), torch.rand(n, 3, 1, generator=draw) < 0.5
    return Facts(names, torch.where(swap, pair.flip(-1), pair), kinds[:, 3:])


def mentions(split: str, one: Facts, draw: torch.Generator) -> Side:
    """A name with words for B, and a picture of A and C."""
    a, b, c = one.things[..., 0].T
    picture, _ = collage(split, torch.stack([a, c, one.others[:, 0]], dim=1), draw)
    return Side(torch.cat([one.names[:, :1], words(b)], dim=1), picture)


def entities(split: str, one: Facts, decoy: Int[Tensor, "n 4"], draw: torch.Generator) -> Side:
    """A name with words for C, and a picture of A and B; where `decoy` is 1 the fact is another's."""
    name = one.names.gather(1, decoy[:, :1])
    a, b, c = one.things.gather(2, decoy[:, 1:, None])[..., 0].T
    picture, _ = collage(split, torch.stack([a, b, one.others[:, 1]], dim=1), draw)
    return Side(torch.cat([name, words(c)], dim=1), picture)


class Linker(nn.Module):
    """Likeness of mentions and entities, summed over levels and pairs of senses."""

    def __init__(self, levels: Sequence[str] = LEVELS, pairs: Sequence[tuple[str, str]] = WITHIN + ACROSS):
        super().__init__()
        self.see, self.read, self.block = Rows(9, SEEN), nn.Embedding(16 + NAMES, WIDTH), Block()
        self.matches = [(level, *pair) for level in levels for pair in pairs]
        self.heads = nn.ModuleDict({
            "-".join(match) + side: nn.Linear(WIDTH, WIDTH) for match in self.matches for side in "<>"
        })  # fmt: skip

    def encode(self, side: Side) -> dict[str, Float[Tensor, "n tokens width"]]:
        return {"words": self.block(self.read(side.words)), "picture": self.see(side.picture)}

    def forward(self, asking: Side, known: Side) -> Float[Tensor, "mentions entities"]:
        """The mean over the matches that this linker makes."""
        mention, entity = self.encode(asking), self.encode(known)
        return torch.stack([self.match(match, mention, entity) for match in self.matches]).mean(0)

    def match(self, match: tuple[str, str, str], mention: dict, entity: dict) -> Float[Tensor, "mentions entities"]:
        """One level of one sense of the mention with one of the entity: cosine, or late interaction of tokens."""
        level, one, other = match
        sides = (mention[one], entity[other])
        if level == "global":
            sides = tuple(side.mean(1, keepdim=True) for side in sides)
        heads = (self.heads["-".join(match) + side] for side in "<>")
        vectors = [normalize(head(side), dim=-1) for head, side in zip(heads, sides, strict=True)]
        if level == "global":
            return vectors[0][:, 0] @ vectors[1][:, 0].T
        return late(*(Tokens(part, torch.ones(part.shape[:2], dtype=torch.bool)) for part in vectors))


@cache
def taught(seed: int, levels: tuple[str, ...], pairs: tuple[tuple[str, str], ...]) -> Linker:
    """The linker that has learned to tell an entity from those of a batch and from a decoy of each."""
    torch.manual_seed(seed)
    network, draw = Linker(levels, pairs), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        one = facts("train", BATCH, draw)
        wrong = ENTITIES[torch.randint(1, len(ENTITIES), (BATCH,), generator=draw)]
        right = entities("train", one, torch.zeros_like(wrong), draw)
        decoys = entities("train", one, wrong, draw)
        known = Side(*(torch.cat(parts) for parts in zip(right, decoys, strict=True)))
        return contrast(network(mentions("train", one, draw), known), torch.eye(BATCH, 2 * BATCH))

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def links(
    seed: int, levels: tuple[str, ...] = LEVELS, pairs: tuple[tuple[str, str], ...] = WITHIN + ACROSS,
    another: bool = False, split: str = "exam",
) -> Scores:  # fmt: skip
    """Whether the right one of 16 entities comes first, for a mention or for `another` one."""
    draw, network = torch.Generator().manual_seed(1000), taught(seed, levels, pairs)
    one = facts(split, EXAM, draw)
    asking, among = mentions(split, one, draw), len(ENTITIES)
    every = Facts(*(part.repeat_interleave(among, 0) for part in one))
    known = entities(split, every, ENTITIES.repeat(EXAM, 1), draw)
    near = network(asking, known).unflatten(1, (EXAM, among))
    told = near[(torch.arange(EXAM) + int(another)) % EXAM, torch.arange(EXAM)].argmax(1)
    return Scores((told == 0).float().tolist(), list(range(EXAM)))
