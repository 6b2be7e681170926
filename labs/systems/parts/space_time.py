"""A reader of frames that looks over time and over space in turn, for films of any number of frames; one is a picture.

    regions of frames --+ where + when--> the same region in all frames --> all regions of a frame --> questions

Divided attention and films of one frame are those of Frozen in Time (Bain et al., 2021,
https://arxiv.org/abs/2104.00650). Time can be plugged into a reader that has learned from pictures alone.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from labs.models.connectors.attention import Attention
from labs.systems.parts.film_reader import HEADS, WIDTH, Reader
from labs.systems.parts.sound_films import CELLS, SEEN, SLOTS


class SpaceTime(nn.Module):
    """Frames, each as a whole and in regions -> logits for each kind of question."""

    def __init__(self, kinds: Sequence[str]):
        super().__init__()
        self.enter, self.where = nn.Linear(SEEN, WIDTH), nn.Parameter(0.5 * torch.randn(1 + CELLS, WIDTH))
        self.when = nn.Parameter(0.5 * torch.randn(SLOTS, WIDTH))
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(3))
        self.over_time, self.over_space = (Attention(WIDTH, HEADS, bias=True) for _ in range(2))
        self.think = nn.Sequential(nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.reader = Reader(kinds)

    def forward(self, seen: Float[Tensor, "n frames 10 128"]) -> dict[str, Tensor]:
        """(n, answers) a kind."""
        return self.reader(self.tokens(seen).flatten(1, 2))

    def tokens(self, seen: Float[Tensor, "n frames 10 128"]) -> Float[Tensor, "n frames 10 64"]:
        """Every region of every frame after it has looked."""
        x = self.enter(seen) + self.where + self.positions(seen.shape[1])[:, None]
        if seen.shape[1] > 1:  # a picture has nothing to look at over time
            x = x + _look(self.over_time, self.norms[0](x).transpose(1, 2)).transpose(1, 2)
        x = x + _look(self.over_space, self.norms[1](x))
        return x + self.think(self.norms[2](x))

    def positions(self, frames: int) -> Float[Tensor, "frames 64"]:
        """In time, spread evenly over those of eight frames; a picture has the first."""
        return interpolate(self.when.T[None], size=frames, mode="linear", align_corners=True)[0].T

    @torch.no_grad()
    def plug_in_time(self, fresh: "SpaceTime") -> "SpaceTime":
        """`fresh`, with all that this network knows from pictures: time is its own, questions may be others.

        The last matrix of its look over time is zeros, so that with the position of a picture for all frames a film
        that keeps still is at first told as its picture is.
        """
        own = fresh.state_dict()
        known = {name: weight for name, weight in self.state_dict().items()
                 if name in own and not name.startswith(("when", "over_time", "norms.0"))}  # fmt: skip
        fresh.load_state_dict(own | known)
        nn.init.zeros_(fresh.over_time.out.weight)
        nn.init.zeros_(fresh.over_time.out.bias)
        return fresh

    @torch.no_grad()
    def forget_time(self) -> None:
        """From now on all frames have one position, and none looks at another: a heap of pictures, also in lessons."""
        self.when.zero_()
        self.over_time.out.weight.zero_()
        self.over_time.out.bias.zero_()
        for part in (self.when, *self.over_time.parameters()):
            part.requires_grad_(False)


def _look(attention: Attention, x: Float[Tensor, "n a b 64"]) -> Float[Tensor, "n a b 64"]:
    """Along the third axis."""
    flat = x.flatten(0, 1)
    return attention(flat, flat).unflatten(0, x.shape[:2])


def sample(
    seen: Float[Tensor, "n 8 10 128"], frames: int, generator: torch.Generator
) -> Float[Tensor, "n frames 10 128"]:
    """One frame, by chance, of each of so many equal stretches of a film."""
    if SLOTS % frames:
        raise ValueError(f"frames must divide {SLOTS}, not be {frames}")
    stretch = SLOTS // frames
    drawn = torch.randint(stretch, (len(seen), frames), generator=generator)
    return seen[torch.arange(len(seen))[:, None], stretch * torch.arange(frames) + drawn]
