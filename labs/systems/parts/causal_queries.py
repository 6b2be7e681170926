"""Sound and sight fused frame by frame before any query looks, as in FAVOR (Sun et al., 2023,
https://arxiv.org/abs/2310.05863).

    fused    frame: (what is seen, what is heard) --one token--> each looks at itself and those before --Q-Former--> 8
    apart    frames seen  --one token each-----> each looks at itself and those before --Q-Former--> 4 \\ side by side
             frames heard --one token each-----> the same, of its own -----------------Q-Former--> 4 /

Both hand eight tokens to the same reader.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.models.connectors.qformer import QFormer
from labs.systems.claim import Scores
from labs.systems.parts import sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import HEADS, WIDTH, Reader, teach
from labs.systems.parts.sound_films import HEARD, SEEN, SLOTS, frames, sounds

KINDS, STEPS = ("place", "way"), 300
QUERIES = 8  # tokens that the reader is given
WAYS = ("fused", "fused, not causal", "apart")


class CausalQueries(nn.Module):
    """Numbers of each frame -> `queries` tokens of the film."""

    def __init__(self, size: int, queries: int, causal: bool = True):
        super().__init__()
        self.enter, self.when = nn.Linear(size, WIDTH), nn.Parameter(0.5 * torch.randn(SLOTS, WIDTH))
        self.over_time = nn.TransformerEncoderLayer(
            WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
        )
        later = torch.ones(SLOTS, SLOTS, dtype=torch.bool).triu(1)
        self.register_buffer("unseen", later if causal else torch.zeros_like(later))
        self.queries = QFormer(WIDTH, WIDTH, queries)

    def frames(self, given: Float[Tensor, "n frames size"]) -> Float[Tensor, "n frames 64"]:
        """Each frame in the light of those before it."""
        return self.over_time(self.enter(given) + self.when, src_mask=self.unseen)

    def forward(self, given: Float[Tensor, "n frames size"]) -> Float[Tensor, "n queries 64"]:
        """The tokens of films."""
        return self.queries(self.frames(given))


class HeardAndSeen(nn.Module):
    """One Q-Former for both senses, or one for each; raises ValueError for a way that is none of `WAYS`."""

    def __init__(self, way: str, kinds: tuple[str, ...]):
        super().__init__()
        if way not in WAYS:
            raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
        if way == "apart":
            self.branches = nn.ModuleList(CausalQueries(size, QUERIES // 2) for size in (SEEN, HEARD))
        else:
            self.branches = nn.ModuleList([CausalQueries(SEEN + HEARD, QUERIES, way == "fused")])
        self.reader = Reader(kinds)

    def forward(self, seen: Float[Tensor, "n frames 128"], heard: Float[Tensor, "n frames 64"]) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        given = [seen, heard] if len(self.branches) == 2 else [torch.cat([seen, heard], dim=2)]
        tokens = [branch(one) for branch, one in zip(self.branches, given, strict=True)]
        return self.reader(torch.cat(tokens, dim=1))


@cache
def taught(seed: int, way: str) -> HeardAndSeen:
    """The network that has learned where things were when they were heard, and which way they went."""
    torch.manual_seed(seed)
    network, seen, heard = HeardAndSeen(way, KINDS), frames("train")[:, :, 0], sounds("train")
    return teach(network, lambda now, step: network(seen[now], heard[now]), truths(KINDS), STEPS, seed)


def places(seed: int, way: str, another: bool = False) -> Scores:
    """Where each thing was when it was heard, from its film and its sound, or from that of `another` film."""
    seen, heard = frames(sound_films.EXAM)[:, :, 0], sounds(sound_films.EXAM).roll(int(another), 0)
    return right(taught(seed, way)(seen, heard), ("place",))
