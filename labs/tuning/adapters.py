"""Adapters after tuning: several on one base, one of them at a time, or melted into its weights.

model = load_adapters(base, {"thermal": Path("runs/thermal/adapter"), "spanish": Path("runs/spanish/adapter")})
with using(model, "spanish"): ...           None is the base as it was
plain = merge(model, "thermal")             a model of the library again, at no cost when it answers
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from peft import PeftModel
from transformers import PreTrainedModel

from labs.errors import LabsError
from labs.tuning.lora import load_adapter


class AdapterError(LabsError, ValueError):
    """An adapter cannot be used so: why, and what to do."""


def load_adapters(model: PreTrainedModel, folders: Mapping[str, Path]) -> PeftModel:
    """Put saved adapters on the base that they were trained on (changed in place). The first one is in use."""
    if not folders:
        raise AdapterError("there is no adapter to load: name at least one folder.")
    for name, folder in folders.items():
        if not (Path(folder) / "adapter_config.json").exists():
            raise AdapterError(
                f"there is no adapter {name!r} in {folder}: name the folder `adapter` of a finished run."
            )
    _check_rows(folders)
    (first, folder), *others = folders.items()
    tuned = load_adapter(model, folder, first)
    for name, folder in others:
        tuned.load_adapter(str(folder), name)
    return tuned.eval()


@contextmanager
def using(model: PeftModel, name: str | None) -> Iterator[PeftModel]:
    """Within it the named adapter is in use, with None the base alone; afterwards the one that was before."""
    before = model.active_adapter
    if name is not None:
        _check(model, name)
        model.set_adapter(name)
    try:
        with model.disable_adapter() if name is None else nullcontext():
            yield model
    finally:
        model.set_adapter(before)


def merge(model: PeftModel, name: str) -> PreTrainedModel:
    """W + (lora_alpha / r) B A as the weights of a plain model; `model` is used up.

    Raises AdapterError for a base in 4 bits, where rounding again loses much of what was learned (labs.systems.qlora).
    """
    _check(model, name)
    if getattr(model.get_base_model(), "is_loaded_in_4bit", False):
        raise AdapterError(
            "the base is in 4 bits, and to round it again would lose much of what the adapter learned: "
            "open the base without --qlora, load the adapter there and merge it."
        )
    return model.merge_and_unload(safe_merge=True, adapter_names=[name])


def _check_rows(folders: Mapping[str, Path]) -> None:
    """Raises AdapterError where some adapters bring rows of the embedding and others do not: PEFT would stumble."""
    settings = {name: json.loads((Path(at) / "adapter_config.json").read_text()) for name, at in folders.items()}
    with_rows = [name for name, one in settings.items() if one.get("trainable_token_indices")]
    without = [name for name in settings if name not in with_rows]
    if with_rows and without:
        raise AdapterError(
            f"{with_rows[0]!r} brings rows of the embedding and {without[0]!r} does not, which PEFT cannot keep on one "
            "base: load them on two, or tune both with rows."
        )


def _check(model: PeftModel, name: str) -> None:
    if name not in model.peft_config:
        raise AdapterError(f"there is no adapter {name!r}: choose one of {', '.join(model.peft_config)}.")
