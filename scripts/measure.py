"""python scripts/measure.py        (or: dual_encoder, language, generative, multimodal, --runs FOLDER)

Export what pretrain.py made to data/checkpoints, measure it on held-out combinations, and write data/cards.json.
"""

import argparse
import json
import os
import platform
import random
import sys
from importlib import import_module
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "1000")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parent))

import torch
from recipes import RECIPES, language, rows
from recipes.prefix_loss import exact_matches

import labs
from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.interval import difference, interval
from labs.evaluation.metrics import exact_match, told_events
from labs.models import catalog, mini
from labs.models.checkpoint import save
from labs.models.tokens import build_tokenizer
from labs.tuning.packing import Row, pack
from labs.world import splits
from labs.world.grammar import phrase
from labs.world.picture import draw
from labs.world.vocabulary import COLOURS, SHAPES

PICTURES, STORIES, SINGLES = 500, 100, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("roles", nargs="*", default=list(catalog.MINI))
    parser.add_argument("--runs", type=Path, default=Path("runs/pretrain"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cards_file = labs.home() / "data" / "cards.json"
    cards = json.loads(cards_file.read_text()) if cards_file.exists() else {}
    for role in arguments.roles:
        export(role, arguments.runs)
        card = (
            {"checkpoint": catalog.find(role).name} | recipe_card(role, arguments.runs) | MEASURES[role](arguments.runs)
        )
        cards[role] = card | {"torch": torch.__version__, "python": platform.python_version()}
        cards_file.write_text(json.dumps(cards, indent=1) + "\n")
        print(json.dumps({role: cards[role]}, indent=1))


def export(role: str, runs: Path) -> None:
    """Write the trained weights of a run as the checkpoint that plays `role`."""
    recipe, tokenizer = RECIPES[role], build_tokenizer()
    state = torch.load(runs / recipe / "state.pt", weights_only=True)["model"]
    if role == "dual_encoder":
        state = {name.removeprefix("clip."): weight for name, weight in state.items() if name.startswith("clip.")}
    model = getattr(mini, role)(tokenizer)
    model.load_state_dict(state)
    save(model, tokenizer, labs.home() / "data" / "checkpoints" / catalog.find(role).name)


def recipe_card(role: str, runs: Path) -> dict:
    """What the run's log says: steps, and minutes on how many cores."""
    log = [json.loads(line) for line in (runs / RECIPES[role] / "log.jsonl").read_text().splitlines()]
    folder = labs.home() / "data" / "checkpoints" / catalog.find(role).name
    size = sum(file.stat().st_size for file in folder.iterdir())
    return {
        "recipe": f"scripts/recipes/{RECIPES[role]}.py",
        "steps": log[-1]["step"],
        "minutes": round(log[-1]["seconds"] / 60, 1),
        "cores": import_module(f"recipes.{RECIPES[role]}").WORKERS,
        "megabytes": round(size / 1e6, 2),
    }


def measure_dual_encoder(runs: Path) -> dict:
    """Zero-shot accuracy over all names of a colour and a shape, on single things of held-out pairs."""
    loaded, rng = catalog.load("dual_encoder"), random.Random("measure dual encoder")
    names = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    texts = [phrase("en", shape, colour, article="a") for colour, shape in names]
    scenes = [splits.sample(rng, "heldout", count=1) for _ in range(SINGLES)]
    inputs = loaded.processor(text=texts, images=[draw(scene) for scene in scenes], return_tensors="pt", padding=True)
    with torch.no_grad():
        best = loaded.model(**inputs).logits_per_image.argmax(1).tolist()
    right = [names[i] == (s.things[0].colour, s.things[0].shape) for i, s in zip(best, scenes, strict=True)]
    return {"zero_shot": interval([float(ok) for ok in right], list(range(SINGLES)))._asdict(), "names": len(names)}


def measure_language(runs: Path) -> dict:
    """Exact match on held-out scenes that are read as captions."""
    loaded = catalog.load("language")
    with torch.no_grad():
        return {"exact_match": language.validate(loaded.model, loaded.processor, scenes=200)}


def measure_answers(role: str, runs: Path) -> dict:
    """Questions by type with two picture controls and the blind twin, and stories with the pictures out of order."""
    loaded = catalog.load(role)
    pictures = PICTURES if role == "multimodal" else 60
    scenes, items = heldout.questions(pictures)
    drawn = [draw(scene) for scene in scenes]
    scores = {}
    for name, seen in (("right", drawn), ("shuffled", heldout.shuffled(drawn)), ("blank", heldout.blank(drawn))):
        told = answers(loaded, [[seen[i.picture]] for i in items], [i.question for i in items], label=f"{role} {name}")
        scores[name] = [exact_match(a, item.answer) for a, item in zip(told, items, strict=True)]
    where = [item.picture for item in items]
    kinds = {
        kind: interval(*zip(*[(s, i.picture) for s, i in zip(scores["right"], items, strict=True) if i.kind == kind],
                            strict=True))._asdict()
        for kind in sorted({item.kind for item in items})
    }  # fmt: skip
    result = {name: interval(values, where)._asdict() for name, values in scores.items()} | {"kinds": kinds}
    if role == "multimodal" and is_finished(runs / "blind"):
        scores["twin"] = twin_scores(runs, items)
        result["twin"] = interval(scores["twin"], where)._asdict()
        result["right - twin"] = difference(scores["right"], scores["twin"], where)._asdict()
    result["everyday"] = measure_everyday(loaded, pictures)
    result["right - shuffled"] = difference(scores["right"], scores["shuffled"], where)._asdict()
    return result | measure_stories(loaded, STORIES if role == "multimodal" else 24)


def measure_everyday(loaded: catalog.Loaded, pictures: int) -> dict:
    """Exact match where the wordings are unseen and typed without care."""
    scenes, items = heldout.everyday_questions(pictures)
    drawn = [draw(scene) for scene in scenes]
    told = answers(loaded, [[drawn[i.picture]] for i in items], [i.question for i in items], label="everyday")
    scores = [exact_match(text, item.answer) for text, item in zip(told, items, strict=True)]
    return interval(scores, [item.picture for item in items])._asdict()


def is_finished(folder: Path) -> bool:
    """Whether the run in a folder has come to its last step."""
    log = folder / "log.jsonl"
    steps = import_module(f"recipes.{folder.name}").STEPS
    return log.exists() and json.loads(log.read_text().splitlines()[-1])["step"] == steps


def twin_scores(runs: Path, items: list[heldout.Item]) -> list[float]:
    """The same questions to the twin that was trained without pictures."""
    tokenizer = build_tokenizer()
    twin = mini.language(tokenizer).eval()
    twin.load_state_dict(torch.load(runs / "blind" / "state.pt", weights_only=True)["model"])
    prefix = rows.encode(tokenizer, "<user>")
    scores = []
    for item in items:
        row = Row(prefix, [rows.pair(tokenizer, item.question, item.answer)])
        with torch.no_grad():
            scores.append(float(exact_matches(twin, pack([row], tokenizer.pad_token_id))[0, 1]))
    return scores


def measure_stories(loaded: catalog.Loaded, count: int) -> dict:
    """The share of events told rightly and in order, and the same with the pictures out of order."""
    rng, told = random.Random("measure stories"), heldout.stories(count)
    right = [[draw(scene) for scene in story.scenes] for story in told]
    mixed = [heldout.out_of_order(story, rng) for story in told]
    result = {}
    for name, pictures in (("story_events", right), ("story_events_out_of_order", mixed)):
        texts = answers(loaded, pictures, ["Tell the story."] * count, batch=25, max_new_tokens=80, label=name)
        scores = [told_events(text, story.sentences()) for text, story in zip(texts, told, strict=True)]
        result[name] = interval(scores, list(range(count)))._asdict()
    return result


MEASURES = {
    "dual_encoder": measure_dual_encoder,
    "language": measure_language,
    "generative": lambda runs: measure_answers("generative", runs),
    "multimodal": lambda runs: measure_answers("multimodal", runs),
}

if __name__ == "__main__":
    main()
