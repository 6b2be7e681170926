"""What the labs cost, as scripts/check_real.py measured it: data/cards/*.json, the only source of such figures.

{"profile": "colab", "device": "Tesla T4", "date": ..., "versions": {...},
 "labs": {"06_1_demo_storytelling_vqa": {"download_gb", "minutes", "date", "peak_gb", "figures": {...}}}}

The card's date is that of the last measurement; a lab's own date says when that lab was measured.
"""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import labs
from labs.preflight.machine import Gpu, Machine, gpu

BUDGET = 180  # seconds that a notebook may take to execute in the mini profile
UNKNOWN = "not yet measured on this device"


def cards(folder: Path | None = None) -> list[dict]:
    """All cards, in the order of their file names."""
    folder = folder or labs.home() / "data" / "cards"
    return [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]


def device_of(profile: str, machine: Machine) -> str:
    """What a profile computes on: the GPU's name, or the number of the processor's cores."""
    return _named(profile, machine.gpu, machine.cores)


def this_device(profile: str) -> str:
    """The same for this machine, without looking at the rest of it."""
    return _named(profile, gpu(), os.cpu_count() or 1)


def _named(profile: str, found: Gpu | None, cores: int) -> str:
    return f"{cores} CPU cores" if profile == "mini" or found is None else found.name


def in_words(profile: str, machine: Machine, folder: Path | None = None) -> str:
    """The minutes that each lab of a profile took on such a device, or that nobody has measured them."""
    found = [card for card in cards(folder) if card["profile"] == profile]
    mine = [card for card in found if card["device"] == device_of(profile, machine)]
    if not mine and profile == "mini":  # any processor tells something about another
        mine = found
    if not mine:
        return f"minutes and memory: {UNKNOWN} ({device_of(profile, machine)})"
    took = ", ".join(f"{name[:4]} {cost['minutes']:.1f}" for name, cost in mine[0]["labs"].items())
    return f"minutes measured on {mine[0]['device']}, {mine[0]['date']}: {took}"


def of_lab(name: str, profile: str, device: str, folder: Path | None = None) -> str:
    """The minutes of the lab whose name begins so on the device; with the mini models, on any that was measured."""
    found = [card for card in cards(folder) if card["profile"] == profile]
    mine = [card for card in found if card["device"] == device] or (found if profile == "mini" else [])
    took = [(card, cost) for card in mine for lab, cost in card["labs"].items() if lab.startswith(name)]
    if not took:
        return f"minutes: {UNKNOWN} ({device})"
    card, cost = took[0]
    budget = f" of {BUDGET // 60}" if profile == "mini" else ""
    return f"measured: {cost['minutes']:.1f}{budget} minutes on {card['device']}, {cost['date']}"


def peak_gigabytes() -> float:
    """The most memory that this process has held so far: on the GPU if it has used one, otherwise of the machine."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return torch.cuda.max_memory_allocated() / 1e9
    if platform.system() == "Windows":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e9
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def measured(figures: dict[str, Any]) -> None:
    """Print as JSON what a notebook has measured and held; check_real.py runs this after its last cell."""
    print(json.dumps({"peak_gb": round(peak_gigabytes(), 2), "figures": {k: str(v) for k, v in figures.items()}}))
