"""python scripts/pack.py --platform linux --to DIR

Put the labs into one folder for people behind a weak network: wheels, repository, and a real profile's checkpoints.
Interrupted, it goes on with the same command. `python scripts/pack.py --check DIR` looks at every file again.
"""

import argparse
import importlib.util
import sys
import time
from pathlib import Path

import bootstrap
from packing.checkpoints import fetch_checkpoints
from packing.folder import FULL_DISK, PackFolder
from packing.repository import add_read_me, add_repository
from packing.wheels import fetch_wheels, pins

PYTHONS = [f"3.{minor}" for minor in range(bootstrap.OLDEST[1], bootstrap.NEWEST[1] + 1)]
PROFILES = ("mini", "colab", "full")  # as in labs.models.catalog, which needs packages that a mini pack does not


class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise bootstrap.Stop(f"{message}; --help shows how to call.")


def options(arguments: list[str]) -> argparse.Namespace:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", choices=bootstrap.COMPUTERS, help="of the computers that it is for")
    parser.add_argument("--to", type=Path, metavar="DIR", help="a new folder, or that of an interrupted run")
    parser.add_argument("--profile", choices=PROFILES, default="mini", help="mini needs no checkpoints")
    parser.add_argument("--python", choices=PYTHONS, default=bootstrap.python_running(), help="on those computers")
    parser.add_argument("--cuda", action="store_true", help="Linux with an NVIDIA GPU: 3 GB more")
    parser.add_argument("--check", type=Path, metavar="DIR", help="only look whether a pack is whole")
    found = parser.parse_args(arguments)
    if not found.check and not (found.platform and found.to):
        parser.error("--platform and --to are needed")
    if found.python not in PYTHONS:
        parser.error(f"the labs do not run on Python {found.python}: say --python {', '.join(PYTHONS)}")
    if found.cuda and found.platform != "linux":
        parser.error("--cuda is for --platform linux")
    return found


def make(folder: Path, found: argparse.Namespace) -> None:
    if not importlib.util.find_spec("pip"):
        raise bootstrap.Stop(f"{sys.executable} has no pip: run this with another Python.")
    start = time.monotonic()
    wanted = pins(found.platform, found.python, found.cuda)
    pack = PackFolder(folder, found.platform, found.python)
    fetch_wheels(pack, wanted)
    if found.profile != "mini":
        fetch_checkpoints(pack, found.profile)
    commit = add_repository(pack)
    command = add_read_me(pack, found.profile, commit)
    pack.finish(profile=found.profile, commit=commit)
    print(f"[pack] finished after {time.monotonic() - start:.0f} s: {size(folder, pack.sums)} in {folder}")
    print(f"[pack] there ({pack.computer}), in a copy of this folder:\n\n    {command}\n")


def check(folder: Path) -> None:
    sums = bootstrap.read_pack(folder)["sha256"]
    bootstrap.check_files(folder, sums)
    print(f"[pack] {folder} is whole: {size(folder, sums)}")


def size(folder: Path, names) -> str:
    megabytes = sum((folder / name).stat().st_size for name in names) / 1e6
    return f"{len(names)} files, {megabytes:.0f} MB"


def main(arguments: list[str]) -> int:
    return bootstrap.ended("Packing stopped", lambda: pack_up(arguments))


def pack_up(arguments: list[str]) -> int:
    try:
        found = options(arguments)
        if found.check:
            check(found.check.expanduser().resolve())
        else:
            make(found.to.expanduser().resolve(), found)
    except (bootstrap.Stop, OSError) as problem:
        if "No space left" not in str(problem):
            raise
        raise bootstrap.Stop(f"{FULL_DISK}.") from None
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
