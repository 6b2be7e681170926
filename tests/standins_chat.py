"""Stand-ins for checkpoints that answer questions about pictures or videos, those that standins.py has not."""

import standins
import transformers as hf
from standins import PATCH, QFORMER, SIZE, Standin, llama, made, sentence_pieces, tokenizer_of, vit
from standins_language import CHATML_MARKS, qwen_tokenizer

SQUARE = {"height": SIZE, "width": SIZE}
LLAMA_MARKS = ("<unk>", "<s>", "</s>")
IDEFICS_MARKS = ("<fake_token_around_image>", "<image>", "<end_of_utterance>")
LATENTS = {"resampler_n_latents": 4, "resampler_depth": 1, "resampler_n_heads": 2, "resampler_head_dim": 16}


def blip_vqa() -> Standin:
    """blip-vqa-base: one BERT reads the question beside the picture, another one writes the answer."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]"]
    words = dict.fromkeys([*special, *standins.WORDS.lower().split()])
    tokenizer = hf.BertTokenizer(vocab={word: number for number, word in enumerate(words)}, bos_token="[DEC]")
    text = QFORMER | {
        "vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id, "sep_token_id": tokenizer.sep_token_id,
        "pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.sep_token_id,
        "max_position_embeddings": 64,
    }  # fmt: skip
    eyes = vit("blip_vision_model", initializer_range=0.02)  # the library's default would leave them blind
    config = hf.BlipConfig(text_config=text, vision_config=eyes, projection_dim=16)
    processor = hf.BlipProcessor(hf.BlipImageProcessorPil(size=SQUARE), tokenizer)
    return made(hf.BlipForQuestionAnswering, config, processor)


IDEFICS2 = (
    "{% for message in messages %}{{message['role'].capitalize() + ': '}}{% for line in message['content'] %}"
    "{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}"
    "{% endfor %}<end_of_utterance>\n{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)


def idefics() -> Standin:
    """idefics-9b-instruct: between the layers of Llama others look at the pictures, through gates."""
    tokenizer = tokenizer_of(hf.LlamaTokenizer, sentence_pieces(*LLAMA_MARKS), *IDEFICS_MARKS, pad_token="<unk>")
    text = llama(tokenizer)
    for name in ("model_type", "num_key_value_heads", "head_dim"):
        del text[name]
    config = hf.IdeficsConfig(
        **text | {"vocab_size": len(tokenizer) - 2}, additional_vocab_size=2, cross_layer_interval=2,
        qk_layer_norms=True, use_resampler=True, alpha_type="vector", alpha_initializer="ones",
        perceiver_config=LATENTS | {"use_resampler": True, "qk_layer_norms_perceiver": True},
        vision_config={"embed_dim": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "image_size": SIZE, "patch_size": PATCH},
    )  # fmt: skip
    processor = hf.IdeficsProcessor(hf.IdeficsImageProcessorPil(image_size=SIZE), tokenizer)
    return made(hf.IdeficsForVisionText2Text, config, processor)


def idefics2() -> Standin:
    """idefics2-8b: a picture and its four quarters, each by the same number of tokens."""
    tokenizer = tokenizer_of(
        hf.LlamaTokenizer, sentence_pieces(*LLAMA_MARKS), *IDEFICS_MARKS, pad_token="<unk>", add_bos_token=True
    )
    pixels = hf.Idefics2ImageProcessorPil(size={"shortest_edge": 16, "longest_edge": 32}, do_image_splitting=True)
    processor = hf.Idefics2Processor(pixels, tokenizer, image_seq_len=4, chat_template=IDEFICS2)
    config = hf.Idefics2Config(
        vision_config=vit("idefics2_vision", image_size=32), text_config=llama(tokenizer, model_type="mistral"),
        perceiver_config=LATENTS | {"hidden_size": 32, "num_key_value_heads": 1},
        image_token_id=processor.image_token_id,
    )  # fmt: skip
    return made(hf.Idefics2ForConditionalGeneration, config, processor)


def smolvlm2() -> Standin:
    """SmolVLM2-500M-Video-Instruct: SmolVLM, and frames that are one tile each."""
    model, processor = standins.smolvlm()
    sampling = {"fps": 1, "max_frames": 64, "video_size": {"longest_edge": 32}}
    processor.video_processor = hf.SmolVLMVideoProcessor(**standins.IDEFICS_SIZES, video_sampling=sampling)
    return Standin(model, processor)


def video_llava() -> Standin:
    """Video-LLaVA-7B-hf: two towers, one for pictures and one for videos, and one projector."""
    tokenizer = tokenizer_of(
        hf.LlamaTokenizer, sentence_pieces(*LLAMA_MARKS), "<image>", "<video>", "<pad>", pad_token="<pad>",
        add_bos_token=True,
    )  # fmt: skip
    sizes = {"size": {"shortest_edge": SIZE}, "crop_size": SQUARE}
    processor = hf.VideoLlavaProcessor(
        hf.VideoLlavaImageProcessor(**sizes), hf.VideoLlavaVideoProcessor(**sizes), tokenizer, patch_size=PATCH,
    )  # fmt: skip
    config = hf.VideoLlavaConfig(
        vision_config=vit("clip_vision_model"), text_config=llama(tokenizer),
        image_token_index=processor.image_token_id, video_token_index=processor.video_token_id,
    )  # fmt: skip
    return made(hf.VideoLlavaForConditionalGeneration, config, processor)


def videollama3() -> Standin:
    """VideoLLaMA3-2B-Image-HF: SigLIP at any resolution, and Qwen 2.5; what a frame repeats is left out."""
    marks = (*CHATML_MARKS, "<|image_pad|>", "<|video_pad|>")
    tokenizer = qwen_tokenizer(*marks)
    sizes = {"patch_size": PATCH, "size": {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}}
    processor = hf.VideoLlama3Processor(
        hf.VideoLlama3ImageProcessor(**sizes), tokenizer, hf.VideoLlama3VideoProcessor(**sizes),
        chat_template=standins.QWEN_VL.replace("<|vision_start|>", "").replace("<|vision_end|>", "\n"),
    )  # fmt: skip
    config = hf.VideoLlama3Config(
        text_config=llama(tokenizer, model_type="qwen2", bos_token_id=None, eos_token_id=tokenizer.eos_token_id),
        vision_config={"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
                       "patch_size": PATCH},
        image_token_id=processor.image_token_id, video_token_id=processor.video_token_id,
    )  # fmt: skip
    return made(hf.VideoLlama3ForConditionalGeneration, config, processor)
