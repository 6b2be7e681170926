"""Relations over a long film, learned before any label, as in long-range multimodal pre-training for movies (Argaw et
al., 2023, https://arxiv.org/abs/2308.09775).

    shot    0    1    2    3    4    5    6    7
    heard   a    b    c    d    .    .    .    .      off screen
    seen    .    .    .    .    a    b    c    d      four shots later

What is hidden of a shot is to be told from others: its row is matched, by contrast, with those of the whole batch.
"whole films" let all shots of a film see each other meanwhile, "isolated clips" two neighbours. Afterwards all see the
whole film, and few labels teach whether what was heard is what is seen, two shots that lie far apart.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import shots, sound_films
from labs.systems.parts.learn import batches, learn

WAYS = ("whole films", "isolated clips", "labels alone")
SHOTS, LATER, CLIP = 8, 4, 2  # of a film; between hearing and seeing; of an isolated clip
WIDTH, HEADS, LAYERS = 64, 4, 2
STEPS, LABEL_STEPS, BATCH, RATE, SHARP = 500, 200, 32, 1e-3, 0.1
FEW, MANY, ASKED = 384, 4096, 300  # labelled films; films of the exam
GRAIN = 0.5  # noise of a row, anew in each film


class LongFilm(nn.Module):
    """A film's rows -> a state for each shot, and whether what is heard in one is what is seen in another."""

    def __init__(self):
        super().__init__()
        self.enter = nn.ModuleDict({sense: nn.Linear(shots.WIDE, WIDTH) for sense in ("heard", "seen")})
        self.hidden, self.when = nn.Parameter(torch.zeros(WIDTH)), nn.Parameter(0.5 * torch.randn(SHOTS, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.over = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.target, self.guess = nn.Linear(shots.WIDE, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.judge = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, 1))

    def forward(
        self, heard: Float[Tensor, "n 4 256"], seen: Float[Tensor, "n 4 256"], apart: Bool[Tensor, "8 8"] | None = None,
        hide: int | None = None,
    ) -> Float[Tensor, "n 8 64"]:  # fmt: skip
        """States of all shots; who is `apart` does not see each other, and what is seen fourth may be hidden."""
        rows = torch.cat([self.enter["heard"](heard), self.enter["seen"](seen)], 1)
        if hide is not None:
            rows = torch.cat([rows[:, :hide], self.hidden.expand(len(rows), 1, -1), rows[:, hide + 1 :]], 1)
        return self.over(rows + self.when, mask=apart)

    def contrast(
        self, heard: Float[Tensor, "n 4 256"], seen: Float[Tensor, "n 4 256"], apart: Bool[Tensor, "8 8"] | None,
        hide: int,
    ) -> Float[Tensor, ""]:  # fmt: skip
        """How badly the hidden row of a film is told from the hidden rows of the others."""
        told = nn.functional.normalize(self.guess(self(heard, seen, apart, hide)[:, hide]), dim=-1)
        rows = nn.functional.normalize(self.target(seen[:, hide - LATER]), dim=-1)
        return cross_entropy(told @ rows.T / SHARP, torch.arange(len(told)))

    def same(self, states: Float[Tensor, "n 8 64"]) -> Float[Tensor, "n 4"]:
        """Logits that what is seen is what was heard, for all four pairs of shots."""
        return self.judge(torch.cat([states[:, :LATER], states[:, LATER:]], -1))[..., 0]


def clips() -> Bool[Tensor, "8 8"]:
    """Shots of different clips are apart."""
    clip = torch.arange(SHOTS) // CLIP
    return clip[:, None] != clip


def film(split: str, cast: Int[Tensor, "n 4"], shown: Int[Tensor, "n 4"], seed: int) -> tuple[Tensor, Tensor]:
    """What is heard of a cast and, later, seen of those who are shown: rows and grain."""
    generator = torch.Generator().manual_seed(seed)
    rows = (shots.heard(split)[cast, 0], shots.seen(split)[shown, 0])
    return tuple(part + GRAIN * torch.randn(part.shape, generator=generator) for part in rows)


def questions(split: str, count: int, seed: int) -> tuple[Tensor, Tensor, Float[Tensor, "films 4"]]:
    """Films in which half of those who are seen are not those who were heard, nor of their colour; and which half."""
    cast, other = shots.films(split, 2 * count, LATER, seed).split(count)
    colour = shots.words(split)[:, 0]
    generator = torch.Generator().manual_seed(seed + 1)
    swapped = (torch.rand(cast.shape, generator=generator) < 4 / 7) & (colour[cast] != colour[other])
    return *film(split, cast, torch.where(swapped, other, cast), seed + 2), (~swapped).float()


@cache
def pretrained(seed: int, way: str) -> dict[str, Tensor]:
    """Weights after pre-training in one of `WAYS`."""
    torch.manual_seed(seed)
    network = LongFilm()
    if way == WAYS[2]:
        return network.state_dict()
    apart = clips() if way == "isolated clips" else None

    def loss(step: int) -> Tensor:
        cast = shots.films("train", BATCH, LATER, 10_000 * seed + step)
        return network.contrast(*film("train", cast, cast, 10_000 * seed + step), apart, LATER + step % LATER)

    learn(network.parameters(), loss, STEPS, RATE)
    return network.state_dict()


@cache
def taught(seed: int, way: str, labelled: int) -> LongFilm:
    """After so many labelled films; all of a film's shots see each other, and its shots are training shots."""
    torch.manual_seed(seed)
    network = LongFilm()
    network.load_state_dict(pretrained(seed, way))
    heard, seen, truth = questions("train", labelled, seed)
    at = batches(labelled, BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        return binary_cross_entropy_with_logits(network.same(network(heard[now], seen[now])), truth[now])

    learn(network.parameters(), loss, LABEL_STEPS, RATE)
    return network.eval().requires_grad_(False)


def answers(seed: int, way: str, many: bool = False, another: bool = False) -> Scores:
    """1 where it is said rightly whether what is seen is what was heard; of `another` film's sound as a control."""
    heard, seen, truth = questions(sound_films.EXAM, ASKED, 7)
    told = taught(seed, way, MANY if many else FEW)
    said = told.same(told(heard.roll(int(another), 0), seen)) > 0
    return shots.scored((said == truth.bool()).float())
