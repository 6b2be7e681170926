"""What pages in Markdown share: a part between two marks that is made anew, and tables."""

import re
from collections.abc import Sequence


def filled(text: str, name: str, made: str, page: str) -> str:
    """The text with what stands between the marks of this name made anew. Raises ValueError, naming the page."""
    pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"{page} needs the marks <!-- {name} --> and <!-- /{name} -->")
    return pattern.sub(lambda _: f"<!-- {name} -->\n{made}\n<!-- /{name} -->", text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, one line for each row."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])
