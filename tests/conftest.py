"""What every test stands on: no network, one thread, the checkout as home."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import labs

labs.offline()
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
