"""What would go wrong on a machine, each in one sentence with the one command or click that mends it."""

from dataclasses import dataclass

from packaging.version import Version

from labs.preflight.decide import OLDEST, SPARE, Choice
from labs.preflight.machine import Machine
from labs.preflight.minutes import in_words

PYTHONS = (3, 11), (3, 13)
NEEDED = ("torch", "transformers", "peft", "datasets", "accelerate", "huggingface_hub")
TORCHAO = "0.16.0"  # peft refuses to add LoRA beside an older one
AHEAD = 15  # torchvision 0.28 belongs to torch 2.13, and so on
LEAST_MEMORY = 6  # gigabytes
GPU_IN = {
    "colab": "Runtime > Change runtime type > T4 GPU",
    "kaggle": "Settings > Accelerator > GPU T4 x2",
    "local": "nothing to do: the mini models need no GPU",
}


@dataclass(frozen=True)
class Problem:
    """What is wrong, and what mends it. One that `stops` would end in an error; the others only cost something."""

    what: str
    mend: str
    stops: bool = True


def problems(machine: Machine, choice: Choice) -> list[Problem]:
    """All that would go wrong with this choice, the worst first."""
    found = [*_packages(machine, choice), *_network(machine, choice), *_size(machine, choice)]
    return sorted(found, key=lambda problem: not problem.stops)


def _packages(machine: Machine, choice: Choice) -> list[Problem]:
    versions, found = machine.versions, []
    if not PYTHONS[0] <= machine.python <= PYTHONS[1]:
        here, (first, last) = ".".join(map(str, machine.python)), (".".join(map(str, one)) for one in PYTHONS)
        found.append(Problem(f"Python is {here}, and the labs run on {first} to {last}", f"install Python {first}"))
    missing = [name for name in NEEDED if name not in versions]
    if missing:
        found.append(Problem(f"{', '.join(missing)} is not installed", "pip install " + " ".join(missing)))
    if "torch" in machine.broken:
        found.append(Problem(f"torch cannot be imported ({machine.broken['torch']})", "bash scripts/run.sh"))
    found += _torchvision(machine)
    if "torchao" in versions and "peft" in versions and Version(versions["torchao"]) < Version(TORCHAO):
        found.append(Problem(f"torchao {versions['torchao']} is too old, and peft refuses to add LoRA beside it",
                             "pip uninstall -y torchao"))  # fmt: skip
    if choice.four_bit and ("bitsandbytes" not in versions or "bitsandbytes" in machine.broken):
        found.append(Problem("bitsandbytes is missing, which keeps weights in 4 bits", "pip install bitsandbytes"))
    return found


def _torchvision(machine: Machine) -> list[Problem]:
    """One that does not belong to this torch breaks every model of transformers."""
    mine, torch = machine.versions.get("torchvision"), machine.versions.get("torch")
    if mine is None or torch is None:
        return []
    right = Version(torch).minor + AHEAD if Version(torch).major == 2 else Version(mine).minor
    if Version(mine).minor == right and "torchvision" not in machine.broken:
        return []
    what = f"torchvision {mine} does not work with torch {torch}, and transformers can then open no model"
    return [Problem(what, "pip uninstall -y torchvision")]


def _network(machine: Machine, choice: Choice) -> list[Problem]:
    missing = choice.download
    if not missing:
        return []
    if machine.offline:
        return [Problem(f"{missing:.1f} GB are to be downloaded, and HF_HUB_OFFLINE=1 closes the network",
                        "unset HF_HUB_OFFLINE, or choose the profile mini")]  # fmt: skip
    if machine.hub is False:
        inside = {"kaggle": "Settings > Internet > On"}
        return [Problem(f"{missing:.1f} GB are to be downloaded, and the Hub does not answer",
                        inside.get(machine.place, "look at the network, or choose the profile mini"))]  # fmt: skip
    return []


def _size(machine: Machine, choice: Choice) -> list[Problem]:
    found, gpu = [], machine.gpu
    if gpu is None and machine.place != "local":
        found.append(Problem("this session has no GPU, so the mini models are used", GPU_IN[machine.place], False))
    elif gpu is not None and gpu.capability < OLDEST:
        stops = choice.device == "cuda"
        found.append(Problem(f"{gpu.name} is too old for today's torch", GPU_IN[machine.place], stops))
    if choice.device == "cuda" and gpu is not None and choice.memory > gpu.gigabytes:
        found.append(Problem(f"tuning would take {choice.memory:.0f} GB, and {gpu.name} has {gpu.gigabytes:.0f}",
                             "choose the profile colab or mini"))  # fmt: skip
    if choice.device == "cpu" and choice.profile != "mini":
        found.append(Problem(f"on a processor {choice.profile} takes {in_words(choice.minutes)} to tune",
                             GPU_IN[machine.place] if machine.place != "local" else "choose the profile mini, or a GPU",
                             False))  # fmt: skip
    missing = SPARE * choice.download
    if missing > machine.disk:
        found.append(Problem(f"{missing:.0f} GB of disk are needed, and {machine.disk:.0f} are free",
                             "free some, or set HF_HOME to a folder on another disk"))  # fmt: skip
    if machine.memory < LEAST_MEMORY:
        found.append(Problem(f"{machine.memory:.0f} GB of memory are little", "close other programs", False))
    return found
