"""The code that a model wrote, drawn: HTML in a frame that may run nothing, LaTeX as the picture of its table.

The frame has no rights at all (`sandbox=""`) and a policy of its own that loads nothing: a script, a handler or an
address that a model writes stays a text. A style gives the terse tags of `labs.world.domains.screens` the places and
colours that they have in the lessons' pictures; end tags, which those leave out, are put in.
"""

import re
from html import escape

from labs.demo.cards import image
from labs.world.domains import tables
from labs.world.domains.screens import INKS, PAGE
from labs.world.vocabulary import COLOURS

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
UNCLOSED = re.compile(r"<(header|nav|button)\b[^>]*>", re.IGNORECASE)
STYLE = """
* { box-sizing: border-box; border: 0; padding: 0; margin: 0; min-width: 0; }
body { height: 100vh; padding-top: 16.7vh; position: relative; overflow: hidden; font-size: 0; }
header { position: absolute; inset: 0 0 auto; height: 16.7vh; }
nav { position: absolute; inset: 16.7vh auto 0 0; width: 16.7vw; }
nav[right] { inset: 16.7vh 0 0 auto; }
nav[left] ~ p { margin-left: 16.7vw; }
nav[right] ~ p { margin-right: 16.7vw; }
p { display: flex; height: 27.8vh; }
p > * { flex: 1; height: 19.4vh; margin: 4.2vh 2.8vw; }
header, nav, button, img { background: var(--ink); }
button { border-radius: 9.7vh; }
img { background-image: conic-gradient(from 146deg at 50% 20%, white 68deg, transparent 0); }
input { border: 4.2vh solid var(--ink); border-width: 4.2vh 4.2vw; background: white; }
"""
INK = f"body {{ background: rgb{PAGE}; }} " + " ".join(f"[{ink}] {{ --ink: rgb{COLOURS[ink]}; }}" for ink in INKS)


def drawn(text: str, side: int) -> str:
    """What a text draws, `side` pixels wide and high, as HTML; "" for one that is neither markup nor a table."""
    if table := tables.parse(text):
        return image(tables.draw(table, side), "the table that this sets", side)
    if "<" not in text:
        return ""
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    closed = UNCLOSED.sub(r"\g<0></\1>", text)
    page = escape(f"{policy}<style>{STYLE}{INK}</style>{closed}", quote=True)
    return f'<iframe sandbox="" srcdoc="{page}" title="what this draws" width="{side}" height="{side}"></iframe>'
