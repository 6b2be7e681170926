"""The six adapters of seed 0 ship in data/finished/04_2, in 16 bits: a folder each, as PEFT saves them.

`python scripts/keep_systems.py 04_2/medical` makes one again; `load_adapters(model, folders())` puts all on one base.
"""

import json
from pathlib import Path

from peft import PeftModel
from safetensors.torch import load_file, save_file

import labs
from labs.models.catalog import Loaded
from labs.systems.parts import domain_adapters
from labs.tuning.adapters import load_adapters
from labs.world.domains import NAMES

SECTION = "04_2"


def keep_adapter(folder: Path, model: PeftModel) -> None:
    """Write an adapter in 16 bits; its settings name the base as it lies in this repository."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # the library's form, not filled in
    weights, settings = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    save_file({name: weight.half() for name, weight in load_file(weights).items()}, weights, {"format": "pt"})
    said = json.loads(settings.read_text(encoding="utf-8"))
    said["base_model_name_or_path"] = f"data/checkpoints/{Path(said['base_model_name_or_path']).name}"
    said["target_modules"].sort()  # PEFT keeps a set
    settings.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    for file in (weights, settings):
        file.chmod(0o644)  # the library writes weights for the owner's eyes alone


def folders() -> dict[str, Path]:
    """Where the adapter of each domain lies."""
    return {name: labs.home() / "data" / "finished" / SECTION / name for name in NAMES}


def shipped() -> Loaded:
    """The base with all six adapters on it, the first in use; labs.tuning.adapters.using switches."""
    loaded = domain_adapters.fresh_base()
    return Loaded(loaded.entry, load_adapters(loaded.model, folders()), loaded.processor)
