"""The decks: every minute of the timetable is in one, notes say what to do, and nothing asks another host."""

import io
import re
import shutil
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_output
from PIL import Image
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import slide_bodies  # noqa: E402
import slide_tables  # noqa: E402
import slides  # noqa: E402

from labs.teaching import schedule  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(not CHROMIUM, reason="there is no chromium (Debian: apt install chromium)")
SMALLEST = 16  # pixels of a letter's height on a screen of 1280 by 720, in all but pictures
EDGES = (
    64,
    1232,
    684,
)  # left, right (the margin, and a blank that hangs over) and bottom, where the page number stands
SLIDES = """() => Reveal.getSlides().map(slide => {
  const place = Reveal.getIndices(slide); Reveal.slide(place.h, place.v);
  const name = place.h + '.' + (place.v || 0) + ' ' + slide.innerText.slice(0, 60);
  const boxes = [], letters = [], walk = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  const seen = (one) => one.checkVisibility() && !one.closest('aside, mjx-assistive-mml');
  while (walk.nextNode()) if (walk.currentNode.textContent.trim() && seen(walk.currentNode.parentElement)) {
    const range = document.createRange(); range.selectNodeContents(walk.currentNode);
    if (!range.getBoundingClientRect().width) continue;  // what an audio element says where there is none
    boxes.push(range.getBoundingClientRect());
    letters.push(parseFloat(getComputedStyle(walk.currentNode.parentElement).fontSize) * Reveal.getScale()) }
  const shown = [...slide.querySelectorAll('img, audio, svg, table, blockquote')].filter(seen);
  boxes.push(...shown.map(one => one.getBoundingClientRect()));
  return {name, left: Math.min(...boxes.map(one => one.left)), right: Math.max(...boxes.map(one => one.right)),
    bottom: Math.max(...boxes.map(one => one.bottom)), small: Math.min(...letters),
    tallest: Math.min(999, ...[...slide.querySelectorAll('img')].map(one => one.getBoundingClientRect().height)),
    said: slide.innerText.replace(slide.querySelector('.running')?.innerText || '', '').trim(), shown: shown.length,
    notes: [...slide.querySelectorAll('aside.notes')].map(one => one.textContent.trim()).join(' ')} })"""


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
    return {name: slides.page(slides.deck(name, "90"), name) for name in slides.by_notebook("90")}


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
        assert not re.search(r'<a [^>]*href="(?!https?:|#)', page), f"{name}: a link to a file that is not beside it"


def test_notes_say_how_long_and_whether_to_run_it(decks):
    for name, rows in slides.by_notebook("90").items():
        notes = Asked(decks[name]).notes
        timed = [text for text in notes if re.match(r"\s*\d+ minutes?, from \d:\d\d\. (Run|Shown)", text)]
        assert len(timed) == len(rows)


def test_a_page_that_asks_another_host_is_refused(monkeypatch):
    monkeypatch.setattr(slides.SlidesExporter, "from_notebook_node", lambda *_, **__: ('<img src="https://a.b/c">', {}))
    with pytest.raises(ValueError, match="asks another host"):
        slides.page(None, "one")


def test_a_deck_begins_with_its_minutes_and_ends_with_what_comes_next():
    shown = slides.by_notebook("225")
    for number, (name, rows) in enumerate(shown.items()):
        cells = [cell for cell in slides.deck(name, "225").cells if cell.metadata.slideshow.slide_type != "notes"]
        assert f"{sum(row.minutes for row in rows)} minutes" in cells[0].source.splitlines()[0]
        assert all(row.section.heading in cells[0].source for row in rows)
        last = "last part" if number == len(shown) - 1 else "# Next: "
        assert last in cells[-1].source
        assert ("A break of 30 minutes" in cells[-1].source) == name.startswith("04_3")


