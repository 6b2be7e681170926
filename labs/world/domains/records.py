"""A domain as a folder to tune on: LLaVA's JSON with pictures on disk, one record a question.

    write_llava("medical", "runs/medical")
    labs tune --data runs/medical/records.json --images runs/medical/images --out runs/medical/run

Records about one case show the same file, so a step learns from all of them at the price of one picture.
"""

import json
from pathlib import Path

from labs.world.domains import asked, of, worked
from labs.world.picture import SIZE
from labs.world.records import PICTURE
from labs.world.splits import SPLITS


def write_llava(
    domain: str,
    folder: str | Path,
    split: str = "train",
    count: int = 1000,
    seed: int = 0,
    size: int = SIZE,
    steps: bool = True,
) -> Path:
    """Write `count` cases of a domain, all their questions; returns the path of records.json.

    Its `image` is a file of folder/images. With `steps` answers are worked out where the domain has steps. Raises
    FileExistsError if the folder holds anything, ValueError for a domain, split or count that cannot be.
    """
    module, folder = of(domain), Path(folder)
    if split not in SPLITS or count < 1:
        raise ValueError(f"split must be one of {SPLITS} and count at least 1, not {split!r} and {count}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} already holds something: name a new or an empty folder")
    (folder / "images").mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(count):
        case, questions = asked(domain, split, number, seed)
        name = f"{number:06d}.png"
        module.draw(case, size).save(folder / "images" / name)
        for place, one in enumerate(questions):
            answer = worked(domain, case, one) if steps else one.answer
            turns = [{"from": "human", "value": f"{PICTURE}\n{one.text}"}, {"from": "gpt", "value": answer}]
            label = f"{domain}-{split}-{seed}-{number:06d}-{place}"
            written.append({"id": label, "image": name, "conversations": turns})
    records = folder / "records.json"
    records.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return records
