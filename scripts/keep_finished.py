"""python scripts/keep_finished.py

Copy the finished runs of the mini profile, which scripts/execute_notebooks.py leaves in runs/executed, to
data/finished: whoever lost a session takes them (labs.preflight.notebook.take_finished) and goes on with the next
section. Checkpoints are left out; what is kept of a run is enough to open it.
"""

import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ("config.json", "versions.json", "metrics.json", "adapter")


def main() -> None:
    found = sorted((ROOT / "runs" / "executed").glob("*/mini/*/metrics.json"))
    if not found:
        sys.exit("There are no finished runs: execute the notebooks with scripts/execute_notebooks.py first.")
    for metrics in found:
        run = metrics.parent
        print(keep(run, ROOT / "data" / "finished" / run.parents[1].name / run.name))


def keep(run: Path, to: Path) -> Path:
    """Replace what is in `to` by the run's settings, curve and adapter."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    for name in KEPT:
        part = run / name
        (shutil.copytree if part.is_dir() else shutil.copy)(part, to / name)
    (to / "adapter" / "README.md").unlink(missing_ok=True)  # the library's form, not filled in
    file = to / "adapter" / "adapter_config.json"
    settings = json.loads(file.read_text())
    settings["base_model_name_or_path"] = f"data/checkpoints/{Path(settings['base_model_name_or_path']).name}"
    settings["target_modules"].sort()  # PEFT keeps a set
    file.write_text(json.dumps(settings, indent=1) + "\n")
    for file in to.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)  # the library writes weights for the owner's eyes alone
    return to


if __name__ == "__main__":
    main()
