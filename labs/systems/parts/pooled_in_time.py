"""One encoding for pictures and films, as in Valley (Luo et al., 2023, https://arxiv.org/abs/2306.07207).

    8 frames x (whole + 9 regions) --mean over time--> 9 regions          what is there, and where on the whole
                                   --whole of each---> 8 frames           what changes from frame to frame
    a picture is a film of one frame: 9 regions, themselves, and 1 frame

Rivals: either half alone, and all regions of all frames, four times as many tokens.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import film_questions, sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import WIDTH, Reader, teach
from labs.systems.parts.sound_films import CELLS, SEEN, SLOTS, frames

KINDS, STEPS = ("colour", "shape", "way"), 250
WAYS = ("mean and frames", "mean", "frames", "all regions")


def pool(seen: Float[Tensor, "n frames 10 128"], way: str) -> Float[Tensor, "n tokens 128"]:
    """The tokens of films, or of pictures, which have one frame. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    mean, each = seen[:, :, 1:].mean(1), seen[:, :, 0]
    tokens = {"mean and frames": torch.cat([mean, each], dim=1), "mean": mean, "frames": each}
    return tokens.get(way, seen[:, :, 1:].flatten(1, 2))


class Pooled(nn.Module):
    """A reader of pooled tokens; where a region lies and which frame a token is of are learned positions."""

    def __init__(self, way: str, kinds: tuple[str, ...]):
        super().__init__()
        self.way = way
        self.enter, self.reader = nn.Linear(SEEN, WIDTH), Reader(kinds)
        self.where, self.when = (nn.Parameter(0.5 * torch.randn(count, WIDTH)) for count in (CELLS, SLOTS))

    def forward(self, seen: Float[Tensor, "n frames 10 128"]) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        when = self.when[: seen.shape[1]]
        places = {
            "mean and frames": torch.cat([self.where, when]), "mean": self.where, "frames": when,
            "all regions": (self.where + when[:, None]).flatten(0, 1),
        }  # fmt: skip
        return self.reader(self.enter(pool(seen, self.way)) + places[self.way])


@cache
def taught(seed: int, way: str) -> Pooled:
    """The reader that has learned from films so pooled."""
    torch.manual_seed(seed)
    network, seen = Pooled(way, KINDS), frames("train")
    return teach(network, lambda now, step: network(seen[now]), truths(KINDS), STEPS, seed)


def tells(seed: int, way: str, asked: tuple[str, ...] = KINDS, shuffled: bool = False, another: bool = False) -> Scores:
    """Right answers about films, the frames of which may be `shuffled`, or about `another` one."""
    seen = frames(sound_films.EXAM)
    told = taught(seed, way)(film_questions.shuffled(seen, seed) if shuffled else seen)
    return right(told, asked, int(another))
