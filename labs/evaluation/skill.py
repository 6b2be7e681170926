"""Was a new skill learned, and what did it cost? Base and tuned on the same held-out items, with controls."""

import random
from dataclasses import dataclass

from PIL import Image

from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.interval import difference, interval
from labs.evaluation.metrics import exact_match
from labs.models.catalog import Loaded
from labs.world.picture import draw
from labs.world.thermal_camera import sample_reading


@dataclass(frozen=True)
class SkillItems:
    """Held-out questions about the new skill and about the earlier ones, each with its picture."""

    pictures: list[Image.Image]
    new: list[heldout.Item]
    earlier_pictures: list[Image.Image]
    earlier: list[heldout.Item]


def thermal_items(count: int, seed: int = 0) -> SkillItems:
    """`count` held-out thermal pictures with three questions each, and about as many of the earlier kinds."""
    rng = random.Random(f"thermal items {seed}")
    readings = [sample_reading(rng, "heldout") for _ in range(count)]
    new = [heldout.Item(i, kind, *asked) for i, r in enumerate(readings) for kind, asked in r.asked.items()]
    scenes, earlier = heldout.questions(max(1, count // 3), seed=seed + 1)
    return SkillItems([r.picture for r in readings], new, [draw(scene) for scene in scenes], earlier)


def judge(loaded: Loaded, items: SkillItems, label: str) -> dict:
    """Scores (items,) on the new skill, on its two picture controls, and on the earlier skills."""
    seen = {"new": items.pictures, "blind": heldout.blank(items.pictures), "shuffled": heldout.shuffled(items.pictures)}
    result = {name: _scores(loaded, pictures, items.new, f"{label} {name}") for name, pictures in seen.items()}
    return result | {"earlier": _scores(loaded, items.earlier_pictures, items.earlier, f"{label} earlier")}


def compare(arms: dict[str, dict], items: SkillItems) -> dict:
    """Means with intervals, paired differences to the base, and a verdict in one line. `arms` must hold "base"."""
    where, earlier = [item.picture for item in items.new], [item.picture for item in items.earlier]
    table = {}
    for name, arm in arms.items():
        row = {key: interval(arm[key], where)._asdict() for key in ("new", "blind", "shuffled")}
        row["earlier"] = interval(arm["earlier"], earlier)._asdict()
        row["new - base"] = difference(arm["new"], arms["base"]["new"], where)._asdict()
        row["earlier - base"] = difference(arm["earlier"], arms["base"]["earlier"], earlier)._asdict()
        row["new - blind"] = difference(arm["new"], arm["blind"], where)._asdict()
        row["new - shuffled"] = difference(arm["new"], arm["shuffled"], where)._asdict()
        costs = {key: value for key, value in arm.items() if key not in ("new", "blind", "shuffled", "earlier")}
        table[name] = row | costs
    return {"n": len(items.new), "pictures": len(items.pictures), "arms": table, "verdict": verdict(table)}


def verdict(table: dict[str, dict]) -> str:
    """One line: learned if better than the base and than both controls, each difference's interval above zero."""
    said = []
    for name, row in table.items():
        if name == "base":
            continue
        gains = [row[key]["low"] for key in ("new - base", "new - blind", "new - shuffled")]
        kept = row["earlier - base"]["mean"]
        what = "learned the skill" if min(gains) > 0 else "did not learn the skill beyond its controls"
        points = f"{100 * table['base']['new']['mean']:.0f} % -> {100 * row['new']['mean']:.0f} %"
        said.append(f"{name} {what} ({points}; earlier skills {100 * kept:+.1f} points)")
    return "; ".join(said) + "."


def _scores(loaded: Loaded, pictures: list, items: list[heldout.Item], label: str) -> list[float]:
    told = answers(loaded, [[pictures[i.picture]] for i in items], [item.question for item in items], label=label)
    return [exact_match(answer, item.answer) for answer, item in zip(told, items, strict=True)]
