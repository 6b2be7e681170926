"""Small stand-ins for the vision-language models that people tune: stock classes, random weights, the real template.

No weights are downloaded. A tokenizer is trained on the spot, of the kind the family has (byte pairs, or SentencePiece
with bytes to fall back on), with the family's own special tokens; the templates are those of the model cards.
"""

import json
import random
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers as hf
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from labs.data.records import Record
from labs.models import checkpoint, mini
from labs.models.tokens import build_tokenizer
from labs.world import splits
from labs.world.picture import draw

# Punctuation stands apart, so that every word becomes one token.
WORDS = """What colour is the star ? a red star , 42 . Where is it ? at the top left . Which two pictures differ ? these
system user assistant USER ASSISTANT User Assistant Question Answer INST You are helpful and so 0 1 2 3 4 5 6 7 8 9"""
SIZE, PATCH = 24, 8  # three patches by three


class Standin(NamedTuple):
    model: torch.nn.Module
    processor: Any


def save_untrained(folder: Path) -> Path:
    """An untrained mini-llava as a checkpoint."""
    tokenizer = build_tokenizer(scenes=300)
    checkpoint.save(mini.multimodal(tokenizer), tokenizer, folder)
    return folder


def draw_pictures(folder: Path) -> list[Path]:
    """Three pictures of different shapes, after which some processors count their tokens."""
    files = []
    for number, size in enumerate([(64, 64), (90, 40), (30, 100)]):
        files.append(folder / f"{number}.png")
        draw(splits.sample(random.Random(number))).resize(size).save(files[-1])
    return files


def record(pictures: list[Path], turns: tuple) -> Record:
    """A conversation of turns (question, answer, *numbers of pictures shown)."""
    messages = []
    for question, answer, *shown in turns:
        seen = [{"type": "image", "path": str(pictures[number])} for number in shown]
        messages += [{"role": "user", "content": [*seen, {"type": "text", "text": question}]},
                     {"role": "assistant", "content": [{"type": "text", "text": answer}]}]  # fmt: skip
    return Record("data.json, record 3", messages)


# ---------------------------------------------------------------------------------------------------------------
# Tokenizers


@cache
def byte_pairs() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as GPT-2, Qwen and Llama 3 have them; digits are tokens of their own."""
    digits = pre_tokenizers.Digits(individual_digits=True)
    split = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    return _train(split, [], pre_tokenizers.ByteLevel.alphabet())


@cache
def sentence_pieces(*special: str) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Vocabulary and merges as Llama 2 and Gemma have them: a word has its space in it, a digit has not."""
    split = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Digits(individual_digits=True)])
    return _train(split, [*special, *(f"<0x{byte:02X}>" for byte in range(256))], [])


def _train(split: Any, first: list[str], alphabet: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = split
    trainer = trainers.BpeTrainer(special_tokens=first, initial_alphabet=alphabet, show_progress=False)
    bpe.train_from_iterator([WORDS] * 3, trainer)
    model = json.loads(bpe.to_str())["model"]
    return model["vocab"], [tuple(merge) for merge in model["merges"]]


def tokenizer_of(kind: type, base: tuple[dict, list], *more: str, **special: Any) -> Any:
    """A tokenizer of the library's class `kind`, with `more` special tokens besides its named ones."""
    vocab, merges = base
    tokenizer = kind(vocab=dict(vocab), merges=list(merges), **special)
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in more], special_tokens=True)
    return tokenizer


def llama(tokenizer: Any, **changes: Any) -> dict:
    """A tiny decoder for a tokenizer; Qwen2, Gemma and Mistral take the same settings."""
    settings = {"model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64,
                "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16,
                "pad_token_id": tokenizer.pad_token_id, "max_position_embeddings": 1024}  # fmt: skip
    return settings | changes


def vit(model_type: str, **changes: Any) -> dict:
    """A tiny picture tower."""
    settings = {"model_type": model_type, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
                "num_attention_heads": 2, "image_size": SIZE, "patch_size": PATCH}  # fmt: skip
    return settings | changes


