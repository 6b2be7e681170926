"""python scripts/readme.py

Bring README.md up to date: figures from data/cards.json and data/bench, the tree of files from their own first lines.
"""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

from marked import filled, table

ROOT = Path(__file__).resolve().parents[1]
FIGURES = 3  # of each lab, beside what it costs
sys.path.insert(0, str(ROOT))  # the catalogue is asked
FOLDERS = {  # what a folder holds; a file speaks for itself by its first line
    "notebooks": "what you read and run, numbered by the tutorial's sections",
    "labs": "the worksheets, and the package that all stands on; who may import whom runs downwards",
    "labs/world": "the micro-world: a scene, and its rendering to every sense",
    "labs/models": "the mini models, and how to load and ask any model",
    "labs/models/connectors": "between eyes and language model, each held to the library by a test",
    "labs/preflight": "what a machine can run, and what would go wrong on it",
    "labs/data": "records for tuning, read, checked, split; of the files themselves see data/README.md",
    "labs/evaluation": "metrics, intervals, controls, proof",
    "labs/tuning": "label mask, batches, LoRA, NF4, runs that resume",
    "labs/tuning/by_hand": "the same once more, written out to be read, each held to the library by a test",
    "labs/systems": "one file for each system of the tutorial: what its paper says, built small, measured",
    "labs/systems/parts": "what several systems are built from",
    "labs/teaching": "figures and pages; exercises that never block a class, their checks, progress",
    "labs/teaching/exercises": "one file each: the task, the reference, hints, what must hold, usual mistakes",
    "labs/teaching/exercises/lab1": "storytelling and questions",
    "labs/teaching/exercises/lab2": "instruction tuning",
    "labs/teaching/exercises/lab3": "audio and sensors",
    "labs/teaching/museum": "five spoiled runs, to be named from their symptoms",
    "labs/teaching/quizzes": "five questions at the end of each section",
    "labs/demo": "the live demo: ask, tell, tune and search across senses before an audience, in a browser",
    "labs/cli": "`python -m labs`: tour, ask, tune, preflight, claim, demo",
    "data": "checkpoints and their cards, finished runs, claims, what the labs cost: see data/README.md",
    "scripts": "set-up, pre-training, measuring, claims",
    "scripts/recipes": "how each checkpoint is made",
    "scripts/benching": "what scripts/bench.py runs",
    "scripts/slides/deck": "the template of the decks that scripts/slides.sh cuts from the notebooks",
    "scripts/vendor": "reveal.js and MathJax as they are shipped, with their licences, for pages without network",
    "scripts/packing": "what scripts/pack.py puts into a pack",
    "tests": "hermetic: no network, no GPU; those marked `long` apart, which scripts/test.sh --all adds",
}


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(updated(readme.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """The README with its generated parts made anew."""
    parts = {"badges": badges, "figures": figures, "costs": costs, "catalogue": catalogue, "claims": claims,
             "bench": bench, "tree": tree}  # fmt: skip
    for name, make in parts.items():
        text = filled(text, name, make(), "README.md")
    return text


def badges() -> str:
    """Where each notebook opens with a click, or how to upload it."""
    from badges import for_readme

    return for_readme()


def figures() -> str:
    """One line for each checkpoint."""
    from data_card import headline

    cards = json.loads((ROOT / "data" / "cards.json").read_text(encoding="utf-8"))
    rows = [f"| {role.replace('_', ' ')} | `{card['checkpoint']}` | {card['megabytes']} | {headline(card)} |"
            for role, card in cards.items()]  # fmt: skip
    return "\n".join(["| role | checkpoint | MB | on held-out combinations |", "|---|---|---|---|", *rows])


def costs() -> str:
    """What each lab costs in each profile, from data/cards alone; where there is no card, that it was not measured."""
    from badges import notebooks

    from labs.preflight.costs import UNKNOWN, cards

    labs = [path.stem for path in notebooks()]
    head = ["lab", "profile", "device", "download, GB", "minutes", "peak, GB", "held out"]
    rows = []
    for profile in ("mini", "colab", "full"):
        mine = [card for card in cards(ROOT / "data" / "cards") if card["profile"] == profile]
        rows += [[lab, profile, f"{card['device']}, {cost['date']}", *_cost(cost)]
                 for lab in labs for card in mine if (cost := card["labs"].get(lab))]  # fmt: skip
        rows += [] if mine else [["all", profile, UNKNOWN, "", "", "", ""]]
    return table(head, rows)


def _cost(cost: dict) -> list[str]:
    named = [f"{name} {value}" for name, value in cost["figures"].items()]
    figures = "; ".join(named[:FIGURES] + [f"{len(named) - FIGURES} more in data/cards"] * (len(named) > FIGURES))
    return [f"{cost['download_gb']:.1f}", f"{cost['minutes']:.1f}", f"{cost['peak_gb']:.1f}", figures]


def catalogue() -> str:
    """The models and data sets of the real profiles, folded."""
    from labs.data.catalog import REAL
    from labs.models.real import COLAB, FULL, SYSTEMS

    tables = {"colab": COLAB, "full": FULL, "systems": SYSTEMS}
    models = [
        [role, profile, f"`{entry.name}`", entry.licence, f"{entry.gigabytes:.3g}", f"{entry.memory('float16'):.2g}",
         f"{entry.memory('nf4'):.2g}" if entry.linear else "", entry.why]
        for profile, table in tables.items() for role, entry in table.items()
        if profile != "full" or COLAB.get(role) != entry
    ]  # fmt: skip
    data = [
        [role, profile, f"`{entry.name}` {entry.files}", entry.licence, f"{entry.megabytes / 1000:.2g}", entry.why]
        for profile, table in REAL.items() for role, entry in table.items()
        if profile != "full" or REAL["colab"][role] != entry
    ]  # fmt: skip
    head = ["role", "profile", "model", "licence", "GB to download", "GB in 16 bits", "in 4 bits", "why"]
    return "\n\n".join([
        "<details><summary>All models and data sets (where <code>full</code> is not named, it takes those of "
        "<code>colab</code>)</summary>", table(head, models),
        table(["role", "profile", "data", "licence", "GB", "what"], data), "</details>",
    ])  # fmt: skip


def claims() -> str:
    """Every claim with its difference and verdict, as scripts/claims.py measured it."""
    from labs.systems.outcome import all_kept

    rows = [[f"`{name}`", one.said["hypothesis"], one.show(one.gap, signed=True), one.verdict]
            for name, one in all_kept().items()]  # fmt: skip
    return table(["claim", "hypothesis, written before", "difference [95 % interval]", "verdict"], rows)


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
    words = " ".join(paragraphs[command and len(paragraphs) > 1].split())
    return re.sub(r" \([^)]*https:[^)]*\)", "", words).split(". ")[0].rstrip(".")


if __name__ == "__main__":
    main()
