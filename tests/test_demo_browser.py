"""The live demo in a real browser: every tab, keyboard alone, light and dark, and nothing asked of another host."""

import shutil
from urllib.parse import urlsplit

import pytest
from serve_demo import put_senses, server

from labs.demo import senses

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.skipif(not CHROMIUM, reason="there is no chromium (Debian: apt install chromium)"),
              pytest.mark.filterwarnings("ignore::ResourceWarning")]  # fmt: skip
WAIT = 90_000  # milliseconds
NAMED = """() => [...document.querySelectorAll('input, textarea, button, img, iframe, audio, [role=img], meter')]
  .filter(one => one.checkVisibility()).filter(one => !(one.labels?.length || one.ariaLabel || one.alt || one.title ||
    one.textContent.trim() || one.getAttribute('aria-labelledby'))).map(one => one.outerHTML.slice(0, 200))"""
CONTRAST = """(selector) => { const light = (c) => { const [r, g, b] = c.map(v => (v /= 255) <= 0.04045 ? v / 12.92 :
    ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
  const colour = (text) => text.match(/[\\d.]+/g).map(Number);
  return [...document.querySelectorAll(selector)].filter(one => one.checkVisibility()).map(one => {
    let behind = one, ground = [0, 0, 0, 0];
    while (behind && (ground[3] ?? 1) === 0) { ground = colour(getComputedStyle(behind).backgroundColor);
      behind = behind.parentElement }
    if ((ground[3] ?? 1) === 0) ground = [255, 255, 255];
    const [a, b] = [light(colour(getComputedStyle(one).color).slice(0, 3)), light(ground.slice(0, 3))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.textContent.trim().slice(0, 40)] }) }"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    put_senses(folder)
    with server(folder) as (where, _):
        yield where


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture(params=["light", "dark"])
def page(request, browser, address):
    """The page, opened; at the end no host but its own was asked for anything, and nothing was wrong in its console."""
    context = browser.new_context(color_scheme=request.param, reduced_motion="reduce")
    opened, hosts, wrong = context.new_page(), set(), []
    opened.on("request", lambda one: hosts.add(urlsplit(one.url).netloc or urlsplit(one.url).scheme))
    opened.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.goto(address)
    opened.get_by_role("button", name="Draw another picture").wait_for(timeout=WAIT)
    yield opened
    context.close()
    assert hosts <= {urlsplit(address).netloc, "data", "blob"}
    assert not wrong


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def legible(page, selector):
    found = page.evaluate(CONTRAST, selector)
    assert found and min(found)[0] >= 4.5, min(found)


def test_every_tab_is_used_and_everything_in_it_has_a_name(page):
    press(page, "Suggest questions")
    page.wait_for_function("document.querySelector('textarea').value.length > 5", timeout=WAIT)
    press(page, "Ask")
    page.locator("#answers article").first.wait_for(timeout=WAIT)
    assert not page.evaluate(NAMED)
    legible(page, "#answers h3, #answers .answer, #answers dd, #answers dt")
    page.get_by_role("tab", name="Tell").click()
    page.locator("figcaption:visible").first.wait_for(timeout=WAIT)
    laid = page.locator("figcaption:visible").all_inner_texts()
    press(page, "Mix them")  # and wait until they lie there: whoever is quicker is told the old order
    page.wait_for_function(
        """old => { const now = [...document.querySelectorAll('figcaption')].filter(one => one.checkVisibility());
        return now.length && now.map(one => one.innerText).join() !== old }""",
        arg=",".join(laid), timeout=WAIT,
    )  # fmt: skip
    press(page, "Tell")
    page.locator("#story mark").first.wait_for(timeout=WAIT)
    assert not page.evaluate(NAMED)
    legible(page, "#story td, #story mark, figcaption")
    page.get_by_role("tab", name="Tune").click()
    press(page, "Start")
    page.locator("#proof table").first.wait_for(timeout=WAIT)
    assert not page.evaluate(NAMED)
    legible(page, "#proof td, #proof th")
    page.get_by_role("tab", name="Senses").click()
    press(page, "Find")
    page.locator("#senses audio").first.wait_for(timeout=WAIT)
    assert page.locator("#senses figure").count() == len(senses.SENSES) * senses.NEAREST
    assert not page.evaluate(NAMED)
    legible(page, "#senses h3, #senses p, #senses figcaption")


def go_to(page, name, most=80):
    """Press Tab until that button has the focus, and see that this shows."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == name:
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"no number of tabs reaches {name!r}")


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_keyboard_is_enough(page):
    go_to(page, "Suggest questions")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('textarea').value.length > 5", timeout=WAIT)
    go_to(page, "Ask")
    page.keyboard.press("Enter")
    page.locator("#answers article").first.wait_for(timeout=WAIT)
    page.get_by_role("tab", name="Ask").focus()
    go_to(page, "Tell")
    page.keyboard.press("Enter")
    go_to(page, "1: later")
    page.keyboard.press("Enter")
    go_to(page, "Tell")
    page.keyboard.press("Enter")
    page.locator("#story table").wait_for(timeout=WAIT)
    assert page.locator("#story tbody tr").count() == 5


@pytest.mark.parametrize("page", ["light"], indirect=True)
def test_a_refusal_is_seen_and_a_strange_picture_is_warned_of(page, tmp_path):
    from PIL import Image

    press(page, "Ask")
    page.get_by_text("There is no question").first.wait_for(timeout=WAIT)
    assert page.locator("#answers article").count() == 0
    Image.new("RGB", (300, 200), "green").save(tmp_path / "mine.png")
    page.locator("input[type=file]").first.set_input_files(tmp_path / "mine.png")
    page.get_by_alt_text("The picture that you uploaded").wait_for(timeout=WAIT)
    page.locator("textarea").first.fill("What do you see?")
    press(page, "Ask")
    page.locator(".warning").first.wait_for(timeout=WAIT)
    legible(page, ".warning")
