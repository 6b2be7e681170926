"""Which checkpoint plays which role. A notebook asks for a role; the profile decides what plays it.

`mini` is bundled in data/checkpoints and needs no network; the real profiles name checkpoints of the Hub.
"""

from dataclasses import dataclass
from typing import Any

import labs

PROFILES = ("mini", "colab", "full")
ROLES = ("dual_encoder", "language", "generative", "multimodal")


@dataclass(frozen=True)
class Entry:
    """One checkpoint: where it lies (a folder or a Hub id) and the stock classes that open it."""

    name: str
    model_class: str
    processor_class: str = "AutoProcessor"


MINI = {
    "dual_encoder": Entry("mini-clip", "CLIPModel"),
    "language": Entry("mini-llama", "LlamaForCausalLM", "AutoTokenizer"),
    "generative": Entry("mini-git", "GitForCausalLM"),
    "multimodal": Entry("mini-llava", "LlavaForConditionalGeneration"),
}


@dataclass(frozen=True)
class Loaded:
    """A model ready to use, with the processor (or, for text alone, the tokenizer) that goes with it."""

    entry: Entry
    model: Any
    processor: Any


def find(role: str, profile: str = "mini") -> Entry:
    """The entry that plays `role` in `profile`. Raises ValueError for names that do not exist."""
    if role not in ROLES:
        raise ValueError(f"role must be one of {ROLES}, not {role!r}")
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {PROFILES}, not {profile!r}")
    if profile != "mini":
        raise ValueError(f"profile {profile!r} has no checkpoints yet: use 'mini', or name a checkpoint yourself")
    return MINI[role]


def load(role: str, profile: str = "mini", **kwargs) -> Loaded:
    """Load the model (float32, evaluation mode) and processor that play `role`; keyword arguments go to the model."""
    entry = find(role, profile)
    return load_from(str(labs.home() / "data" / "checkpoints" / entry.name), entry, **kwargs)


def load_from(path: str, entry: Entry, **kwargs) -> Loaded:
    """Open a checkpoint folder or Hub id with the entry's stock classes."""
    import transformers

    kwargs = {"dtype": "float32"} | kwargs
    model = getattr(transformers, entry.model_class).from_pretrained(path, **kwargs).eval()
    return Loaded(entry, model, getattr(transformers, entry.processor_class).from_pretrained(path))
