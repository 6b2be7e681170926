"""Hands-on labs for "Multimodal Large Language Models and Tunings". Light to import: no torch before a model.

world <- models <- preflight <- data <- evaluation <- tuning <- systems <- teaching <- cli     who may import whom
"""

import os
import sys
from pathlib import Path

__version__ = "0.1.0"

# Idle threads must sleep soon, or a second busy process slows torch down up to thirty times. Asleep at once, they would
# cost a quarter of the speed where nothing else runs; GNU's OpenMP can be told how long to wait.
os.environ.setdefault(*("GOMP_SPINCOUNT", "1000") if sys.platform == "linux" else ("OMP_WAIT_POLICY", "PASSIVE"))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("BITSANDBYTES_NOWELCOME", "1")


def home() -> Path:
    """The folder that holds `data/`: LABS_HOME, else this checkout, else one above the working directory.

    Raises FileNotFoundError, naming the remedy, when there is none.
    """
    here = Path.cwd()
    candidates = [Path(__file__).resolve().parents[1], here, *here.parents]
    if os.environ.get("LABS_HOME"):
        candidates = [Path(os.environ["LABS_HOME"])]
    for folder in candidates:
        if (folder / "data" / "README.md").exists():
            return folder.resolve()
    raise FileNotFoundError(
        f"no folder with data/README.md at {candidates[0]} or above {here}: "
        "set LABS_HOME to the folder of the repository"
    )


def offline() -> None:
    """Close the network to the Hub's libraries, also to one that is imported already: a missing file costs minutes."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE"):
        os.environ[name] = "1"
    if "huggingface_hub.constants" in sys.modules:  # which has read the variable by then
        sys.modules["huggingface_hub.constants"].HF_HUB_OFFLINE = True
