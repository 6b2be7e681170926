"""python scripts/show_tour.py

Run the tour and keep what README.md shows of it: data/samples/tour_story.png, tour_thermal.png and tour.json.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "data" / "samples"
sys.path.insert(0, str(ROOT))

from labs.cli.tour import tour  # noqa: E402


def main() -> None:
    out = ROOT / "outputs" / "tour"
    report = tour(out)
    for name in ("story", "thermal"):
        shutil.copy(out / f"{name}.png", SAMPLES / f"tour_{name}.png")
    kept = {key: report["skill"][key] for key in ("arms", "n", "pictures")}
    kept |= {"seconds": report["seconds"], "machine": report["machine"]}
    (SAMPLES / "tour.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
