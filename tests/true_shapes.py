"""The real checkpoints at their true sizes, without their weights: each one's published configuration, on no device.

Where the library's defaults are those of a checkpoint, its docstrings say so; what differs is given here, from memory
of the published config.json. That it is right shows in the number of parameters, which the pages of the Hub state.
"""

from collections.abc import Callable
from functools import cache

import torch
import transformers as hf
from standins_editing import diffusers_fits
from torch import nn

from labs.models.entry import Entry

# Not known: how long the patches are, how wide the layers, and how many. Its page says channels and steps alone.
UNKNOWN = {"ibm-granite/granite-timeseries-patchtst"}

VIT_B = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
VIT_L = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
SO400M = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
VICUNA = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32,
          "num_attention_heads": 32}  # fmt: skip
MISTRAL = {"model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
           "num_attention_heads": 32, "num_key_value_heads": 8}  # fmt: skip
OPT = {"model_type": "opt", "hidden_size": 2560, "ffn_dim": 10240, "num_hidden_layers": 32, "num_attention_heads": 32,
       "word_embed_proj_dim": 2560, "vocab_size": 50304}  # fmt: skip
SMOLLM_135M = {"model_type": "llama", "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
               "num_attention_heads": 9, "num_key_value_heads": 3}  # fmt: skip
SMOLLM_360M = {"model_type": "llama", "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32,
               "num_attention_heads": 15, "num_key_value_heads": 5}  # fmt: skip
QWEN_1_5B = {"hidden_size": 1536, "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
             "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True}  # fmt: skip
EYES_512 = VIT_B | {"image_size": 512, "patch_size": 16}

CONFIGS: dict[str, Callable[[], hf.PreTrainedConfig]] = {
    "google/siglip2-base-patch16-224": lambda: hf.SiglipConfig(text_config={"vocab_size": 256000}),
    "openai/clip-vit-large-patch14": lambda: hf.CLIPConfig(
        text_config=VIT_B, vision_config=VIT_L | {"patch_size": 14}, projection_dim=768
    ),
    "microsoft/git-base-vqav2": lambda: hf.GitConfig(vision_config={"image_size": 480}),
    "microsoft/git-large-coco": lambda: hf.GitConfig(vision_config=VIT_L | {"patch_size": 14}),
    "Salesforce/blip-vqa-base": hf.BlipConfig,
    "Salesforce/blip2-opt-2.7b": lambda: hf.Blip2Config(text_config=OPT),
    "Salesforce/instructblip-vicuna-7b": lambda: hf.InstructBlipConfig(text_config=VICUNA | {"vocab_size": 32001}),
    "llava-hf/llava-1.5-7b-hf": lambda: hf.LlavaConfig(text_config=VICUNA | {"vocab_size": 32064}),
    "llava-hf/llava-v1.6-mistral-7b-hf": lambda: hf.LlavaNextConfig(text_config=MISTRAL | {"vocab_size": 32064}),
    "HuggingFaceM4/idefics-9b-instruct": lambda: hf.IdeficsConfig(
        additional_vocab_size=2, cross_layer_interval=4, qk_layer_norms=True, use_resampler=True, alpha_type="vector",
        perceiver_config={"use_resampler": True, "qk_layer_norms_perceiver": True},
        vision_config={"embed_dim": 1280},
    ),
    "HuggingFaceM4/idefics2-8b": lambda: hf.Idefics2Config(
        text_config=MISTRAL | {"vocab_size": 32003}, vision_config=SO400M | {"image_size": 980, "patch_size": 14}
    ),
    "HuggingFaceTB/SmolVLM-500M-Instruct": lambda: hf.Idefics3Config(
        text_config=SMOLLM_360M | {"vocab_size": 49280}, vision_config=EYES_512, scale_factor=4
    ),
    "HuggingFaceTB/SmolVLM-256M-Instruct": lambda: hf.Idefics3Config(
        text_config=SMOLLM_135M | {"vocab_size": 49280}, vision_config=EYES_512, scale_factor=4
    ),
    "Qwen/Qwen2-VL-2B-Instruct": lambda: hf.Qwen2VLConfig(
        text_config=dict(QWEN_1_5B), vision_config={"hidden_size": 1536}, tie_word_embeddings=True
    ),
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": lambda: hf.SmolVLMConfig(
        text_config=SMOLLM_360M | {"vocab_size": 49280}, vision_config=EYES_512, scale_factor=4
    ),
    "LanguageBind/Video-LLaVA-7B-hf": lambda: hf.VideoLlavaConfig(text_config=VICUNA | {"vocab_size": 32064}),
    "lkhl/VideoLLaMA3-2B-Image-HF": lambda: hf.VideoLlama3Config(
        text_config=QWEN_1_5B | {"model_type": "qwen2"}, vision_config=SO400M | {"patch_size": 14}
    ),
    "laion/clap-htsat-fused": lambda: hf.ClapConfig(audio_config={"enable_fusion": True, "fusion_type": "aff_2d"}),
    "MIT/ast-finetuned-audioset-10-10-0.4593": lambda: hf.ASTConfig(num_labels=527),
    "Qwen/Qwen2-Audio-7B-Instruct": lambda: hf.Qwen2AudioConfig(
        text_config=VICUNA | {"model_type": "qwen2", "vocab_size": 156032}
    ),
    "microsoft/xclip-base-patch32": hf.XCLIPConfig,
    "google/timesfm-2.0-500m-pytorch": hf.TimesFmConfig,
    "facebook/sam-vit-base": hf.SamConfig,
    "CIDAS/clipseg-rd64-refined": lambda: hf.CLIPSegConfig(
        vision_config={"patch_size": 16}, use_complex_transposed_convolution=True
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": lambda: hf.LlamaConfig(
        **SMOLLM_135M, vocab_size=49152, tie_word_embeddings=True
    ),
    "Qwen/Qwen3-0.6B": lambda: hf.Qwen3Config(
        vocab_size=151936, hidden_size=1024, intermediate_size=3072, num_hidden_layers=28, num_attention_heads=16,
        num_key_value_heads=8, head_dim=128, tie_word_embeddings=True,
    ),
}  # fmt: skip


