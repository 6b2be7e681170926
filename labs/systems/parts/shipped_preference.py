"""The supervised model of seed 0 and its preferences by facts ship as two adapters, in 16 bits.

`python scripts/keep_systems.py 04_1/preference` makes them again.
"""

import copy
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from peft import PeftModel, get_peft_model_state_dict, set_peft_model_state_dict

from labs.evaluation.interval import Interval
from labs.models.entry import Loaded
from labs.systems.outcome import kept
from labs.systems.parts import captioner
from labs.systems.parts.chair import MEASURES, marked
from labs.systems.parts.preferred import LORA, RANK, describe, preferring, supervised_adapter
from labs.systems.parts.shipped import fill
from labs.tuning.adapters import merge
from labs.tuning.lora import LoraSpec, add_lora
from labs.world.scene import Scene

FILE = "04_1/preference.safetensors"
TABLE = {"invented": "facts lower it", "recall": "at equal recall", "words": "length makes long"}  # of which claims


class Adapter(torch.nn.Module):
    """The weights of a model's adapter, without those of the model."""

    def __init__(self, model: PeftModel):
        super().__init__()
        self.of = (model,)  # in a tuple it is no part of this module

    def state_dict(self, *args, **options) -> dict[str, torch.Tensor]:
        """The adapter's weights by their names."""
        return get_peft_model_state_dict(self.of[0])

    def load_state_dict(self, state: Mapping[str, torch.Tensor], *args, **options) -> None:
        """Put them into the model."""
        set_peft_model_state_dict(self.of[0], dict(state))


class BeforeAfter(NamedTuple):
    """The model that has learned descriptions as they are found, and the same with its preferences."""

    before: Loaded
    after: Loaded


def adapters(seed: int = 0) -> dict[str, Adapter]:
    """Both adapters, trained: what is kept."""
    models = {"supervised": supervised_adapter(seed, False), "facts": preferring(seed, "facts", "DPO")}
    return {name: Adapter(loaded.model) for name, loaded in models.items()}


def beside(models: BeforeAfter, scene: Scene) -> dict[str, str]:
    """What both reply about a scene's picture, in brackets what is not there."""
    return {name: marked(describe(loaded, [scene])[0][0], scene) for name, loaded in models._asdict().items()}


def judged(loaded: Loaded, scenes: Sequence[Scene]) -> dict[str, float]:
    """The means of labs.systems.parts.chair.MEASURES over what a model replies about each."""
    texts = [text for (text,) in describe(loaded, scenes)]
    return {name: sum(map(measure, texts, scenes)) / len(scenes) for name, measure in MEASURES.items()}


def table() -> dict[str, dict[str, Interval]]:
    """For every arm of labs.systems.preference what was measured with three seeds: invented, recall, words."""
    found: dict[str, dict[str, Interval]] = {}
    for measure, claim in TABLE.items():
        for arm, interval in kept(f"preference/{claim}").arms.items():
            found.setdefault(arm, {})[measure] = interval
    return found


def shipped() -> BeforeAfter:
    """Both models, frozen, with the stock processor."""
    start = captioner.load()
    learned = add_lora(start.model, LoraSpec(LORA, 2 * LORA))
    fill(FILE, {"supervised": Adapter(learned)})
    before = merge(learned, "default").eval().requires_grad_(False)
    after = add_lora(copy.deepcopy(before), LoraSpec(RANK, 2 * RANK))
    fill(FILE, {"facts": Adapter(after)})
    after.eval().requires_grad_(False)
    return BeforeAfter(*(Loaded(start.entry, model, start.processor) for model in (before, after)))
