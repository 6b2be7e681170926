"""A language model in the midst of which stand pictures, a few visual tokens each, and which attends in one of three
ways; and the pictures that it talks about: scenes as the frozen eyes see them, cell by cell.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.connectors.mmca import multimodal_causal
from labs.systems.parts import eyes
from labs.systems.parts.connected import Connector
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.lookout import look
from labs.systems.parts.regions import cells
from labs.systems.parts.talk import answer_loss, lay_out, told_rightly
from labs.systems.parts.talker import talker
from labs.tuning.packing import Batch, Row
from labs.world.scene import Scene

ATTENTION = ("MMCA", "MMCA as released", "causal")
SCENES, THINGS = {"train": 2048, "heldout": 300}, (1, 1, 2)  # as many things as in pages that the model has read
CELLS = 9  # visual tokens for a picture


def scenes(split: str) -> tuple[Scene, ...]:
    """All that dialogues of that split are about."""
    return eyes.fresh(split, SCENES[split], THINGS)


@cache
def seen(split: str) -> Float[Tensor, "scenes cells 128"]:
    """What the eyes make of them: for each of 3 x 3 cells the mean of its four patches."""
    return cells(look(scenes(split)))


class VisualChat(nn.Module):
    """Frozen eyes, a connector, and a language model that attends in one of three ways."""

    def __init__(self, attention: str, seed: int):
        super().__init__()
        if attention not in ATTENTION:
            raise ValueError(f"attention must be one of {', '.join(ATTENTION)}, not {attention!r}")
        self.attention, self.language = attention, talker()
        words = self.language.get_input_embeddings()
        self.language.set_input_embeddings(deepcopy(words).requires_grad_())  # the head keeps its own, frozen
        torch.manual_seed(seed)
        self.connector = Connector("MLP", words.embedding_dim)
        self.connector.as_loud_as(words.weight, seen("train")[:100])

    def parameters_to_learn(self, tuned: bool = False) -> list[nn.Parameter]:
        """Those of the connector and the embeddings of words read; `tuned`, those of the attention as well."""
        parts = [self.connector, self.language.get_input_embeddings()]
        if tuned:
            parts += [layer.self_attn.requires_grad_() for layer in self.language.model.layers]
        return [parameter for part in parts for parameter in part.parameters()]

    def attending(self, batch: Batch) -> AbstractContextManager:
        """Within it the language model attends as it should to such rows."""
        if self.attention == "causal":
            return nullcontext()
        return multimodal_causal(self.language, batch.input_ids == MASK, back=self.attention == "MMCA as released")

    def loss(self, seen: Float[Tensor, "pictures cells 128"], rows: Sequence[Row]) -> Float[Tensor, ""]:
        """Cross-entropy of the answers; the pictures in the order in which they come, row after row."""
        batch = lay_out(rows)
        with self.attending(batch):
            return answer_loss(self.language, batch, self.connector(seen))

    @torch.no_grad()
    def right(self, seen: Float[Tensor, "pictures cells 128"], rows: Sequence[Row]) -> Bool[Tensor, " answers"]:
        """Whether each answer is told rightly."""
        batch = lay_out(rows)
        with self.attending(batch):
            return told_rightly(self.language, batch, self.connector(seen))
