"""Where a link of the repository leads in the book."""

import os
import re
from pathlib import PurePosixPath

PAGES = ("labs/README.md", "labs/TROUBLESHOOTING.md", "labs/GLOSSARY.md", "labs/CLAIMS.md", "labs/COSTS.md",
         "labs/SPEED.md", "labs/PRESENTERS.md", "data/README.md")  # fmt: skip
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")


def in_the_book(text: str, page: str) -> str:
    """The Markdown of `page` with its links into the repository led to pages of the book; others become plain text."""
    return LINK.sub(lambda found: _link(found[1], found[2], PurePosixPath(page).parent), text)


def _link(words: str, target: str, folder: PurePosixPath) -> str:
    if "://" in target or target.startswith("#"):
        return f"[{words}]({target})"
    path, _, part = target.partition("#")
    inside = os.path.normpath(folder / path)
    if inside.startswith("labs/") and inside.endswith(".py"):
        return f"[{words}]({_up(folder)}code/{code_page(os.path.dirname(inside))}.md#{anchor(inside)})"
    if inside.endswith(".py"):
        return f'<a href="{_up(folder)}sources/{inside}.html">{words}</a>'
    if inside in PAGES or inside.endswith(".ipynb"):
        return f"[{words}]({target})"
    if inside == "labs/FILES.md" or os.path.isdir(inside):
        return f"[{words}]({_up(folder)}code/index.md)"
    return words


def code_page(folder: str) -> str:
    """The name of a folder's page."""
    return folder.replace("/", "-")


def anchor(file: str) -> str:
    """What a file's entry is called in its page."""
    return re.sub(r"[^a-z0-9]+", "-", file.lower())


def _up(folder: PurePosixPath) -> str:
    return "../" * len(folder.parts)