def test_no_question_to_the_room_is_hidden_in_the_notes():
    for name, rows in slides.by_notebook("225").items():
        cells = slides._cells(name)
        asked = sum(cell.source.count("> **Predict.**") for row in rows
                    for cell in cells[row.section.first - 1 : row.section.last])  # fmt: skip
        kinds = [
            (cell.metadata.slideshow.slide_type == "notes", cell.source) for cell in slides.deck(name, "225").cells
        ]
        assert sum(source.count("> **Predict.**") for notes, source in kinds if not notes) == asked
        assert not any("**Predict.**" in source for notes, source in kinds if notes)


def test_words_of_a_link_to_a_file_are_left():
    said = slides._text("see [00](00_start_here.ipynb), [a table](../data/a.csv) and [a page](https://a.b/c)", "slide")
    assert said.source == "see 00, a table and [a page](https://a.b/c)"


ROWS = [["a claim that is long and broken", "one arm: 71.6 %", "+50.1 points\n[+45.2, +54.9]", "reproduced"],
        ["short", "another arm, with more words than fit: 65.6 %", "+7.0\n[-0.2, +0.8]", "not reproduced"],
        ["terse data, terse replies", "", "[+6.524, +7.502]", "reversed"]]  # fmt: skip


@pytest.mark.parametrize("wide", [112, 118])
@pytest.mark.parametrize("lines", [True, False])
def test_a_table_of_a_terminal_is_read_back_row_by_row(wide, lines):
    figures = [[f"a row {n}", f"{n}.5 % [{n}.1, {n}.9]", f"{n}00"] for n in range(5)]
    for rows in (ROWS, figures):
        table = Table(title="what it is", show_lines=lines)
        for name in "abcd"[: len(rows[0])]:
            table.add_column(name)
        for row in rows:
            table.add_row(*row)
        with (console := Console(width=wide, file=io.StringIO())).capture() as drawn:
            console.print(table)
        found = slide_tables.drawn(drawn.get())
        assert [[" ".join(cell.split()) for cell in row] for row in found.rows] == [
            [" ".join(cell.split()) for cell in row] for row in rows
        ]
        assert (found.title, found.head) == ("what it is", list("abcd")[: len(rows[0])])


def test_a_list_in_columns_is_read_back_and_prose_is_not():
    lines = ["MMC4      2023 101 million    ODC-BY      a text", "ESC-50    2015 2,000 clips    CC BY-NC    sounds",
             "nuScenes  2019 1,000          CC          a car"]  # fmt: skip
    assert slide_tables.aligned(lines).rows[1] == ["ESC-50", "2015 2,000 clips", "CC BY-NC", "sounds"]
    assert slide_tables.aligned(["one line of words", "another line", "and a third one of them"]) is None


def printed(text):
    return new_code_cell("", outputs=[new_output("stream", text=text)])


def test_long_printouts_are_cut_to_what_two_slides_hold():
    made = slide_bodies.bodies([printed("\n".join(f"line {n}" for n in range(90)))])
    assert len(made) == slide_bodies.SLIDES and "line 0\n" in made[0]
    kept = sum(body.count("line ") for body in made)
    assert f"… {90 - kept} more lines in the notebook" in made[-1] and 30 < kept < 60


@pytest.mark.parametrize("text, pixels, lines", [("short", 32, 1), ("w " * 80, 24, 3), ("one  " + "x" * 105, 17, 1)])
def test_short_printouts_are_large_and_wide_ones_are_broken_unless_in_columns(text, pixels, lines):
    (body,) = slide_bodies.bodies([printed(text)])
    assert f"font-size: {pixels}px" in body and body.count("\n") == lines


