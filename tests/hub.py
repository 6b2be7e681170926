"""A Hub cache with stand-ins in it, laid out as huggingface_hub lays it out, and the network closed."""

import hashlib
import os
import shutil
from pathlib import Path

import standins
import standins_data

from labs.data.real import UNSTATED, DataEntry

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(home: Path, name: str, standin: standins.Standin, revision: str = "main") -> Path:
    """The stand-in as the checkpoint `name` in the cache below `home`: blobs, and links to them. Returns its folder."""
    folder, saved = home / "hub" / f"models--{name.replace('/', '--')}", home / "saved"
    standin.model.save_pretrained(saved)
    if standin.processor is not None:  # a model of numbers alone has none
        standin.processor.save_pretrained(saved)
    inner = {file.parent.relative_to(saved) for file in saved.rglob("*") if file.parent != saved}
    inner -= {file.parent.relative_to(saved) for file in saved.rglob("config.json")}
    lay_out(saved, folder, revision)
    for part in inner:  # the library has asked for a configuration there, and the cache remembers the no
        absent = folder / ".no_exist" / COMMIT / part / "config.json"
        absent.parent.mkdir(parents=True, exist_ok=True)
        absent.touch()
    return folder


def put_data(home: Path, entry: DataEntry, rows: int = 8) -> Path:
    """The stand-in of a data set in the cache below `home`. Returns its folder."""
    folder, saved = home / "hub" / f"datasets--{entry.name.replace('/', '--')}", home / "saved"
    standins_data.write(entry, saved, rows)
    (saved / "README.md").write_text(f"---\nlicense: {entry.licence if entry.licence != UNSTATED else 'other'}\n---\n")
    lay_out(saved, folder)
    return folder


def lay_out(saved: Path, folder: Path, revision: str = "main") -> None:
    """Move files into a cache folder: each a blob called by its checksum, and a link to it in the snapshot."""
    snapshot, named = folder / "snapshots" / COMMIT, folder / "refs" / revision
    for part in (snapshot, folder / "blobs", named.parent):
        part.mkdir(parents=True, exist_ok=True)
    named.write_text(COMMIT)
    for file in [path for path in saved.rglob("*") if path.is_file()]:
        blob, name = folder / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest(), file.relative_to(saved)
        shutil.move(file, blob)
        link = snapshot / name
        link.parent.mkdir(parents=True, exist_ok=True)  # InstructBLIP's second tokenizer has a folder of its own
        link.unlink(missing_ok=True)
        link.symlink_to(Path(*[".."] * (len(name.parts) + 1), "blobs", blob.name))
    shutil.rmtree(saved)


def environment(home: Path) -> dict[str, str]:
    """For a process that has this cache and no network."""
    return os.environ | {"HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "HF_HUB_OFFLINE": "1",
                         "OMP_NUM_THREADS": "1"}  # fmt: skip
