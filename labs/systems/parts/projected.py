"""One vector a scene, made into a few words of a frozen language model by one linear layer, as in PandaGPT (Su et al.,
2023, https://arxiv.org/abs/2305.16355).

    what is perceived --tower--> vector --one matrix--> 4 visual tokens | question -> answer

The tower is nothing where vectors come ready from a frozen encoder; else it learns together with the matrix.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import shown
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.talker import talker
from labs.tuning.packing import Branch

TOKENS, BATCH, RATE = 4, 32, 3e-3  # words that a vector becomes; scenes a step


class Projected(nn.Module):
    """A frozen language model that is told what is perceived: scenes ... -> `width` -> `TOKENS` words."""

    def __init__(self, tower: nn.Module, width: int):
        super().__init__()
        self.language = talker()
        self.tower = tower
        self.projection = nn.Linear(width, TOKENS * self.language.config.hidden_size)

    def words(self, perceived: Float[Tensor, "scenes ..."]) -> Float[Tensor, "scenes tokens width"]:
        """What the language model reads in the place of a scene's words."""
        return self.projection(self.tower(perceived)).unflatten(1, (TOKENS, -1))

    def loss(self, perceived: Float[Tensor, "scenes ..."], pairs: Sequence[Sequence[Branch]]) -> Float[Tensor, ""]:
        """Cross-entropy of all answers."""
        return shown.loss(self.language, self.words(perceived), pairs)

    @torch.no_grad()
    def right(self, perceived: Float[Tensor, "scenes ..."], pairs: Sequence[Sequence[Branch]]) -> Bool[Tensor, " n"]:
        """Whether each answer is told rightly, scene after scene."""
        return shown.right(self.language, self.words(perceived), pairs)

    @torch.no_grad()
    def as_loud_as_words(self, perceived: Float[Tensor, "scenes ..."]) -> None:
        """Scale the projection so that what is perceived comes in as large as words: much larger, and words drown."""
        factor = self.language.get_input_embeddings().weight.std() / self.words(perceived).std()
        for parameter in self.projection.parameters():
            parameter.mul_(factor)


def build(seed: int, sample: Float[Tensor, "scenes ..."], tower: type[nn.Module] = nn.Identity) -> Projected:
    """A new projection, behind a new `tower`; `sample` are a few scenes as it will perceive them.

    The projection begins with the same numbers whatever the seed, which chooses the tower's and the order of scenes.
    """
    torch.manual_seed(seed)
    made = tower()
    with torch.no_grad():
        width = made(sample).shape[1]
    model = Projected(made, width)
    model.as_loud_as_words(sample)
    return model


def train(
    model: Projected, perceived: Float[Tensor, "scenes ..."], pairs: Sequence[Sequence[Branch]], steps: int, seed: int
) -> None:
    """Learn tower and projection from pairs about each scene; the language model is frozen."""
    at = batches(len(pairs), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        return model.loss(perceived[chosen], [pairs[i] for i in chosen.tolist()])

    learn(model.parameters(), loss, steps, RATE)


def answers(
    model: Projected, perceived: Float[Tensor, "scenes ..."], pairs: Sequence[Sequence[Branch]],
    shifts: Sequence[int] = (0,),
) -> Scores:  # fmt: skip
    """1 where a question is answered rightly. With `shifts`, each is asked beside what is perceived of scenes so many
    places on, and counts the share of right answers: several others, for the luck of one would weigh."""
    right = [model.right(perceived.roll(-shift, 0), pairs).float() for shift in shifts]
    return Scores(torch.stack(right).mean(0).tolist(), [number for number, some in enumerate(pairs) for _ in some])
