"""Reading beside seeing: texts mixed in while a language model learns to see, and its exam on texts alone."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from labs.systems.claim import Scores
from labs.systems.parts import school, told
from labs.systems.parts.connected import Connected, Connector
from labs.systems.parts.lookout import Material
from labs.systems.parts.shown import AT_ONCE
from labs.systems.parts.talk import answer_loss, lay_out, read, told_rightly
from labs.tuning.packing import Branch, Row

TEXTS = 8  # rows of text a step, beside the pictures


class BesideTexts(Connected):
    """One that goes on with lessons on texts, none of which it has read before, while it learns to see."""

    def __init__(self, language: PreTrainedModel, connector: Connector):
        super().__init__(language, connector)
        self.lessons = school.STEPS["strong"]  # so many lie behind it

    def loss(self, seen: Float[Tensor, "scenes patches 128"], pairs: Sequence[Sequence[Branch]]) -> Float[Tensor, ""]:
        """That of what is asked about pictures, and as much for what is asked about texts."""
        rows = school.lessons(self.lessons, school.STEPS["strong"])[:TEXTS]
        self.lessons += 1
        return super().loss(seen, pairs) + answer_loss(self.language, lay_out(rows))


def read_rightly(language: PreTrainedModel, given: Material) -> Scores:
    """1 where a question about a scene is answered rightly from the scene's text, without any picture."""
    rows = [Row(read(told.tell(scene)), list(some)) for scene, some in zip(given.scenes, given.pairs, strict=True)]
    parts = [lay_out(rows[start : start + AT_ONCE]) for start in range(0, len(rows), AT_ONCE)]
    right = torch.cat([told_rightly(language, part) for part in parts])
    return Scores(right.float().tolist(), [number for number, row in enumerate(rows) for _ in row.branches])
