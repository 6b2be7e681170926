"""The multimodal model's blind twin: the language model tuned on the same pairs without any picture.

It shows what the questions alone give away. Whatever the sighted model is worth, it is worth above this.
"""

import random
from pathlib import Path

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from labs.tuning.packing import Row, pack
from labs.world import splits
from labs.world.stories import sample_story
from recipes import language, loop, workers
from recipes.prefix_loss import prefix_loss
from recipes.rows import encode, phase_at, scene_pairs, story_pairs

WORKERS, GATE = 2, {}
STEPS, ROWS, LEARNING_RATE = 1500, 16, 1e-3  # of each worker, at a step
PHASES = 600, 900


def run(folder: Path, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS) -> LlamaForCausalLM:
    """Train, or continue, in `folder`; starts from the language model beside it."""
    model = language.run(folder.parent / "language", tokenizer)
    prefix = encode(tokenizer, "<user>")

    def loss_at(step: int) -> torch.Tensor:
        rng = random.Random(f"blind {step} {workers.rank()}")
        phase = phase_at(step, PHASES)
        if step % 4 == 3:
            rows = [Row(prefix, story_pairs(tokenizer, sample_story(rng), rng, "en", phase)) for _ in range(ROWS // 2)]
        else:
            rows = [Row(prefix, scene_pairs(tokenizer, splits.sample(rng), rng, "en", phase)) for _ in range(ROWS)]
        return prefix_loss(model, pack(rows, tokenizer.pad_token_id, multiple=32), long_answers=0.5)

    loop.train(model, loss_at, folder, steps, LEARNING_RATE)
    return model
