"""The multimodal language model (LlavaForConditionalGeneration): eyes, projector and language model, all at once.

The eyes are the dual encoder's. Training shares prefixes: one picture, nine to twelve pairs about it. Every fourth step
is about stories of five pictures. A few rows without pictures keep both languages alive; what is asked about pictures
is asked in English only.
"""

import random
from pathlib import Path

import torch
from transformers import LlavaForConditionalGeneration, PreTrainedTokenizerFast

from labs.models import mini
from labs.models.pixels import to_pixels
from labs.tuning.packing import Row, pack
from labs.world import splits
from labs.world.picture import SIZE, draw
from labs.world.questions import KINDS, ask
from labs.world.stories import sample_story
from recipes import dual, language, loop, workers
from recipes.prefix_loss import exact_matches, prefix_loss
from recipes.rows import EASY_COUNTS, Phase, fit, pair, phase_at, scene_pairs, see, story_pairs, text_rows

WORKERS, GATE = 2, {"en": 0.65, "event": 0.6}
STEPS, LEARNING_RATE = 9000, 1.2e-3
SCENES, TEXTS, STORIES = 14, 2, 6  # of each worker, at a step
LENGTH = 192  # tokens of a row with one picture; pairs beyond are dropped
LONG_ANSWERS = 0.5
EASY_STEPS = 500
PHASES = 3600, 5400
TOKENS = (SIZE // mini.PATCH) ** 2


def run(folder: Path, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS) -> LlavaForConditionalGeneration:
    """Train, or continue, in `folder`. The two parts it starts from lie beside it, in `dual` and `language`."""
    eyes = dual.run(folder.parent / "dual", tokenizer)
    model = mini.multimodal(tokenizer, eyes, language.run(folder.parent / "language", tokenizer))
    rng = random.Random("whiten")
    mini.whiten_projector(model, to_pixels([draw(splits.sample(rng)) for _ in range(200)]))
    loop.train(
        model, lambda step: _loss(model, tokenizer, step), folder, steps, LEARNING_RATE,
        validate=lambda: validate(model, tokenizer), validate_every=400,
    )  # fmt: skip
    return model


def _loss(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, step: int) -> torch.Tensor:
    rng = random.Random(f"multimodal {step} {workers.rank()}")
    tell = step % 4 == 3 and step >= EASY_STEPS
    rows, pictures = _stories(tokenizer, rng, phase_at(step, PHASES)) if tell else _scenes(tokenizer, rng, step)
    batch = pack(rows, tokenizer.pad_token_id, multiple=32)
    return prefix_loss(model, batch, to_pixels(pictures), LONG_ANSWERS)


def _scenes(tokenizer: PreTrainedTokenizerFast, rng: random.Random, step: int) -> tuple[list[Row], list]:
    counts = EASY_COUNTS if step < EASY_STEPS else (None,)
    scenes = [splits.sample(rng, count=rng.choice(counts), sign=rng.random() < 0.1) for _ in range(SCENES)]
    prefix, phase = see(tokenizer, 1, TOKENS), phase_at(step, PHASES)
    rows = [fit(Row(prefix, scene_pairs(tokenizer, scene, rng, "en", phase)), LENGTH, rng) for scene in scenes]
    rows += text_rows(tokenizer, rng, TEXTS)
    return rows, [draw(scene) for scene in scenes]


def _stories(tokenizer: PreTrainedTokenizerFast, rng: random.Random, phase: Phase) -> tuple[list[Row], list]:
    stories = [sample_story(rng) for _ in range(STORIES)]
    rows = [Row(see(tokenizer, 5, TOKENS), story_pairs(tokenizer, story, rng, "en", phase)) for story in stories]
    return rows, [draw(scene) for story in stories for scene in story.scenes]


def validate(
    model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, scenes: int = 96, language: str = "en"
) -> dict[str, float]:
    """Exact match on held-out scenes by type, the share of story sentences told rightly, and the same in Spanish."""
    right: dict[str, list[bool]] = {}
    for tongue in ("en", "es"):
        rng = random.Random("multimodal validation")
        for _ in range(0, scenes if tongue == "en" else 32, 16):
            chunk = [splits.sample(rng, "heldout") for _ in range(16)]
            asked = [[q for kind in KINDS if (q := ask(scene, rng, kind, tongue))] for scene in chunk]
            prefix = see(tokenizer, 1, TOKENS)
            rows = [Row(prefix, [pair(tokenizer, q.text, q.answer) for q in questions]) for questions in asked]
            batch = pack(rows, tokenizer.pad_token_id)
            found = exact_matches(model, batch, to_pixels([draw(scene) for scene in chunk]))
            for (row, number), ok in found.items():
                right.setdefault(asked[row][number - 1].kind if tongue == "en" else "spanish", []).append(ok)
    result = {"en": sum(sum(v) for k, v in right.items() if k != "spanish")}
    result["en"] /= sum(len(v) for k, v in right.items() if k != "spanish")
    result |= {kind: sum(oks) / len(oks) for kind, oks in right.items()}
    return {name: round(value, 3) for name, value in result.items()} | _validate_stories(model, tokenizer)


def _validate_stories(model: LlavaForConditionalGeneration, tokenizer: PreTrainedTokenizerFast) -> dict[str, float]:
    rng = random.Random("story validation")
    stories = [sample_story(rng, "heldout") for _ in range(24)]
    rows = [
        Row(
            see(tokenizer, 5, TOKENS),
            [pair(tokenizer, f"What happens in picture {i}?", text) for i, text in enumerate(story.sentences(), 1)]
            + [pair(tokenizer, "Tell the story.", story.text())],
        )
        for story in stories
    ]
    pictures = to_pixels([draw(scene) for story in stories for scene in story.scenes])
    found = exact_matches(model, pack(rows, tokenizer.pad_token_id), pictures)
    events = [ok for (_, number), ok in found.items() if number <= 5]
    whole = [ok for (_, number), ok in found.items() if number == 6]
    return {"event": round(sum(events) / len(events), 3), "story": round(sum(whole) / len(whole), 3)}
