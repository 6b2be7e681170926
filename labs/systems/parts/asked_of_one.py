"""A text retriever that is given eyes for what is asked, as in Ret-XKnow (Yeo et al., 2024).

    "what of the star"  --frozen retriever--> 3 tokens ------------------------------+
                              | relevance of each region to the question             +--> late interaction
    9 regions  --> partial convolution: what is not relevant is masked, the rest --> 1 token    with passages
                   weighs the more

There are three things in a picture; the passage that is wanted tells of the one that is asked about, and the others
tell of the same shape in other colours. The retriever has learned from texts alone.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts.collages import KNOWN, SEEN, collage, different
from labs.systems.parts.embedder import contrast
from labs.systems.parts.learn import learn
from labs.systems.parts.text_retriever import TextRetriever, near, passages, questions, retriever
from labs.systems.parts.transformer_blocks import WIDTH

STEPS, BATCH, RATE, EXAM = 350, 64, 2e-3, 192
WAYS = ("partial convolution", "plain convolution", "global vector")


class PartialConvolution(nn.Module):
    """Partial convolution (Liu et al., 2018, https://arxiv.org/abs/1804.07723), its window as large as the grid.

    What lies under the window is masked, softly, and what the weights make of it grows with what was masked out.
    """

    def __init__(self, seen: int, width: int):
        super().__init__()
        self.weight, self.bias = nn.Linear(9 * seen, width, bias=False), nn.Parameter(torch.zeros(width))

    def forward(self, rows: Float[Tensor, "n 9 seen"], mask: Float[Tensor, "n 9"]) -> Float[Tensor, "n width"]:
        """`mask` goes from 0, hidden, to 1. Where all is hidden the bias is left."""
        under = (rows * mask[..., None]).flatten(1)
        return self.weight(under) * 9 / mask.sum(1, keepdim=True).clamp(min=1e-3) + self.bias


class Asker(nn.Module):
    """The frozen retriever of questions, with one token more for what is seen."""

    def __init__(self, way: str, frozen: TextRetriever):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.way, self.frozen = way, frozen
        self.ask, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(SEEN, WIDTH)
        self.convolve = PartialConvolution(SEEN, WIDTH)
        self.whole, self.out = nn.Linear(SEEN, WIDTH), nn.Sequential(nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def relevance(self, asked: Float[Tensor, "n words width"], seen: Float[Tensor, "n 9 132"]) -> Float[Tensor, "n 9"]:
        """How much each region has to do with the question."""
        scores = torch.einsum("nw,nrw->nr", self.ask(asked.mean(1)), self.key(seen)) / WIDTH**0.5
        return scores.sigmoid()

    def forward(self, texts: Int[Tensor, "n words"], seen: Float[Tensor, "n 9 132"]) -> Float[Tensor, "n more width"]:
        """The question's tokens, then that of the picture."""
        asked = self.frozen(texts)
        if self.way == "global vector":
            found = self.whole(seen.mean(1))
        else:
            mask = self.relevance(asked, seen)
            found = self.convolve(seen, mask if self.way == "partial convolution" else torch.ones_like(mask))
        return torch.cat([asked, normalize(self.out(found), dim=-1)[:, None]], dim=1)


@cache
def taught(seed: int, way: str) -> Asker:
    """The retriever with eyes, which has learned to find a passage among eight, alike but for the colour."""
    frozen = retriever(seed)
    torch.manual_seed(seed)
    network, draw = Asker(way, frozen), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        texts, picture, kinds = asked_pictures("train", BATCH, draw)
        told = frozen(passages(kinds, draw))
        return contrast(near(network(texts, picture), told), (kinds[:, None] == kinds).float())

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def asked_pictures(
    split: str, n: int, draw: torch.Generator
) -> tuple[Int[Tensor, "n words"], Float[Tensor, "n 9 132"], Int[Tensor, " n"]]:
    """Questions, pictures of three things that differ in shape, and the kind of the one that is asked about.

    In an exam that is every kind in turn, so that nobody gains by preferring a colour.
    """
    asked = different(split, n, 1, draw)[:, 0] if split == "train" else torch.randperm(n, generator=draw) % len(KNOWN)
    kinds, shapes = asked[:, None], torch.arange(len(KNOWN)) % 8
    for _ in range(2):
        other = (kinds[..., None] % 8 != shapes).all(1) & (KNOWN | (split != "train"))
        kinds = torch.cat([kinds, other.float().multinomial(1, generator=draw)], dim=1)
    return questions(asked), collage(split, kinds, draw)[0], asked


def finds(seed: int, way: str, another: bool = False, split: str = "exam") -> Scores:
    """Whether the right one of eight passages, one a colour, comes first; by `another` picture, by `way` "told"."""
    draw = torch.Generator().manual_seed(1000)
    texts, picture, kinds = asked_pictures(split, EXAM, draw)
    every = torch.arange(8) * 8 + kinds[:, None] % 8
    told = retriever(seed)(passages(every.flatten(), draw)).unflatten(0, (EXAM, 8))
    if way == "told":
        asking = retriever(seed)(questions(kinds, True))
    elif way == "question alone":
        asking = retriever(seed)(texts)
    else:
        asking = taught(seed, way)(texts, picture.roll(1, 0) if another else picture)
    scores = torch.cat([near(one[None], among) for one, among in zip(asking, told, strict=True)])
    return Scores((scores.argmax(1) == kinds // 8).float().tolist(), list(range(EXAM)))
