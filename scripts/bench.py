"""python scripts/bench.py tuning        (or: switches, growth, evaluation; --rounds N, --only NAME)

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

ROOT = Path(__file__).resolve().parents[1]
BATCH, THREADS, EPOCHS = 64, 2, 2
SWITCHES = {
    "all": {},
    "without shared prefixes": {"share": False},
    "without logits at labels only": {"label_logits": False},
    "without features once": {"feature_megabytes": 0},
    "without any": {"share": False, "label_logits": False, "feature_megabytes": 0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=sorted(PLANS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", help="of the plan's settings, those whose name begins like this")
    arguments = parser.parse_args()
    out = ROOT / "data" / "bench" / f"{arguments.what}.json"
    out.parent.mkdir(exist_ok=True)
    found = json.loads(out.read_text()) if out.exists() else {}
    for name, arms in PLANS[arguments.what]().items():
        if not arguments.only or name.startswith(arguments.only):
            found[name] = side_by_side(arms, arguments.rounds) | {"machine": machine()}
            out.write_text(json.dumps(found, indent=1) + "\n")
            print(f"{name}\n{table(found[name])}", flush=True)


def tuning() -> dict[str, dict]:
    """Against the peers, at several numbers of picture tokens and at one pair a picture."""
    plans = {}
    for tokens, pairs, pictures in ((64, 8, 96), (256, 8, 48), (576, 8, 24), (64, 1, 384)):
        common = {"picture_tokens": tokens, "pairs": pairs, "pictures": pictures}
        plans[f"{tokens} picture tokens, {pairs} pairs"] = {
            arm: common | {"arm": arm} for arm in ("labs", "trainer", "trl")
        }
    return plans


def switches() -> dict[str, dict]:
    """What each piece adds."""
    common = {"arm": "labs", "picture_tokens": 256, "pairs": 8, "pictures": 48}
    return {"256 picture tokens, 8 pairs": {name: common | {"switches": switch} for name, switch in SWITCHES.items()}}


def growth() -> dict[str, dict]:
    """Pairs a picture, picture tokens, and rank, one at a time."""
    start = {"picture_tokens": 64, "pairs": 8, "pictures": 96, "rank": 8}
    plans = {}
    for name, values in (("pairs", (1, 2, 4, 8, 16)), ("picture_tokens", (16, 64, 256, 576)), ("rank", (4, 16, 64))):
        for value in values:
            settings = start | {name: value}
            settings["pictures"] = max(16, 768 // settings["pairs"] * 64 // max(64, settings["picture_tokens"]))
            plans[f"{name} {value}"] = {arm: settings | {"arm": arm} for arm in ("labs", "trainer")}
    return plans


def evaluation() -> dict[str, dict]:
    """Answers to eight questions a picture, and to one."""
    plans = {}
    for tokens, pairs in ((64, 8), (256, 8), (64, 1)):
        common = {"picture_tokens": tokens, "pairs": pairs, "pictures": 192 // pairs}
        plans[f"{tokens} picture tokens, {pairs} questions"] = {
            arm: common | {"arm": arm, "epochs": 1} for arm in ("answers", "one by one")
        }
    return plans


def side_by_side(arms: dict[str, dict], rounds: int) -> dict:
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
    path = os.pathsep.join([str(Path(__file__).parent), str(ROOT / ".cache" / "bench")])
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
        lines.append(f"  {name:32} {arm['pairs_per_second']:8.1f} pairs/s {arm['peak_megabytes']:8.0f} MB  "
                     f"{end(arm)}{said}")  # fmt: skip
    return "\n".join(lines)


def end(arm: dict) -> str:
    """What an arm ended with, in words."""
    return f"held-out loss {arm['heldout_loss']:.4f}" if "heldout_loss" in arm else f"answers {arm['checksum']:.0f}"


def machine() -> dict:
    """What the figures were measured on."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    return {"processor": model or platform.processor(), "cores": os.cpu_count(), "threads": THREADS,
            "system": platform.platform(), "python": platform.python_version()}  # fmt: skip


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


PLANS = {"tuning": tuning, "switches": switches, "growth": growth, "evaluation": evaluation}

if __name__ == "__main__":
    main()
