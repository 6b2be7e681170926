"""python scripts/pretrain.py all        (or: dual, language, multimodal, generative, blind)

Make the mini checkpoints from seed, on two CPU cores. Resumable: run the same command again after an interruption.
"""

import argparse
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parent))

import torch
from recipes import workers

from labs.models.tokens import build_tokenizer

# What is made side by side, and after what. A later stage starts from what the first one made.
STAGES = (("dual", "language"), ("multimodal",), ("generative",), ("blind",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=("all", *(name for stage in STAGES for name in stage)))
    parser.add_argument("--runs", type=Path, default=Path("runs/pretrain"), help="folder of the unfinished state")
    parser.add_argument("--steps", type=int, help="fewer steps than the recipe's own, for a trial without gates")
    arguments = parser.parse_args()
    if arguments.recipe == "all":
        make_all(arguments.runs, arguments.steps)
    else:
        make(arguments.recipe, arguments.runs, arguments.steps)


def make_all(runs: Path, steps: int | None) -> None:
    """Every stage in a process of its own; stop at the first that fails."""
    options = ["--runs", str(runs)] + (["--steps", str(steps)] if steps else [])
    for stage in STAGES:
        started = [subprocess.Popen([sys.executable, __file__, name, *options]) for name in stage]
        if sum(process.wait() for process in started):  # not any(): wait for all of them
            sys.exit(f"{' and '.join(stage)}: see the message above; run the same command again to continue")


def make(name: str, runs: Path, steps: int | None) -> None:
    """One recipe, with as many workers as it asks for, then its gate."""
    recipe = import_module(f"recipes.{name}")
    if recipe.WORKERS == 1:
        _run(name, runs, steps)
    else:
        workers.launch(_run, name, runs, steps)
    found = json.loads((runs / name / "log.jsonl").read_text().splitlines()[-1])
    for figure, least in ({} if steps else recipe.GATE).items():
        if found[figure] < least:
            sys.exit(f"{name}: {figure} is {found[figure]} on held-out scenes, below {least}: do not build on it")


def _run(name: str, runs: Path, steps: int | None) -> None:
    torch.set_num_threads(1)
    import_module(f"recipes.{name}").run(runs / name, build_tokenizer(), **({"steps": steps} if steps else {}))


if __name__ == "__main__":
    main()
