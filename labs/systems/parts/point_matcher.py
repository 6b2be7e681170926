"""A matcher of points: a vector for each point of two pictures, and for each of the one the likeliest of the other.

Both pictures go through the same network, whatever sense they are of. The second is rolled round in both directions,
so that every point on a thing has one partner, equally often at any of 144 places: a guess within one point of the
right one is right in 9 of 144. The loss is the contrast of LoFTR's coarse stage (Sun et al., 2021,
https://arxiv.org/abs/2104.00680), from one side.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from labs.models.diffusion.autoencoder import SIDE
from labs.systems.claim import Scores
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sense_pairs import FEW, SPOT, Maps, drawn, made, on_things, true

STEPS, BATCH, RATE = 300, 16, 3e-3
WIDTH, POINTS, LINE = 32, 16, SIDE // SPOT  # width; points asked of a pair while learning; points a side
ASKED, GRAIN, SHARP = 4, 0.2, 10.0  # points asked in the exam; noise of every sense; of the softmax
EXAM = "exam"
NEAR = 9 / LINE**2  # chance: the right point and its eight neighbours


class Matcher(nn.Module):
    """Pictures of any sense, (n, 1 or 3, 36, 36) -> a vector of length 1 for each of their 144 points."""

    def __init__(self):
        super().__init__()
        wide = {"padding_mode": "circular"}
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, 5, SPOT, 1, **wide), nn.GELU(), nn.Conv2d(WIDTH, WIDTH, 3, 1, 1, **wide), nn.GELU(),
            nn.Conv2d(WIDTH, WIDTH, 3, 1, 2, 2, **wide), nn.GELU(), nn.Conv2d(WIDTH, WIDTH, 3, 1, 1, **wide),
        )  # fmt: skip

    def forward(self, maps: Maps) -> Float[Tensor, "n 144 width"]:
        return normalize(self.layers(maps.expand(-1, 3, -1, -1)).flatten(2).transpose(1, 2), dim=-1)


def roll(maps: Maps, by: Int[Tensor, "n 2"]) -> Maps:
    """Each rolled down and to the right by so many points."""
    turned = [one.roll((SPOT * y, SPOT * x), (1, 2)) for one, (y, x) in zip(maps, by.tolist(), strict=True)]
    return torch.stack(turned)


def partners(points: Int[Tensor, "n asked"], by: Int[Tensor, "n 2"]) -> Int[Tensor, "n asked"]:
    """Where points are after that."""
    return (points // LINE + by[:, :1]) % LINE * LINE + (points % LINE + by[:, 1:]) % LINE


def apart(one: Int[Tensor, "n asked"], other: Int[Tensor, "n asked"]) -> Int[Tensor, "n asked"]:
    """How many points lie between, along the farther axis, the short way round."""
    steps = torch.stack([(one // LINE - other // LINE).abs(), (one % LINE - other % LINE).abs()])
    return torch.minimum(steps, LINE - steps).amax(0)


def second(seed: int, kind: str) -> Maps:
    """What training pictures are matched with: themselves, or another sense of the same scenes, true, made or drawn."""
    if kind == "picture":
        return true("train", kind)
    how, _, sense = kind.partition(" ")
    if how == "true":
        return true("train", sense)
    return made(seed, sense) if how == "made" else drawn(true("train", "picture"), kind)


@cache
def train(seed: int, kinds: tuple[str, ...], few: bool = False) -> Matcher:
    """A matcher of pictures with each of `kinds` in turn; from all scenes or the few that a translator saw."""
    torch.manual_seed(seed)
    model, draw = Matcher(), torch.Generator().manual_seed(seed)
    first, others = true("train", "picture"), [second(seed, kind) for kind in kinds]
    there, at = on_things("train"), batches(FEW if few else len(first), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        by = torch.randint(LINE, (len(now), 2), generator=draw)
        points = torch.multinomial(there[now], POINTS, replacement=True, generator=draw)
        pair = [first[now], roll(others[step % len(kinds)][now], by)]
        one, other = (model(maps + GRAIN * torch.randn(maps.shape, generator=draw)) for maps in pair)
        alike = SHARP * torch.einsum("npw,nqw->npq", one.gather(1, points[..., None].expand(-1, -1, WIDTH)), other)
        return cross_entropy(alike.flatten(0, 1), partners(points, by).flatten())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds(
    seed: int, kinds: tuple[str, ...], senses: tuple[str, ...], few: bool = False, another: bool = False
) -> Scores:
    """1 for each point of held-out pictures whose partner in another sense is found, or one of its eight neighbours.

    As a control the other sense of `another` scene takes the place.
    """
    model, right = train(seed, kinds, few), []
    for sense in senses:
        draw = torch.Generator().manual_seed(0)  # the same questions for every seed and arm
        seen, other = true(EXAM, "picture"), true(EXAM, sense)
        by = torch.randint(LINE, (len(seen), 2), generator=draw)
        points = torch.multinomial(on_things(EXAM), ASKED, generator=draw)
        if another:  # rolled once more, for things lie in the same nine places in all scenes
            other = roll(other.roll(1, 0), torch.randint(LINE, by.shape, generator=draw))
        pair = [seen, roll(other, by)]
        with torch.no_grad():
            one, told = (model(maps + GRAIN * torch.randn(maps.shape, generator=draw)) for maps in pair)
        found = torch.einsum("npw,nqw->npq", one, told).argmax(-1).gather(1, points)
        right.append((apart(found, partners(points, by)) <= 1).float())
    values = torch.cat(right, 1)
    return Scores(values.flatten().tolist(), [scene for scene in range(len(values)) for _ in range(values.shape[1])])


def finds_on_average(seed: int, kinds: tuple[str, ...], senses: tuple[str, ...]) -> Scores:
    """The mean over matchers that each learned from one of `kinds`."""
    each = [finds(seed, (kind,), senses) for kind in kinds]
    return Scores([sum(found) / len(each) for found in zip(*(one.values for one in each), strict=True)], each[0].scenes)
