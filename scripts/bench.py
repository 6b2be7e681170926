"""python scripts/bench.py tuning        (or: peers, switches, growth, evaluation; --rounds N, --only NAME)

Measure the tuning engine beside TRL and the plain Trainer recipe, and write data/bench/*.json. Arms take turns, each in
a fresh process on the same model, records, targets and steps; ratios are taken within a round, their median reported.
TRL is needed for this alone: `pip install --no-deps --target .cache/bench -r scripts/benching/requirements.txt`.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from benching.plans import BATCH, EPOCHS, PLANS

ROOT = Path(__file__).resolve().parents[1]
THREADS = 2
RATE = """
import time, torch
torch.set_num_threads({threads})
a = torch.randn(2048, 2048, dtype=torch.{dtype})
best = 1e9
for _ in range(30):
    start = time.perf_counter(); a @ a; best = min(best, time.perf_counter() - start)
print(2 * 2048**3 / best / 1e9)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(PLANS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="of the plan's settings, those whose name begins like this")
    arguments = parser.parse_args()
    out = ROOT / "data" / "bench" / f"{arguments.what}.json"
    out.parent.mkdir(exist_ok=True)
    found = json.loads(out.read_text()) if out.exists() else {}
    where = machine()
    for name, arms in PLANS[arguments.what]().items():
        if name.startswith(arguments.only):
            found[name] = side_by_side(arms, arguments.rounds, where) | {"machine": where}
            out.write_text(json.dumps(found, indent=1) + "\n")
            print(f"{name}\n{table(found[name])}", flush=True)


def side_by_side(arms: dict[str, dict], rounds: int, where: dict) -> dict:
    """Every arm once a round, in turn the first; medians, and the first arm's ratio to each other within its round."""
    runs: dict[str, list[dict]] = {name: [] for name in arms}
    for number in range(rounds):
        names = list(arms)[number % len(arms) :] + list(arms)[: number % len(arms)]
        for name in names:
            runs[name].append(one(arms[name]))
    first, *others = arms
    result: dict = {"settings": arms[first], "rounds": rounds, "arms": {}, "ratios": {}}
    for name, measured in runs.items():
        result["arms"][name] = {key: round(statistics.median(run[key] for run in measured), 4) for key in measured[0]}
    if arms[first]["arm"] == "labs":
        products = one(arms[first] | {"count": True})["gigaflops"]
        rate = products / result["arms"][first]["seconds"]
        result["arms"][first] |= {"share_of_matrix_products": round(rate / where["float32_gigaflops"], 3)}
    for name in others:
        pairs = [(a, b) for a, b in zip(runs[first], runs[name], strict=True)]
        speed = sorted(a["pairs_per_second"] / b["pairs_per_second"] for a, b in pairs)
        memory = statistics.median(a["peak_megabytes"] / b["peak_megabytes"] for a, b in pairs)
        result["ratios"][name] = {"speed": round(statistics.median(speed), 2), "slowest": round(speed[0], 2),
                                  "fastest": round(speed[-1], 2), "memory": round(memory, 2)}  # fmt: skip
    return result


def one(settings: dict) -> dict:
    """One arm in a process of its own."""
    settings = {"batch": BATCH, "threads": THREADS, "epochs": EPOCHS} | settings
    command = [sys.executable, "-m", "benching.arm", json.dumps(settings), str(ROOT / "runs" / "bench")]
    path = os.pathsep.join([str(Path(__file__).parent), str(ROOT), str(ROOT / ".cache" / "bench")])
    environment = os.environ | {"PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(THREADS),
                                "PYTHONWARNINGS": "ignore"}  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{settings['arm']} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(found: dict) -> str:
    """The arms in lines."""
    lines = []
    for name, arm in found["arms"].items():
        ratio = found["ratios"].get(name)
        said = f"  {ratio['speed']:.2f} times, {ratio['memory']:.2f} of the memory" if ratio else ""
        share = arm.get("share_of_matrix_products")
        said += f"  {100 * share:.0f} % of the machine's matrix products" if share else ""
        lines.append(f"  {name:32} {arm['pairs_per_second']:8.1f} pairs/s {arm['peak_megabytes']:8.0f} MB  "
                     f"{end(arm)}{said}")  # fmt: skip
    return "\n".join(lines)


def end(arm: dict) -> str:
    """What an arm ended with, in words."""
    ends = {"heldout_loss": "held-out loss {:.4f}", "checksum": "answers {:.0f}", "seconds": "{:.1f} s"}
    return next(words.format(arm[name]) for name, words in ends.items() if name in arm)


def machine() -> dict:
    """What the figures were measured on, and how fast it multiplies matrices."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"processor": model or platform.processor(), "cores": os.cpu_count(), "threads": THREADS,
            "system": platform.platform(), "python": platform.python_version(),
            **{f"{dtype}_gigaflops": _rate(dtype) for dtype in ("float32", "bfloat16")}}  # fmt: skip


def _rate(dtype: str) -> float:
    command = [sys.executable, "-c", RATE.format(threads=THREADS, dtype=dtype)]
    return round(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout), 1)


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


if __name__ == "__main__":
    main()
