"""The wheels of a pack: which ones a computer needs, and how pip fetches them for another computer than this one."""

import re
import subprocess
import sys

import bootstrap

from packing.folder import FULL_DISK, PackFolder
from packing.repository import git

# What pip calls the platforms. torch asks for macOS 14 and for the C library of 2018; older tags fit those systems too.
TAGS = {
    "linux": [f"manylinux_2_{minor}_x86_64" for minor in range(28, 4, -1)]
    + ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"],
    "mac": ["macosx_14_0_arm64"],
    "windows": ["win_amd64"],
}
SECTIONS = {"linux": "Linux with an NVIDIA GPU", "mac": "macOS", "windows": "Windows"}  # of constraints.txt
TOGETHER = 8  # wheels that one call of pip fetches: what an interruption can cost


def pins(platform: str, python: str, cuda: bool = False) -> list[str]:
    """All that is ever installed, as `name==version`. What only one platform or Python needs, constraints.txt says."""
    common, *others = re.split(r"^# only on (.*)$", git("show", "HEAD:constraints.txt"), flags=re.MULTILINE)
    for title, text in zip(others[::2], others[1::2], strict=True):
        if title == f"Python {python}" or (title.startswith(SECTIONS[platform]) and (platform != "linux" or cuda)):
            common += text
    lists = common + "\n" + git("show", "HEAD:tests/torchvision.txt")
    found = re.findall(r"^[\w.-]+==[^\s#]+", lists, re.MULTILINE)
    if platform == "linux" and not cuda:
        # The usual build does not even start without its CUDA libraries, so leaving those out is not enough.
        return [f"{pin}+cpu" if pin.startswith("torch==") else pin for pin in found]
    return found


def target(platform: str, python: str) -> list[str]:
    """pip's arguments for another computer. Without dependencies: pip would take those of this one."""
    tags = [part for tag in TAGS[platform] for part in ("--platform", tag)]
    return ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python, *tags]


def fetch_wheels(pack: PackFolder, wanted: list[str]) -> None:
    """A few at a time, so that an interruption costs little; what is there and whole stays."""
    missing = [pin for pin in wanted if not pack.keeps_pin(pin)]
    print(f"[pack] {len(wanted)} wheels for {pack.computer}, {len(wanted) - len(missing)} of them there", flush=True)
    torch = [pin for pin in missing if pin.endswith("+cpu")]
    rest = [pin for pin in missing if pin not in torch]
    if torch:
        answers = bootstrap.answers(f"{bootstrap.CPU_WHEELS}/torch/")
        fetch_some(pack, torch, *(["--index-url", bootstrap.CPU_WHEELS] if answers else []))
    for at in range(0, len(rest), TOGETHER):
        fetch_some(pack, rest[at : at + TOGETHER])


def fetch_some(pack: PackFolder, wanted: list[str], *index: str) -> None:
    """Fetch the wheels of a few pins into the folder. Raises Stop with the reason if pip fails."""
    print(f"[pack]   {', '.join(pin.split('==')[0] for pin in wanted)}", flush=True)
    log = pack.path / "pip.log"
    log.unlink(missing_ok=True)
    arguments = ["--log", log, "--dest", pack.path / "wheels", *target(**pack.made_for), *index, *wanted]
    if failed := pip_download(arguments):
        said = failed + (log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")
        raise bootstrap.Stop(f"{why(said, log, pack.computer)}.")
    log.unlink(missing_ok=True)
    pack.add(file for pin in wanted for file in pack.wheels(pin))


def pip_download(arguments: list) -> str:
    """Empty, or what pip says of its failure: a full disk is not in its log. Progress shows in a terminal only."""
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--no-input", *arguments]
    progress = None if sys.stdout.isatty() else subprocess.DEVNULL
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=progress, stderr=subprocess.PIPE)
    return done.returncode and (done.stderr.decode(errors="replace") + "\n")


def why(said: str, log, computer: str) -> str:
    """pip's failure in one sentence; bootstrap knows those that any call of pip can have."""
    reason = bootstrap.reason(said, log)
    if reason.startswith("the disk is full"):
        return FULL_DISK
    missing = re.search(r"No matching distribution found for (\S+)", said)
    if not missing or not reason.startswith("pip failed"):
        return reason
    if missing.group(1).endswith("+cpu"):
        return (
            f"PyTorch's build for the CPU, {missing.group(1)}, was not found for {computer}: run this again when "
            f"{bootstrap.CPU_WHEELS} answers, or with --cuda, which takes the usual build, 3 GB more"
        )
    return f"there is no wheel of {missing.group(1)} for {computer} where pip looks"
