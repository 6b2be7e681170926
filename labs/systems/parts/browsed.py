"""Several pictures, browsed for the gist and looked at again in its light, as in Browse-and-Concentrate (Wang et al.,
2024, https://arxiv.org/abs/2402.12195).

    browse        each picture --query--> one narrow token --\\
                                              question ------> reader -> gist
    concentrate   each picture --query + gist--> one narrow token --> reader -> which of three holds the same

Asked is which of three pictures of three things each holds the colour, or the shape, of the thing in the first. All
arms have the same parameters, and in their lessons captions beside choices: the first look is to tell the words for
what is in each picture. One pass reads the tokens of that look. "twice, alone" looks twice, but is handed its own
token in the place of the gist, which knows of the question and of all pictures.
"""

import random
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.systems.parts.regions import regions
from labs.systems.parts.transformer_blocks import WIDTH, Block
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

ASKED, OFFERED, NARROW = ("colour", "shape"), 3, 8
COUNTS = {"train": 6000, "choice": 400, "exam": 400}  # items
POOL = {"train": 1500, "choice": 300, "exam": 300}  # scenes of one thing, and as many of three
SEEDS = {"train": 0, "choice": 0, "exam": 1}
STEPS, BATCH, RATE, LOUD = 450, 64, 2e-3, 6.5
WORDS, CAPTION = (*COLOURS, *SHAPES), 4.0  # what a caption may name; the weight of captions in lessons
WAYS = ("browse and concentrate", "twice, alone", "one pass")
EXAM = "exam"


class Items(NamedTuple):
    """What is asked, as an index into `ASKED`; four pictures by their number in the pool; which one is right."""

    asked: Int[Tensor, " n"]
    pictures: Int[Tensor, "n 4"]
    right: Int[Tensor, " n"]


@cache
def pool(split: str) -> tuple[tuple[Scene, ...], Float[Tensor, "scenes 9 132"]]:
    """Scenes of one thing, then scenes of three, and what the frozen eyes make of them."""
    kind = "train" if split == "train" else "heldout"
    scenes = tuple(s for many in (1, 3) for s in eyes.scenes(kind, POOL[split], (many,), SEEDS[split]))
    seen = regions(scenes)
    seen[..., :-4] /= LOUD
    return scenes, seen


@cache
def items(split: str) -> Items:
    """Exactly one of the pictures that are offered shows the word that is meant."""
    scenes, rng, found = pool(split)[0], random.Random(f"browsed {split}"), []
    half = len(scenes) // 2
    has = {kind: [{getattr(t, kind) for t in scene.things} for scene in scenes] for kind in ASKED}
    while len(found) < COUNTS[split]:
        kind, one = rng.choice(ASKED), rng.randrange(half)
        offered = rng.sample(range(half, 2 * half), OFFERED)
        there = [min(has[kind][one]) in has[kind][other] for other in offered]
        if sum(there) == 1:
            found.append((ASKED.index(kind), one, *offered, there.index(True)))
    table = torch.tensor(found)
    return Items(table[:, 0], table[:, 1:5], table[:, 5])


def words(scenes: tuple[Scene, ...]) -> Float[Tensor, "scenes words"]:
    """1 for each of `WORDS` that is said of a scene."""
    said = [{getattr(thing, kind) for thing in scene.things for kind in ASKED} for scene in scenes]
    return torch.tensor([[float(word in some) for word in WORDS] for some in said])


class Browser(nn.Module):
    """Looks, a reader, and the way from what was read to how to look again."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.query = nn.Linear(REGION_WIDTH, WIDTH), nn.Parameter(0.5 * torch.randn(WIDTH))
        self.look, self.narrow, self.widen = Block(looks=True), nn.Linear(WIDTH, NARROW), nn.Linear(NARROW, WIDTH)
        self.questions, self.place = (nn.Parameter(0.5 * torch.randn(n, WIDTH)) for n in (len(ASKED), 1 + OFFERED))
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.gist, self.norm, self.say = nn.Linear(2 * WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(NARROW, len(WORDS))
        self.wanted, self.held = (nn.Linear(WIDTH, WIDTH) for _ in range(2))

    def encode(
        self, regions: Float[Tensor, "n 4 9 132"], gist: Float[Tensor, "n looks width"] | None
    ) -> Float[Tensor, "n 4 narrow"]:
        """Each picture, looked at with a query that the gist turns, as one narrow token."""
        queries = self.query if gist is None else self.query + gist
        queries = queries.expand(*regions.shape[:2], WIDTH).flatten(0, 1)[:, None]
        found = self.look(queries, seen=self.see(regions.flatten(0, 1)))
        return self.narrow(found[:, 0]).unflatten(0, regions.shape[:2])

    def read(self, tokens: Float[Tensor, "n 4 narrow"], asked: Int[Tensor, " n"]) -> Float[Tensor, "n 5 width"]:
        """Question and pictures after they have met each other."""
        x = torch.cat([self.questions[asked][:, None], self.widen(tokens) + self.place], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(
        self, regions: Float[Tensor, "n 4 9 132"], asked: Int[Tensor, " n"], way: str
    ) -> tuple[Float[Tensor, "n offered"], Float[Tensor, "n 4 words"]]:
        """Logits of the choice, and of the words for what is in each picture, which the first look tells.

        Raises ValueError for a way that is none of `WAYS`.
        """
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        tokens = self.encode(regions, None)
        said = self.say(tokens)
        if way == "browse and concentrate":
            read = self.read(tokens, asked)
            tokens = self.encode(regions, self.gist(torch.cat([read[:, :1].expand(-1, 4, -1), read[:, 1:]], dim=2)))
        elif way == "twice, alone":
            tokens = self.encode(regions, self.gist(self.widen(tokens).repeat(1, 1, 2)))
        read = self.read(tokens, asked)
        return (self.held(read[:, 2:]) @ self.wanted(read[:, 1])[..., None])[..., 0] / WIDTH**0.5, said


@cache
def trained(seed: int, way: str) -> Browser:
    """A browser that has learned in one of the `WAYS`."""
    torch.manual_seed(seed)
    model, given, seen = Browser(), items("train"), pool("train")[1]
    there = words(pool("train")[0])
    at = batches(COUNTS["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        choice, said = model(seen[given.pictures[now]], given.asked[now], way)
        told = binary_cross_entropy_with_logits(said, there[given.pictures[now]])
        return cross_entropy(choice, given.right[now]) + CAPTION * told

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def chooses(seed: int, way: str, another: bool = False) -> Scores:
    """Right choices; as a control with the pictures of `another` item, all but the first."""
    given, seen = items(EXAM), pool(EXAM)[1]
    pictures = torch.cat([given.pictures[:, :1], given.pictures[:, 1:].roll(int(another), 0)], dim=1)
    told = trained(seed, way)(seen[pictures], given.asked, way)[0].argmax(1)
    return Scores((told == given.right).float().tolist(), given.pictures[:, 0].tolist())
