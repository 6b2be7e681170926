"""Which checkpoint plays which role. A notebook asks for a role; the profile decides what plays it.

`mini` is bundled in data/checkpoints and needs no network; the real profiles name checkpoints of the Hub
(labs.models.real). The variable LABS_PROFILE, or `labs.models.catalog.profile`, says which one is meant.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from packaging.version import Version
from safetensors import SafetensorError

import labs
from labs.errors import LabsError
from labs.models import downloads
from labs.models.entry import Entry, Loaded
from labs.models.real import COLAB, FULL, SYSTEMS
from labs.models.why_not import why_not

MINI = {
    "dual_encoder": Entry("mini-clip", "CLIPModel"),
    "language": Entry("mini-llama", "LlamaForCausalLM", "AutoTokenizer"),
    "generative": Entry("mini-git", "GitForCausalLM"),
    "multimodal": Entry(
        "mini-llava", "LlavaForConditionalGeneration", millions=1.96, layers=4, width=128, side=72, picture_tokens=36
    ),
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


def load(role: str, profile_name: str | None = None, run: Path | None = None, **options) -> Loaded:
    """The model (evaluation mode) and the processor that play `role`; options go to the model.

    The mini models are in float32 on the processor, the real ones in what suits the device, and on it. What is
    downloaded is recorded in the folder `run`, and a record that is there is obeyed (labs.models.downloads).
    """
    entry = find(role, profile_name)
    if entry in MINI.values():
        return load_from(where(entry), entry, **options)
    from labs.models.device import best_device, dtype_for

    device = best_device()
    loaded = load_from(where(entry), entry, run, **({"dtype": dtype_for(device)} | options))
    if "quantization_config" not in options:  # bitsandbytes has put those weights there
        loaded.model.to(device)
    return loaded


def load_from(path: str, entry: Entry, run: Path | None = None, **options) -> Loaded:
    """Open a checkpoint folder or Hub id with the entry's stock classes: never pickled weights, nor code of its own.

    Raises CatalogError with one sentence if it cannot be opened, DownloadError if it came incomplete.
    """
    bundled = entry in MINI.values()
    if bundled and not Path(path).is_dir():
        raise CatalogError(f"There is no model at {path}: fetch data/checkpoints again.")
    if bundled:
        import_module("transformers").utils.logging.disable_progress_bar()  # it would flash by
    commit = downloads.pinned(run, path)
    same = {"revision": commit or entry.revision}
    options = {"dtype": "float32", "use_safetensors": True, "trust_remote_code": False} | same | options
    try:
        model, reader = _model(path, entry, options), _reader(path, entry, same)
    except (OSError, ValueError, ImportError, SafetensorError) as error:  # broken JSON is a ValueError
        raise CatalogError(why_not(path, error, bundled, run if commit else None, entry.library)) from error
    if run is not None and not Path(path).is_dir():
        downloads.record(run, path, entry.licence, revision=entry.revision)
    return Loaded(entry, model, reader)


def _model(path: str, entry: Entry, options: dict) -> Any:
    """The model, or a pipeline of several, in evaluation mode, as both libraries open them."""
    library = import_module(entry.library)
    if not hasattr(library, entry.model_class):
        raise ImportError(f"{entry.library} {library.__version__} has no {entry.model_class}, other versions have")
    if entry.library == "diffusers":
        options = _for_diffusers(options, Version(library.__version__))
    return getattr(library, entry.model_class).from_pretrained(path, **options)


def _for_diffusers(options: dict, version: Version) -> dict:
    """The same options: numbers are torch's own, and have another name before 0.40, which later versions warn of."""
    import torch

    numbers, name = options["dtype"], "torch_dtype" if version < Version("0.40") else "dtype"
    others = {key: value for key, value in options.items() if key != "dtype"}
    return others | {name: getattr(torch, numbers) if isinstance(numbers, str) else numbers}


def _reader(path: str, entry: Entry, same: dict) -> Any:
    """The processor; None for models that read numbers as they are."""
    import transformers

    if not entry.processor_class:
        return None
    reader = getattr(transformers, entry.processor_class).from_pretrained(path, **same)
    second = getattr(reader, "qformer_tokenizer", None)
    if second is not None and len(second) == len(reader.tokenizer):  # the library has taken the first, and only logs it
        raise OSError("the Q-Former's own tokenizer is not whole in the cache, open it once with the network")
    if entry.one_look:
        reader.image_processor.size = reader.image_processor.max_image_size
    return reader
