"""A scene as a record of each kind of data set, with the fields that the real ones have.

| function | fields of                | link                                                            |
|----------|--------------------------|-----------------------------------------------------------------|
| pair     | LAION                    | https://arxiv.org/abs/2111.02114                                |
| question | VQA v2                   | https://visualqa.org/download.html                              |
| regions  | Visual Genome            | https://arxiv.org/abs/1602.07332                                |
| page     | Multimodal C4            | https://github.com/allenai/mmc4                                 |
| sound    | Clotho                   | https://arxiv.org/abs/1910.09387                                |
| motion   | UCI HAR                  | https://archive.ics.uci.edu/dataset/240                         |
| points   | PointLLM                 | https://github.com/InternRobotics/PointLLM                      |
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from labs.world import points as laser
from labs.world import regions as drawn
from labs.world.captions import caption, describe
from labs.world.motion import CHANNELS, RATE, feel
from labs.world.picture import SIZE
from labs.world.questions import KINDS, ask
from labs.world.scene import Scene, Thing
from labs.world.sound import PITCHES

PEOPLE, MISTAKEN = 10, 0.15  # who answer a question, and how often one of them errs
MIDDLE_PITCH = 550  # Hz


def pair(scene: Scene, similarity: float) -> dict[str, Any]:
    """A picture's address and the text beside it, and how well a dual encoder finds that they go together."""
    return {"URL": "https://example.org/1.png", "TEXT": caption(scene, "plain"), "WIDTH": SIZE, "HEIGHT": SIZE,
            "similarity": round(similarity, 3)}  # fmt: skip


def question(scene: Scene, rng: random.Random, kind: str = "colour") -> dict[str, Any]:
    """One question with the answers of ten people, some of whom err; the most frequent is the one for training.

    Raises ValueError where the scene offers no such question.
    """
    asked = ask(scene, rng, kind)
    if asked is None:
        raise ValueError(f"this scene offers no question about {kind!r}: choose another of {', '.join(KINDS)}")
    others = [other.answer for other in (ask(scene, rng, kind) for _ in range(20)) if other.answer != asked.answer]
    said = [rng.choice(others) if others and rng.random() < MISTAKEN else asked.answer for _ in range(PEOPLE)]
    return {
        "image_id": 1, "question_id": 1001, "question": asked.text, "question_type": kind,
        "multiple_choice_answer": Counter(said).most_common(1)[0][0],
        "answers": [{"answer_id": number, "answer": answer} for number, answer in enumerate(said, 1)],
    }  # fmt: skip


def regions(scene: Scene, size: int = SIZE) -> list[dict[str, Any]]:
    """One box for each thing: its left upper corner, width and height (not its other corner), and words for it."""
    boxes = drawn.boxes(scene, size).tolist()
    return [{"region_id": number, "phrase": describe(thing), "x": x, "y": y, "width": right - x, "height": low - y}
            for number, (thing, (x, y, right, low)) in enumerate(zip(scene.things, boxes, strict=True), 1)]  # fmt: skip


def page(sentences: Sequence[str], similarity: np.ndarray) -> dict[str, Any]:
    """A page of text and pictures in one order: each picture beside the sentence that it is most similar to.

    `similarity` is (pictures, sentences). The real set lets no two pictures share a sentence.
    """
    return {
        "text_list": list(sentences),
        "image_info": [{"image_name": f"{number}.png", "matched_text_index": int(row.argmax()),
                        "matched_sim": round(float(row.max()), 3)} for number, row in enumerate(similarity)],
        "similarity_matrix": np.round(similarity, 2).tolist(),
    }  # fmt: skip


def sound(scene: Scene) -> dict[str, str]:
    """A file and what is heard in it, in words; the real set has five captions for each."""
    return {"file_name": "1.wav", "caption_1": ", then ".join(map(_tone, scene.things))}


def motion(scene: Scene) -> dict[str, Any]:
    """Windows of one second, each (100, 6), with a label: which way the thing that is looked at moves."""
    windows = feel(scene).reshape(len(scene.things), RATE, len(CHANNELS))
    return {"windows": windows, "channels": list(CHANNELS), "labels": [thing.motion for thing in scene.things]}


def points(scene: Scene, count: int = 2048) -> dict[str, Any]:
    """A cloud (count, 6) of places and colours, and a conversation about it."""
    talk = [{"from": "human", "value": "<point>\nWhat is this?"}, {"from": "gpt", "value": caption(scene, "plain")}]
    return {"object_id": "1", "cloud": laser.scan(scene, count), "conversations": talk}


def _tone(thing: Thing) -> str:
    """What one thing sounds like: loud or quiet, low or high, struck or swelling."""
    loud = "loud" if thing.size == "big" else "quiet"
    height = "high" if PITCHES[thing.colour] > MIDDLE_PITCH else "low"
    begins = ("that strikes like a bell", "", "that swells")[thing.row]
    return f"a {loud} {height} tone {begins}".strip()
