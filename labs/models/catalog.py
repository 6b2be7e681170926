"""Which checkpoint plays which role. A notebook asks for a role; the profile decides what plays it.

`mini` is bundled in data/checkpoints and needs no network; the real profiles name checkpoints of the Hub
(labs.models.real). The variable LABS_PROFILE, or `labs.models.catalog.profile`, says which one is meant.
"""

import os
from pathlib import Path

from safetensors import SafetensorError

import labs
from labs.errors import LabsError
from labs.models.entry import Entry, Loaded
from labs.models.real import COLAB, FULL, SYSTEMS

MINI = {
    "dual_encoder": Entry("mini-clip", "CLIPModel"),
    "language": Entry("mini-llama", "LlamaForCausalLM", "AutoTokenizer"),
    "generative": Entry("mini-git", "GitForCausalLM"),
    "multimodal": Entry("mini-llava", "LlavaForConditionalGeneration", millions=1.96, layers=4, width=128, side=72),
}
PROFILES = {"mini": MINI, "colab": COLAB, "full": FULL}


class CatalogError(LabsError, ValueError):
    """There is no such role, profile or system, or its checkpoint cannot be opened."""


def profile() -> str:
    """The profile that is meant where none is named: LABS_PROFILE, otherwise mini."""
    return os.environ.get("LABS_PROFILE", "mini")


def find(role: str, profile_name: str | None = None) -> Entry:
    """The entry that plays `role` in a profile. Raises CatalogError for names that do not exist."""
    chosen = profile_name or profile()
    if chosen not in PROFILES:
        raise CatalogError(f"there is no profile {chosen!r}: choose one of {', '.join(PROFILES)}.")
    if role not in PROFILES[chosen]:
        raise CatalogError(f"profile {chosen} has no {role!r}: it has {', '.join(PROFILES[chosen])}.")
    return PROFILES[chosen][role]


def system(name: str) -> Entry:
    """The checkpoint of a system by the tutorial's name for it. Raises CatalogError."""
    if name not in SYSTEMS:
        raise CatalogError(f"there is no system {name!r}: the catalogue has {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]


def where(entry: Entry) -> str:
    """Its folder if it is bundled, otherwise its Hub id."""
    bundled = entry in MINI.values()
    return str(Path(labs.home(), "data", "checkpoints", entry.name)) if bundled else entry.name


def load(role: str, profile_name: str | None = None, **options) -> Loaded:
    """The model (evaluation mode) and the processor that play `role`; options go to the model.

    The mini models are in float32 on the processor, the real ones in what suits the device, and on it.
    """
    entry = find(role, profile_name)
    if entry in MINI.values():
        return load_from(where(entry), entry, **options)
    from labs.models.device import best_device, dtype_for

    device = best_device()
    loaded = load_from(where(entry), entry, **({"dtype": dtype_for(device)} | options))
    if "quantization_config" not in options:  # bitsandbytes has put those weights there
        loaded.model.to(device)
    return loaded


def load_from(path: str, entry: Entry, **options) -> Loaded:
    """Open a checkpoint folder or Hub id with the entry's stock classes: never pickled weights, nor code of its own.

    Raises CatalogError with one sentence if it cannot be opened.
    """
    bundled = entry in MINI.values()
    if bundled and not Path(path).is_dir():
        raise CatalogError(f"There is no model at {path}: fetch data/checkpoints again.")
    import transformers

    if bundled:
        transformers.utils.logging.disable_progress_bar()  # it would flash by
    options = {"dtype": "float32", "use_safetensors": True, "trust_remote_code": False} | options
    try:
        model = getattr(transformers, entry.model_class).from_pretrained(path, **options).eval()
        reader = getattr(transformers, entry.processor_class).from_pretrained(path) if entry.processor_class else None
    except (OSError, ValueError, SafetensorError) as error:  # broken JSON is a ValueError
        why, remedy = str(error).strip().splitlines()[0].rstrip("."), "check the name and the network"
        remedy = "fetch data/checkpoints again" if bundled else remedy
        raise CatalogError(f"The model {path} cannot be opened: {remedy} ({why}).") from error
    return Loaded(entry, model, reader)
