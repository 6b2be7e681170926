"""A language model whose state after a page is as near to that of another page as the two pages are alike.

    page: three things, each shown or named -> <cls> -> tells all three in words
                                                 '-> its state: as alike as the pages, by warped alignment

Sugar (Chow et al., 2024, https://arxiv.org/abs/2411.00304): generative training is joined by a structure that frozen
encoders see among samples. Two pages are aligned in time as by dynamic time warping; how well that goes, by frozen
vectors of their entries, is how near the model's hidden states are to lie.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts.alignment_exams import first
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import CLS, DECODE
from labs.systems.parts.objectives import next_word
from labs.systems.parts.pages_of_things import LENGTH, PAGES, Pages, answers, halves, pages
from labs.systems.parts.transformer_blocks import WIDTH, Block, Words
from labs.systems.parts.web import lexicon

EXAM = "exam"  # the split that is asked
STEPS, BATCH, RATE = 600, 64, 3e-3
SHARP, SMOOTH = 10.0, 0.1  # how sharply pages are told apart; of the soft minimum
TOLD = 2 * LENGTH + 1  # words that are told: colours and shapes, and an end


class PageWriter(nn.Module):
    """A causal language model: two tokens for each entry, <cls>, then colours and shapes in words."""

    def __init__(self):
        super().__init__()
        self.words, self.enter = Words(lexicon(), 2 * LENGTH + 2 + TOLD), nn.Linear(128, 2 * WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon())))

    def forward(
        self, given: Pages, shown: Bool[Tensor, "n 3"], told: Int[Tensor, "n words"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n words vocabulary"]]:
        """The state at <cls>, and which word follows each of those that are told, the first being <decode>."""
        page = torch.cat([given.names, torch.full((len(told), 1), CLS), told], dim=1)
        x = self.words(page)
        seen = self.enter(given.pictures).unflatten(2, (2, WIDTH)).flatten(1, 2)
        of_pictures = torch.cat([shown.repeat_interleave(2, 1), torch.zeros(len(page), 1 + told.shape[1]).bool()], 1)
        places = self.words.places[: x.shape[1]]
        pictured = torch.cat([seen, torch.zeros_like(x[:, seen.shape[1] :])], dim=1) + places
        x = pictured.where(of_pictures[..., None], x)
        visible = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril().expand(len(x), -1, -1)
        for block in self.blocks:
            x = block(x, visible)
        return x[:, 2 * LENGTH], self.head(x[:, 2 * LENGTH + 1 :])


def warped_alignment(
    one: Float[Tensor, "n length width"], other: Float[Tensor, "m length width"]
) -> Float[Tensor, "n m"]:
    """How well each of `one` aligns with each of the `other`: minus the cost of soft dynamic time warping.

    The cost of two entries is 1 minus their cosine; an entry may be aligned with several in a row, order stays.
    """
    cost = 1 - torch.einsum("nik,mjk->nmij", normalize(one, dim=-1), normalize(other, dim=-1))
    rows, columns = cost.shape[2:]
    never = torch.full(cost.shape[:2], 1e4)
    best = {(-1, -1): torch.zeros_like(never)}
    for i in range(rows):
        for j in range(columns):
            before = torch.stack([best.get(step, never) for step in ((i - 1, j - 1), (i - 1, j), (i, j - 1))])
            best[i, j] = cost[:, :, i, j] - SMOOTH * (-before / SMOOTH).logsumexp(0)
    return -best[rows - 1, columns - 1]


def structure_loss(states: Float[Tensor, "n width"], entries: Float[Tensor, "n length 128"]) -> Float[Tensor, ""]:
    """KL from the softmax of each page's alignments with all others of the batch to that of its states' cosines."""
    itself = torch.eye(len(states), dtype=torch.bool)
    near = (SHARP * normalize(states, dim=-1) @ normalize(states, dim=-1).T).masked_fill(itself, -1e4)
    true = (SHARP * warped_alignment(entries, entries)).masked_fill(itself, -1e4)
    return (true.softmax(1) * (true.log_softmax(1) - near.log_softmax(1))).sum(1).mean()


@cache
def train(seed: int, structured: bool = True) -> PageWriter:
    """The language model after learning to tell pages, with the structure beside it or without."""
    torch.manual_seed(seed)
    model, given, generator = PageWriter(), pages("train"), torch.Generator().manual_seed(seed)
    at = batches(PAGES["train"], BATCH, seed)

    def loss(step: int) -> Tensor:
        now = given.only(at(step))
        shown, told = torch.rand(len(now.names), LENGTH, generator=generator) < 0.5, answers(now)
        states, logits = model(now, shown, told)
        return next_word(logits, told) + (structure_loss(states, now.entries(shown)) if structured else 0)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def finds_pages(seed: int, frozen: bool = False, another: bool = False, **how: bool) -> Scores:
    """Is a page's partner, which names what it shows and shows what it names, the first of a hundred by their states?

    `frozen`: by the alignment itself, for comparison. As a control the partner of `another` page is sought.
    """
    given, shown = pages(EXAM), halves(PAGES[EXAM])
    start = torch.full((len(shown), 1), DECODE)
    if frozen:
        hits, scenes = [], []
        for rows in torch.arange(len(shown)).split(100):
            part, half = given.only(rows), shown[rows]
            table = warped_alignment(part.entries(half), part.entries(~half))
            for one in (table, table.T):
                hits += (one.argmax(1) == torch.arange(len(rows))).float().tolist()
                scenes += rows.tolist()
        return Scores(hits, scenes)
    model = train(seed, **how)
    one, other = (model(given, which, start)[0] for which in (shown, ~shown))
    return first(one, other.roll(int(another), 0))


def tells_pages(seed: int, another: bool = False, **how: bool) -> Scores:
    """The share of a page's colours and shapes that are told, in their order, after pictures alone.

    As a control what is told is held against `another` page.
    """
    given, model = pages(EXAM), train(seed, **how)
    blind, told = given._replace(names=torch.zeros_like(given.names)), torch.full((len(given.names), 1), DECODE)
    shown = torch.ones(len(told), LENGTH, dtype=torch.bool)
    while told.shape[1] < TOLD:
        told = torch.cat([told, model(blind, shown, told)[1][:, -1:].argmax(-1)], dim=1)
    right = (told[:, 1:] == given.names.roll(int(another), 0)).float().mean(1)
    return Scores(right.tolist(), range(len(right)))
