"""A small reader of films: questions look at tokens, whatever these are, and each is answered by one of its words.

    tokens of a film --position, linear--> 64 wide --one layer, all look at all--> keys
    questions, one vector each  --two layers of looking at them-->  logits over the answers to each

It stands in the place of a language model, which takes the same tokens; so that an arm learns in seconds.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sound_films import ANSWERS

WIDTH, HEADS, LAYERS = 64, 4, 2
BATCH, RATE = 64, 1e-3


class Reader(nn.Module):
    """Tokens, 64 wide -> logits for each kind of question."""

    def __init__(self, kinds: Sequence[str]):
        super().__init__()
        self.questions = nn.ParameterDict({kind: nn.Parameter(0.5 * torch.randn(WIDTH)) for kind in kinds})
        layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.look = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(WIDTH))
        self.heads = nn.ModuleDict({kind: nn.Linear(WIDTH, len(ANSWERS[kind])) for kind in kinds})

    def forward(self, tokens: Float[Tensor, "n tokens 64"], absent: Tensor | None = None) -> dict[str, Tensor]:
        """(n, answers) a kind. Tokens that are `absent`, (n, tokens), are not looked at."""
        asked = torch.stack(list(self.questions.values())).expand(len(tokens), -1, -1)
        apart = torch.eye(asked.shape[1], dtype=torch.bool).logical_not()  # no question hears of another
        found = self.look(asked, tokens, apart, memory_key_padding_mask=absent)
        return {kind: self.heads[kind](found[:, at]) for at, kind in enumerate(self.questions)}


def loss(told: dict[str, Tensor], truth: dict[str, Int[Tensor, " films"]], now: Tensor) -> Float[Tensor, ""]:
    """The mean over the kinds of question."""
    return torch.stack([cross_entropy(logits, truth[kind][now]) for kind, logits in told.items()]).mean()


def teach(
    network: nn.Module, told: Callable[[Tensor, int], dict[str, Tensor]], truth: dict[str, Tensor], steps: int,
    seed: int, rate: float = RATE, batch: int | Callable[[int], int] = BATCH,
) -> nn.Module:  # fmt: skip
    """The network after its lessons, frozen. `told` answers about films, (films,), at a step; `truth` is of all films.

    `batch` may depend on the step.
    """
    size = batch if callable(batch) else lambda step: batch
    order = batches(len(next(iter(truth.values()))), max(map(size, range(steps))), seed)

    def loss_at(step: int) -> Tensor:
        now = order(step)[: size(step)]
        return loss(told(now, step), truth, now)

    learn(network.parameters(), loss_at, steps, rate)
    return network.eval().requires_grad_(False)
