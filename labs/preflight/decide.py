"""What to run on a machine, and why: profile, numbers, 4 bits or not, tokens of a batch, picture size."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

from labs.models.catalog import PROFILES, find
from labs.models.entry import Entry
from labs.preflight.machine import Machine
from labs.preflight.minutes import predict

DECIDES = "multimodal"  # the role whose tuning takes the most
OLDEST = (7, 0)  # CUDA capability that today's builds of torch still have code for
FLASH = (8, 0)  # that flash-attention 2 needs
LEAST = {"full": 22, "colab": 14}  # gigabytes of a GPU
ROOM = 0.9  # of a GPU's memory may be used,
CONTEXT = 2.0  # gigabytes of it are CUDA's own, the optimizer's and the logits'
KEPT = 70  # bytes for each layer and each number of its width that a token keeps until its gradients are made
AGAIN = 0.1  # of that where activations are computed twice
FEWEST, MOST = 1024, 4096  # tokens of a batch; where there is room for fewer, activations are computed twice
SPARE = 1.2  # times the download must be free on the disk


@dataclass(frozen=True)
class Choice:
    """What is to be run. `reasons` says of each decision why; gigabytes are 10^9 bytes."""

    profile: str
    device: str  # cuda or cpu
    numbers: str  # float32, bfloat16 or float16
    four_bit: bool
    attention: str  # as transformers calls it
    tokens: int  # of a batch
    checkpointing: bool
    side: int  # pixels of a picture
    memory: float = 0.0  # gigabytes at the peak of tuning, predicted
    download: float = 0.0  # gigabytes that are not in the cache yet
    minutes: float = 0.0  # of a notebook's tuning with its downloads, predicted (labs.preflight.minutes)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def questions(self) -> int:
        """So many are answered at once."""
        return 64 if self.profile == "mini" else 8

    @property
    def learning_rate(self) -> float:
        """For LoRA. Small models take larger steps."""
        return 1e-3 if self.profile == "mini" else 2e-4


def decide(machine: Machine, roles: Sequence[str] = (), unasked: float | int = inf, **asked: Any) -> Choice:
    """The largest profile that the machine can run, and what goes with it; what is `asked` for by name stays so.

    Models for these `roles` are downloaded, by default for all; up to `unasked` gigabytes if the profile was not asked
    for. Raises CatalogError for a profile that does not exist.
    """
    given = {"roles": roles, "unasked": unasked}
    chosen: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for name, rule in RULES.items():
        chosen[name], reasons[name] = (asked[name], "asked for") if name in asked else rule(machine, given | chosen)
        if name == "profile":
            find(DECIDES, chosen["profile"])
    memory = round(_memory(_entry(chosen), chosen), 1)
    download = to_download(chosen["profile"], machine, roles)
    minutes = predict(_entry(chosen), machine, chosen["device"], chosen["four_bit"], download)
    return Choice(**chosen, memory=memory, download=download, minutes=minutes, reasons=reasons)


def to_download(profile: str, machine: Machine, roles: Sequence[str] = ()) -> float:
    """Gigabytes of a profile's models for some roles, by default for all, that are not in the cache yet."""
    entries = [entry for role, entry in PROFILES[profile].items() if role in (roles or PROFILES[profile])]
    missing = {entry.name: entry.gigabytes for entry in entries if entry.name not in machine.cached}
    return round(sum(missing.values(), 0.0), 1)


def _profile(machine: Machine, chosen: dict) -> tuple[str, str]:
    """With the reason why it is not a larger one."""
    gpu, why = machine.gpu, ""
    if gpu is None:
        return "mini", "there is no CUDA GPU, and the mini models need none"
    if gpu.capability < OLDEST:
        return "mini", f"{gpu.name} is too old for today's torch"
    for name, least in LEAST.items():
        download = to_download(name, machine, chosen["roles"])
        if gpu.gigabytes < least:
            why = why or f"{gpu.name} has {gpu.gigabytes:.0f} GB, and {name} takes {least}"
        elif download and (machine.offline or machine.hub is False):
            why = f"{name} would download {download:.1f} GB, and the Hub cannot be reached"
        elif download > chosen["unasked"]:
            why = f"{name} would download {download:.1f} GB: LABS_PROFILE={name} asks for it"
        elif SPARE * download > machine.disk:
            why = f"{name} would download {download:.1f} GB, and {machine.disk:.0f} GB are free on the disk"
        else:
            return name, why or f"{gpu.name} has {gpu.gigabytes:.0f} GB"
    return "mini", why