def stable_diffusion(**unet) -> nn.ModuleDict:
    """The networks of Stable Diffusion 1: its UNet differs from the library's defaults in the width of the texts."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

    looks = hf.CLIPConfig(vision_config=VIT_L | {"patch_size": 14}, projection_dim=768)
    return nn.ModuleDict({
        "unet": UNet2DConditionModel(cross_attention_dim=768, **unet),
        "vae": AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=(128, 256, 512, 512), layers_per_block=2,
        ),
        "text_encoder": hf.CLIPTextModel(hf.CLIPTextConfig(**VIT_B)),
        "safety_checker": StableDiffusionSafetyChecker(looks),
    })  # fmt: skip


# Those that open through diffusers can be built only where that is, as in .cache/torchvision.
PIPELINES: dict[str, Callable[[], nn.ModuleDict]] = {
    "timbrooks/instruct-pix2pix": lambda: stable_diffusion(in_channels=8),
    "masterful/gligen-1-4-generation-text-box": lambda: stable_diffusion(attention_type="gated"),
}
BUILDABLE = {*CONFIGS, *(PIPELINES if diffusers_fits() else ())}


@cache
def true_shape(entry: Entry) -> nn.Module:
    """The entry's model at its true size on the meta device, where nothing is allocated."""
    with torch.device("meta"):
        if entry.name in PIPELINES:
            return PIPELINES[entry.name]()
        config, model_class = CONFIGS[entry.name](), getattr(hf, entry.model_class)
        return model_class.from_config(config) if entry.model_class.startswith("Auto") else model_class(config)
