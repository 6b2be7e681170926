"""The folder of a pack while it is made: what lies in it whole, by its checksum, so that an interrupted run goes on."""

import json
import os
import re
from pathlib import Path

import bootstrap

UNFINISHED, NEW = "pack.part.json", "pack.new.json"
FULL_DISK = "the disk is full: free some space and run this again, it goes on from there"


def name_and_version(text: str) -> tuple:
    """Of a pin (`PyYAML==6.0.3`) or of a wheel's file name, spelled alike."""
    name, version = re.split("==|-", text)[:2] if text.endswith(".whl") else text.split("==")
    return re.sub(r"[-_.]+", "-", name).lower(), version


class PackFolder:
    """`known` are checksums from earlier runs, `sums` those of the files that this run has seen whole."""

    def __init__(self, path: Path, platform: str, python: str):
        self.path, self.made_for = path, {"platform": platform, "python": python}
        self.computer = f"{platform} ({bootstrap.COMPUTERS[platform][1]}) with Python {python}"
        self.known, self.sums = {}, {}
        try:
            path.mkdir(parents=True, exist_ok=True)
            for earlier in self.earlier():
                self.known.update(earlier["sha256"])
            self.save()
        except OSError as error:
            if "No space" in str(error):
                raise
            raise bootstrap.Stop(f"{path} cannot be written ({error.strerror}): choose another folder.") from None

    def earlier(self) -> list:
        """What earlier runs noted. Raises Stop where the folder is not ours or for another computer."""
        noted = [self.path / name for name in (bootstrap.MANIFEST, UNFINISHED) if (self.path / name).exists()]
        if not noted and {file.name for file in self.path.iterdir()} - {NEW}:
            raise bootstrap.Stop(f"{self.path} holds something else already: choose an empty folder or a new one.")
        packs = [bootstrap.read_pack(self.path, file.name) for file in noted]
        for pack in packs:
            if any(pack[key] != wanted for key, wanted in self.made_for.items()):
                made_for = f"{pack['platform']} and Python {pack['python']}"
                raise bootstrap.Stop(f"{self.path} holds a pack for {made_for}: choose another folder.")
        return packs

    def keeps(self, name: str) -> bool:
        """Is this file here and whole? One that is not is removed, so that it is fetched again."""
        file = self.path / name
        if name in self.known and file.is_file() and bootstrap.sha256(file) == self.known[name]:
            self.sums[name] = self.known[name]
            return True
        if file.exists():
            file.unlink()
        return False

    def keeps_pin(self, pin: str) -> bool:
        return any(self.keeps(f"wheels/{file.name}") for file in self.wheels(pin))

    def keeps_all_below(self, folder: str) -> bool:
        """Are all files here that were noted below this folder, and were there any?"""
        return bool(kept := [self.keeps(name) for name in self.known if name.startswith(f"{folder}/")]) and all(kept)

    def wheels(self, pin: str) -> list:
        wanted = name_and_version(pin)
        return [file for file in self.path.glob("wheels/*.whl") if name_and_version(file.name) == wanted]

    def add(self, files) -> None:
        """Note files that have just arrived whole."""
        self.sums.update({file.relative_to(self.path).as_posix(): bootstrap.sha256(file) for file in files})
        self.known.update(self.sums)
        self.save()

    def save(self, **about) -> None:
        """Atomically: an interruption leaves the old list or the new one."""
        noted = {**self.made_for, **about, "sha256": self.sums if about else self.known}
        text = json.dumps(noted, indent=1, sort_keys=True) + "\n"
        (self.path / NEW).write_text(text, encoding="utf-8")
        os.replace(self.path / NEW, self.path / UNFINISHED)

    def finish(self, **about) -> None:
        """The list of this run's files becomes the pack's; wheels of an earlier list go."""
        self.save(**about)
        os.replace(self.path / UNFINISHED, self.path / bootstrap.MANIFEST)
        for name in self.known.keys() - self.sums.keys():
            if name.startswith("wheels/"):
                (self.path / name).unlink(missing_ok=True)
