"""Stand-ins for the systems that make pictures, tiny Stable Diffusions; and whether diffusers can be used here."""

import sys
from importlib.metadata import distributions, version

import torch
import transformers as hf
from packaging.requirements import Requirement
from standins import SIZE, Standin, vit
from standins_encoders import CLASSES, SQUARE, clip_tokenizer

import labs

BESIDE = labs.home() / ".cache" / "torchvision"
LENGTH = 77  # tokens of a text, padding included
CHANNELS = (32, 64)  # the smallest: groups of 32 are normalised together
LEVELS = {"block_out_channels": CHANNELS, "layers_per_block": 1}


def diffusers_fits(*folders: str) -> bool:
    """Whether there is a diffusers that accepts this huggingface_hub; the oldest that the labs run with is too old."""
    found = next(distributions(name="diffusers", path=[*folders, *sys.path]), None)
    needed = [Requirement(line) for line in (found.requires or ())] if found else []
    return bool(needed) and all(
        one.specifier.contains(version(one.name)) for one in needed if one.name == "huggingface-hub"
    )


def instruct_pix2pix() -> Standin:
    """instruct-pix2pix: the picture beside the noise, so that the UNet has eight channels to read."""
    from diffusers import EulerAncestralDiscreteScheduler, StableDiffusionInstructPix2PixPipeline

    parts = _parts(in_channels=8) | {"scheduler": EulerAncestralDiscreteScheduler()}
    return Standin(StableDiffusionInstructPix2PixPipeline(**parts, requires_safety_checker=False), None)


def gligen() -> Standin:
    """gligen-1-4-generation-text-box, saved as its repository has it: as a Stable Diffusion, with names of 2023."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline
    from diffusers.models.attention import GatedSelfAttentionDense

    parts = _parts(attention_type="gated") | {"scheduler": PNDMScheduler(skip_prk_steps=True, steps_offset=1)}
    for module in parts["unet"].modules():
        if isinstance(module, GatedSelfAttentionDense):  # new gates are closed, and boxes change nothing
            torch.nn.init.ones_(module.alpha_attn)
            torch.nn.init.ones_(module.alpha_dense)
    pipeline = StableDiffusionPipeline(**parts)
    pipeline.register_to_config(feature_extractor=("transformers", "CLIPFeatureExtractor"))
    return Standin(pipeline, None)


def _parts(**unet) -> dict:
    """What every Stable Diffusion is made of but its scheduler, with random weights that are always the same."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

    torch.manual_seed(0)
    tokenizer = clip_tokenizer()
    tokenizer.model_max_length = LENGTH
    text = CLASSES | {"vocab_size": len(tokenizer), "max_position_embeddings": LENGTH,
                      "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}  # fmt: skip
    looks = hf.CLIPConfig(text_config=CLASSES, vision_config=vit("clip_vision_model"), projection_dim=16)
    return {
        "vae": AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2, **LEVELS
        ).eval(),
        "text_encoder": hf.CLIPTextModel(hf.CLIPTextConfig(**text)).eval(),
        "tokenizer": tokenizer,
        "unet": UNet2DConditionModel(
            sample_size=32, cross_attention_dim=CLASSES["hidden_size"], attention_head_dim=4,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **LEVELS, **unet,
        ).eval(),
        "safety_checker": StableDiffusionSafetyChecker(looks).eval(),
        "feature_extractor": hf.CLIPImageProcessor(size={"shortest_edge": SIZE}, crop_size=SQUARE),
    }  # fmt: skip
