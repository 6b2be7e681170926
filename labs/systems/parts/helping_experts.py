"""Experts that come one after the other: older ones, of pictures and of sounds, help to train a newer one.

    stage 1    pictures go through the picture expert of each layer, sounds through the sound expert; both learn to
               answer, each its own questions, and share the attention
    stage 2    is this the sound of that thing?  <asked> picture's tokens sound's tokens: the tokens of each sense go
               through their older expert, the first one through a new expert, and few pairs are learned from

PaCE (Li et al., 2023, https://arxiv.org/abs/2305.14839): there the experts are of captions, pictures, contexts,
grounding and replies. The rival composes the same three experts, none of which has learned anything before.
"""

from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import joined_senses
from labs.systems.parts.joined_senses import record
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sparse_experts import WIDTH, Encoder

OLDER, NEW = ("picture", "sound"), "matching"
SKILLS = (*OLDER, NEW)
STEPS, LATER, BATCH, RATE = 800, 400, 32, 2e-3
FEW = 256  # pairs of a picture and a sound
WAYS = ("older help", "older help, all tuned", "exchanged", "fresh ones, frozen", "from scratch")


class Composed(nn.Module):
    """An encoder whose layers have an expert for each of `SKILLS`; which one reads a token is given, not learned."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder(len(SKILLS), len(SKILLS))
        self.asked, self.head = nn.Parameter(0.5 * torch.randn(WIDTH)), nn.Linear(WIDTH, 2)

    def encode(
        self, x: Float[Tensor, "n tokens width"], who: Int[Tensor, " tokens"]
    ) -> Float[Tensor, "n tokens width"]:
        """Each token through the expert of its number in `SKILLS`."""
        for block in self.encoder.blocks:
            normed = block.norm(x)
            x = x + block.attention(normed, normed)
            normed = block.norm_inner(x)
            changed = torch.zeros_like(x)
            for number in who.unique().tolist():
                changed[:, who == number] = block.experts.each[number](normed[:, who == number])
            x = x + changed
        return self.encoder.norm(x)

    def answer(self, sense: str, kind: str, tokens: Float[Tensor, "n _ _"]) -> Float[Tensor, "n classes"]:
        """Logits of a question about one sense, all by its expert."""
        x = self.encoder.embed(sense, kind, tokens)
        return self.encoder.heads[kind](self.encode(x, torch.full((x.shape[1],), SKILLS.index(sense)))[:, 0])

    def match(
        self, picture: Float[Tensor, "n _ _"], sound: Float[Tensor, "n _ _"], experts: tuple[int, int] = (0, 1)
    ) -> Float[Tensor, "n 2"]:
        """Logits of no and yes: is it the sound of that thing? `experts` read the picture and the sound."""
        seen, heard = (
            self.encoder.read[sense](tokens) + self.encoder.place[sense]
            for sense, tokens in (("picture", picture), ("sound", sound))
        )
        x = torch.cat([self.asked.expand(len(seen), 1, -1), seen, heard], dim=1)
        sizes = [(SKILLS.index(NEW), 1), (experts[0], seen.shape[1]), (experts[1], heard.shape[1])]
        return self.head(self.encode(x, torch.cat([torch.full((size,), number) for number, size in sizes]))[:, 0])


@cache
def older(seed: int) -> Composed:
    """After the first stage."""
    torch.manual_seed(seed)
    model, (tokens, answers), at = Composed(), record("train"), batches(joined_senses.COUNTS["train"], BATCH, seed)
    asked = [(sense, kind) for sense in OLDER for kind in ("colour", "size")]

    def loss(step: int) -> Tensor:
        (sense, kind), now = asked[step % len(asked)], at(step // 2)
        return cross_entropy(model.answer(sense, kind, tokens[sense][now]), answers[kind][now])

    learn(model.parameters(), loss, STEPS, RATE)
    return model.requires_grad_(False)


@cache
def grown(way: str, seed: int, count: int = FEW) -> Composed:
    """After the second stage. Older experts, and all that is not new, stay as they are; they, or all, have learned
    nothing before; or all is tuned. "exchanged" sends pictures through the expert of sounds, and sounds through that of
    pictures. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model = Composed() if way in ("fresh ones, frozen", "from scratch") else deepcopy(older(seed))
    model.requires_grad_(way in ("older help, all tuned", "from scratch"))
    for part in (model.head, *(block.experts.each[SKILLS.index(NEW)] for block in model.encoder.blocks)):
        part.requires_grad_(True)
    model.asked.requires_grad_(True)
    (tokens, answers), at = record("train"), batches(count, BATCH, seed)
    experts = (1, 0) if way == "exchanged" else (0, 1)

    def loss(step: int) -> Tensor:
        now = at(step)
        sounds = torch.cat([now, others(answers["colour"][now], now)])
        logits = model.match(tokens["picture"][now.repeat(2)], tokens["sound"][sounds], experts)
        return cross_entropy(logits, torch.arange(2).flip(0).repeat_interleave(BATCH))

    learn(model.parameters(), loss, LATER, RATE)
    return model.eval().requires_grad_(False)


def others(colours: Int[Tensor, " n"], rows: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """For each row the next one of a thing of another colour, which so has another sound; the same if there is none."""
    n = len(rows)
    after = (torch.arange(n)[:, None] + torch.arange(n)) % n  # (row, so many places on)
    return rows[after[torch.arange(n), (colours[after] != colours[:, None]).int().argmax(1)]]


def matched(seed: int, way: str, count: int = FEW, another: bool = False) -> Scores:
    """Two items a held-out scene: its own sound is told to be its own, another thing's not. As a control, what was said
    beside `another` picture, of both sounds as one score, is held against the truth."""
    model, (tokens, answers) = grown(way, seed, count), record(joined_senses.EXAM)
    n = len(answers["colour"])
    experts = (1, 0) if way == "exchanged" else (0, 1)
    pictures = tokens["picture"].roll(int(another), 0)
    wrong = others(answers["colour"], torch.arange(n))
    own, other = (model.match(pictures, tokens["sound"][rows], experts).argmax(1) for rows in (torch.arange(n), wrong))
    return Scores(torch.cat([own == 1, other == 0]).float().tolist(), 2 * list(range(n)))
