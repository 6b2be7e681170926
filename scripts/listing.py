"""The folders and files of the repository, each with what it is; a file speaks for itself by its first line."""

import ast
import json
import re
import subprocess
from pathlib import Path

from marked import table

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {  # what a folder holds; a file speaks for itself by its first line
    "notebooks": "what you read and run, numbered by the tutorial's sections",
    "labs": "the worksheets, and the package that all stands on; who may import whom runs downwards",
    "labs/world": "the micro-world: a scene, and its rendering to every sense",
    "labs/world/domains": "one file each: a field's own pictures and questions, drawn",
    "labs/models": "the mini models, and how to load and ask any model",
    "labs/models/connectors": "between eyes and language model, each held to the library by a test",
    "labs/models/diffusion": "models that draw: noise, denoiser, and what steers them",
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
    "scripts/book": "the pages, style and settings of the site that scripts/book.sh builds",
    "scripts/binding": "what the pages of that site are made from",
    "scripts/slides/deck": "the template of the decks that scripts/slides.sh cuts from the notebooks",
    "scripts/vendor": "reveal.js and MathJax as they are shipped, with their licences, for pages without network",
    "scripts/packing": "what scripts/pack.py puts into a pack",
    "tests": "hermetic: no network, no GPU; those marked `long` apart, which scripts/test.sh --all adds",
}


def folders() -> str:
    """A line for each folder, with a link."""
    return table(["folder", "what is in it"], [[f"[{folder}]({folder})", what] for folder, what in FOLDERS.items()])


def files() -> str:
    """A line for each file that has something to say of itself, folder by folder, as links from labs/."""
    parts = []
    for folder, what in FOLDERS.items():
        told = [(file, phrase) for file in tracked(folder) if (phrase := first_line(file))]
        lines = [f"- [{file.name}]({_from_labs(file)}) {phrase}" for file, phrase in told]
        parts += [f"## {folder}", f"{what[0].upper()}{what[1:]}.", *(["\n".join(lines)] if lines else [])]
    return "\n\n".join(parts)


def tracked(folder: str) -> list[Path]:
    """The files that lie in a folder and belong to the repository, or will."""
    command = ["git", "ls-files", "-co", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    return [ROOT / line for line in sorted(listed) if str(Path(line).parent) == folder and (ROOT / line).is_file()]


def _from_labs(file: Path) -> str:
    inside = file.relative_to(ROOT)
    return "/".join(inside.parts[1:]) if inside.parts[0] == "labs" else f"../{inside.as_posix()}"


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
