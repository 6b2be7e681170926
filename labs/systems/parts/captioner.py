"""The aligned captioner that section 4 tunes: a stock Llava of frozen eyes, a projector, and the base language model.

    </s> <image> x 36 | . a small red star at the top, a big blue ring at the left </s>

Alignment is LLaVA's first stage (https://arxiv.org/abs/2304.08485): the projector alone learns from captions, which
here as in LLaVA-1.5 (https://arxiv.org/abs/2310.03744) follow the picture without a request for one. What comes of it
goes on with a picture as the base goes on with a text; of users and assistants it has heard nothing.
"""

from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM, LlavaConfig, LlavaForConditionalGeneration

from labs.models.checkpoint import processor_for
from labs.models.entry import Entry, Loaded
from labs.models.mini import PATCH, load_eyes, vision_config, whiten_projector
from labs.models.pixels import to_pixels
from labs.systems.parts import base_model, eyes
from labs.systems.parts.base_words import END, PAD, PICTURE, tokenizer
from labs.systems.parts.documents import told
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.shipped import fill
from labs.systems.parts.talk import answer_loss
from labs.tuning.packing import Row, pack
from labs.world.picture import SIZE

FILE = "04_1/captioner.safetensors"  # in data/finished, made by scripts/keep_systems.py
TOKENS = (SIZE // PATCH) ** 2
SEEN, THINGS, WHITENED = 4096, (1, 2, 2, 3, 3, 4), 200  # training scenes, and those whose features are whitened
STEPS, BATCH, RATE = 1500, 16, 3e-3
BEFORE = [END, *[PICTURE] * TOKENS]  # what comes before a caption
ENTRY = Entry(
    "captioner", "LlavaForConditionalGeneration", layers=base_model.LAYERS, width=base_model.WIDTH, side=SIZE,
    picture_tokens=TOKENS,
)  # fmt: skip


def build(language: LlamaForCausalLM, seed: int = 0) -> LlavaForConditionalGeneration:
    """Eyes, a new projector, and the language model's weights. The projector alone may learn."""
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=vision_config().to_dict(), text_config=base_model.config().to_dict(), image_token_id=PICTURE,
        image_seq_length=TOKENS, vision_feature_layer=-1, vision_feature_select_strategy="default",
        tie_word_embeddings=True, pad_token_id=PAD, eos_token_id=END,
    )  # fmt: skip
    model = LlavaForConditionalGeneration(config)
    load_eyes(model.model.vision_tower, eyes.dual_encoder().model)
    model.model.language_model.load_state_dict(language.model.state_dict())
    model.tie_weights()
    model.requires_grad_(False)
    model.model.multi_modal_projector.requires_grad_(True)
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = END, PAD
    return model.eval()


def align(language: LlamaForCausalLM, seed: int = 0, steps: int = STEPS) -> LlavaForConditionalGeneration:
    """The projector learns from captions in English; frozen afterwards."""
    model, scenes = build(language, seed), eyes.scenes("train", SEEN, THINGS)
    whiten_projector(model, to_pixels([eyes.picture_of(scene) for scene in scenes[:WHITENED]]))
    features, project = eyes.look(scenes)[:, 1:], model.model.multi_modal_projector
    at = batches(len(scenes), BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        rows = pack([Row(BEFORE, [told(scenes[i])]) for i in chosen.tolist()], PAD, multiple=16)
        return answer_loss(model, rows, project(features[chosen]))

    learn(project.parameters(), loss, steps, RATE)
    return model.requires_grad_(False)


def load() -> Loaded:
    """The one that ships, frozen, with its stock processor."""
    language = base_model.build()
    model = build(language)
    fill(FILE, {"language": language, "projector": model.model.multi_modal_projector})
    model.model.language_model.load_state_dict(language.model.state_dict())
    return Loaded(ENTRY, model.requires_grad_(False), processor())


@cache
def processor():
    """Pictures as all mini models see them, and whole words."""
    return processor_for(build(base_model.build()), tokenizer())
