"""The two branches of Video-LLaMA, each a Q-Former and a linear layer behind what is frozen, and how they are read.

    frames --eyes--> patches + position of their frame --Q-Former over all frames, linear--> 16 words
    sound --ears, bound to pictures--> one vector -------------------Q-Former, linear-------> 8 words
    picture --eyes--> one vector of the same space, from which the audio branch learns

Words stand for what is seen and heard, and the language model reads them before the question.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.parts.connected import Connector
from labs.systems.parts.films import SLOTS, WATCHED
from labs.systems.parts.lookout import WIDTH
from labs.systems.parts.shown import rows
from labs.systems.parts.talk import answer_logits, write
from labs.systems.parts.talker import SIZES, talker
from labs.tuning.packing import Branch

WORDS = SIZES["strong"][0]  # their width
QUERIES, HEARD = 16, 8  # words that the language model gets for a film, and for a sound
SPREAD = 1.0  # of the positions of frames at first, where features of patches have a spread of 1


class VideoBranch(nn.Module):
    """Where each frame belongs in time is learned and added to its patches; without, a film is a heap of patches."""

    def __init__(self, frames: int, positions: bool = True):
        super().__init__()
        if frames not in WATCHED:
            raise ValueError(f"frames must be one of {', '.join(map(str, WATCHED))}, not {frames}")
        self.slots = list(WATCHED[frames])
        start = SPREAD * torch.randn(SLOTS, WIDTH) if positions else torch.zeros(SLOTS, WIDTH)
        self.when = nn.Parameter(start, requires_grad=positions)
        self.connector = Connector("Q-Former", WORDS, QUERIES)

    def forward(self, watched: Float[Tensor, "films frames patches 128"]) -> Float[Tensor, "films tokens width"]:
        return self.connector(self.placed(watched))

    def placed(self, watched: Float[Tensor, "films frames patches 128"]) -> Float[Tensor, "films all_patches 128"]:
        """The patches of all frames, each with the position of its frame."""
        return (watched + self.when[self.slots][:, None]).flatten(1, 2)


class AudioBranch(nn.Module):
    """Vectors of the space that all senses share -> words; `usual` ones are brought to mean 0 and variance 1."""

    def __init__(self, usual: Float[Tensor, "vectors 128"]):
        super().__init__()
        self.register_buffer("mean", usual.mean(0))
        self.register_buffer("spread", usual.std(0))
        self.connector = Connector("Q-Former", WORDS, HEARD)

    def forward(self, vectors: Float[Tensor, "sounds 128"]) -> Float[Tensor, "sounds tokens width"]:
        return self.connector(self.placed(vectors))

    def placed(self, vectors: Float[Tensor, "sounds 128"]) -> Float[Tensor, "sounds 1 128"]:
        """One vector each: a second of sound has no parts here that a position could tell apart."""
        return ((vectors - self.mean) / self.spread)[:, None]


@cache
def language() -> nn.Module:
    """The frozen language model."""
    return talker()


def loudness(branch: VideoBranch | AudioBranch, sample: Float[Tensor, "sample ..."]) -> None:
    """Let what a new branch makes of a sample come in as large as words."""
    branch.connector.as_loud_as(language().get_input_embeddings().weight, branch.placed(sample).detach())


# ---------------------------------------------------------------------------------------------------------------
# Reading: words of either branch, or of both one after the other, stand before what is asked


@torch.no_grad()
def choose(
    words: Float[Tensor, "shown tokens width"], pairs: Sequence[Sequence[Branch]], options: Sequence[Sequence[str]]
) -> Int[Tensor, " pairs"]:
    """Which of a film's `options`, single words, is the likeliest answer to each pair, one film after another."""
    batch = rows(words.shape[1], pairs)
    logits = answer_logits(language(), batch, words)[::2]  # of the word; every second one is of the end behind it
    if len(logits) != sum(map(len, pairs)):
        raise ValueError("every answer must be one word")
    known = [[write(option)[0] for option in some] for some, asked in zip(options, pairs, strict=True) for _ in asked]
    return logits.gather(1, torch.tensor(known)).argmax(1)
