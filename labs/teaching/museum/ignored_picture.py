"""A silently ignored picture: a filter of the batch keeps what the tokenizer knows, and the pixels are none of that.

The model runs without them, for placeholders have embeddings like every token. Trainer(remove_unused_columns=True) and
collators made for text (DataCollatorForSeq2Seq) lose pictures in the same way.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from labs.evaluation.exam import Exam
from labs.evaluation.heldout import blank, shuffled
from labs.evaluation.proof import prove
from labs.teaching import lab2_skill
from labs.teaching.museum import script
from labs.teaching.museum.exhibit import SEED, USERS, Exhibit, scores
from labs.teaching.museum.script import SOUND, Row

NAME = "a silently ignored picture"
SIGN = ("The loss falls at first, while the form of an answer is learned, and then stays: what is where is only "
        "guessed. Read in the script's way hardly a thing is named rightly, in any row of any picture. Users get "
        "more right, so the eyes are sound: it is the script that does not look.")  # fmt: skip
ALIKE = ("Pictures that belong to other records, and pixels that a wrong normalisation has made black, look the "
         "same; then the pixels arrive and are wrong. A rate that is too small leaves the form unlearned, "
         "too.")  # fmt: skip
MEASURE = 'what the model is given: list(batch), or "pixel_values" in batch'
ENGINE = ("It hands on all that a processor makes, and its proof asks every question again with pictures taken "
          "away and exchanged. Of this script, read in its own way, it says:")  # fmt: skip


def batch(processor: Any, rows: Sequence[Row]) -> dict[str, torch.Tensor]:
    """Only what the tokenizer names as its inputs, and the labels."""
    known = (*processor.tokenizer.model_input_names, "labels")
    return {name: value for name, value in script.batch(processor, rows).items() if name in known}


SCRIPT = replace(SOUND, batch=batch)
TWIN = SOUND


def engine(shown: Exhibit) -> str:
    """The engine's verdict, with its controls, on the script's own reading of users' pictures."""
    exam = lab2_skill.exam(USERS, SEED)
    seen = {"new": exam.pictures, "blind": blank(exam.pictures), "shuffled": shuffled(exam.pictures)}
    after = {view: scores(shown, pictures, exam.new) for view, pictures in seen.items()}
    with shown.model.disable_adapter():
        before = {view: scores(shown, pictures, exam.new) for view, pictures in seen.items()}
    return prove(before, after, Exam(exam.pictures, exam.new)).verdict
