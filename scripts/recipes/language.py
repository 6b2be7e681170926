"""The language model (LlamaForCausalLM): reads captions in two languages, answers questions, tells stories."""

import random
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from labs.models import mini
from labs.tuning.packing import Row, pack
from labs.world import splits
from labs.world.questions import KINDS, ask
from recipes import loop
from recipes.prefix_loss import exact_matches, prefix_loss
from recipes.rows import EASY_COUNTS, pair, read_scene, text_rows

WORKERS, GATE = 1, {"en": 0.4, "es": 0.4}
STEPS, ROWS, LEARNING_RATE = 1000, 24, 1.2e-3
EASY_STEPS = 400
LONG_ANSWERS = 0.5  # short answers weigh more a token, or plain language modelling drowns them


def run(folder: Path, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS) -> LlamaForCausalLM:
    """Train, or continue, in `folder`."""
    model = mini.language(tokenizer)

    def loss_at(step: int) -> torch.Tensor:
        rng = random.Random(f"language {step}")
        counts = EASY_COUNTS if step < EASY_STEPS else (None,)
        rows = text_rows(tokenizer, rng, ROWS, counts=counts)
        batch = pack(rows, tokenizer.pad_token_id, multiple=32)
        return prefix_loss(model, batch, long_answers=LONG_ANSWERS)

    loop.train(
        model, loss_at, folder, steps, LEARNING_RATE, validate=lambda: validate(model, tokenizer), validate_every=200
    )
    return model


def validate(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, scenes: int = 60) -> dict[str, float]:
    """Exact match on held-out scenes read as captions, for each language and type."""
    result = {}
    for language in ("en", "es"):
        rng, right = random.Random("language validation"), {}
        for _ in range(scenes):
            scene = splits.sample(rng, "heldout")
            asked = [question for kind in KINDS if (question := ask(scene, rng, kind, language))]
            pairs = [pair(tokenizer, question.text, question.answer) for question in asked]
            row = Row(read_scene(tokenizer, scene, "places", language), pairs)
            for (_, number), ok in exact_matches(model, pack([row], tokenizer.pad_token_id)).items():
                right.setdefault(asked[number - 1].kind, []).append(ok)
        result |= {f"{language} {kind}": sum(oks) / len(oks) for kind, oks in right.items()}
        result[language] = sum(map(sum, right.values())) / sum(map(len, right.values()))
    return {name: round(value, 3) for name, value in result.items()}