def made(model_class: type, config: Any, processor: Any) -> Standin:
    """The model with random weights, always the same ones."""
    torch.manual_seed(0)
    return Standin(model_class(config).eval(), processor)


# ---------------------------------------------------------------------------------------------------------------
# Families with a chat template of their own

LLAVA = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'].upper() + ': '}}{% endif %}"
    "{# Render all images first #}{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}"
    "{{ '<image>\n' }}{% endfor %}{# Render all text next #}{% if message['role'] != 'assistant' %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' '}}"
    "{% endfor %}{% else %}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{% generation %}{{ content['text'] + ' '}}{% endgeneration %}{% endfor %}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def _llava_processor(processor_class: type, picture_class: type, template: str, **pictures: Any) -> Any:
    """A processor of the LLaVA kind, with Llama's tokenizer."""
    tokenizer = tokenizer_of(
        hf.LlamaTokenizer, sentence_pieces("<unk>", "<s>", "</s>"), "<image>", "<pad>", pad_token="<pad>",
        add_bos_token=True,
    )  # fmt: skip
    pixels = picture_class(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}, **pictures
    )  # fmt: skip
    return processor_class(
        pixels, tokenizer, patch_size=PATCH, vision_feature_select_strategy="default", chat_template=template,
        num_additional_image_tokens=1,
    )  # fmt: skip


def llava() -> Standin:
    """llava-1.5-7b-hf: CLIP and Vicuna; the template neither opens the text nor closes an answer."""
    processor = _llava_processor(hf.LlavaProcessor, hf.CLIPImageProcessorPil, LLAVA)
    config = hf.LlavaConfig(
        vision_config=vit("clip_vision_model"), text_config=llama(processor.tokenizer),
        image_token_id=processor.image_token_id, image_seq_length=(SIZE // PATCH) ** 2,
    )  # fmt: skip
    return made(hf.LlavaForConditionalGeneration, config, processor)


LLAVA_NEXT = (
    "{% for message in messages %}{% if message['role'] == 'system' %}"
    "{{ '<<SYS>>\n' + message['content'][0]['text'] + '\n<</SYS>>\n\n' }}{% elif message['role'] == 'user' %}"
    "{{ '[INST] ' }}{# Render all images first #}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{# Render all text next #}{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}"
    "{{ content['text'] }}{% endfor %}{{' [/INST]' }}{% elif message['role'] == 'assistant' %}"
    "{{ ' ' + message['content'][0]['text'] + '</s> '}}{% else %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}"
)


def llava_next() -> Standin:
    """llava-v1.6-mistral-7b-hf: a picture is seen whole and in tiles, its number of tokens depends on its shape."""
    grid = [[SIZE, 2 * SIZE], [2 * SIZE, SIZE], [2 * SIZE, 2 * SIZE]]
    processor = _llava_processor(
        hf.LlavaNextProcessor, hf.LlavaNextImageProcessorPil, LLAVA_NEXT, image_grid_pinpoints=grid
    )
    config = hf.LlavaNextConfig(
        vision_config=vit("clip_vision_model"), text_config=llama(processor.tokenizer, model_type="mistral"),
        image_token_id=processor.image_token_id, image_grid_pinpoints=grid,
    )  # fmt: skip
    return made(hf.LlavaNextForConditionalGeneration, config, processor)


IDEFICS3 = (
    "{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}"
    "{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}"
    "{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n"
    "{% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
TILES = ("<global-img>", *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)))
IDEFICS_SIZES = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 32}}


