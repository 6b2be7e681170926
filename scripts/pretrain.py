"""python scripts/pretrain.py all        (or: dual, language, generative, multimodal, blind)

Make the mini checkpoints from seed, on two CPU cores. Resumable: run the same command again after an interruption.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parent))

import torch

from labs.models.tokens import build_tokenizer

RECIPES = ("dual", "language", "generative", "multimodal", "blind")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=("all", *RECIPES))
    parser.add_argument("--runs", type=Path, default=Path("runs/pretrain"), help="folder of the unfinished state")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, help="fewer steps than the recipe's own, for a trial")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tokenizer = build_tokenizer()
    for name in RECIPES if arguments.recipe == "all" else (arguments.recipe,):
        module = __import__(f"recipes.{name}", fromlist=["run"])
        options = {"steps": arguments.steps} if arguments.steps else {}
        module.run(arguments.runs / name, tokenizer, **options)


if __name__ == "__main__":
    main()
