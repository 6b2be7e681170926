"""Badges: with an address each leads to a file of the repository; without one, README.md says how to upload."""

import re
from pathlib import Path

import badges
import pytest
import setup_cell

import labs

ROOT = labs.home()
ADDRESS = "https://github.com/someone/multimodal-labs"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Writes a pyproject.toml with this line, which the badges read instead of ours."""
    monkeypatch.setattr(badges, "ROOT", tmp_path)
    (tmp_path / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (tmp_path / "notebooks" / path.name).touch()
    head = "[project]\nname = 'x'\n[project.urls]\n"
    return lambda line: (tmp_path / "pyproject.toml").write_text(f"{head}{line}\n")


def test_every_badge_leads_to_a_file_of_the_repository(project):
    project(f"Repository = '{ADDRESS}.git'")
    text = badges.for_readme()
    places = re.findall(
        r"\(https://[^)]*[/=]someone/multimodal-labs/blob/main/([^)]+)\)", text.replace("github.com", "=")
    )
    assert len(places) == 2 * len(list((ROOT / "notebooks").glob("*.ipynb"))) > 0
    assert all((ROOT / place).is_file() for place in places)
    assert "Open in Colab" in text and "Open in Kaggle" in text


def test_without_an_address_there_is_no_badge_and_readme_says_how_to_upload(project):
    project("")
    assert badges.address() is None
    text = badges.for_readme()
    assert "Open in" not in text and "Upload notebook" in text and "labs.zip" in text
    assert badges.with_badges("# Why?", Path("notebooks/one.ipynb"), None) == "# Why?"


def test_badges_follow_the_address_and_go_with_it():
    path = Path("notebooks/one.ipynb")
    one = badges.with_badges("# Why?", path, ADDRESS)
    assert one.startswith("# Why?\n\n<!-- badges -->\n[![Open in Colab](")
    assert one.count("/blob/main/notebooks/one.ipynb)") == 2
    moved = badges.with_badges(one, path, ADDRESS.replace("someone", "another"))
    assert "someone" not in moved and moved.count("another") == 2
    assert badges.with_badges(moved, path, None) == "# Why?"


@pytest.mark.parametrize(
    "wrong", ["https://example.org/a/labs", "https://github.com/someone", "git@github.com:a/b.git"]
)
def test_an_address_that_the_hosts_cannot_open_is_refused(project, capsys, wrong):
    project(f"Repository = '{wrong}'")
    assert setup_cell.main([]) == 2
    rule = "Repository in pyproject.toml has to read https://github.com/OWNER/NAME"
    assert capsys.readouterr().err == f"{rule}, and reads {wrong}\n"
