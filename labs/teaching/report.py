"""A self-contained page from parts: headings, text, tables, pictures. No scripts, no network, opens anywhere."""

import base64
import html
import io
from collections.abc import Sequence

from PIL import Image

STYLE = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .3rem .8rem; text-align: left; }
th { border-bottom: 2px solid #888; } td { border-bottom: 1px solid #ddd; } td.number { text-align: right; }
img { max-width: 100%; border: 1px solid #ddd; } .verdict { font-weight: 600; } .note { color: #555; }
"""


def page(title: str, parts: Sequence[str], style: str = "") -> str:
    """The whole page as text; `style` is what this page has besides."""
    title, body = html.escape(title), "\n".join(parts)
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{title}</title>"
    head += f"<style>{STYLE}{style}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>\n<h1>{title}</h1>\n{body}\n</body></html>\n"


def heading(text: str) -> str:
    """A section's heading."""
    return f"<h2>{html.escape(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph; `kind` is a class of the style: verdict or note."""
    return f"<p class='{kind}'>{html.escape(text)}</p>"


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; numbers are set to the right."""
    top = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    lines = ["".join(_cell(value) for value in row) for row in rows]
    return f"<table><tr>{top}</tr>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def picture(image: Image.Image, description: str) -> str:
    """An embedded PNG with its description, which stands in for it where it cannot be seen."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{html.escape(description, quote=True)}' src='data:image/png;base64,{data}'>"


def _cell(value: object) -> str:
    number = isinstance(value, (int, float))
    return f"<td class='number'>{value:,}</td>" if number else f"<td>{html.escape(str(value))}</td>"