def test_a_picture_too_tall_to_be_read_is_told_in_words():
    for high, shown in ((300, True), (3000, False)):
        Image.new("RGB", (300, high)).save(file := io.BytesIO(), "PNG")
        data = {"image/png": b64encode(file.getvalue()).decode()}
        output = new_output("display_data", data, metadata={"image/png": {"alt": "what it shows"}})
        (body,) = slide_bodies.bodies([new_code_cell("", outputs=[output])])
        assert "what it shows" in body and ("<img" in body) is shown


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All decks of the tutorial, as the script writes them."""
    where = tmp_path_factory.mktemp("slides")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["slides.py", "--to", str(where)])
        slides.main()
    return where


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="there is no playwright (pip install playwright)")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A page of the size of a small projector; at the end it asked for nothing but files, and nothing went wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    asked, wrong = set(), []
    context.on("request", lambda one: asked.add(one.url.partition(":")[0]))
    context.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    context.on("weberror", lambda one: wrong.append(str(one.error)))
    yield context.new_page()
    context.close()
    assert asked and asked <= {"file", "data", "blob"}
    assert not wrong


def opened(page, file, query=""):
    page.goto("about:blank")  # otherwise the next deck would be taken for a place in this one
    page.goto(file.as_uri() + query)
    page.wait_for_function("window.Reveal?.isReady() && window.MathJax?.startup?.promise")
    page.evaluate("MathJax.startup.promise.then(() => document.fonts.ready).then(() => true)")


@needs_browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_every_slide_of_every_deck_can_be_read_from_the_back(page, folder):
    for file in sorted(folder.glob("*.html")):
        opened(page, file)
        found = page.evaluate(SLIDES)
        assert len(found) > 5, file.name
        for one in found:
            place = f"{file.name}, slide {one['name']}"
            left, right, bottom = EDGES
            assert one["left"] >= left - 1 and one["right"] <= right + 1 and one["bottom"] <= bottom + 1, place
            assert one["small"] >= SMALLEST, place
            assert one["tallest"] >= 150, f"{place}: a picture of {one['tallest']} pixels"
            assert one["said"] or one["shown"], f"{place}: nothing on it"
            assert re.search(r"\d:\d\d|The end", one["notes"]), f"{place}: notes without the time"


@needs_browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mathematics_is_drawn(page, folder):
    formula = re.compile(r"\$[^$\n]+\$")
    counted = 0
    for file in sorted(folder.glob("*.html")):
        texts = [cell.source for cell in slides.deck(file.stem, "225").cells if cell.cell_type == "markdown"]
        if expected := sum(len(formula.findall(text)) for text in texts):
            opened(page, file)
            assert page.locator("mjx-container svg").count() == expected, file.name
            assert not formula.search(page.evaluate("document.querySelector('.slides').textContent")), file.name
            counted += expected
    assert counted


@needs_browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_keys_and_the_speaker_view_work_from_the_disk(page, folder):
    opened(page, folder / "01_introduction.html")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("[Reveal.getIndices().h, Reveal.getIndices().v]") == [1, 1]
    page.keyboard.press("Escape")
    assert page.evaluate("Reveal.isOverview()")
    page.keyboard.press("Escape")
    page.wait_for_function("!Reveal.isOverview()")
    with page.context.expect_page(timeout=90_000) as found:
        page.keyboard.press("s")
    notes = found.value.locator(".speaker-controls-notes .value")
    notes.get_by_text("Until 0:07").wait_for(timeout=20_000)
    page.keyboard.press("ArrowRight")
    notes.get_by_text("2 minutes, from 0:07. Run it live.").wait_for(timeout=20_000)


@needs_browser
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_deck_prints_with_one_slide_on_a_page(page, folder):
    opened(page, folder / "00_start_here.html", "?print-pdf")
    page.wait_for_selector(".pdf-page")
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) == page.evaluate("Reveal.getTotalSlides()")
    assert page.evaluate("getComputedStyle(document.querySelector('.pdf-page > section')).paddingLeft") == "64px"


def test_no_slide_only_says_what_is_not_on_it():
    file = io.BytesIO()
    Image.new("RGB", (10, slide_bodies.TALL + 1)).save(file, "PNG")
    picture = {"image/png": b64encode(file.getvalue()).decode()}
    tall = new_output("display_data", picture, metadata={"image/png": {"alt": "a long list"}})
    many = new_output("stream", text="a line\n" * 18)
    assert len(slide_bodies.bodies([new_code_cell(outputs=[many, tall])])) == 1
    (alone,) = slide_bodies.bodies([new_code_cell(outputs=[tall])])
    assert "a long list" in alone
