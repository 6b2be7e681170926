"""Truncated picture tokens: rows are cut on the left to a length, and that goes through the picture's placeholders.

The library's model refuses such rows, for the picture has more features than places. The script's author "mended" this
with a merge of his own, masked_scatter, which says nothing where features are left over. The first features fill the
places that are left; those of the lower rows of the picture fall away.
"""

from dataclasses import replace
from typing import Any

import torch

from labs.data.records import DataError, Record
from labs.teaching.museum import script
from labs.teaching.museum.exhibit import Exhibit
from labs.teaching.museum.script import SOUND, Row
from labs.tuning.agreement import check_agreement
from labs.tuning.mask import Encoded

NAME = "truncated picture tokens"
SIGN = ("Things in the bottom row are hardly ever named rightly, those in the rows above about as often as by the "
        "sound script: something takes the last part of every picture away. The loss stops where that part has to "
        "be guessed.")  # fmt: skip
ALIKE = ("A crop of the pictures in the processor looks the same; then the placeholders are all there, and the "
         "pixels are not. A model that is bad at small things is so in every row.")  # fmt: skip
MEASURE = "the picture tokens in each row of the batch: (input_ids == image token).sum(1), beside 36 features"
ENGINE = "fit() counts placeholders and features before its first step:"
MOST = 42  # tokens of a row


def row(processor: Any, record: Record) -> Row:
    """The last MOST tokens: the answer stands at the end, and must not be lost."""
    whole = script.row(processor, record)
    return whole._replace(ids=whole.ids[-MOST:], labels=whole.labels[-MOST:], answers=whole.answers[-MOST:])


def logits(model: Any, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """The features put into the places for them, row by row, as far as there are places."""
    base = model.get_base_model()
    words = base.get_input_embeddings()(given["input_ids"])
    features = base.get_image_features(given["pixel_values"]).pooler_output
    places = (given["input_ids"] == base.config.image_token_id)[..., None].expand_as(words)
    seen = [one.masked_scatter(where, own) for one, where, own in zip(words, places, features, strict=True)]
    return model(inputs_embeds=torch.stack(seen), attention_mask=given["attention_mask"], use_cache=False).logits


SCRIPT = replace(SOUND, row=row, logits=logits, steps=100)
TWIN = replace(SOUND, steps=100)


def engine(shown: Exhibit) -> str:
    """What the engine says to a row of the script."""
    one, whole = shown.rows[0], script.row(shown.processor, shown.train[0])
    inputs = {"pixel_values": whole.pixels}
    try:
        check_agreement(shown.served.model.get_base_model(), Encoded(one.ids, one.answers, inputs), shown.train[0].name)
    except DataError as refusal:
        return str(refusal)
    raise AssertionError("the engine took a picture that is cut")
