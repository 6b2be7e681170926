"""The stand-in of every real checkpoint in labs.models.real, by its Hub id: the same classes, random weights."""

from collections.abc import Callable

import standins
import standins_chat
import standins_editing
import standins_encoders
import standins_language
import standins_senses
from standins import Standin

BUILDERS: dict[str, Callable[[], Standin]] = {
    "google/siglip2-base-patch16-224": standins_encoders.siglip2,
    "openai/clip-vit-large-patch14": standins_encoders.clip,
    "microsoft/git-base-vqav2": standins.git,
    "microsoft/git-large-coco": standins.git,
    "Salesforce/blip-vqa-base": standins_chat.blip_vqa,
    "Salesforce/blip2-opt-2.7b": standins.blip_2,
    "Salesforce/instructblip-vicuna-7b": standins.instructblip,
    "llava-hf/llava-1.5-7b-hf": standins.llava,
    "llava-hf/llava-v1.6-mistral-7b-hf": standins.llava_next,
    "HuggingFaceM4/idefics-9b-instruct": standins_chat.idefics,
    "HuggingFaceM4/idefics2-8b": standins_chat.idefics2,
    "HuggingFaceTB/SmolVLM-500M-Instruct": standins.idefics3,  # SmolVLM 1 is an Idefics3
    "HuggingFaceTB/SmolVLM-256M-Instruct": standins.idefics3,
    "Qwen/Qwen2-VL-2B-Instruct": standins.qwen2_vl,
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": standins_chat.smolvlm2,
    "LanguageBind/Video-LLaVA-7B-hf": standins_chat.video_llava,
    "lkhl/VideoLLaMA3-2B-Image-HF": standins_chat.videollama3,
    "laion/clap-htsat-fused": standins_senses.clap,
    "MIT/ast-finetuned-audioset-10-10-0.4593": standins_senses.ast,
    "Qwen/Qwen2-Audio-7B-Instruct": standins_senses.qwen_audio,
    "microsoft/xclip-base-patch32": standins_encoders.x_clip,
    "ibm-granite/granite-timeseries-patchtst": standins_senses.patchtst,
    "google/timesfm-2.0-500m-pytorch": standins_senses.timesfm,
    "facebook/sam-vit-base": standins_encoders.sam,
    "CIDAS/clipseg-rd64-refined": standins_encoders.clipseg,
    "HuggingFaceTB/SmolLM2-135M-Instruct": standins_language.smollm,
    "Qwen/Qwen3-0.6B": standins_language.qwen3,
    "timbrooks/instruct-pix2pix": standins_editing.instruct_pix2pix,
    "masterful/gligen-1-4-generation-text-box": standins_editing.gligen,
}
