"""Writing a mini model as a checkpoint that the library opens by itself."""

from pathlib import Path

import torch
from tokenizers.processors import TemplateProcessing
from transformers import CLIPProcessor, GitProcessor, LlavaProcessor, PreTrainedModel, PreTrainedTokenizerFast

from labs.models.mini import PATCH
from labs.models.pixels import image_processor


def processor_for(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast):
    """The stock processor that goes with a mini model: a tokenizer alone where it has no eyes."""
    name = type(model).__name__
    if name == "LlavaForConditionalGeneration":
        return LlavaProcessor(
            image_processor(), tokenizer, patch_size=PATCH, vision_feature_select_strategy="default",
            chat_template=tokenizer.chat_template, image_token="<image>", num_additional_image_tokens=1,
        )  # fmt: skip
    if name == "GitForCausalLM":
        return GitProcessor(image_processor(), tokenizer)
    if name == "CLIPModel":
        end = tokenizer.eos_token  # CLIP reads a text off its closing token
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"$A {end}", special_tokens=[(end, tokenizer.eos_token_id)]
        )
        return CLIPProcessor(image_processor(), tokenizer)
    return tokenizer


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write weights as 16-bit safetensors, with everything `AutoModel` and `AutoProcessor` need."""
    if model.can_generate():
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.to(torch.float16).save_pretrained(folder)
    processor_for(model, tokenizer).save_pretrained(folder)
    for file in folder.iterdir():
        file.chmod(0o644)  # the library writes weights for the owner's eyes alone