def _device(machine: Machine, chosen: dict) -> tuple[str, str]:
    if machine.gpu is None or machine.gpu.capability < OLDEST:
        return "cpu", "there is no CUDA GPU that can be used"
    if chosen["profile"] == "mini":
        return "cpu", "the mini models are made for a processor"
    return "cuda", machine.gpu.name


def _numbers(machine: Machine, chosen: dict) -> tuple[str, str]:
    if chosen["device"] == "cpu" or machine.gpu is None:
        return "float32", "a processor computes it the same every time"
    if machine.gpu.bfloat16:
        return "bfloat16", f"{machine.gpu.name} computes it by itself"
    return "float16", f"{machine.gpu.name} has no bfloat16; the loss is scaled, so that small gradients last"


def _four_bit(machine: Machine, chosen: dict) -> tuple[bool, str]:
    if chosen["device"] == "cpu" or machine.gpu is None:
        return False, "4 bits are for GPUs that the whole weights do not fit"
    share = _entry(chosen).memory(chosen["numbers"]) / machine.gpu.gigabytes
    return share > 0.5, f"in {chosen['numbers']} its weights take {100 * share:.0f} % of the GPU"


def _attention(machine: Machine, chosen: dict) -> tuple[str, str]:
    if chosen["device"] == "cuda" and machine.gpu and machine.gpu.capability < FLASH:
        return "sdpa", f"PyTorch's own runs on {machine.gpu.name}; flash-attention 2 does not"
    return "sdpa", "PyTorch's own, which needs no other package"


def _tokens(machine: Machine, chosen: dict) -> tuple[int, str]:
    if chosen["device"] == "cpu" or machine.gpu is None:
        return FEWEST, "a processor's caches hold no more"
    entry = _entry(chosen)
    room = max(0.0, ROOM * machine.gpu.gigabytes - _weights(entry, chosen) - CONTEXT)
    tokens = int(room / _a_token(entry)) if entry.width else MOST
    return min(MOST, max(FEWEST, tokens // 256 * 256)), f"{room:.0f} GB are left beside the weights"


def _checkpointing(machine: Machine, chosen: dict) -> tuple[bool, str]:
    if chosen["device"] == "cpu" or machine.gpu is None:
        return False, "a processor works with all of the machine's memory"
    needed = _memory(_entry(chosen), chosen | {"checkpointing": False})
    short = needed > ROOM * machine.gpu.gigabytes
    return short, f"without, {needed:.0f} of {machine.gpu.gigabytes:.0f} GB would be taken"


def _side(machine: Machine, chosen: dict) -> tuple[int, str]:
    return _entry(chosen).side, "what the model takes in at one look"


RULES = {"profile": _profile, "device": _device, "numbers": _numbers, "four_bit": _four_bit,
         "attention": _attention, "tokens": _tokens,
         "checkpointing": _checkpointing, "side": _side}  # fmt: skip


def _entry(chosen: dict) -> Entry:
    return PROFILES[chosen["profile"]][DECIDES]


def _weights(entry: Entry, chosen: dict) -> float:
    return entry.memory("nf4" if chosen["four_bit"] else chosen["numbers"])


def _a_token(entry: Entry) -> float:
    """Gigabytes that a token keeps while a model learns from it, at most."""
    return KEPT * entry.layers * entry.width / 1e9


def _memory(entry: Entry, chosen: dict) -> float:
    share = AGAIN if chosen["checkpointing"] else 1.0
    context = CONTEXT if chosen["device"] == "cuda" else 0.5
    return _weights(entry, chosen) + context + share * _a_token(entry) * chosen["tokens"]
