"""python scripts/hosted.py

On Colab and Kaggle: install what the labs need and the host lacks, and move nothing that the host has loaded for you.
The first cell of every notebook runs it, and no restart is needed. Standard library only.
"""

import importlib.metadata
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import bootstrap
from package_lists import asked, canonical, exact, fits, numbers

# Large packages that fit each other and the host's GPU: never moved, and refused where they are too old for the labs.
PRELOADED = {"torch", "torchvision", "torchaudio", "transformers", "peft", "accelerate", "datasets", "huggingface-hub",
             "tokenizers", "safetensors", "numpy", "pillow", "matplotlib"}  # fmt: skip
# To download of what Colab lacks, with what that needs in turn.
MEGABYTES = {"bitsandbytes": 43, "sacrebleu": 1, "jaxtyping": 0}
TORCHAO = "0.16.0"  # peft refuses to add LoRA beside an older one; as in labs/preflight/problems.py
# What pip can read back; a package of the host with another kind of version stays without a line.
READABLE = re.compile(r"(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?")
NEWER = {
    "colab": "choose Runtime > Change runtime type > Runtime version > Latest",
    "kaggle": "choose Settings > Environment > Always use latest environment",
}


def place():
    if "COLAB_RELEASE_TAG" in os.environ:
        return "colab"
    return "kaggle" if "KAGGLE_KERNEL_RUN_TYPE" in os.environ else None


def version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing():
    """Name to specifier of what has to be installed. Stops at a preloaded package that would have to be moved."""
    found = {name: wanted for name, wanted in asked("runtime").items() if not fits(version(name) or "0", wanted)}
    for name, wanted in found.items():
        if version(name) and canonical(name) in PRELOADED:
            remedy = NEWER[place()]
            raise bootstrap.Stop(f"{name} {version(name)} is loaded here, and the labs run with {wanted}: {remedy}.")
    return found


def constraints(moved):
    """The lines that hold pip: what is installed stays at its version, anything else comes as the labs were tested.

    `moved` are the names that may change.
    """
    here = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name and READABLE.fullmatch(package.version or ""):
            here.setdefault(canonical(name), package.version)  # the first on the path is the one that is imported
    tested = {canonical(name): pin for name, pin in exact(bootstrap.ROOT / "constraints.txt").items()}
    changed = {name: tested[name] for name in map(canonical, moved) if name in tested}
    return [f"{name}=={pin}" for name, pin in sorted({**tested, **here, **changed}.items())]


def install(found):
    """Let pip install what was found missing; Stop in one sentence if it cannot."""
    megabytes = sum(MEGABYTES.get(name, 1) for name in found)
    file = Path(tempfile.mkdtemp()) / "constraints.txt"
    file.write_text("\n".join(constraints(found)) + "\n", encoding="utf-8")
    bootstrap.LOG = file.with_name("pip.log")  # a checkout below /kaggle/input cannot be written
    what = f"installing {', '.join(found)}: about {megabytes} MB"
    names = [name + wanted for name, wanted in found.items()]
    options = ["--retries", "1", "--only-binary=:all:", "-c", file]  # without a network it should not take minutes
    failed = bootstrap.pip_install(what, *options, *names, python=sys.executable)
    if failed and failed.startswith("the network"):
        inside = "choose Settings > Internet > On" if place() == "kaggle" else "look at the connection"
        raise bootstrap.Stop(f"{', '.join(found)} cannot be downloaded: {inside} and run this cell again.")
    if failed:
        raise bootstrap.Stop(f"{failed}.")


def remove_torchao():
    """Where peft would refuse to work beside it; nothing in the labs uses it."""
    found = version("torchao")
    if found and numbers(found) < numbers(TORCHAO):
        command = [sys.executable, "-m", "pip", "uninstall", "--yes", "--quiet", "torchao"]
        if subprocess.call(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
            raise bootstrap.Stop(f"torchao {found} cannot be removed, and peft refuses to add LoRA beside it.")
        print(f"[set-up] torchao {found} removed: peft refuses to add LoRA beside it", flush=True)


def link():
    """`import labs` works in later kernels and in what they start, too; the cell itself sees to this one."""
    file = Path(sysconfig.get_path("purelib")) / "labs-checkout.pth"
    try:
        file.write_text(bootstrap.on_path(bootstrap.ROOT))
    except OSError:  # then the cell does it again in each kernel
        return


def main():
    return bootstrap.ended("Set-up stopped", prepare)


def prepare():
    if place() is None:
        raise bootstrap.Stop(
            "this is for Colab and Kaggle; here, run python scripts/bootstrap.py install "
            "and choose the Python of .venv as the notebook's kernel."
        )
    found = missing()
    if found:
        install(found)
    remove_torchao()
    link()
    return 0


if __name__ == "__main__":
    sys.exit(main())
