"""Notes of a picture and words, embedded so that the picture is not neglected, as in NoteLLM-2 (Zhang et al., 2024).

    one token     [9 regions] [words] <note>                 contrast of <note>
    two prompts   [9 regions] <picture> [words] <note>       contrast of <picture>, which met no words, and of <note>
    late fusion   a gate mixes the picture, as the frozen eyes describe it, into each of the vectors

Related notes show the same thing and have words in common. Among a batch the words alone tell related notes, so that
nobody has to look; in the exam all candidates have the same words.
"""

from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.claim import Scores
from labs.systems.parts.collages import SEEN, collage, different
from labs.systems.parts.embedder import contrast
from labs.systems.parts.learn import learn
from labs.systems.parts.transformer_blocks import WIDTH, Block

VOCABULARY, TOPIC, LONG = 48, 5, 4  # words; words of a topic; words of a note, drawn from its topic
CANDIDATES, EXAM = 8, 200
STEPS, BATCH, RATE = 300, 48, 2e-3
WAYS = ("one token", "two prompts", "late fusion", "two prompts, late fusion", "picture alone")


class Notes(NamedTuple):
    """What a note shows and says."""

    picture: Float[Tensor, "n 9 132"]
    words: Int[Tensor, "n 4"]


def notes(split: str, things: Int[Tensor, " n"], topics: Int[Tensor, "n 5"], draw: torch.Generator) -> Notes:
    """Notes that show these things beside another one and say some words of these topics in any order."""
    other = different(split, len(things), 2, draw)
    other = torch.where(other[:, 0] == things, other[:, 1], other[:, 0])
    said = topics.gather(1, torch.rand(topics.shape, generator=draw).argsort(1)[:, :LONG])
    return Notes(collage(split, torch.stack([things, other], dim=1), draw)[0], said)


def topics(n: int, draw: torch.Generator) -> Int[Tensor, "n 5"]:
    """Different words for each."""
    return torch.rand(n, VOCABULARY, generator=draw).argsort(1)[:, :TOPIC]


class NoteEmbedder(nn.Module):
    """A small causal language model behind frozen eyes, which compresses a note into one token or into two."""

    def __init__(self, way: str):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        self.prompts, self.fuses, self.reads = "two" in way, "fusion" in way, way != "picture alone"
        self.connect, self.eyes, self.read = (
            nn.Linear(SEEN, WIDTH),
            nn.Linear(SEEN, WIDTH),
            nn.Embedding(VOCABULARY, WIDTH),
        )
        self.compress = nn.Parameter(0.5 * torch.randn(2, WIDTH))  # <picture>, <note>
        self.places = nn.Parameter(0.5 * torch.randn(9 + LONG + 2, WIDTH))
        self.blocks, self.gate = nn.ModuleList(Block() for _ in range(2)), nn.Linear(2 * WIDTH, WIDTH)
        self.out, self.norm, self.calm = nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, note: Notes) -> list[Float[Tensor, "n width"]]:
        """The vectors that learn, that of the whole note last."""
        n = len(note.picture)
        picture, whole = (token.expand(n, 1, -1) for token in self.compress)
        said = self.read(note.words) if self.reads else note.picture.new_zeros(n, 0, WIDTH)
        row = torch.cat([self.connect(note.picture), picture, said, whole], dim=1)
        row = row + self.places[: row.shape[1]]
        causal = torch.ones(row.shape[1], row.shape[1], dtype=torch.bool).tril()
        causal[:, 9] &= torch.tensor(self.prompts)  # without a prompt of its own nothing is read off the picture
        causal[9, 9] = True
        for block in self.blocks:
            row = block(row, causal.expand(n, -1, -1))
        row = self.norm(row)
        states = [row[:, 9], row[:, -1]] if self.prompts else [row[:, -1]]
        return [normalize(self.out(self.fuse(state, note.picture)), dim=-1) for state in states]

    def fuse(self, state: Float[Tensor, "n width"], picture: Float[Tensor, "n 9 132"]) -> Float[Tensor, "n width"]:
        """The gated sum of a state and of the picture as it came from the eyes."""
        if not self.fuses:
            return state
        seen = self.calm(self.eyes(picture).relu().amax(1))
        share = self.gate(torch.cat([state, seen], dim=-1)).sigmoid()
        return share * seen + (1 - share) * state


@cache
def taught(seed: int, way: str) -> NoteEmbedder:
    """The embedder that has learned which notes of a batch are related."""
    torch.manual_seed(seed)
    network, draw = NoteEmbedder(way), torch.Generator().manual_seed(seed)

    def loss_at(step: int) -> Tensor:
        things, about = different("train", BATCH, 1, draw)[:, 0], topics(BATCH, draw)
        sides = [network(notes("train", things, about, draw)) for _ in range(2)]
        pairs = zip(*sides, strict=True)
        return torch.stack([contrast(one @ other.T, torch.eye(BATCH)) for one, other in pairs]).mean()

    learn(network.parameters(), loss_at, STEPS, RATE)
    return network.eval().requires_grad_(False)


def finds(seed: int, way: str, another: bool = False, split: str = "exam") -> Scores:
    """Whether the related one of eight notes with the same words comes first; by `another` picture perhaps."""
    draw, network = torch.Generator().manual_seed(1000), taught(seed, way)
    things, about = different(split, EXAM, CANDIDATES, draw), topics(EXAM, draw)
    asking = notes(split, things[:, 0], about, draw)
    if another:
        asking = asking._replace(picture=asking.picture.roll(1, 0))
    known = notes(split, things.flatten(), about.repeat_interleave(CANDIDATES, 0), draw)
    near = torch.einsum("nw,ncw->nc", network(asking)[-1], network(known)[-1].unflatten(0, (EXAM, CANDIDATES)))
    return Scores((near.argmax(1) == 0).float().tolist(), list(range(EXAM)))
