"""The world as data sets: plain records, a Hugging Face data set, and LLaVA's JSON with pictures on disk.

A record depends on split, seed and its own number alone, so the first 100 records of 1,000 are those of 100.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labs.world import regions, splits
from labs.world.captions import caption
from labs.world.everyday import ask_everyday
from labs.world.grammar import check_language, phrase
from labs.world.picture import SIZE, draw
from labs.world.questions import KINDS, questions
from labs.world.scene import Scene
from labs.world.stories import sample_story
from labs.world.wordings import INSTRUCTIONS

if TYPE_CHECKING:
    import datasets

QUESTIONS = 6  # a record asks up to so many
PICTURE = "<image>"  # stands for one picture in LLaVA's text


def scene_records(
    split: str = "train", count: int = 1000, seed: int = 0, size: int = SIZE, language: str = "en"
) -> Iterator[dict]:
    """Scenes as dicts: image (PIL), caption, caption_es, questions, boxes (pixels) and names, one per box.

    `questions` are dicts of kind, question, answer in `language`. Raises ValueError for a split, language, size or
    count that cannot be.
    """
    for number, rng in _numbered(split, count, seed, language):
        scene = splits.sample(rng, split)
        asked = questions(scene, rng, QUESTIONS, language)
        yield {
            "id": f"{split}-{seed}-{number:06d}",
            "image": draw(scene, size),
            "caption": caption(scene),
            "caption_es": caption(scene, language="es"),
            "questions": [{"kind": one.kind, "question": one.text, "answer": one.answer} for one in asked],
            "boxes": regions.boxes(scene, size).tolist(),
            "names": [phrase(language, thing.shape, thing.colour, thing.size) for thing in scene.things],
        }


def dataset(
    split: str = "train", count: int = 1000, seed: int = 0, size: int = SIZE, language: str = "en"
) -> "datasets.Dataset":
    """The records of `scene_records` as a Hugging Face data set, held in memory."""
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageFeature

    text = Value("string")
    features = Features({
        "id": text,
        "image": ImageFeature(),
        "caption": text,
        "caption_es": text,
        "questions": [{"kind": text, "question": text, "answer": text}],
        "boxes": [[Value("int64")]],
        "names": [text],
    })  # fmt: skip
    return Dataset.from_list(list(scene_records(split, count, seed, size, language)), features=features)


def write_llava(
    folder: str | Path, split: str = "train", count: int = 1000, seed: int = 0, turns: int = 3, language: str = "en"
) -> Path:
    """Write conversations about one picture each, of up to `turns` questions, in LLaVA's format.

    Returns the path of records.json, whose `image` is a file of folder/images. Format:
    https://github.com/haotian-liu/LLaVA/blob/main/docs/Finetune_Custom_Data.md
    Raises FileExistsError if the folder holds anything, ValueError for a split, language or number that cannot be.
    """
    if turns < 1:
        raise ValueError(f"turns must be at least 1, not {turns}")
    records = _fresh(folder, split, count, language)
    written = []
    for number, rng in _numbered(split, count, seed, language):
        scene = splits.sample(rng, split)
        talk = [(one.text, one.answer) for one in questions(scene, rng, turns, language)]
        name = _save(records, f"{number:06d}", scene)
        written.append({"id": f"{split}-{seed}-{number:06d}", "image": name, "conversations": _turns(talk, 1)})
    return _write(records, written)


def write_llava_everyday(folder: str | Path, split: str = "train", count: int = 1000, seed: int = 0) -> Path:
    """Write one question about a picture each, typed as people do in wordings kept from training, in LLaVA's format.

    Otherwise like `write_llava`.
    """
    records = _fresh(folder, split, count, "en")
    written = []
    for number, rng in _numbered(split, count, seed, "en"):
        scene = splits.sample(rng, split)
        asked = [one for kind in KINDS if (one := ask_everyday(scene, rng, kind, kept=True))]
        one = rng.choice(asked)
        name = _save(records, f"{number:06d}", scene)
        turns = _turns([(one.text, one.answer)], 1)
        written.append({"id": f"everyday-{split}-{seed}-{number:06d}", "image": name, "conversations": turns})
    return _write(records, written)


def write_llava_stories(
    folder: str | Path, split: str = "train", count: int = 200, seed: int = 0, language: str = "en"
) -> Path:
    """Write stories of five pictures in LLaVA's format: `image` is a list of five. Otherwise like `write_llava`."""
    records = _fresh(folder, split, count, language)
    written = []
    for number, rng in _numbered(split, count, seed, language):
        story = sample_story(rng, split)
        talk = [(rng.choice(INSTRUCTIONS[language]["story"][:-1]), story.text(language))]
        names = [_save(records, f"{number:06d}_{place}", scene) for place, scene in enumerate(story.scenes)]
        turns = _turns(talk, len(names))
        written.append({"id": f"story-{split}-{seed}-{number:06d}", "image": names, "conversations": turns})
    return _write(records, written)


def _numbered(split: str, count: int, seed: int, language: str) -> Iterator[tuple[int, random.Random]]:
    _check(split, count, language)
    for number in range(count):
        yield number, random.Random(f"{split} {seed} {number}")


def _check(split: str, count: int, language: str) -> None:
    check_language(language)
    if split not in splits.SPLITS:
        raise ValueError(f"split must be one of {splits.SPLITS}, not {split!r}")
    if count < 1:
        raise ValueError(f"count must be at least 1, not {count}")


def _fresh(folder: str | Path, split: str, count: int, language: str) -> Path:
    """Check everything before anything is written; make the folders; return where the records go."""
    _check(split, count, language)
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} already holds something: name a new or an empty folder")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    return folder / "records.json"


def _save(records: Path, name: str, scene: Scene) -> str:
    draw(scene).save(records.parent / "images" / f"{name}.png")
    return f"{name}.png"


def _turns(talk: list[tuple[str, str]], pictures: int) -> list[dict[str, str]]:
    """LLaVA's turns; the marks of all pictures stand before the first question."""
    turns = []
    for question, answer in talk:
        marks = "" if turns else f"{PICTURE}\n" * pictures
        turns += [{"from": "human", "value": marks + question}, {"from": "gpt", "value": answer}]
    return turns


def _write(records: Path, written: list[dict]) -> Path:
    records.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return records
