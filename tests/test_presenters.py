"""What presenters are given: tags that add up, pages that are up to date, and names in them that exist."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import presenters
import pytest
from typer.main import get_command

import labs
from labs.cli.app import app
from labs.errors import LabsError
from labs.teaching import exercise, schedule
from labs.teaching.sections import cells_of, is_heading, sections, tags

ROOT = labs.home()
LABS = ROOT / "labs"
PAGES = {name: (LABS / name).read_text(encoding="utf-8") for name in ("PRESENTERS.md", "README.md", "GLOSSARY.md")}
NOT_YET = {  # links that may lead nowhere only until these are there
    "labs/lab1_storytelling_and_vqa.ipynb", "labs/lab2_instruction_tuning.ipynb", "labs/lab3_audio_and_sensors.ipynb",
    "notebooks/07_summary.ipynb",
}  # fmt: skip
COMMANDS = set(get_command(app).commands)
ENTRY = re.compile(r"^\| \*\*(.+?)\*\* \| (.+) \| (.+) \|$", re.MULTILINE)


def book(folder: Path, name: str, *cells: tuple[str, list[str]]) -> Path:
    """A notebook of texts with their tags."""
    file = folder / f"{name}.ipynb"
    made = [{"cell_type": "markdown", "metadata": {"tags": marks}, "source": text} for text, marks in cells]
    file.write_text(json.dumps({"cells": made}), encoding="utf-8")
    return file


@pytest.mark.parametrize("path", schedule.LENGTHS)
def test_the_minutes_of_a_path_add_up(path):
    made = schedule.rows(path)
    assert sum(row.minutes for row in made) == schedule.LENGTHS[path] == made[-1].start + made[-1].minutes
    assert all(one.start + one.minutes == next_one.start for one, next_one in zip(made, made[1:], strict=False))
    asked = {part: minutes for part, (_, minutes) in schedule.PARTS.items()}
    assert path != "225" or schedule.minutes_by_part(made) == asked
    assert {*schedule.PARTS} - {row.part for row in made} == (set() if path == "225" else {5})  # nothing but the break


def test_every_tag_of_minutes_is_ours_and_on_a_heading():
    said = {}
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for number, cell in enumerate(cells_of(file), 1):
            for tag in tags(cell):
                if re.match(r"\d", tag):
                    assert schedule.TAG.fullmatch(tag) and is_heading(cell), f"{file.name}, cell {number}: {tag}"
                    said[file.stem, number, tag.partition(":")[0]] = tag
    shown = {(row.section.notebook, row.section.first, path) for path in schedule.LENGTHS
             for row in schedule.rows(path) if row.section}  # fmt: skip
    assert said.keys() == shown  # no tag is lost


def test_a_path_of_90_minutes_shows_nothing_that_the_long_one_skips():
    places = {path: {(row.section.notebook, row.section.first): row.minutes for row in schedule.rows(path)
                     if row.section} for path in schedule.LENGTHS}  # fmt: skip
    assert places["90"].keys() < places["225"].keys()


@pytest.mark.parametrize(
    ("marks", "beneath", "said"),
    [
        (["225:"], [], "'225:' is not like 225:4"),
        (["225:0"], [], "'225:0' is not like"),
        (["90:2.5"], [], "'90:2.5' is not like"),
        (["60:3"], [], "'60:3' is not like"),
        (["225:3", "225:4"], [], "'225:4' is the second of its path"),
        (["225:3"], ["90:2"], "'90:2' is on a cell beneath the heading"),
        (["225:3"], [], "part 1, Introduction, has 3 of 20"),
    ],
)
def test_bad_tags_are_refused_in_one_sentence(tmp_path, monkeypatch, marks, beneath, said):
    monkeypatch.setattr(schedule, "LENGTHS", {"225": 48, "90": 90})
    book(tmp_path, "01_introduction", ("# Why?", []), ("## 1 Seeing", marks), ("Text.", beneath))
    with pytest.raises(LabsError, match=re.escape(said)):
        schedule.rows("225", tmp_path)


def test_a_path_that_does_not_add_up_says_by_how_much(tmp_path):
    book(tmp_path, "06_1_demo", ("# Why?", []), ("## 1 Seeing", ["90:80", "setup"]))
    with pytest.raises(LabsError, match=r"the path of 90 minutes has 85\b"):
        schedule.rows("90", tmp_path)
    book(tmp_path, "06_1_demo", ("# Why?", []), ("## 1 Seeing", ["90:85", "setup"]))
    assert [(row.start, row.minutes, row.part) for row in schedule.rows("90", tmp_path)] == [(0, 85, 6), (85, 5, 7)]
    book(tmp_path, "07_summary", ("# What now?", []), ("## 1 Limits", []))  # from now on nothing is reserved for it
    with pytest.raises(LabsError, match=r"the path of 90 minutes has 85\b"):
        schedule.rows("90", tmp_path)
    book(tmp_path, "07_summary", ("# What now?", []), ("## 1 Limits", ["90:5"]))
    assert schedule.rows("90", tmp_path)[-1].section.heading == "1 Limits"


@pytest.mark.parametrize("ask", [lambda: schedule.rows("60"), lambda: schedule.part_of("lab1_story")])
def test_other_paths_and_notebooks_are_refused(ask):
    with pytest.raises(LabsError, match="there is no path '60'|lab1_story is in no part"):
        ask()


def test_sections_hold_all_cells_once(tmp_path):
    file = book(tmp_path, "01_x", ("# Why?", []), ("a", []), ("## 1 One", ["225:3"]), ("### no section", []))
    assert [(one.heading, one.first, one.last) for one in sections(file)] == [("Why?", 1, 2), ("1 One", 3, 4)]
    with pytest.raises(ValueError, match="01_x.ipynb does not open with a title"):
        sections(book(tmp_path, "01_x", ("Text.", []), ("## 1 One", [])))


def test_what_takes_longer_than_half_of_its_minutes_is_not_run_live():
    assert schedule.Row(0, 2, 1, seconds=60.0).live
    assert not schedule.Row(0, 2, 1, seconds=60.1).live and not schedule.Row(0, 2, 1).live


def test_every_section_that_is_shown_of_a_measured_notebook_has_its_seconds():
    found = schedule.seconds()
    assert len(found) >= 12
    lost = {row.section.notebook for path in schedule.LENGTHS for row in schedule.rows(path)
            if row.section and row.section.notebook in found and row.seconds is None}  # fmt: skip
    assert not lost, "a heading was changed: run python scripts/section_seconds.py for these notebooks"


@pytest.mark.parametrize("file", presenters.pages(), ids=lambda file: file.name)
def test_the_pages_are_up_to_date(file):
    assert presenters.pages()[file]() == file.read_text(encoding="utf-8"), "run: python scripts/presenters.py"


def test_the_page_to_print_needs_no_network_and_no_script():
    page = (LABS / "presenters.html").read_text(encoding="utf-8")
    assert "<script" not in page and "@import" not in page and "src=" not in page and "<link" not in page
    assert "@page { size: A4" in page and page.count("<table>") == 3
    links = re.findall(r"href=\"([^\"]+)\"", page)
    assert links and sorted(links) == sorted(re.findall(r"\]\(([^)]+)\)", PAGES["PRESENTERS.md"]))


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_the_pages_leads_somewhere(name):
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)\)", PAGES[name]) if "://" not in target]
    lost = {os.path.relpath((LABS / target).resolve(), ROOT) for target in targets if not (LABS / target).exists()}
    assert targets and not lost - NOT_YET


def test_every_command_that_presenters_are_told_exists():
    told = " ".join(re.findall(r"`([^`]+)`", PAGES["PRESENTERS.md"] + PAGES["README.md"]))
    scripts = set(re.findall(r"scripts/\w+\.(?:py|sh)", told))
    assert {"scripts/run.sh", "scripts/pack.py"} <= scripts and all((ROOT / script).exists() for script in scripts)
    commands = set(re.findall(r"-m labs (\w+)", told))
    assert {"preflight", "tour"} <= commands <= COMMANDS
    code = "\n".join(file.read_text(encoding="utf-8") for file in LABS.rglob("*.py"))
    variables = set(re.findall(r"\bLABS_[A-Z]+\b", told))
    assert {"LABS_TEACHING", "LABS_PROFILE"} <= variables
    assert all(f'"{name}"' in code for name in variables)


def test_every_option_that_presenters_are_told_exists():
    told = re.findall(r"`([^`]*)`", PAGES["PRESENTERS.md"])
    packing = (ROOT / "scripts" / "pack.py").read_text(encoding="utf-8")
    packs = " ".join(one for one in told if "pack.py" in one or one.startswith("--"))
    assert "--check" in packs and all(f'"{option}"' in packing for option in re.findall(r"--[a-z]+", packs))
    assert '"windows"' in (ROOT / "scripts" / "bootstrap.py").read_text(encoding="utf-8")
    tours = [one for one in told if "labs tour" in one]
    assert tours and {option for one in tours for option in re.findall(r"--[a-z]+", one)} <= {"--quick"}
    assert "--quick" in {option for one in get_command(app).commands["tour"].params for option in one.opts}


def test_what_presenters_are_told_of_06_2_is_in_it():
    cells = ["".join(cell["source"]) for cell in cells_of(ROOT / "notebooks" / "06_2_demo_instruction_tuning.ipynb")]
    assert "lost = False" in cells[3] and 'take_finished("06_2", folder)' in cells[3]
    assert 'take_finished("06_2", folder)' in PAGES["PRESENTERS.md"] and "in its cell 4" in PAGES["PRESENTERS.md"]


def test_the_index_tells_what_exercises_and_roles_there_are():
    assert set(re.findall(r"^\| `([a-z]+)`", PAGES["README.md"], re.MULTILINE)) == set(exercise.ROLES)
    for call in ("check(", "hint(", "solution(", "report("):
        assert call in PAGES["README.md"]
    listed = re.findall(r"^\| \[(\w+)\]", PAGES["README.md"], re.MULTILINE)
    assert listed == [path.stem for path in presenters.notebooks()]


def test_the_glossary_is_sorted_and_each_of_its_words_is_shown_somewhere():
    entries = ENTRY.findall(PAGES["GLOSSARY.md"])
    rows = [line for line in PAGES["GLOSSARY.md"].splitlines() if line.startswith("|")]
    assert 60 <= len(entries) <= 90 and len(entries) == len(rows) - 2  # without the two lines of the head
    words = [word.lower().replace("-", " ") for word, _, _ in entries]
    assert words == sorted(words) and len(set(words)) == len(words)
    for word, said, shown in entries:
        assert re.search(r"\]\([^)]+\)", shown), f"{word} has no link"
        assert 8 <= len(said.split()) <= 50, f"{word}: {len(said.split())} words"


@pytest.mark.long
def test_the_page_prints_on_two_sides(tmp_path):
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("there is no chromium to print with")
    file = tmp_path / "page.pdf"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={file}"]
    subprocess.run(
        [browser, *options, (LABS / "presenters.html").as_uri()], check=True, capture_output=True, timeout=120
    )
    assert len(re.findall(rb"/Type\s*/Page\b", file.read_bytes())) == 2
