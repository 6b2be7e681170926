"""The lists of packages, read: what requirements.txt asks for, and what a file of exact versions holds.

Standard library only, because it also runs where nothing is installed yet.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 6  # numbers of a version that count: 5.15 is the same as 5.15.0


def asked(group):
    """Name to specifier, as in `{"pillow": ">=11.3,<13"}`, of one group of requirements.txt."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    block = re.search(rf"^# \[{group}\].*\n((?:[^#\n].*\n)+)", text, re.MULTILINE).group(1)
    return dict(re.findall(r"^([\w.-]+?)((?:>=|<)\S+)", block, re.MULTILINE))


def floor(specifier):
    """The oldest version that it allows."""
    return re.match(r">=([^,]+)", specifier).group(1)


def exact(file):
    """Name to version, of a file in which every line is `name==version`, or a comment."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", Path(file).read_text(encoding="utf-8"), re.MULTILINE))


def fits(version, specifier):
    """Whether a version is within the bounds; of 2.11.0+cu128 or 3.0rc1 only the numbers count."""
    bounds = re.findall(r"(>=|<)([\d.]+)", specifier)
    return all((numbers(version) >= numbers(bound)) == (sign == ">=") for sign, bound in bounds)


def numbers(version):
    found = [int(part) for part in re.match(r"[\d.]*", version).group().split(".") if part]
    return tuple([*found, *[0] * WIDTH][:WIDTH])


def canonical(name):
    """How a package's name is compared: `huggingface_hub` and `huggingface-hub` are one."""
    return re.sub(r"[-_.]+", "-", name).lower()
