"""What is shown, already as words for a language model, and what is asked about it: rows, loss and exam.

    <cls> word word ... word | What colour is the star? -> blue | Where is the star? -> top left
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformers import PreTrainedModel

from labs.systems.parts.talk import answer_loss, lay_out, see, told_rightly
from labs.tuning.packing import Batch, Branch, Row

AT_ONCE = 100  # rows of an exam


def rows(tokens: int, pairs: Sequence[Sequence[Branch]]) -> Batch:
    """Room for so many words in each row, then the pairs about what they stand for."""
    return lay_out([Row(see(tokens), list(some)) for some in pairs])


def loss(
    language: PreTrainedModel, shown: Float[Tensor, "rows tokens width"], pairs: Sequence[Sequence[Branch]]
) -> Float[Tensor, ""]:
    """Cross-entropy of all answers."""
    return answer_loss(language, rows(shown.shape[1], pairs), shown)


@torch.no_grad()
def right(
    language: PreTrainedModel, shown: Float[Tensor, "rows tokens width"], pairs: Sequence[Sequence[Branch]]
) -> Bool[Tensor, " pairs"]:
    """Whether each answer is told rightly, row after row."""
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(pairs), AT_ONCE)]
    return torch.cat([told_rightly(language, rows(shown.shape[1], pairs[at]), shown[at]) for at in parts])
