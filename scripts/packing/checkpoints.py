"""The checkpoints and data sets of a pack: all that a real profile names, as a Hub cache without links."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import bootstrap

from packing.folder import FULL_DISK, PackFolder

KEPT = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja", "README.md"]  # nothing pickled, and no code


class Wanted(NamedTuple):
    """A model or data set of the Hub, and which of its files."""

    kind: str
    name: str
    gigabytes: float
    patterns: list[str]

    @property
    def folder(self) -> str:
        return f"hub/{self.kind}s--{self.name.replace('/', '--')}"


def fetch_checkpoints(pack: PackFolder, profile: str) -> None:
    """What is there and whole stays; the Hub's library goes on where it was interrupted in another."""
    os.environ["HF_HUB_DISABLE_SYMLINKS"] = "1"  # read at the import; neither a stick nor a zip would keep links
    try:
        wanted = {(one.kind, one.name): one for one in wanted_by(profile)}.values()
    except ImportError:
        raise bootstrap.Stop(
            f"checkpoints are fetched with the labs' own packages: run `python scripts/bootstrap.py install`, "
            f"then this with {bootstrap.VENV_PYTHON}."
        ) from None
    missing = [one for one in wanted if not pack.keeps_all_below(one.folder)]
    size = sum(one.gigabytes for one in missing)
    print(f"[pack] {len(wanted)} checkpoints and data sets, {len(missing)} of them, {size:.1f} GB, to be fetched",
          flush=True)  # fmt: skip
    for one in missing:
        print(f"[pack]   {one.name}, {one.gigabytes:.2f} GB", flush=True)
        fetch(pack, one)


def wanted_by(profile: str) -> Iterator[Wanted]:
    from labs.data.catalog import REAL
    from labs.models.catalog import PROFILES

    for entry in PROFILES[profile].values():
        yield Wanted("model", entry.name, entry.gigabytes, KEPT)
    for name in dict.fromkeys(entry.name for entry in REAL[profile].values()):  # some give files for several roles
        entries = [entry for entry in REAL[profile].values() if entry.name == name]
        size = sum(entry.megabytes for entry in entries) / 1000
        yield Wanted("dataset", name, size, [*(entry.files for entry in entries), "README.md"])


def fetch(pack: PackFolder, wanted: Wanted) -> None:
    from huggingface_hub import snapshot_download

    name = wanted.name
    try:
        snapshot_download(name, repo_type=wanted.kind, cache_dir=pack.path / "hub", allow_patterns=wanted.patterns)
    except Exception as error:  # the Hub's library lets through what those below it raise
        said = str(error).strip().splitlines() or [type(error).__name__]
        lost = f"{name} could not be fetched: check the connection and run this again ({said[0]})"
        raise bootstrap.Stop(f"{FULL_DISK if 'No space left' in str(error) else lost}.") from error
    files = [file for file in (pack.path / wanted.folder).rglob("*") if file.is_file()]
    whole = [file for file in files if file.suffix not in (".incomplete", ".lock")]
    if not any(file.suffix in (".safetensors", ".parquet") for file in whole):
        lacks = "no weights as safetensors, and pickled ones are not packed"
        lacks = lacks if wanted.kind == "model" else f"no files {wanted.patterns[0]}, so its catalogue entry is old"
        raise bootstrap.Stop(f"{name} has {lacks}.")
    pack.add(whole)
