"""The book: every page of it opens from the disk, links lead somewhere, hints are folded, and no host is asked."""

import ast
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from binding import code, links, notebooks, pages  # noqa: E402

from labs.teaching import progress  # noqa: E402
from labs.teaching.atlas import read  # noqa: E402

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """What a page asks for as it opens, where its links lead, and what they may lead to."""

    def __init__(self, file):
        super().__init__()
        self.asked, self.links, self.ids = [], [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag in ("script", "img", "iframe", "source", "audio", "video") and found.get("src"):
            self.asked.append(found["src"])
        elif tag == "link" and found.get("href") and found.get("rel") not in ("canonical", "search", "index"):
            self.asked.append(found["href"])
        elif tag == "a" and found.get("href"):
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """The whole site, built as `bash scripts/book.sh` does."""
    to = tmp_path_factory.mktemp("book")
    command = [sys.executable, "scripts/book.py", "--to", str(to)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return to


@pytest.fixture(scope="module")
def parsed(book):
    return {file: Page(file) for file in book.rglob("*.html")}


def test_every_notebook_page_and_folder_is_in_it(book):
    wanted = [path.relative_to(ROOT).with_suffix(".html") for path in notebooks.notebooks()]
    wanted += [Path(page).with_suffix(".html") for page in links.PAGES]
    wanted += [Path("map.html"), Path("code/labs-tuning.html"), Path("sources/labs/tuning/mask.py.html")]
    assert [str(page) for page in wanted if not (book / page).is_file()] == []
    contents = Page(book / "index.html").links
    assert [str(page) for page in wanted[:-2] if page.as_posix() not in contents] == []


def test_no_page_asks_another_host_for_anything(book, parsed):
    asked = {address for page in parsed.values() for address in page.asked}
    assert [address for address in asked if re.match(r"(https?:)?//", address)] == []
    for style in book.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(@import |url\()[\"']?(https?:)?//", text), style


def test_every_link_inside_the_book_leads_somewhere(book, parsed):
    wrong = []
    for file, page in parsed.items():
        for link in page.links:
            path, part = urldefrag(link)
            if re.match(r"[a-z]+:", link) or not link.strip("#"):
                continue
            to = (file.parent / unquote(path)).resolve() if path else file
            if not to.is_file() or (part and to in parsed and unquote(part) not in parsed[to].ids):
                wrong.append(f"{file.relative_to(book)}: {link}")
    assert wrong == []


def test_hints_and_references_are_folded_beneath_every_exercise(book):
    found = "".join(
        (book / "labs" / f"{path.stem}.html").read_text(encoding="utf-8") for path in notebooks.notebooks()[-3:]
    )
    exercises = [name for lab in ("lab1", "lab2", "lab3") for name in progress.names(lab)]
    assert found.count("<summary>Hint 1 of 2</summary>") == len(exercises)
    assert found.count("<summary>The reference, once you have tried</summary>") == len(exercises)
    assert "<details open" not in found


def test_pictures_keep_their_words():
    shown = nbformat.v4.new_output("display_data", {"image/png": "AAAA"}, metadata={"image/png": {"alt": 'a "star"'}})
    told = notebooks.with_words(shown).data["text/html"]
    assert 'alt="a &quot;star&quot;"' in told and "data:image/png;base64,AAAA" in told


def test_every_paper_is_in_the_map():
    assert pages.papers().count("<tr><td>") == len(read())


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("[a](../labs/tuning/mask.py)", "[a](../code/labs-tuning.md#labs-tuning-mask-py)"),
        ("[a](../scripts/bench.py)", '<a href="../sources/scripts/bench.py.html">a</a>'),
        ("[a](06_2_demo_instruction_tuning.ipynb)", "[a](06_2_demo_instruction_tuning.ipynb)"),
        ("[a](../data/atlas.csv)", "a"),
        ("[a](https://arxiv.org/abs/1)", "[a](https://arxiv.org/abs/1)"),
        ("![a](../data/samples/scene.png)", "![a](../data/samples/scene.png)"),
    ],
)
def test_a_link_of_the_repository_leads_to_its_page(link, leads):
    assert links.in_the_book(link, "notebooks/01_introduction.ipynb") == leads


def test_a_docstring_keeps_its_code_and_loses_no_character_to_markdown():
    module = ast.parse('"""Takes *all* of `a_b` and c_d <e>.\n\nx      y\n"""')
    assert code.prose(module) == "Takes \\*all\\* of `a_b` and c\\_d &lt;e&gt;.\n\n~~~text\nx      y\n~~~"


def test_types_lead_to_the_right_one_of_several_that_are_called_alike():
    source = (
        "from labs.world.scene import Scene\nclass Row: ...\ndef f(a: Scene, b: Annotated[str, g()] = 'x') -> Row: ..."
    )
    module = ast.parse(source)
    made = code.Qualified(module, "labs.one").visit(module).body[-1]
    assert code.signature(made) == "(a: labs.world.scene.Scene, b: str='x') -> labs.one.Row"


@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here")
def test_in_a_browser_mathematics_search_and_the_map_work_from_the_disk(book):
    from playwright.sync_api import sync_playwright

    asked, wrong = [], []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        for file in sorted([*book.glob("*.html"), *book.glob("notebooks/*.html"), *book.glob("labs/*.html")]):
            page.goto(file.as_uri())
        page.goto((book / "notebooks" / "04_3_efficient_tuning.html").as_uri())
        page.wait_for_selector("mjx-container svg")
        page.goto((book / "map.html").as_uri())
        rows = page.locator("table.papers tbody tr:visible")
        everything = rows.count()
        page.get_by_label("Search the papers").fill("sound")
        assert 0 < rows.count() < everything and "sound" in rows.first.inner_text().lower().replace("audio", "sound")
        page.goto((book / "search.html").as_uri() + "?q=thermal")
        page.wait_for_selector("#search-results li a")
        browser.close()
    assert [address for address in asked if not address.startswith(("file:", "data:", "blob:"))] == []
    assert wrong == []
