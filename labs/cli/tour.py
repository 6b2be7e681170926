"""python -m labs tour: the tutorial's two hands-on laboratories in three minutes, and a report about them."""

import json
import random
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import torch
import typer

from labs.cli.tour_report import write_report
from labs.data.records import Record, read
from labs.evaluation import heldout, skill
from labs.evaluation.metrics import told_events
from labs.models import catalog, chat
from labs.models.story import sentences
from labs.teaching.strip import strip
from labs.tuning.fit import fit
from labs.tuning.footprint import bytes_of, trainable_table
from labs.tuning.four_bit import nf4
from labs.tuning.lora import add_lora
from labs.tuning.random_adapter import random_adapter
from labs.world.picture import draw
from labs.world.thermal_camera import sample_reading, write_llava

PICTURES, QUICK_PICTURES = 100, 8  # held-out thermal pictures, three questions each
STEPS, QUICK_STEPS = 200, 4
BATCH, LEARNING_RATE = 8, 1e-3


def tour(out: Path, quick: bool = False) -> dict:
    """Run the tour, write report.html and report.json to `out`, and return the report."""
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    typer.echo("1 of 3  Two generations of model look at held-out pictures and tell a story.")
    report = {"pictures": look(out)}
    typer.echo("2 of 3  The multimodal model learns to read a thermal camera: LoRA, then QLoRA in 4 bits.")
    report["skill"] = learn(out, QUICK_PICTURES if quick else PICTURES, QUICK_STEPS if quick else STEPS)
    report["seconds"] = round(time.perf_counter() - start, 1)
    report["machine"] = {"threads": torch.get_num_threads(), "torch": torch.__version__, "quick": quick}
    typer.echo("3 of 3  Writing the report.")
    (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_report(report, out)
    typer.echo(
        f"\n{report['skill']['verdict']}\nReport: {(out / 'report.html').resolve()}  ({report['seconds']:.0f} s)"
    )
    typer.echo("Notebooks: .venv/bin/jupyter lab notebooks   (Windows: .venv\\Scripts\\jupyter lab notebooks)")
    return report


def look(out: Path) -> dict:
    """Ask both generations the same questions about held-out pictures, and let both tell the same story."""
    models = {name: catalog.load(name, "mini") for name in ("generative", "multimodal")}
    scenes, items = heldout.questions(5, seed=7)
    rng = random.Random(7)
    chosen = [rng.choice([item for item in items if item.picture == i]) for i in range(len(scenes))]
    pictures = [draw(scene) for scene in scenes]
    story = heldout.stories(1, seed=7)[0]
    frames = [draw(scene) for scene in story.scenes]
    result: dict = {"questions": [item.question for item in chosen], "truth": [item.answer for item in chosen]}
    result |= {"story_truth": story.sentences(), "answers": {}, "stories": {}}
    for name, loaded in models.items():
        result["answers"][name] = [chat.answer(loaded, [pictures[i.picture]], i.question) for i in chosen]
        said = f'"{chosen[0].question}"  {name}: {result["answers"][name][0]}  (truth: {chosen[0].answer})'
        typer.echo(f"        {said}")  # the first answer comes before anything is trained
        text = chat.answer(loaded, frames, "Tell the story.")
        result["stories"][name] = {"text": text, "events_right": told_events(text, story.sentences())}
    answers = [result["questions"], result["truth"], *result["answers"].values()]
    strip([draw(scene, 200) for scene in scenes], answers, ["question", "truth", *models]).save(out / "answers.png")
    told = [sentences(value["text"], len(frames)) for value in result["stories"].values()]
    rows = [result["story_truth"], *told]
    strip([draw(scene, 200) for scene in story.scenes], rows, ["truth", *models]).save(out / "story.png")
    return result


def learn(out: Path, pictures: int, steps: int) -> dict:
    """Tune twice on the same records, judge base and both on the same held-out items, and say what it comes to."""
    shutil.rmtree(out / "thermal", ignore_errors=True)
    records = read(write_llava(out / "thermal", steps * BATCH), out / "thermal" / "images")
    items = skill.thermal_items(pictures)
    models = {"base": catalog.load("multimodal", "mini")}
    arms = {"base": skill.judge(models["base"], items, "base")}
    arms["base"]["megabytes"] = round(bytes_of(models["base"].model) / 1e6, 1)
    for name in ("LoRA", "QLoRA"):
        models[name], cost = tune_arm(out / name.lower(), records, steps, four_bit=name == "QLoRA")
        arms[name] = skill.judge(models[name], items, name) | cost
        with random_adapter(models[name].model):
            arms[name]["random adapter"] = skill.judge(models[name], items, f"{name} random", views=["new"])["new"]
    show_readings(out, models)
    return skill.compare(arms, items)


def tune_arm(out: Path, records: Sequence[Record], steps: int, four_bit: bool) -> tuple[catalog.Loaded, dict]:
    """Tune a fresh copy of the multimodal model in `out`, replacing an earlier tour's, and say what it costs."""
    shutil.rmtree(out, ignore_errors=True)
    loaded = catalog.load("multimodal", "mini", **({"quantization_config": nf4()} if four_bit else {}))
    model = add_lora(loaded.model)
    run = fit(model, loaded.processor, records, [], out, steps=steps, batch=BATCH, learning_rate=LEARNING_RATE)
    cost = {"trainable": trainable_table(model)[-1].trainable, "seconds": round(run.seconds, 1)}
    cost |= {"megabytes": round(bytes_of(model) / 1e6, 1), "steps": steps, "last_loss": run.losses[-1]}
    return catalog.Loaded(loaded.entry, model, loaded.processor), cost


def show_readings(out: Path, models: dict[str, catalog.Loaded]) -> None:
    """Save five held-out thermal pictures with a question each, its true answer, and what each model says."""
    rng = random.Random("thermal strip")
    readings = [sample_reading(rng, "heldout", size=200) for _ in range(5)]
    asked = [list(reading.asked.values())[i % len(reading.asked)] for i, reading in enumerate(readings)]
    rows = [[question for question, _ in asked], [answer for _, answer in asked]]
    for loaded in models.values():
        told = zip(readings, asked, strict=True)
        rows.append([chat.answer(loaded, [reading.picture], question) for reading, (question, _) in told])
    strip([reading.picture for reading in readings], rows, ["question", "truth", *models]).save(out / "thermal.png")
