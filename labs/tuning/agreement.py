"""Do processor and model agree? As many picture tokens in the text as the model computes picture features.

A processor that belongs to another model, or was built by hand, writes a few too many or too few: some models then
stop with an error about features and tokens, others (BLIP-2) put the pictures into the wrong places and go on.
"""

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from labs.data.records import DataError
from labs.tuning.examples import Examples
from labs.tuning.mask import Encoded


def check_examples(model: Any, examples: Examples) -> None:
    """`check_agreement` for the first record with a picture; what that shows holds for all of them."""
    first = int((examples.records.keys.shown != 0).argmax())
    check_agreement(model, examples[first], examples.records[first].name)


@torch.no_grad()
def check_agreement(model: Any, encoded: Encoded, name: str) -> None:
    """Raises DataError, naming the record, unless `model` can be tuned on what its processor made of it."""
    if getattr(model.config, "is_encoder_decoder", False):
        raise DataError(
            f"{name}: this model reads with an encoder and answers with a decoder, and would be shown the answers it "
            "is to learn: name a version with a decoder alone (BLIP-2 with OPT, InstructBLIP with Vicuna)."
        )
    if "pixel_values" not in encoded.inputs or not hasattr(model, "get_image_features"):
        return
    tokens, features = encoded.input_ids.count(model.config.image_token_id), count_features(model, encoded.inputs)
    if tokens != features:
        raise DataError(
            f"{name}: the text has {tokens} picture tokens and the model computes {features} picture features: use the "
            "processor that was saved with the model, and leave its picture and patch sizes as they are."
        )


@torch.no_grad()
def count_features(model: Any, inputs: Mapping[str, torch.Tensor]) -> int:
    """How many tokens' worth of features the model computes from what its processor made of pictures."""
    known = inspect.signature(model.get_image_features).parameters
    inputs = {name: tensor.to(model.device) for name, tensor in inputs.items() if name in known}
    features = model.get_image_features(**inputs).pooler_output
    return sum(feature.shape[:-1].numel() for feature in features)
