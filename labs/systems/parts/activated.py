"""Activation tokens that switch encoders on, as in Audio-Visual LLM (Shu et al., 2023,
https://arxiv.org/abs/2312.06720): silent clips, sounds alone and full clips are learned from together.

    full      <see> frame ... frame <hear> sound ... sound
    silent    <see> frame ... frame
    dark                            <hear> sound ... sound

Where a sense is off, neither its token nor anything that its encoder makes is looked at.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import sound_films
from labs.systems.parts.film_questions import right, truths
from labs.systems.parts.film_reader import WIDTH, Reader, teach
from labs.systems.parts.sound_films import HEARD, SEEN, SLOTS, STATIC, frames, sounds

STEPS = 300
CLIPS = {"full": (True, True), "silent": (True, False), "dark": (False, True)}  # is there sight, is there sound?


def switches(clip: str, count: int) -> Bool[Tensor, "n senses"]:
    """The same clip so many times; raises KeyError for one that is none of `CLIPS`."""
    return torch.tensor(CLIPS[clip]).expand(count, -1)


def mixed(count: int, generator: torch.Generator) -> Bool[Tensor, "n senses"]:
    """Clips of all three sorts, each as likely as the others."""
    return torch.tensor(list(CLIPS.values()))[torch.randint(len(CLIPS), (count,), generator=generator)]


class Activated(nn.Module):
    """Reads what is on; with `tokens` off, nothing says which senses these are but what they bring."""

    def __init__(self, kinds: tuple[str, ...], tokens: bool = True):
        super().__init__()
        self.enter = nn.ModuleList(nn.Linear(size, WIDTH) for size in (SEEN, HEARD))
        self.when = nn.Parameter(0.5 * torch.randn(SLOTS, WIDTH))
        self.activation = nn.Parameter(0.5 * torch.randn(2, WIDTH)) if tokens else None
        self.reader = Reader(kinds)

    def tokens(
        self, seen: Float[Tensor, "n frames 128"], heard: Float[Tensor, "n frames 64"], on: Bool[Tensor, "n senses"]
    ) -> tuple[Float[Tensor, "n tokens 64"], Bool[Tensor, "n tokens"]]:
        """What the reader is given, and which of it is absent; an encoder that is off gives zeros."""
        found, absent = [], []
        for at, given in enumerate((seen, heard)):
            here = on[:, at, None, None]
            made = self.enter[at](torch.where(here, given, 0.0)) + self.when
            if self.activation is not None:
                made = torch.cat([self.activation[at].expand(len(given), 1, -1), made], dim=1)
            found.append(torch.where(here, made, 0.0))
            absent.append(~on[:, at, None].expand(-1, made.shape[1]))
        return torch.cat(found, dim=1), torch.cat(absent, dim=1)

    def forward(self, seen: Tensor, heard: Tensor, on: Tensor) -> dict[str, Tensor]:
        """Logits for each kind of question."""
        return self.reader(*self.tokens(seen, heard, on))


@cache
def taught(seed: int, clips: str, tokens: bool = True) -> Activated:
    """The network that has learned from one sort of clips alone, or from "all" of them; of each as many steps."""
    torch.manual_seed(seed)
    network, generator = Activated(STATIC, tokens), torch.Generator().manual_seed(seed)
    seen, heard = frames("train")[:, :, 0], sounds("train")

    def told(now: Tensor, step: int) -> dict[str, Tensor]:
        on = mixed(len(now), generator) if clips == "all" else switches(clips, len(now))
        return network(seen[now], heard[now], on)

    return teach(network, told, truths(STATIC), STEPS, seed)


def tells(
    seed: int, clips: str, tokens: bool = True, met: Sequence[str] = ("full",), asked: Sequence[str] = STATIC,
    another: bool = False,
) -> Scores:  # fmt: skip
    """Right answers about each film, `met` as these sorts of clip. Who learned from "each" has a network for each."""
    seen, heard, values, scenes = frames(sound_films.EXAM)[:, :, 0], sounds(sound_films.EXAM), [], []
    for clip in met:
        network = taught(seed, clip if clips == "each" else clips, tokens)
        found = right(network(seen, heard, switches(clip, len(seen))), asked, int(another))
        values, scenes = [*values, *found.values], [*scenes, *found.scenes]
    return Scores(values, scenes)
