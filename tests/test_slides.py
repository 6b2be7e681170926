"""The decks: every minute of the timetable is in one, notes say what to do, and nothing asks another host."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import slides  # noqa: E402

from labs.teaching import schedule  # noqa: E402


class Asked(HTMLParser):
    """What a page asks for as it opens: addresses of scripts, styles, pictures and frames; and its speaker notes."""

    def __init__(self, page):
        super().__init__()
        self.addresses, self.notes, self.inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag in ("script", "link", "img", "iframe", "source", "audio", "video"):
            self.addresses.append(found.get("src") or found.get("href") or "")
        if tag == "aside":
            self.inside = found.get("class") == "notes"
            self.notes.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "aside"

    def handle_data(self, data):
        if self.inside:
            self.notes[-1] += data


@pytest.fixture(scope="module")
def decks():
    """The decks of the short path, as pages."""
    shown = slides.by_notebook("90")
    return {name: slides.page(slides.deck(name, rows), name) for name, rows in shown.items()}


@pytest.mark.parametrize("path", schedule.LENGTHS)
def test_the_decks_hold_the_whole_timetable(path):
    shown = slides.by_notebook(path)
    pause = schedule.PARTS[5][1] if path == "225" else 0
    assert sum(row.minutes for rows in shown.values() for row in rows) == schedule.LENGTHS[path] - pause


def test_a_deck_asks_for_what_lies_beside_it_and_for_nothing_else(decks):
    for name, page in decks.items():
        for address in filter(None, Asked(page).addresses):
            assert address.startswith("data:") or (ROOT / "scripts" / address).is_file(), f"{name}: {address[:80]}"
        assert not re.search(r"@import|url\((?!data:|#|\"data:|'data:)", page), name


def test_notes_say_how_long_and_whether_to_run_it(decks):
    for name, rows in slides.by_notebook("90").items():
        notes = Asked(decks[name]).notes
        timed = [text for text in notes if re.match(r"\s*\d+ minutes?, from \d:\d\d\. (Run|Shown)", text)]
        assert len(timed) == len(rows)


def test_a_page_that_asks_another_host_is_refused(monkeypatch):
    monkeypatch.setattr(slides.SlidesExporter, "from_notebook_node", lambda *_, **__: ('<img src="https://a.b/c">', {}))
    with pytest.raises(ValueError, match="asks another host"):
        slides.page(None, "one")


def test_long_printouts_are_cut_to_what_a_slide_holds():
    from nbformat.v4 import new_output

    long = new_output("stream", text="\n".join(map(str, range(50))))
    assert slides._cut(long).text.splitlines()[-2:] == [str(slides.LINES - 1), "..."]
    short = new_output("stream", text="1\n2")
    assert slides._cut(short) == short
