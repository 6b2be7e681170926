"""A small teller: what it learned from few examples of one sense it tells of others, and how sure it is of a word.

It stands in the place of the captioner that a data engine asks, so that the engine's mistakes are those of a model.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.parts.learn import learn
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

STEPS, RATE = 150, 1e-2


class Teller(NamedTuple):
    """One linear layer, for eight colours and then eight shapes."""

    head: nn.Linear

    @torch.no_grad()
    def chances(self, inputs: Float[Tensor, "*n size"]) -> Float[Tensor, "*n 2 8"]:
        """How likely it holds each colour and each shape to be."""
        return self.head(inputs).unflatten(-1, (2, len(SHAPES))).softmax(-1)

    def best(self, inputs: Float[Tensor, "*n size"]) -> Int[Tensor, "*n 2"]:
        """The likeliest colour and shape."""
        return self.chances(inputs).argmax(-1)

    def draw(self, inputs: Float[Tensor, "n size"], generator: torch.Generator) -> Int[Tensor, "n 2"]:
        """A colour and a shape as a language model writes them: drawn."""
        drawn = torch.multinomial(self.chances(inputs).flatten(0, 1), 1, generator=generator)
        return drawn.unflatten(0, (-1, 2))[..., 0]


def names(scenes: tuple[Scene, ...]) -> Int[Tensor, "scenes 2"]:
    """Colour and shape of each scene's thing, by number."""
    return torch.tensor([(list(COLOURS).index(s.things[0].colour), SHAPES.index(s.things[0].shape)) for s in scenes])


def taught(inputs: Float[Tensor, "n size"], truth: Int[Tensor, "n 2"], seed: int) -> Teller:
    """After its few examples, all of them at every step."""
    torch.manual_seed(seed)
    head = nn.Linear(inputs.shape[1], 2 * len(SHAPES))

    def loss(step: int) -> Tensor:
        return cross_entropy(head(inputs).unflatten(-1, (2, -1)).flatten(0, 1), truth.flatten())

    learn(head.parameters(), loss, STEPS, RATE)
    return Teller(head.requires_grad_(False))
