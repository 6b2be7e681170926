"""A hidden state of the language model, handed on instead of words: the state of one new token, <here>.

    Point at the red circle.  ->  <here>    its state -> two layers -> prompt of a frozen segmenter     LISA, u-LLaVA
                                            its state -> two layers -> four numbers                     TPO

The gradient of the mask, or of the box, goes through the state into the adapters of the language model. What it says
is learned beside it, on the engine's own rows of several records about one picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.models.conversation import picture_token
from labs.models.entry import Loaded
from labs.systems.parts.box_words import add_words
from labs.systems.parts.limit_tuning import load
from labs.systems.parts.pointing_taught import prepare
from labs.systems.parts.segmenter import JOINT, Prompts, Segmenter
from labs.systems.parts.shown_segmenter import shipped
from labs.tuning.label_logits import unwrapped
from labs.tuning.packing import IGNORE
from labs.tuning.sharing import SharedCollator, model_inputs

HERE = "<here>"
To = Literal["mask", "box"]


class Read(NamedTuple):
    """What a model makes of the records of a batch, in their order."""

    states: Float[Tensor, "records width"]  # of the token HERE
    said: Bool[Tensor, " records"]  # whether HERE is what it would say
    loss: Float[Tensor, ""]  # of what it is to say


@dataclass
class Handed:
    """A language model, and what its state is handed to."""

    loaded: Loaded
    here: int
    to: To
    head: nn.Module

    def read(self, groups: Sequence[Sequence[Any]]) -> Read:
        """Encoded records, those of a group about one picture."""
        tokenizer = self.loaded.processor.tokenizer
        collate = SharedCollator(tokenizer.pad_token_id, picture_token(self.loaded.processor))
        targets, inputs = model_inputs(self.loaded.model, collate(collate.rows(groups)))
        base = unwrapped(self.loaded.model)
        hidden = base.model(**inputs).last_hidden_state
        learned, states = targets != IGNORE, hidden[inputs["input_ids"] == self.here]
        logits, wanted = base.lm_head(hidden[learned]), targets[learned]
        said = logits.argmax(-1)[wanted == self.here] == self.here
        return Read(states, said, cross_entropy(logits, wanted))

    def boxes(self, states: Float[Tensor, "records width"]) -> Float[Tensor, "records 4"]:
        """From 0 to 1: a middle and a size, made into corners."""
        middle, size = self.head(states).sigmoid().split(2, dim=1)
        return torch.cat([middle - size / 2, middle + size / 2], dim=1)

    def masks(
        self, states: Float[Tensor, "records width"], pictures: Float[Tensor, "records 3 72 72"],
        patches: Float[Tensor, "records 36 128"],
    ) -> Float[Tensor, "records 72 72"]:  # fmt: skip
        """The segmenter's answers (logits), asked with the state where a text would stand."""
        with torch.no_grad():
            seen = segmenter().look(pictures, patches)
        return segmenter().answer(seen, by_meaning(self.head(states)[:, None]))[:, 0]


def by_meaning(meanings: Float[Tensor, "scenes asked 128"]) -> Prompts:
    """What is asked of the segmenter where nothing but such a vector is given, in the place of a text."""
    scenes, asked = meanings.shape[:2]
    return Prompts(
        torch.zeros(scenes, asked, 8, 2), torch.zeros(scenes, asked, dtype=torch.bool),
        torch.stack([meanings, torch.zeros_like(meanings)], dim=2),
        torch.tensor([True, False]).expand(scenes, asked, 2),
    )  # fmt: skip


@cache
def segmenter() -> Segmenter:
    """The promptable segmenter that ships, frozen (labs.systems.seem)."""
    return shipped()[0]


def build(seed: int, to: To) -> Handed:
    """An untrained one: mini-llava with adapters, and a fresh head."""
    loaded = load()
    (here,) = add_words(loaded, [HERE])
    torch.manual_seed(seed)
    head = nn.Sequential(nn.Linear(JOINT, JOINT), nn.GELU(), nn.Linear(JOINT, JOINT if to == "mask" else 4))
    return Handed(prepare(loaded, (here,), seed), here, to, head)
