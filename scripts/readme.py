"""python scripts/readme.py

Bring README.md up to date: figures from data/cards.json and data/bench, the tree of files from their own first lines.
"""

import ast
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {  # what a folder holds; a file speaks for itself by its first line
    "notebooks": "what you read and run, numbered by the tutorial's sections",
    "labs": "the package that the notebooks stand on; who may import whom runs downwards",
    "labs/world": "the micro-world: a scene, and its rendering to every sense",
    "labs/models": "the mini models, and how to load and ask any model",
    "labs/preflight": "what a machine can run, and what would go wrong on it",
    "labs/data": "records for tuning, read, checked, split; of the files themselves see data/README.md",
    "labs/evaluation": "metrics, intervals, controls, proof",
    "labs/tuning": "label mask, batches, LoRA, NF4, runs that resume",
    "labs/tuning/by_hand": "the same once more, written out to be read, each held to the library by a test",
    "labs/teaching": "figures and pages",
    "labs/cli": "`python -m labs`: tour, ask, tune, preflight",
    "data": "checkpoints and their cards: see data/README.md",
    "scripts": "set-up, pre-training, measuring",
    "scripts/recipes": "how each checkpoint is made",
    "scripts/benching": "what scripts/bench.py runs",
    "tests": "hermetic: no network, no GPU",
}


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """The README with its generated parts made anew."""
    for name, part in (("figures", figures()), ("bench", bench()), ("tree", tree())):
        pattern = re.compile(rf"<!-- {name} -->.*?<!-- /{name} -->", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md needs the marks <!-- {name} --> and <!-- /{name} -->")
        text = pattern.sub(lambda _, n=name, p=part: f"<!-- {n} -->\n{p}\n<!-- /{n} -->", text)
    return text


def figures() -> str:
    """One line for each checkpoint."""
    from data_card import headline

    cards = json.loads((ROOT / "data" / "cards.json").read_text(encoding="utf-8"))
    rows = [f"| {role.replace('_', ' ')} | `{card['checkpoint']}` | {card['megabytes']} | {headline(card)} |"
            for role, card in cards.items()]  # fmt: skip
    return "\n".join(["| role | checkpoint | MB | on held-out combinations |", "|---|---|---|---|", *rows])


def bench() -> str:
    """What scripts/bench.py has measured, and what it has not."""
    from benching.tables import tables

    return tables(ROOT / "data" / "bench")


def tree() -> str:
    """Folders and files with a phrase each."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    files = sorted(Path(line) for line in listed.stdout.splitlines() if (ROOT / line).is_file())
    lines = []
    for folder, what in FOLDERS.items():
        lines.append(f"{folder + '/':28} {what}")
        for file in files:
            if str(file.parent) == folder and (phrase := first_line(ROOT / file)):
                lines.append(f"  {file.name:26} {phrase}")
    return "```text\n" + "\n".join(lines) + "\n```"


def first_line(file: Path) -> str | None:
    """What a module or notebook says of itself; None for files that have no voice."""
    if file.suffix == ".py" and file.name != "__init__.py":
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    elif file.suffix == ".ipynb":
        text = "".join(json.loads(file.read_text(encoding="utf-8"))["cells"][0]["source"]).lstrip("# ")
    else:
        return None
    paragraphs = text.strip().split("\n\n")
    command = paragraphs[0].startswith("python ")  # a script's docstring opens with the command that runs it
    return " ".join(paragraphs[command and len(paragraphs) > 1].split()).split(". ")[0].rstrip(".")


if __name__ == "__main__":
    main()
