"""The tour's skill, reading a thermal camera: its exam, and several tuned models against one base."""

import random
from collections.abc import Callable
from dataclasses import replace

from labs.evaluation import heldout, proof
from labs.evaluation.exam import Exam, Item
from labs.evaluation.verdict import FEWEST, Proof
from labs.world.picture import SIZE
from labs.world.thermal_camera import sample_reading

judge = proof.judge  # scores of a model on an exam


def thermal_items(count: int, seed: int = 0, size: int = SIZE, ask: Callable[[str], str] = str) -> Exam:
    """`count` held-out thermal pictures with three questions each, and about as many of the earlier kinds.

    `size` is that of the pictures, `ask` how a model wants to be asked (`Entry.briefly`).
    """
    rng = random.Random(f"thermal items {seed}")
    readings = [sample_reading(rng, "heldout", size, ask) for _ in range(count)]
    new = [Item(i, kind, *asked) for i, r in enumerate(readings) for kind, asked in r.asked.items()]
    earlier = heldout.exam(max(1, count // 3), seed + 1, size)
    before = [replace(item, question=ask(item.question)) for item in earlier.new]
    return Exam([reading.picture for reading in readings], new, earlier.pictures, before)


def compare(arms: dict[str, dict], items: Exam) -> dict:
    """Means with intervals, paired differences to the base, and a verdict in one line. `arms` must hold "base"."""
    proofs = {name: proof.prove(arms["base"], arm, items) for name, arm in arms.items()}
    table = {}
    for name, found in proofs.items():
        row = {"new": found.new.after} | {view: control.after for view, control in found.controls.items()}
        row |= {"earlier": found.earlier.after, "new - base": found.new.gain, "earlier - base": found.earlier.gain}
        costs = {key: value for key, value in arms[name].items() if not isinstance(value, list)}
        table[name] = {key: value._asdict() for key, value in row.items()} | costs | {"proof": found.as_dict()}
    said = "; ".join(f"{name} {_in_words(found)}" for name, found in proofs.items() if name != "base")
    return {"n": len(items.new), "pictures": len(items.pictures), "arms": table, "verdict": said + "."}


def _in_words(found: Proof) -> str:
    before, after, gain = found.new
    what = "learned the skill" if found.improved else "did not learn the skill beyond its controls"
    if gain.pictures < FEWEST:
        what = f"was asked about too few pictures ({gain.pictures}) to tell"
    points = f"{100 * before.mean:.0f} % -> {100 * after.mean:.0f} %"
    return f"{what} ({points}; earlier skills {100 * found.earlier.gain.mean:+.1f} points)"
