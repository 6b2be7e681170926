"""Eyes, connector and language model put together; what is trained of them, and how."""

from collections.abc import Iterable, Sequence
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from labs.models.connectors.projectors import linear, mlp
from labs.models.connectors.qformer import QFormer
from labs.models.connectors.resampler import Resampler
from labs.systems.claim import Scores
from labs.systems.parts import shown
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lookout import PATCHES, WIDTH, Material, material
from labs.systems.parts.shipped import fill
from labs.systems.parts.talker import talker
from labs.tuning.packing import Branch

STEPS, BATCH, RATE = 600, 16, 3e-3  # scenes a step, with up to eight pairs each
CONNECTORS = ("linear", "MLP", "resampler", "Q-Former")
FILE = "03_1/q_former.safetensors"  # in data/finished, made by scripts/keep_systems.py


class Connector(nn.Module):
    """What the eyes see, 36 patches, as `tokens` words of the language model; projections keep all 36."""

    def __init__(self, kind: str, width: int, tokens: int = 16):
        super().__init__()
        if kind not in CONNECTORS:
            raise ValueError(f"kind must be one of {', '.join(CONNECTORS)}, not {kind!r}")
        self.tokens = PATCHES if kind in ("linear", "MLP") else tokens
        self.inner = {
            "linear": lambda: nn.Sequential(linear(WIDTH, width)),
            "MLP": lambda: mlp(WIDTH, width),
            "resampler": lambda: nn.Sequential(Resampler(WIDTH, tokens), nn.Linear(WIDTH, width)),
            "Q-Former": lambda: nn.Sequential(QFormer(width, WIDTH, tokens), nn.Linear(width, width)),
        }[kind]()

    def forward(self, seen: Float[Tensor, "scenes patches 128"]) -> Float[Tensor, "scenes tokens width"]:
        return self.inner(seen)

    @torch.no_grad()
    def as_loud_as(self, words: Float[Tensor, "vocabulary width"], seen: Float[Tensor, "scenes patches 128"]) -> None:
        """Scale the last layer so that what is seen comes in as large as words: much larger, and words drown."""
        factor = words.std() / self(seen).std()
        for parameter in self.inner[-1].parameters():
            parameter.mul_(factor)


class Connected(nn.Module):
    """A multimodal large language model, small: what frozen eyes saw, a connector, a language model behind it.

    A connector makes `tokens` words of the patches of a scene, whatever stands in each: features, or raw pixels.
    """

    def __init__(self, language: LlamaForCausalLM, connector: nn.Module):
        super().__init__()
        self.language, self.connector = language, connector

    def loss(self, seen: Float[Tensor, "scenes patches seen"], pairs: Sequence[Sequence[Branch]]) -> Float[Tensor, ""]:
        """Cross-entropy of all answers."""
        return shown.loss(self.language, self.connector(seen), pairs)

    @torch.no_grad()
    def right(
        self, seen: Float[Tensor, "scenes patches seen"], pairs: Sequence[Sequence[Branch]]
    ) -> Bool[Tensor, " pairs"]:
        """Whether each answer is told rightly, scene after scene."""
        return shown.right(self.language, self.connector(seen), pairs)


def build(kind: str, tokens: int = 16, seed: int = 0, size: str = "strong") -> Connected:
    """A new connector between the frozen eyes and the frozen language model of that size."""
    language = talker(size)
    torch.manual_seed(seed)
    connector = Connector(kind, language.config.hidden_size, tokens)
    connector.as_loud_as(language.get_input_embeddings().weight, material("train").seen[:100])
    return Connected(language, connector)


def train(
    model: Connected, parameters: Iterable[nn.Parameter], given: Material, pairs: Sequence[Sequence[Branch]],
    steps: int, seed: int, blind: bool = False, rate: float = RATE,
) -> None:  # fmt: skip
    """Learn `parameters` from the pairs about each scene; `blind` shows another scene's picture each time."""
    at, met = (batches(len(given.scenes), BATCH, seed + 1000 * other) for other in (0, 1))

    def loss(step: int) -> Tensor:
        chosen = at(step)
        return model.loss(given.seen[met(step) if blind else chosen], [pairs[i] for i in chosen.tolist()])

    learn(parameters, loss, steps, rate)


@cache
def connected(kind: str, tokens: int, seed: int, blind: bool = False) -> Connected:
    """One connector alone, trained on questions and descriptions; all else is frozen."""
    model, given = build(kind, tokens, seed), material("train")
    train(model, model.connector.parameters(), given, given.lessons(), STEPS, seed, blind)
    return model.requires_grad_(False)


def shipped() -> Connected:
    """The best of the connectors measured, trained with seed 0: so no notebook has to wait for it."""
    language = talker()
    connector = Connector("Q-Former", language.config.hidden_size)
    fill(FILE, {"connector": connector})
    return Connected(language, connector)


def answer(kind: str, tokens: int, seed: int, blind: bool = False) -> Scores:
    """1 where that one answers a held-out question rightly."""
    return answers(connected(kind, tokens, seed, blind), material("heldout"))


def answers(model: Connected, given: Material, kinds: Sequence[str] = ()) -> Scores:
    """1 where a question about `given` is answered rightly, of one of `kinds` or of any."""
    pairs = [
        [one for one, kind in zip(some, names, strict=True) if not kinds or kind in kinds]
        for some, names in zip(given.pairs, given.kinds, strict=True)
    ]
    asked = torch.tensor([number for number, some in enumerate(pairs) if some])
    right = model.right(given.seen[asked], [some for some in pairs if some])
    return Scores(right.float().tolist(), [number for number, some in enumerate(pairs) for _ in some])
