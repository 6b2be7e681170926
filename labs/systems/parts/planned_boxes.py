"""A planner that reads a text and writes a box for each thing that it tells of; boxes then lead a painter.

    "a big red star at the left, a small blue ring below it" --planner--> <2><11><11><20> <4><24><9><29> --> painter

What "it" and "below" mean is settled in words, before anything is painted. Source: MGCC (Kumar et al.,
2024, https://arxiv.org/abs/2405.18304).
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.diffusion.gated import Boxes
from labs.systems.parts import eyes
from labs.systems.parts.box_words import PLACES, read_box, write_box
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import Lexicon
from labs.systems.parts.small_pictures import PHRASES, read_texts
from labs.world.captions import caption, describe
from labs.world.grammar import at as at_place
from labs.world.picture import SIZE
from labs.world.regions import boxes
from labs.world.scene import Scene

STEPS, BATCH, RATE = 200, 64, 3e-3
WIDTH, HEADS, LAYERS, NUMBERS = 64, 4, 2, 2 * 4  # sizes; numbers of a plan
COUNTS, SEEDS = {"train": 6000, "choice": 600, "exam": 600}, {"train": 0, "choice": 2, "exam": 3}  # before choosing
ASKED = 100  # scenes
WAYS = {(-1, -1): "above left of", (-1, 0): "above", (-1, 1): "above right of", (0, 1): "right of",
        (1, 1): "below right of", (1, 0): "below", (1, -1): "below left of"}  # fmt: skip


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Of two things in cells that touch. Raises KeyError for an unknown split."""
    kind = "train" if split == "train" else "heldout"
    every = eyes.scenes(kind, COUNTS[split], (2,), seed=SEEDS[split])
    near = tuple(scene for scene in every if way(scene) in WAYS)
    return near if split == "train" else near[:ASKED]


def way(scene: Scene) -> tuple[int, int]:
    """Rows and columns from the first of its things to the second."""
    first, second = scene.things
    return second.row - first.row, second.column - first.column


def tell(scene: Scene) -> str:
    """The place of the second thing is told from that of the first."""
    first, second = scene.things
    return f"{describe(first)} {at_place('en', first.place)}, {describe(second)} {WAYS[way(scene)]} it"


@cache
def lexicon() -> Lexicon:
    """All words of these texts."""
    return Lexicon(map(tell, scenes("train")))


def plan_of(scene: Scene) -> list[int]:
    """The plan that a teacher would write, as numbers of the grid's lines."""
    written = "".join(write_box(box, "places") for box in boxes(scene).tolist())
    return [PLACES.index(f"<{line}>") for line in written.strip("<>").split("><")]


class Planner(nn.Module):
    """A small causal language model: words of a text, then lines of the grid."""

    def __init__(self, words: int, length: int):
        super().__init__()
        self.words, self.lines = nn.Embedding(words, WIDTH), nn.Embedding(len(PLACES), WIDTH)
        self.place = nn.Parameter(0.1 * torch.randn(length + NUMBERS, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.tell = nn.Linear(WIDTH, len(PLACES))

    def forward(self, text: Int[Tensor, "n words"], plan: Int[Tensor, "n lines"]) -> Float[Tensor, "n next 31"]:
        """Logits of the first line and of the one after each of `plan`."""
        x = torch.cat([self.words(text), self.lines(plan)], 1)
        x = x + self.place[: x.shape[1]]
        ahead = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).triu(1)
        return self.tell(self.layers(x, mask=ahead)[:, text.shape[1] - 1 :])

    @torch.no_grad()
    def write(self, text: Int[Tensor, "n words"]) -> Int[Tensor, "n 8"]:
        """The likeliest line each time."""
        plan = text[:, :0]
        for _ in range(NUMBERS):
            plan = torch.cat([plan, self(text, plan)[:, -1:].argmax(-1)], 1)
        return plan


@cache
def train(seed: int) -> Planner:
    """A planner after its lessons, from texts and the boxes of their scenes; it sees no picture."""
    torch.manual_seed(seed)
    text = lexicon().write([tell(scene) for scene in scenes("train")])
    plans = torch.tensor([plan_of(scene) for scene in scenes("train")])
    model, at = Planner(len(lexicon()), text.shape[1]), batches(len(plans), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        told = model(text[chosen], plans[chosen, :-1])
        return cross_entropy(told.flatten(0, 1), plans[chosen].flatten())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def planned(seed: int, texts: Sequence[str]) -> Float[Tensor, "texts 2 4"]:
    """Boxes from 0 to 1; one that has no inside is all zeros."""
    rows = train(seed).write(lexicon().write(texts)).view(-1, 2, 4)
    told = [["".join(PLACES[line] for line in box) for box in row] for row in rows.tolist()]
    return torch.tensor([[read_box(box, "places") or (0, 0, 0, 0) for box in row] for row in told]) / SIZE


def true_boxes(shown: Sequence[Scene]) -> Float[Tensor, "scenes 2 4"]:
    """Those of the scenes."""
    return torch.stack([torch.from_numpy(boxes(scene)).float() / SIZE for scene in shown])


def asked(shown: Sequence[Scene], at: Float[Tensor, "scenes 2 4"]) -> Boxes:
    """What GLIGEN's layers get: what each thing is called, and its box."""
    names = read_texts([caption(scene, "tags") for scene in shown]).states
    padded = nn.functional.pad(at, (0, 0, 0, PHRASES - at.shape[1]))
    return Boxes(names, padded, padded.any(-1))
