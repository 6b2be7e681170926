"""A Hub cache with stand-ins in it, laid out as huggingface_hub lays it out, and the network closed."""

import hashlib
import os
import shutil
from pathlib import Path

import standins

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def put(home: Path, name: str, standin: standins.Standin) -> Path:
    """The stand-in as the checkpoint `name` in the cache below `home`: blobs, and links to them. Returns its folder."""
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    snapshot, saved = folder / "snapshots" / COMMIT, home / "saved"
    for part in (snapshot, folder / "blobs", folder / "refs", saved):
        part.mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    standin.model.save_pretrained(saved)
    standin.processor.save_pretrained(saved)
    for file in saved.iterdir():
        blob = folder / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.move(file, blob)
        (snapshot / file.name).symlink_to(Path("../../blobs") / blob.name)
    saved.rmdir()
    return folder


def environment(home: Path) -> dict[str, str]:
    """For a process that has this cache and no network."""
    return os.environ | {"HF_HOME": str(home), "HF_HUB_CACHE": str(home / "hub"), "HF_HUB_OFFLINE": "1",
                         "OMP_NUM_THREADS": "1"}  # fmt: skip
