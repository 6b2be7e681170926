"""Unmasked labels: every token carries a loss, the question and the picture's placeholders as well as the answer.

DataCollatorForLanguageModeling(mlm=False) copies input_ids into labels. For plain text that is right; for answers
about pictures most of the loss is then spent on what nobody needs to predict.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from transformers import DataCollatorForLanguageModeling

from labs.data.records import DataError
from labs.teaching.museum import script
from labs.teaching.museum.exhibit import Exhibit
from labs.teaching.museum.script import SOUND, Row
from labs.tuning.mask import encode

NAME = "unmasked labels"
SIGN = ("The loss begins far too high and stays high, and yet many answers are right. A loss of 5 nats would mean "
        "that the right token has a chance of less than 1 %, so it is not the answers that are measured.")  # fmt: skip
ALIKE = ("A rate that is too high also keeps the loss up, but then the answers are wrong as well. A wrong chat "
         "template starts high too, and then falls, for it can be learned; placeholders cannot.")  # fmt: skip
MEASURE = "the share of real tokens whose label is not -100: (labels != -100).sum() / attention_mask.sum()"
ENGINE = "encode() refuses a record of which everything would be supervised:"


def batch(processor: Any, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """The pictures as before; ids, mask and labels by the library's collator for language models."""
    collator = DataCollatorForLanguageModeling(processor.tokenizer, mlm=False)
    texts = collator([{"input_ids": one.ids, "attention_mask": [1] * len(one.ids)} for one in rows])
    return dict(texts) | {"pixel_values": script.batch(processor, rows)["pixel_values"]}


SCRIPT = replace(SOUND, batch=batch)
TWIN = SOUND


def engine(shown: Exhibit) -> str:
    """What the engine says to such labels."""
    try:
        encode(shown.processor, shown.train[0], [label != -100 for label in shown.rows[0].ids])
    except DataError as refusal:
        return str(refusal)
    raise AssertionError("the engine took labels of which everything is supervised")
