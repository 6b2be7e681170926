"""A skill the multimodal mini model lacks: reading a thermal camera. Pictures and questions to tune on and to test.

The pictures are false-colour temperature maps, which pre-training never shows; the questions need the temperatures.
"""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from labs.world import splits, thermal
from labs.world.picture import SIZE
from labs.world.scene import Scene
from labs.world.vocabulary import NUMBERS, TEMPERATURES

QUESTIONS = {
    "hottest": "Where is the hottest thing?",
    "coldest": "Where is the coldest thing?",
    "warm": "How many things are warm?",
}


class Reading(NamedTuple):
    """One thermal picture with its questions: kind -> (question, answer)."""

    picture: Image.Image
    asked: dict[str, tuple[str, str]]


def sample_reading(
    rng: random.Random, split: str = "train", size: int = SIZE, ask: Callable[[str], str] = str
) -> Reading:
    """Draw a scene of the split with one hottest and one coldest thing, and look at it with the thermal camera.

    `ask` words a question as a model wants to be asked.
    """
    scene = splits.sample(rng, split)
    while not (_extreme(scene, max) and _extreme(scene, min)):
        scene = splits.sample(rng, split)
    warm = sum(thing.temperature == "warm" for thing in scene.things)
    answers = {"hottest": _extreme(scene, max), "coldest": _extreme(scene, min), "warm": NUMBERS[warm]}
    picture = thermal.as_picture(thermal.temperature_map(scene, size))
    return Reading(picture, {kind: (ask(text), answers[kind]) for kind, text in QUESTIONS.items()})


def _extreme(scene: Scene, pick) -> str | None:
    """The place of the one hottest (or coldest) of at least two things; None where several share it."""
    degrees = [TEMPERATURES[thing.temperature] for thing in scene.things]
    best = pick(degrees)
    if len(degrees) < 2 or degrees.count(best) != 1:
        return None
    return scene.things[degrees.index(best)].place


def write_llava(folder: Path, count: int, seed: int = 0, size: int = SIZE, ask: Callable[[str], str] = str) -> Path:
    """Write `count` training pictures and their conversations in LLaVA's format to `folder`, and return the JSON file.

    The three questions come in random order, so that none of them is always asked first. What lies in the folder from
    before is written again.
    """
    rng, records = random.Random(f"thermal records {seed}"), []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        reading = sample_reading(rng, "train", size, ask)
        asked = rng.sample(list(reading.asked.values()), len(reading.asked))
        pairs = [pair for turn in asked for pair in zip(("human", "gpt"), turn, strict=True)]
        turns = [{"from": who, "value": text} for who, text in pairs]
        turns[0]["value"] = f"<image>\n{turns[0]['value']}"
        reading.picture.save(folder / "images" / f"{number:05d}.png")
        records.append({"id": f"{number:05d}", "image": f"{number:05d}.png", "conversations": turns})
    (folder / "records.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    return folder / "records.json"
