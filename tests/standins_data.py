"""Small stand-ins for the data sets of the catalogue: the same files and columns, drawn from the micro-world."""

import io
import random
from pathlib import Path

import datasets
from PIL import Image

from labs.data.real import DataEntry
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.questions import KINDS, ask
from labs.world.stories import sample_story

SIZE = 96  # pixels of a picture, which are photographs' own in the real ones


def write(entry: DataEntry, folder: Path, rows: int = 8) -> Path:
    """A parquet file of the entry's name and columns below `folder`. Returns its path."""
    rng = random.Random(entry.name)
    listed = [_row(entry, rng, number) for number in range(rows)]
    picture = datasets.List(datasets.Image()) if isinstance(listed[0][entry.pictures[0]], list) else datasets.Image()
    made = datasets.Dataset.from_list(listed).cast_column(entry.pictures[0], picture)
    file = folder / entry.files.replace("lite-*", "lite-00000-of-00001").replace("of-*", "of-00001").replace(
        "-*", "-00000-of-00001"
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    made.to_parquet(file)
    return file


def _row(entry: DataEntry, rng: random.Random, number: int) -> dict:
    scene = splits.sample(rng, "heldout")
    question = next(one for kind in rng.sample(KINDS, len(KINDS)) if (one := ask(scene, rng, kind)))
    row = {entry.pictures[0]: _encoded(draw(scene, SIZE)), "number": number}
    if entry.talk:
        story = sample_story(rng, "heldout")
        row[entry.pictures[0]] = [_encoded(draw(one, SIZE)) for one in story.scenes]
        return row | {entry.talk[0]: _talk(entry.talk[0], story.text(), len(story.scenes))}
    answer = {"answers": [{"answer": question.answer, "answer_id": place + 1} for place in range(10)],
              "text": caption(scene), "annotations_captions": [caption(scene)] * 3}  # fmt: skip
    several = entry.name.startswith("royokong")
    told = [caption(scene)] * 5 if several else answer.get(entry.answer[0], question.answer)
    return row | {entry.answer[0]: told} | ({entry.question[0]: question.text} if entry.question else {})


def _talk(column: str, text: str, pictures: int) -> list[dict]:
    """In `messages` Arrow fills up what a part has not; the other columns hold plain text with placeholders."""
    if column == "messages":
        shown = [{"type": "image", "text": None, "index": place} for place in range(pictures)]
        asked = [*shown, {"type": "text", "text": "Tell the story.", "index": None}]
        return [{"role": "user", "content": asked},
                {"role": "assistant", "content": [{"type": "text", "text": text, "index": None}]}]  # fmt: skip
    return [{"role": "user", "content": "<image>" * pictures + "Tell the story."},
            {"role": "assistant", "content": text}]  # fmt: skip


def _encoded(picture: Image.Image) -> dict:
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return {"bytes": file.getvalue(), "path": None}
