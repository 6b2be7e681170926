"""Whether the run in a folder is the one that is asked for: its settings, model, data, and the libraries."""

import hashlib
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import labs
from labs.errors import LabsError

LIBRARIES = ("torch", "transformers", "peft", "accelerate", "bitsandbytes", "numpy", "pillow")


class RunError(LabsError, ValueError):
    """A run cannot begin, or cannot go on: why, and what to do."""


def describe(model: Any) -> dict:
    """What tells one model's run from another's: class, name, adapters, and the number of trainable parameters."""
    adapters = getattr(model, "peft_config", {})
    kept = ("r", "lora_alpha", "lora_dropout")
    return {
        "model": _name(model.config._name_or_path),
        "lora": {name: getattr(adapters["default"], name) for name in kept} | _adapted(model) if adapters else None,
        "four_bit": bool(getattr(model, "is_loaded_in_4bit", False)),
        "trainable": sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad),
    }


def _adapted(model: Any) -> dict:
    """The layers with adapters: their number, and a checksum of their names, which PEFT shortens in its own lists."""
    names = sorted(name for name, module in model.named_modules() if hasattr(module, "lora_A"))
    rows = model.peft_config["default"].trainable_token_indices  # of the embedding; None in runs before there were any
    return {"layers": len(names), "names": _checksum(names)} | ({"rows": _checksum([rows])} if rows else {})


def _checksum(parts: list) -> str:
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:16]


def _name(path: str) -> str:
    """A Hub id or folder; a bundled model is called the same wherever the repository lies."""
    bundled = labs.home() / "data" / "checkpoints"
    return Path(path).name if Path(path).parent == bundled else path


def check_same(out: Path, config: dict) -> None:
    """Raises RunError unless the folder holds a run with this config."""
    try:
        before = json.loads((out / "config.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        raise RunError(f"{out} is not empty and holds no run to go on with: choose an empty or a new folder.") from None
    other = sorted(key for key in before.keys() | config.keys() if before.get(key) != config.get(key))
    if other:
        which = "a" if (out / "metrics.json").exists() else "an unfinished"
        raise RunError(
            f"{out} holds {which} run with another {', '.join(other)}: "
            "repeat its settings to go on, or choose another folder."
        )


def versions() -> dict[str, str]:
    """Of Python and the libraries that a run depends on."""
    return {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}


def check_versions(out: Path) -> None:
    """Other libraries may go on differently, so that is for the user to decide. Raises RunError."""
    file, now = out / "versions.json", versions()
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else now
    moved = [f"{name} {before[name]}, now {now.get(name)}" for name in before if before[name] != now.get(name)]
    if moved:
        raise RunError(
            f"{out} holds a run begun with {'; '.join(moved)}: install those versions again, "
            f"or delete {file} to go on with these."
        )
