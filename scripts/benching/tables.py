"""The tables of README.md about speed, from data/bench/*.json; what was not run says so."""

import json
from pathlib import Path

NAMES = {"labs": "labs", "labs in bfloat16": "labs in bfloat16", "trl": "TRL", "trainer": "Trainer"}
TRUE_SHAPES = [f"{name}, {arm}" for name in ("LLaVA-1.5-7B", "a LLaVA of 2.7 B") for arm in ("LoRA", "QLoRA")]


def tables(folder: Path) -> str:
    """Tuning, the switches, evaluation."""
    found = {name: _read(folder / f"{name}.json") for name in ("tuning", "switches", "evaluation")}
    parts = [tuning(found["tuning"]), true_shapes(folder.parent / "cards"), switches(found["switches"]),
             evaluation(found["evaluation"])]  # fmt: skip
    return "\n\n".join([*(part for part in parts if part), where(found["tuning"])])


def beside(folder: Path) -> str:
    """The short form for README.md: how many times as fast as TRL and Trainer, in how much of their memory."""
    head = ["setting", "times as fast as TRL", "as Trainer", "memory, of TRL's", "held-out loss: labs, TRL"]
    rows = []
    for name, measured in _read(folder / "tuning.json").items():
        arms, (trl, trainer) = measured["arms"], (measured["ratios"][peer] for peer in ("trl", "trainer"))
        times = [f"**{one['speed']:.1f}** [{one['slowest']:.1f}, {one['fastest']:.1f}]" for one in (trl, trainer)]
        losses = ", ".join(f"{arms[arm]['heldout_loss']:.3f}" for arm in ("labs", "trl"))
        rows.append([name, *times, f"{trl['memory']:.2f}", losses])
    return _table(head, rows)


def tuning(found: dict) -> str:
    """Pairs a second, ratios to the peers, memory, held-out loss."""
    head = ["setting", "labs, pairs/s", "TRL", "Trainer", "times TRL", "of its memory", "held-out loss: labs, TRL",
            "labs in bfloat16"]  # fmt: skip
    rows = []
    for name, measured in found.items():
        arms, ratios = measured["arms"], measured["ratios"]
        speed, half = [f"{arms[arm]['pairs_per_second']:.1f}" for arm in ("labs", "trl", "trainer")], "labs in bfloat16"
        trl = ratios["trl"]
        rows.append([
            name, *speed, f"**{trl['speed']:.1f}** [{trl['slowest']:.1f}, {trl['fastest']:.1f}]",
            f"{trl['memory']:.2f}", f"{arms['labs']['heldout_loss']:.3f}, {arms['trl']['heldout_loss']:.3f}",
            f"{arms[half]['pairs_per_second']:.1f} pairs/s, {arms[half]['heldout_loss']:.3f}",
        ])  # fmt: skip
    return _table(head, rows)


def true_shapes(cards: Path) -> str:
    """Models as large as the real ones, from the cards that `scripts/check_real.py --true-shapes` wrote."""
    head, rows = ["model in its true shape, random weights", "device", "pairs/s", "GB at the peak"], []
    measured = [json.loads(file.read_text()) for file in sorted(cards.glob("true-shapes-*.json"))]
    for name in TRUE_SHAPES:
        found = [(card["device"], card["shapes"][name]) for card in measured if name in card["shapes"]]
        rows += [[name, device, one.get("failed") or f"{one['pairs_per_second']:.1f}", str(one.get("peak_gb", ""))]
                 for device, one in found]  # fmt: skip
        rows += [] if found else [[name, "not run: no GPU was at hand", "", ""]]
    return _table(head, rows)


def switches(found: dict) -> str:
    """What each piece adds: everything but one."""
    tables = []
    for name, measured in found.items():
        rows = [
            [arm, f"{values['pairs_per_second']:.1f}", f"{values['peak_megabytes']:.0f}",
             f"{1 / measured['ratios'][arm]['speed']:.2f}" if arm in measured["ratios"] else "1",
             f"{values['heldout_loss']:.4f}"]
            for arm, values in measured["arms"].items()
        ]  # fmt: skip
        tables.append(_table([f"switches, {name}", "pairs/s", "MB", "speed", "held-out loss"], rows))
    return "\n\n".join(tables)


def evaluation(found: dict) -> str:
    """Questions a second, batched with the pictures read once, and one by one."""
    rows = [
        [name, f"{arms['arms']['answers']['pairs_per_second']:.1f}",
         f"{arms['arms']['one by one']['pairs_per_second']:.1f}", f"**{arms['ratios']['one by one']['speed']:.1f}**",
         "equal" if arms["arms"]["answers"]["checksum"] == arms["arms"]["one by one"]["checksum"] else "DIFFERENT"]
        for name, arms in found.items()
    ]  # fmt: skip
    return _table(["evaluation", "questions/s", "one by one", "times", "answers"], rows) if rows else ""


def where(found: dict) -> str:
    """The machine, and how the figures came about."""
    for measured in found.values():
        machine, rounds = measured["machine"], measured["rounds"]
        model = measured["arms"]["labs"]["parameters"] / 1e6
        shares = [100 * one["arms"]["labs"]["share_of_matrix_products"] for one in found.values()]
        return (
            f"{machine['processor']}, {machine['threads']} threads, float32, {model:.1f} million random weights, LoRA "
            f"of rank 8, {rounds} alternating rounds: medians of fresh processes, ratios within a round [least, most]. "
            "TRL and Trainer learn from as many records at once as suits TRL best. The labs reach "
            f"{min(shares):.0f}-{max(shares):.0f} % of this machine's {machine['float32_gigaflops']:.0f} GFLOP/s in "
            "matrix products (attention not counted) over the whole run, reading and writing included."
        )
    return ""


def _read(file: Path) -> dict:
    return json.loads(file.read_text()) if file.exists() else {}


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
