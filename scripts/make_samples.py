"""python scripts/make_samples.py

Write data/samples: a scene, a story in five pictures, and a few records in LLaVA's format, to try the commands with.
"""

import json
import random
import shutil
from pathlib import Path

from labs.evaluation import heldout
from labs.world import splits
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.thermal_camera import write_llava

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
SIZE, RECORDS = 288, 24


def main() -> None:
    shutil.rmtree(SAMPLES / "thermal", ignore_errors=True)
    SAMPLES.mkdir(parents=True, exist_ok=True)
    rng = random.Random("sample scene")
    scene = splits.sample(rng, "heldout", count=4)
    while [thing.shape for thing in scene.things].count("star") != 1:  # the README asks for the colour of the star
        scene = splits.sample(rng, "heldout", count=4)
    draw(scene, SIZE).save(SAMPLES / "scene.png")
    story = heldout.stories(1, seed=7)[0]
    for number, one in enumerate(story.scenes, start=1):
        draw(one, SIZE).save(SAMPLES / f"story_{number}.png")
    write_llava(SAMPLES / "thermal", RECORDS)
    truth = {"scene.png": caption(scene, "prose"), "story": story.sentences()}
    (SAMPLES / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
