"""The skill of worksheet 2: things named from left to right, and in the next turn the other way round.

    <picture> Name the things from left to right.     red star, blue moon
              And from right to left?                 blue moon, red star

mini-llava knows every word of it, but was taught to name things in reading order, row by row. In these scenes no two
things stand in one column, so that there is one answer. Held out are combinations, as everywhere (labs.world.splits).
"""

import json
import random
from pathlib import Path

from labs.evaluation import heldout
from labs.evaluation.exam import Exam, Item
from labs.world import splits
from labs.world.picture import SIZE, draw
from labs.world.records import PICTURE
from labs.world.scene import Scene, Thing

FORWARD, BACK = "Name the things from left to right.", "And from right to left?"


def sample(rng: random.Random, split: str = "train") -> Scene:
    """Draw a scene of the split with two or three things, no two of them in one column."""
    while True:
        scene = splits.sample(rng, split)
        columns = [thing.column for thing in scene.things]
        if len(columns) > 1 and len(set(columns)) == len(columns):
            return scene


def in_order(scene: Scene) -> list[Thing]:
    """The things from left to right."""
    return sorted(scene.things, key=lambda thing: thing.column)


def talk(scene: Scene) -> list[tuple[str, str]]:
    """Both questions with their true answers."""
    names = [f"{thing.colour} {thing.shape}" for thing in in_order(scene)]
    return [(FORWARD, ", ".join(names)), (BACK, ", ".join(names[::-1]))]


def scenes(split: str, count: int, seed: int = 0) -> list[Scene]:
    """The first `count` scenes of a split and seed."""
    rng = random.Random(f"left to right {split} {seed}")
    return [sample(rng, split) for _ in range(count)]


def write_records(folder: Path, count: int, seed: int = 0, size: int = SIZE) -> Path:
    """Write `count` training talks of two turns in LLaVA's format, pictures beside them; returns records.json.

    What lies in the folder from before is written again.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    written = []
    for number, scene in enumerate(scenes("train", count, seed)):
        draw(scene, size).save(folder / "images" / f"{number:05d}.png")
        said = [text for pair in talk(scene) for text in pair]
        said[0] = f"{PICTURE}\n{said[0]}"
        turns = [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(said)]
        written.append({"id": f"{number:05d}", "image": f"{number:05d}.png", "conversations": turns})
    (folder / "records.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return folder / "records.json"


def exam(count: int, seed: int = 0, size: int = SIZE) -> Exam:
    """The first question about `count` held-out scenes, and a quarter as many pictures with all earlier questions.

    The second question is left out: whoever is told the first answer can turn it over without looking.
    """
    drawn = scenes("heldout", count, seed)
    items = [Item(number, "left to right", *talk(scene)[0]) for number, scene in enumerate(drawn)]
    earlier = heldout.exam(max(1, count // 4), seed + 1, size)
    return Exam([draw(scene, size) for scene in drawn], items, earlier.pictures, earlier.new)
