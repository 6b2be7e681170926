"""The model and the records of the benchmark: as many picture tokens and pairs a picture as asked for."""

import json
import random
from pathlib import Path

import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

from labs.models import catalog, checkpoint
from labs.models.tokens import build_tokenizer
from labs.world import splits
from labs.world.picture import draw
from labs.world.questions import KINDS, ask

PATCH, WIDTH, LAYERS, VISION_WIDTH, VISION_LAYERS = 12, 256, 6, 128, 4


def build(folder: Path, picture_tokens: int) -> catalog.Loaded:
    """A LLaVA of about 5.6 million random weights whose pictures are `picture_tokens` tokens, saved in `folder`."""
    if not (folder / "config.json").exists():
        tokenizer, side = build_tokenizer(scenes=300), round(picture_tokens**0.5) * PATCH
        torch.manual_seed(0)
        vision = CLIPVisionConfig(
            hidden_size=VISION_WIDTH, intermediate_size=4 * VISION_WIDTH, num_hidden_layers=VISION_LAYERS,
            num_attention_heads=4, image_size=side, patch_size=PATCH,
        )  # fmt: skip
        text = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=WIDTH, intermediate_size=3 * WIDTH, num_hidden_layers=LAYERS,
            num_attention_heads=8, num_key_value_heads=8, max_position_embeddings=2048,
            pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id, bos_token_id=None,
        )  # fmt: skip
        config = LlavaConfig(
            vision_config=vision.to_dict(), text_config=text.to_dict(), image_seq_length=picture_tokens,
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"), vision_feature_layer=-1,
            vision_feature_select_strategy="default", pad_token_id=tokenizer.pad_token_id,
        )  # fmt: skip
        checkpoint.save(LlavaForConditionalGeneration(config), tokenizer, folder)
        processor = LlavaProcessor.from_pretrained(folder)
        processor.image_processor.size = {"height": side, "width": side}
        processor.save_pretrained(folder)
    return catalog.load_from(str(folder), catalog.MINI["multimodal"])


def write_records(folder: Path, pictures: int, pairs: int, split: str = "train") -> Path:
    """A file of `pictures` scenes with `pairs` questions each, in LLaVA's format with the pictures on disk."""
    file = folder / f"{split}-{pictures}-{pairs}.json"
    if not file.exists():
        rng, entries = random.Random(f"bench {split}"), []
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(pictures):
            scene, name = splits.sample(rng, split), f"{split}-{number}.png"
            draw(scene, 240).save(folder / name)
            asked = []
            while len(asked) < pairs:
                question = ask(scene, rng, rng.choice(KINDS))
                asked += [question] if question else []
            entries += [
                {"image": name, "conversations": [{"from": "human", "value": f"<image>\n{question.text}"},
                                                  {"from": "gpt", "value": question.answer}]}
                for question in asked
            ]  # fmt: skip
        file.write_text(json.dumps(entries))
    return file
