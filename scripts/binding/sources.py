"""Every Python file of the repository to be read as it is, in a page of its own."""

from pathlib import Path

import listing
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

ROOT = Path(__file__).resolve().parents[2]
STYLE = """
:root { color-scheme: light; }
body { max-width: 62rem; margin: 1rem auto; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif; }
pre { overflow-x: auto; padding: 1rem; background: #f8f8f8; }
"""
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{inside}</title><link rel="stylesheet" href="{up}code.css"></head>
<body><h1>{inside}</h1>
{code}
</body></html>
"""


def write(folder: Path) -> None:
    """sources/PATH.html for each of them."""
    form, to = HtmlFormatter(), folder / "extra" / "sources"
    to.mkdir(parents=True)
    (to / "code.css").write_text(STYLE + form.get_style_defs(".highlight"), encoding="utf-8")
    for file in [one for name in listing.FOLDERS for one in listing.tracked(name) if one.suffix == ".py"]:
        inside = file.relative_to(ROOT)
        page = to / f"{inside}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        code = highlight(file.read_text(encoding="utf-8"), PythonLexer(), form)
        text = PAGE.format(inside=inside.as_posix(), up="../" * (len(inside.parts) - 1), code=code)
        page.write_text(text, encoding="utf-8")
