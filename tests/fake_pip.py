"""A pip that only notes what it is asked, for tests of what is installed where: `python -m pip` finds it first.

It makes the records of what it `installs` and removes those of what it `uninstalls`. With FAKE_PIP_SAYS it fails so.
"""

import json
import os
import re
import shutil
import sys
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]


def record(folder, name, version):
    """What importlib.metadata reads of an installed package."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/RECORD,,\n")  # what a real pip removes


def main(arguments):
    held = {}
    if "-c" in arguments:
        held = dict(re.findall(r"^(\S+)==(\S+)$", Path(arguments[arguments.index("-c") + 1]).read_text(), re.MULTILINE))
    with (PACKAGES / "asked.jsonl").open("a") as file:
        file.write(json.dumps({"arguments": arguments, "held": held}) + "\n")
    if says := os.environ.get("FAKE_PIP_SAYS"):
        Path(arguments[arguments.index("--log") + 1]).write_text(says)
        return 1
    for name in re.findall(r"^([\w-]+)>=", "\n".join(arguments), re.MULTILINE):
        record(PACKAGES, name, held[name])
    if arguments[0] == "uninstall":
        for info in PACKAGES.glob(f"{arguments[-1]}-*.dist-info"):
            shutil.rmtree(info)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
