"""The pages in Markdown, the pictures that they show, and the map of papers."""

import html
import re
import shutil
from pathlib import Path

from binding.links import PAGES, anchor, code_page, in_the_book

from labs.systems.parts.atlas import FAMILIES, Paper
from labs.teaching import atlas

ROOT = Path(__file__).resolve().parents[2]
SEARCHED = {"labs/CLAIMS.md": "claims", "labs/GLOSSARY.md": "words", "labs/TROUBLESHOOTING.md": "symptoms"}


def write(folder: Path) -> None:
    """All of them, in the layout of the repository."""
    for page in PAGES:
        text = in_the_book((ROOT / page).read_text(encoding="utf-8"), page)
        if what := SEARCHED.get(page):
            title, _, rest = text.partition("\n")
            text = f"{title}\n\n{searched(what)}\n{rest}"
        _put(folder / page, text)
    for picture in [*(ROOT / "data").glob("samples/*.png"), *(ROOT / "data").glob("bench/*.png")]:
        to = folder / picture.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, to)
    _put(folder / "map.md", papers())


def searched(what: str) -> str:
    """A box that leaves those rows of a page's tables in which all the words occur; hidden where no script runs."""
    box = f'<label>Search the {what} <input type="search"></label> <output></output>'
    return f'<p class="search-rows" hidden>{box}</p>\n'


def papers() -> str:
    """The map: every paper with what it does and which file here shows it, family by family."""
    told, _, others = atlas.finding(atlas.read()).partition("\n")
    head = "".join(f"<th>{name}</th>" for name in ("system", "what it does", "here"))
    parts = ["# The map of papers", searched("papers"), f"{told}.\n\n{others}."]
    for family, (here, all_) in atlas.families().items():
        rows = "".join(map(_row, atlas.search(family=family)))
        parts += [f"## {family}: {FAMILIES[family]}", f"{here} of {all_} have a file here.",
                  f'<table class="table papers"><thead><tr>{head}</tr></thead>'
                  f"<tbody>{rows}</tbody></table>"]  # fmt: skip
    return "\n\n".join(parts)


def _row(paper: Paper) -> str:
    name = f"<b>{html.escape(paper.system)}</b>"
    if paper.source:
        name = f'<a href="{html.escape(paper.source, quote=True)}">{name}</a>'
    told = [f"{name} {paper.year}", html.escape(f"{paper.mechanism}."), linked(html.escape(paper.here))]
    return f"<tr>{''.join(f'<td>{one}</td>' for one in told)}</tr>"


def linked(text: str) -> str:
    """A text in which files of the package lead to their entries, and what stands in backticks is code."""
    parts = re.split(r"`?(labs/[\w/]+\.py)`?", text)
    for at in range(1, len(parts), 2):
        page = code_page(parts[at].rpartition("/")[0])
        parts[at] = f'<a href="code/{page}.html#{anchor(parts[at])}">{parts[at]}</a>'
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", "".join(parts))


def _put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
