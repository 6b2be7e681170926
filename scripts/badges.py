"""Badges that open a notebook on Colab or Kaggle, made of one setting: Repository in pyproject.toml's [project.urls].

Both hosts open notebooks from public GitHub repositories only. While nothing is set, README.md says how to upload them.
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("notebooks", "labs")
BRANCH = "main"
HOSTS = {  # picture of the badge, and what comes before owner/name/blob/branch/path
    "Colab": ("https://colab.research.google.com/assets/colab-badge.svg", "https://colab.research.google.com/github/"),
    "Kaggle": ("https://kaggle.com/static/images/open-in-kaggle.svg",
               "https://kaggle.com/kernels/welcome?src=https://github.com/"),
}  # fmt: skip
MARKED = re.compile(r"\n*<!-- badges -->.*?<!-- /badges -->", re.DOTALL)
UPLOAD = """Every notebook runs on Colab and Kaggle too, once it is there together with the repository, which
`git archive -o labs.zip HEAD` packs. On Colab choose *File > Upload notebook*, then upload `labs.zip` among the files
on the left; on Kaggle choose *File > Import notebook* and add `labs.zip` with *Add Input > Upload*. The first cell does
all the rest, without a restart."""


def address() -> str | None:
    """The repository's public address, if it is set. Raises ValueError unless it is one that both hosts can open."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = project.get("urls", {}).get("Repository")
    if found and not re.fullmatch(r"https://github\.com/[\w-]+/[\w.-]*[\w-]", found.removesuffix(".git")):
        raise ValueError(f"Repository in pyproject.toml has to read https://github.com/OWNER/NAME, and reads {found}")
    return found.removesuffix(".git") if found else None


def notebooks() -> list[Path]:
    """All notebooks of the collection: those of the tutorial's sections, then the worksheets."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.ipynb"))]


def badges(path: Path, found: str) -> str:
    """One badge a host, for the notebook at this path."""
    place = f"{found.removeprefix('https://github.com/')}/blob/{BRANCH}/{path.parent.name}/{path.name}"
    return " ".join(f"[![Open in {host}]({picture})]({opens}{place})" for host, (picture, opens) in HOSTS.items())


def with_badges(text: str, path: Path, found: str | None) -> str:
    """A notebook's first text with its badges at the end, or with none."""
    bare = MARKED.sub("", text)
    return f"{bare}\n\n<!-- badges -->\n{badges(path, found)}\n<!-- /badges -->" if found else bare


def for_readme() -> str:
    """A line for each notebook, or how to upload one."""
    found = address()
    if not found:
        return UPLOAD
    return "\n".join(f"- [{path.stem}]({path.parent.name}/{path.name}) {badges(path, found)}" for path in notebooks())
