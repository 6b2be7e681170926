"""The rules of the house: who may import whom, a README that is true, notebooks fit to be committed."""

import ast
import json
import re
import subprocess
import sys

import badges
import pytest

import labs

ROOT = labs.home()
ORDER = ("world", "models", "preflight", "data", "evaluation", "tuning", "systems", "teaching", "cli")
NOTEBOOKS = badges.notebooks()


def imports(file) -> list[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    plain = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    return plain + [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]


def test_imports_go_one_way_only():
    wrong = []
    for rank, package in enumerate(ORDER):
        for file in (ROOT / "labs" / package).rglob("*.py"):
            for name in imports(file):
                other = name.split(".")[1] if name.startswith("labs.") else ""
                if other in ORDER and ORDER.index(other) > rank:
                    wrong.append(f"{file.relative_to(ROOT)} imports {name}")
    assert wrong == []


def test_the_world_needs_no_torch():
    heavy = {"torch", "transformers", "peft"}
    wrong = [f"{file.name}: {name}" for file in (ROOT / "labs" / "world").rglob("*.py") for name in imports(file)
             if name.split(".")[0] in heavy]  # fmt: skip
    assert wrong == []


def test_scripts_and_tests_are_imported_by_nobody():
    names = {name.split(".")[0] for file in (ROOT / "labs").rglob("*.py") for name in imports(file)}
    assert not names & {"recipes", "scripts", "tests", "pretrain", "measure"}


def test_the_readme_and_the_pages_it_leads_to_are_up_to_date():
    import readme

    old = [file.name for file, text in readme.pages().items() if file.read_text(encoding="utf-8") != text]
    assert old == [], "run: python scripts/readme.py"


def test_no_folder_of_code_is_forgotten():
    import listing

    files = [file for part in ("labs", "scripts") for file in (ROOT / part).rglob("*.py")]
    folders = {file.parent.relative_to(ROOT).as_posix() for file in files}
    assert folders <= set(listing.FOLDERS)


def test_the_readme_can_be_read_in_minutes():
    assert len((ROOT / "README.md").read_text(encoding="utf-8")) < 20_000


def test_every_link_of_the_readme_into_the_repository_leads_somewhere():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]
    assert targets and all((ROOT / target).exists() for target in targets), targets


def test_the_page_about_the_data_is_up_to_date():
    import data_card

    assert data_card.page() == (ROOT / "data" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_fit_to_be_committed(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert path.stat().st_size <= 600_000
    assert "widgets" not in book["metadata"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1)), "execute it top to bottom"
    assert not [out for cell in code for out in cell["outputs"] if out["output_type"] == "error"]
    assert max(len("".join(cell["source"]).splitlines()) for cell in code) <= 20
    assert sum("setup" in cell["metadata"].get("tags", []) for cell in code) == 1
    prose = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown"]
    unfolded = [re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL) for text in prose]
    assert max(len(text.split()) for text in unfolded) <= 120


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_picture_of_a_notebook_has_words(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    outputs = [out for cell in book["cells"] for out in cell.get("outputs", []) if "data" in out]
    for out in outputs:
        for kind in out["data"]:
            if kind.startswith("image/"):
                assert out["metadata"].get(kind, {}).get("alt"), (
                    f"show it with labs.teaching.show: {out['data'].keys()}"
                )
    prose = "\n".join("".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "markdown")
    assert not re.findall(r"!\[\s*\]\(|<img(?![^>]*alt=)", prose)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_of_a_notebook_into_the_repository_leads_somewhere(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    targets = [target for target in re.findall(r"\]\(([^)#\s]+)\)", prose) if "://" not in target]
    assert all((path.parent / target).exists() for target in targets), targets


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_asks_for_four_predictions_and_breaks_something(path):
    text = "\n".join("".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"])
    assert text.count("> **Predict.**") >= 4
    assert "Break it" in text and "What you can now do" in text


def test_labs_is_light_to_import():
    code = "import labs, sys; print('torch' in sys.modules, 'numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]
