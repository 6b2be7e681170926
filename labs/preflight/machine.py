"""What the labs find where they run: processor, memory, disk, GPU, versions, the Hub and its cache. It only looks."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "datasets", "accelerate", "huggingface_hub", "torchvision",
            "torchao", "diffusers")  # fmt: skip
# Those that break others when they do not fit: transformers imports torchvision, peft torchao.
DELICATE = ("torch", "torchvision", "bitsandbytes")
HUB, SECONDS = "https://huggingface.co", 5


@dataclass(frozen=True)
class Gpu:
    """The first CUDA device."""

    name: str
    gigabytes: float
    capability: tuple[int, int]

    @property
    def bfloat16(self) -> bool:
        """Whether it computes in bfloat16 by itself; torch emulates it on older ones, slowly."""
        return self.capability >= (8, 0)


@dataclass(frozen=True)
class Machine:
    """Everything that decides what can be run. Gigabytes are 10^9 bytes."""

    system: str  # Linux, Darwin or Windows
    place: str  # colab, kaggle or local
    python: tuple[int, int]
    cores: int
    memory: float  # gigabytes
    disk: float  # gigabytes that are free where the Hub's cache lies
    gpu: Gpu | None = None
    versions: dict[str, str] = field(default_factory=dict)  # of PACKAGES, those that are installed
    broken: dict[str, str] = field(default_factory=dict)  # of DELICATE, those whose import fails, and why
    offline: bool = False  # the network is closed by a setting
    hub: bool | None = None  # whether the Hub answers; None where it was not asked
    cached: frozenset[str] = frozenset()  # Hub ids with a complete snapshot in the cache


def look(ask_the_hub: bool = True) -> Machine:
    """Look at this machine. In offline mode the Hub is not asked."""
    import psutil

    offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    versions = {name: version for name in PACKAGES if (version := _version(name))}
    broken = import_faults([name for name in DELICATE if name in versions])
    found = None if "torch" not in versions or "torch" in broken else gpu()
    cache = _cache(versions)
    return Machine(
        system=platform.system(), place=place(), python=sys.version_info[:2], cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total / 1e9, disk=shutil.disk_usage(_existing(cache)).free / 1e9,
        gpu=found, versions=versions, broken=broken, offline=offline,
        hub=_answers(HUB) if ask_the_hub and not offline else None, cached=cached_ids(cache),
    )  # fmt: skip


def cached_ids(cache: Path) -> frozenset[str]:
    """Hub ids of models and data sets that lie in a cache folder with nothing half downloaded."""
    found = set()
    for folder in [*cache.glob("models--*"), *cache.glob("datasets--*")]:
        half = any(folder.glob("blobs/*.incomplete"))
        whole = any(link.exists() for link in folder.glob("snapshots/*/*"))
        torn = any(link.is_symlink() and not link.exists() for link in folder.glob("snapshots/**/*"))
        if whole and not half and not torn:
            found.add(folder.name.split("--", 1)[1].replace("--", "/"))
    return frozenset(found)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def import_faults(names: Sequence[str]) -> dict[str, str]:
    """The last line of what importing says, each in a process of its own: half an import would spoil this one."""
    calls = {name: [sys.executable, "-c", f"import {name}"] for name in names}
    begun = {name: subprocess.Popen(call, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
             for name, call in calls.items()}  # fmt: skip
    said = {name: process.communicate()[1].strip() for name, process in begun.items()}
    return {name: text.splitlines()[-1] for name, text in said.items() if begun[name].returncode and text}


def gpu() -> Gpu | None:
    """The first CUDA device, if there is one."""
    import torch

    if not torch.cuda.is_available():
        return None
    found = torch.cuda.get_device_properties(0)
    return Gpu(found.name, found.total_memory / 1e9, (found.major, found.minor))


def place() -> str:
    """Whose machine this is: colab, kaggle or local."""
    if "COLAB_RELEASE_TAG" in os.environ:
        return "colab"
    return "kaggle" if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else "local"


def _cache(versions: dict[str, str]) -> Path:
    """Where the Hub's libraries keep what they download."""
    if "huggingface_hub" not in versions:
        return Path.home()
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=SECONDS):
            return True
    except OSError:  # urllib's errors are of this kind
        return False
