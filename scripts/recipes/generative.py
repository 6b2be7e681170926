"""The pretrained generation (GitForCausalLM): captions, questions and stories, each of them text after the pictures.

GIT has no shared prefixes: its pairs follow one another as the turns of one conversation.
"""

import random
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import GitForCausalLM, PreTrainedTokenizerFast

from labs.models import mini
from labs.models.pixels import to_pixels
from labs.tuning.packing import IGNORE, Branch
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS, ask
from labs.world.stories import sample_story
from recipes import dual, loop, workers
from recipes.multimodal import EASY_STEPS
from recipes.rows import EASY_COUNTS, encode, pair, phase_at, scene_pairs, story_pairs

WORKERS, GATE = 2, {"en": 0.65}
STEPS, LEARNING_RATE = 7000, 1.2e-3
SCENES, STORIES, LENGTH = 14, 6, 160  # of each worker, at a step; tokens of a conversation
PHASES = 2400, 4200


def run(folder: Path, tokenizer: PreTrainedTokenizerFast, steps: int = STEPS) -> GitForCausalLM:
    """Train, or continue, in `folder`. The eyes come from the dual encoder beside it."""
    model = mini.generative(tokenizer)
    mini.load_eyes(model.git.image_encoder, dual.run(folder.parent / "dual", tokenizer))
    # a decoder that knows nothing yet would spoil them: after 700 steps they told shapes apart at 34 %, before at 96 %
    model.git.image_encoder.requires_grad_(False)
    rng = random.Random("whiten")
    mini.whiten_projection(model, to_pixels([draw(splits.sample(rng)) for _ in range(200)]))
    loop.train(
        model, lambda step: _loss(model, tokenizer, step), folder, steps, LEARNING_RATE,
        validate=lambda: validate(model, tokenizer), validate_every=400,
    )  # fmt: skip
    return model


def _loss(model: GitForCausalLM, tokenizer: PreTrainedTokenizerFast, step: int) -> torch.Tensor:
    rng = random.Random(f"generative {step} {workers.rank()}")
    if step % 4 == 3 and step >= EASY_STEPS:
        stories = [sample_story(rng) for _ in range(STORIES)]
        turns = [story_pairs(tokenizer, story, rng, "en", phase_at(step, PHASES)) for story in stories]
        pixels = to_pixels([draw(scene) for story in stories for scene in story.scenes]).unflatten(0, (-1, 5))
    else:
        counts = EASY_COUNTS if step < EASY_STEPS else (None,)
        scenes = [splits.sample(rng, count=rng.choice(counts), sign=rng.random() < 0.1) for _ in range(SCENES)]
        turns = [scene_pairs(tokenizer, scene, rng, "en", phase_at(step, PHASES)) for scene in scenes]
        pixels = to_pixels([draw(scene) for scene in scenes])
    for pairs in turns:
        rng.shuffle(pairs)
    logits, labels, weights = supervised(model, tokenizer, turns, pixels)
    losses = cross_entropy(logits.float(), labels, reduction="none")
    return (losses * weights).sum() / weights.sum()


def supervised(
    model: GitForCausalLM, tokenizer: PreTrainedTokenizerFast, turns: list[list[Branch]], pixels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, labels and weights at every answer token of conversations cut after `LENGTH` tokens."""
    start = encode(tokenizer, "<user>")
    ids = torch.full((len(turns), LENGTH), tokenizer.pad_token_id)
    labels, weights = torch.full_like(ids, IGNORE), torch.zeros(ids.shape)
    for row, pairs in enumerate(turns):
        position = 0
        for branch in pairs:
            answer = [token for token, learn in zip(branch.ids, branch.supervised, strict=True) if learn]
            end = position + len(start) + len(branch.ids)
            if end > LENGTH:
                continue
            ids[row, position:end] = torch.tensor(start + branch.ids)
            labels[row, end - len(answer) - 1 : end - 1] = torch.tensor(answer)
            weights[row, end - len(answer) - 1 : end - 1] = len(answer) ** -0.5
            position = end
    width = min(LENGTH, -(-int((ids != tokenizer.pad_token_id).sum(1).max()) // 32) * 32)
    ids, labels, weights = ids[:, :width], labels[:, :width], weights[:, :width]
    hidden = model.git(input_ids=ids, pixel_values=pixels).last_hidden_state[:, -width:]
    where = labels != IGNORE
    return model.output(hidden[where]), labels[where], weights[where]


def validate(model: GitForCausalLM, tokenizer: PreTrainedTokenizerFast, scenes: int = 48) -> dict[str, float]:
    """Exact match on held-out scenes by type, and the share of whole stories told rightly."""
    rng, right = random.Random("generative validation"), {}
    for _ in range(scenes):
        scene = splits.sample(rng, "heldout")
        asked = [question for kind in KINDS if (question := ask(scene, rng, kind))]
        turns = [[pair(tokenizer, question.text, question.answer)] for question in asked]
        pixels = to_pixels([draw(scene)]).expand(len(asked), -1, -1, -1)
        for question, ok in zip(asked, _exact(model, tokenizer, turns, pixels), strict=True):
            right.setdefault(question.kind, []).append(ok)
    stories = [sample_story(rng, "heldout") for _ in range(24)]
    pixels = to_pixels([draw(scene) for story in stories for scene in story.scenes]).unflatten(0, (-1, 5))
    told = _exact(model, tokenizer, [[pair(tokenizer, "Tell the story.", story.text())] for story in stories], pixels)
    result = {"en": sum(map(sum, right.values())) / sum(map(len, right.values()))}
    result |= {kind: sum(oks) / len(oks) for kind, oks in right.items()} | {"story": sum(told) / len(told)}
    return {name: round(value, 3) for name, value in result.items()}


def _exact(model: GitForCausalLM, tokenizer: PreTrainedTokenizerFast, turns: list, pixels: torch.Tensor) -> list[bool]:
    logits, labels, _ = supervised(model, tokenizer, turns, pixels)
    lengths = [sum(pairs[0].supervised) for pairs in turns]
    return [bool(part.all()) for part in (logits.argmax(-1) == labels).split(lengths)]