def _idefics3(model_class: type, config_class: type, processor: Any, tokenizer: Any) -> Standin:
    vision = vit("idefics3_vision" if config_class is hf.Idefics3Config else "smolvlm_vision", image_size=32)
    config = config_class(
        vision_config=vision, text_config=llama(tokenizer), scale_factor=2, image_token_id=processor.image_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return made(model_class, config, processor)


def idefics3() -> Standin:
    """Idefics3-8B-Llama3: a picture is split into rows and columns, each with marks around its tokens."""
    tokenizer = tokenizer_of(
        hf.GPT2Tokenizer, byte_pairs(), "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", *TILES,
        bos_token="<|begin_of_text|>", eos_token="<|end_of_text|>", pad_token="<|reserved_special_token_0|>",
        unk_token=None,
    )  # fmt: skip
    begin = tokenizer.bos_token  # Llama 3's tokenizer opens every text itself
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{begin} $A", special_tokens=[(begin, tokenizer.bos_token_id)]
    )
    processor = hf.Idefics3Processor(
        hf.Idefics3ImageProcessorPil(**IDEFICS_SIZES), tokenizer, image_seq_len=4, chat_template=begin + IDEFICS3
    )
    return _idefics3(hf.Idefics3ForConditionalGeneration, hf.Idefics3Config, processor, tokenizer)


