"""A small folder such as learners bring to worksheet 1: pictures, and a file of questions about them.

mine/1.png ... 4.png, again.png (the same as 1.png, under another name), records.json
"""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labs.evaluation.exam import opened, several
from labs.models.familiar import judge_picture
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import questions

PICTURES, EACH = 4, 3


def example(folder: Path, side: int) -> list[dict[str, Any]]:
    """Draw the pictures into the folder; returns twelve good records and, about the copy, three more."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, records = random.Random("my own pictures"), []
    scenes = [splits.sample(rng, "heldout", count=3) for _ in range(PICTURES)]
    for name, scene in [*((f"{place}.png", scene) for place, scene in enumerate(scenes, 1)), ("again.png", scenes[0])]:
        draw(scene, side).save(folder / name)
        records += [record(name, one.text, one.answer) for one in questions(scene, rng, EACH)]
    return records


def record(picture: str, question: str, answer: str) -> dict[str, Any]:
    """One question about a picture, in LLaVA's format."""
    turns = [{"from": "human", "value": f"<image>\n{question}"}, {"from": "gpt", "value": answer}]
    return {"image": picture, "conversations": turns}


def strange(pictures: Sequence) -> int:
    """How many of an exam's pictures are unlike the micro-world."""
    return sum(not judge_picture(opened(several(entry)[0])).ok for entry in pictures)


def save(records: list[dict[str, Any]], folder: Path) -> Path:
    """Write the file that `labs.data.records.read` opens."""
    file = folder / "records.json"
    file.write_text(json.dumps(records, indent=1), encoding="utf-8")
    return file
