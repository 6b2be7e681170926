"""The repository of a pack: the files of the last commit, and the page that says how to begin."""

import os
import subprocess

import bootstrap

from packing.folder import FULL_DISK, PackFolder

POSIX = "python{0} -m zipfile -e labs.zip . && python{0} labs/scripts/bootstrap.py run --from ."
WINDOWS = r"py -{0} -m zipfile -e labs.zip . && py -{0} labs\scripts\bootstrap.py run --from ."
READ_ME = """\
Hands-on labs for the tutorial "Multimodal Large Language Models and Tunings", to be set up without a network.
Packed for {computer}; profile {profile}; commit {commit}.

Copy this folder to the computer, open {terminal} in it and type

    {start}

It checks every file, sets up labs/.venv (it needs Python {python} with venv, and 3 GB of disk) and runs the tour.
With `install` or `test` instead of `run` it stops there, or runs the tests. How to go on: labs/README.md.
"""
CHECKPOINTS = """
The folder hub holds the checkpoints of `--profile {profile}`. They are read from here: leave it where it is.
The Hub is not asked for anything; with HF_HUB_OFFLINE=0 in the environment others can be fetched.
"""


def git(*arguments: str) -> str:
    """What git says in this checkout. Without conversion of line ends: what is packed on Windows runs elsewhere."""
    if not (bootstrap.ROOT / ".git").exists():
        raise bootstrap.Stop(f"{bootstrap.ROOT} is no git checkout: clone the repository and make the pack there.")
    command = ["git", "-c", "core.autocrlf=false", *arguments]
    try:
        done = subprocess.run(command, cwd=bootstrap.ROOT, capture_output=True, text=True, encoding="utf-8")
    except FileNotFoundError:
        raise bootstrap.Stop("git was not found: install it and run this again.") from None
    if done.returncode:
        lost = f"git failed: mend what it names and run this again ({' / '.join(done.stderr.strip().splitlines())})"
        raise bootstrap.Stop(f"{FULL_DISK if 'No space left' in done.stderr else lost}.")
    return done.stdout


def add_repository(pack: PackFolder) -> str:
    """labs.zip. Returns the commit."""
    commit = git("rev-parse", "--short", "HEAD").strip()
    print(f"[pack] the repository at commit {commit}; what is not committed stays out", flush=True)
    new = pack.path / "labs.zip.new"
    git("archive", "--format=zip", "--prefix=labs/", f"--output={new}", "HEAD")
    os.replace(new, pack.path / "labs.zip")
    pack.add([pack.path / "labs.zip"])
    return commit


def add_read_me(pack: PackFolder, profile: str, commit: str) -> str:
    """READ_ME.txt. Returns the command in it."""
    platform, python = pack.made_for["platform"], pack.made_for["python"]
    start = (WINDOWS if platform == "windows" else POSIX).format(python)
    terminal = "a command prompt (cmd)" if platform == "windows" else "a terminal"
    facts = {"computer": pack.computer, "profile": profile, "commit": commit, "python": python}
    text = READ_ME.format(start=start, terminal=terminal, **facts)
    text += "" if profile == "mini" else CHECKPOINTS.format(profile=profile)
    (pack.path / "READ_ME.txt").write_text(text, encoding="utf-8")
    pack.add([pack.path / "READ_ME.txt"])
    return start
