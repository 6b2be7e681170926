"""The pages in labs/: what they quote is said somewhere, and what they point at is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "labs").glob("*.md"))
TROUBLE = (ROOT / "labs" / "TROUBLESHOOTING.md").read_text(encoding="utf-8")
GAP = re.compile(r"\{[^{}\n]*\}")


def said() -> str:
    """All that the code says, with one blank for each gap and line break."""
    files = [*(ROOT / "labs").rglob("*.py"), *(ROOT / "scripts").rglob("*.py")]
    text = " ".join(file.read_text(encoding="utf-8") for file in files)
    return re.sub(r"\s+", " ", re.sub(r"[\"']\s*\n\s*f?[\"']", "", GAP.sub(" ", text)))


def test_what_the_troubleshooting_page_quotes_is_what_the_labs_say():
    quoted, everything = re.findall(r'"([^"]+)"', TROUBLE), said()
    assert len(quoted) > 20
    assert [text for text in quoted if text not in everything] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_of_a_page_leads_somewhere(page):
    text = page.read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_symptom_has_a_cause_and_a_remedy():
    rows = [line.split(" | ") for line in TROUBLE.splitlines() if line.startswith("| ") and "| why |" not in line]
    assert len(rows) > 40 and all(len(row) == 3 and all(len(cell.strip("| ")) > 5 for cell in row) for row in rows)
