"""What is written about pictures as talks for tuning, and on disk in LLaVA's format, for `labs tune`.

Every source writes as many records about a picture: two conversations, a description and a question that takes
reasoning; or four conversations; or captions in four styles, each asked for.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from labs.systems.parts.base_words import split
from labs.systems.parts.instructions import Talk, png
from labs.systems.parts.teacher import CONVERSATION, DESCRIPTION, REASONING, REASONS, TALKS, Taught, teach
from labs.systems.parts.teacher_reads import items_of, text_of
from labs.systems.parts.teacher_writes import ASKERS, TURNS, describe, reason
from labs.world.captions import STYLES, caption
from labs.world.questions import questions
from labs.world.records import PICTURE
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, SIZES
from labs.world.wordings import INSTRUCTIONS

RECORDS = TALKS + 1 + REASONS  # about a picture
CAPTION = "caption"
Source = Callable[[Scene, random.Random], list[Taught]]


# ---------------------------------------------------------------------------------------------------------------
# Sources


def taught(scene: Scene, rng: random.Random, boxes: bool = True, noise: float = 0.0) -> list[Taught]:
    """What the teacher writes when it has read of the picture; `noise` is the share of facts that are told wrongly."""
    return teach(text_of(mistaken(scene, noise, rng), boxes), draw=rng.randrange(10**6))


def talked(scene: Scene, rng: random.Random) -> list[Taught]:
    """Conversations alone, as many as there are records."""
    text = text_of(scene)
    return [one for _ in range(0, RECORDS, TALKS) for one in teach(text, (CONVERSATION,), rng.randrange(10**6))]


def gold(scene: Scene, rng: random.Random) -> list[Taught]:
    """The same kinds, computed from the scene itself; what is asked in conversations is drawn as exams draw it."""
    items = items_of(scene)
    asked = [questions(scene, rng, TURNS, kinds=ASKERS) for _ in range(TALKS)]
    return [
        *(Taught(CONVERSATION, tuple((one.text, one.answer) for one in some)) for some in asked),
        Taught(DESCRIPTION, (describe(items, rng),)),
        *(Taught(REASONING, (turn,)) for turn in reason(items, rng)[:REASONS]),
    ]


def captioned(scene: Scene, rng: random.Random) -> list[Taught]:
    """Captions in all styles, each asked for. They say more than those that the teacher reads: places, too."""
    wordings = INSTRUCTIONS["en"]
    return [Taught(CAPTION, ((rng.choice(wordings[style][:-1]), caption(scene, style)),)) for style in STYLES]


def mistaken(scene: Scene, share: float, rng: random.Random) -> Scene:
    """The scene as it is told wrongly: such a share of its colours, sizes and places is another one."""
    cells = [thing.cell for thing in scene.things]
    things = []
    for number, thing in enumerate(scene.things):
        if rng.random() < share:
            cells[number] = rng.choice([cell for cell in range(9) if cell not in cells])
            thing = _moved(thing, cells[number])
        changes = {
            name: rng.choice([value for value in table if value != getattr(thing, name)])
            for name, table in (("colour", COLOURS), ("size", SIZES)) if rng.random() < share
        }  # fmt: skip
        things.append(replace(thing, **changes))
    return replace(scene, things=tuple(things))


def _moved(thing: Thing, cell: int) -> Thing:
    return replace(thing, x=(cell % 3 + 0.5) / 3, y=(cell // 3 + 0.5) / 3)


# ---------------------------------------------------------------------------------------------------------------
# Records


def talks(scenes: Sequence[Scene], source: Source, seed: int) -> list[Talk]:
    """What a source writes about all scenes."""
    found = written(scenes, source, seed)
    return [Talk(one.turns, scene) for scene, some in zip(scenes, found, strict=True) for one in some]


def written(scenes: Sequence[Scene], source: Source, seed: int) -> list[list[Taught]]:
    """What a source writes about each scene."""
    return [source(scene, random.Random(f"taught {seed} {number}")) for number, scene in enumerate(scenes)]


def write_llava(folder: str | Path, scenes: Sequence[Scene], teacher: Callable[[str], list[Taught]] = teach) -> Path:
    """Pictures, and everything that a teacher writes when it has read of them, a record for each conversation.

    Returns the path of records.json. Raises FileExistsError if the folder holds anything.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} already holds something: name a new or an empty folder")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    entries = []
    for number, scene in enumerate(scenes):
        name = f"{number:06d}.png"
        (folder / "images" / name).write_bytes(png(scene))
        entries += [_entry(f"{number:06d}-{place}", name, one) for place, one in enumerate(teacher(text_of(scene)))]
    file = folder / "records.json"
    file.write_text(json.dumps(entries, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return file


def _entry(name: str, picture: str, one: Taught) -> dict:
    said = [turn for pair in one.turns for turn in pair]
    said[0] = f"{PICTURE}\n{said[0]}"
    turns = [{"from": ("human", "gpt")[place % 2], "value": text} for place, text in enumerate(said)]
    return {"id": name, "image": picture, "kind": one.kind, "conversations": turns}


def counts(some: Iterable[Taught]) -> dict[str, dict[str, int]]:
    """For each kind how many records there are, answers, and words to learn from: those of answers, and their ends."""
    found: dict[str, Counter] = {}
    for one in some:
        words = sum(len(split(answer)) + 1 for _, answer in one.turns)
        found.setdefault(one.kind, Counter()).update(records=1, answers=len(one.turns), words=words)
    return {kind: dict(counted) for kind, counted in found.items()}