def git() -> Standin:
    """git-base-vqav2: BERT's tokenizer, which opens and closes a text, and CLIP's way with pictures."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(WORDS.lower().split()))]
    tokenizer = hf.BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    crop = {"height": SIZE, "width": SIZE}
    processor = hf.GitProcessor(hf.CLIPImageProcessorPil(size={"shortest_edge": SIZE}, crop_size=crop), tokenizer)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = hf.GitConfig(
        vision_config=vit("git_vision_model"), vocab_size=len(tokenizer), max_position_embeddings=256,
        bos_token_id=tokenizer.cls_token_id, eos_token_id=tokenizer.sep_token_id, **sizes,
    )  # fmt: skip
    return made(hf.GitForCausalLM, config, processor)


def smolvlm() -> Standin:
    """SmolVLM-Instruct, Idefics3 made small; its processor reads videos too, and so needs torchvision."""
    tokenizer = tokenizer_of(
        hf.GPT2Tokenizer, byte_pairs(), "<fake_token_around_image>", "<image>", *TILES,
        bos_token="<|im_start|>", eos_token="<end_of_utterance>", pad_token="<|im_end|>", unk_token="<|endoftext|>",
    )  # fmt: skip
    processor = hf.SmolVLMProcessor(
        hf.SmolVLMImageProcessor(**IDEFICS_SIZES), tokenizer, hf.SmolVLMVideoProcessor(), image_seq_len=4,
        chat_template=tokenizer.bos_token + IDEFICS3,
    )  # fmt: skip
    return _idefics3(hf.SmolVLMForConditionalGeneration, hf.SmolVLMConfig, processor, tokenizer)


QWEN_VL = (
    "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}"
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "{% set image_count.value = image_count.value + 1 %}"
    "{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}{% set video_count.value = video_count.value + 1 %}"
    "{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _qwen_vl(processor_class: type, model_class: type, config_class: type, vision: dict) -> Standin:
    marks = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    tokenizer = tokenizer_of(
        hf.Qwen2Tokenizer, byte_pairs(), *marks, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )  # fmt: skip
    sizes = {"patch_size": PATCH, "size": {"shortest_edge": 16 * 16, "longest_edge": 64 * 64}}
    processor = processor_class(
        hf.Qwen2VLImageProcessor(**sizes), tokenizer, hf.Qwen2VLVideoProcessor(**sizes), chat_template=QWEN_VL
    )
    ids = {name: tokenizer.convert_tokens_to_ids(f"<|{token}|>") for name, token in (
        ("image_token_id", "image_pad"), ("video_token_id", "video_pad"),
        ("vision_start_token_id", "vision_start"), ("vision_end_token_id", "vision_end"),
    )}  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}
    text = llama(tokenizer, rope_parameters=rope, bos_token_id=None, eos_token_id=tokenizer.eos_token_id)
    del text["model_type"]  # the configuration knows its own
    tower = {"depth": 2, "num_heads": 2, "patch_size": PATCH} | vision
    config = config_class(text_config=text, vision_config=tower, **ids)
    return made(model_class, config, processor)


def qwen2_vl() -> Standin:
    """Qwen2-VL-Instruct: as many tokens as the picture has pixels for."""
    vision = {"embed_dim": 32, "hidden_size": 32}
    return _qwen_vl(hf.Qwen2VLProcessor, hf.Qwen2VLForConditionalGeneration, hf.Qwen2VLConfig, vision)


def qwen2_5_vl() -> Standin:
    """Qwen2.5-VL-Instruct: the same processor, another picture tower."""
    vision = {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "window_size": 32,
              "fullatt_block_indexes": [1]}  # fmt: skip
    return _qwen_vl(hf.Qwen2_5_VLProcessor, hf.Qwen2_5_VLForConditionalGeneration, hf.Qwen2_5_VLConfig, vision)


# ---------------------------------------------------------------------------------------------------------------
# Families without a chat template


def paligemma() -> Standin:
    """PaliGemma: SigLIP and Gemma; a prefix that sees itself in both directions, and a suffix."""
    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>")
    tokenizer = tokenizer_of(hf.GemmaTokenizer, sentence_pieces(*special))
    pixels = hf.SiglipImageProcessorPil(size={"height": SIZE, "width": SIZE})
    pixels.image_seq_length = (SIZE // PATCH) ** 2
    processor = hf.PaliGemmaProcessor(pixels, tokenizer)
    config = hf.PaliGemmaConfig(
        vision_config=vit("siglip_vision_model", vision_use_head=False),
        text_config=llama(tokenizer, model_type="gemma"), projection_dim=32, hidden_size=32,
        image_token_id=processor.image_token_id, vocab_size=len(tokenizer),
    )  # fmt: skip
    return made(hf.PaliGemmaForConditionalGeneration, config, processor)


QFORMER = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
QUERIES = 4


def blip_2(**text: Any) -> Standin:
    """blip2-opt-2.7b: pictures through a Q-Former to OPT, whose one mark opens and closes a text."""
    end = "</s>"
    tokenizer = tokenizer_of(
        hf.GPT2Tokenizer, byte_pairs(), bos_token=end, eos_token=end, unk_token=end, pad_token="<pad>",
        add_bos_token=True,
    )  # fmt: skip
    pixels = hf.BlipImageProcessorPil(size={"height": SIZE, "width": SIZE})
    processor = hf.Blip2Processor(pixels, tokenizer, num_query_tokens=QUERIES)
    opt = {"model_type": "opt", "ffn_dim": 64, "word_embed_proj_dim": 32}
    config = hf.Blip2Config(
        vision_config=vit("blip_2_vision_model"), qformer_config=dict(QFORMER), num_query_tokens=QUERIES,
        text_config=llama(tokenizer) | opt | text, image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return made(hf.Blip2ForConditionalGeneration, config, processor)


def instructblip() -> Standin:
    """instructblip-vicuna-7b: the Q-Former reads the question, with a tokenizer of its own."""
    end = "</s>"
    tokenizer = tokenizer_of(
        hf.LlamaTokenizer, sentence_pieces("<unk>", "<s>", "</s>"), bos_token=end, eos_token=end, unk_token=end,
        pad_token="[PAD]", add_bos_token=True,
    )  # fmt: skip
    words = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS.lower().split()])
    bert = hf.BertTokenizer(vocab={word: number for number, word in enumerate(words)})
    pixels = hf.BlipImageProcessorPil(size={"height": SIZE, "width": SIZE})
    processor = hf.InstructBlipProcessor(pixels, tokenizer, bert, num_query_tokens=QUERIES)
    config = hf.InstructBlipConfig(
        vision_config=vit("instructblip_vision_model"), qformer_config=QFORMER | {"vocab_size": len(bert)},
        num_query_tokens=QUERIES, text_config=llama(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )  # fmt: skip
    return made(hf.InstructBlipForConditionalGeneration, config, processor)
