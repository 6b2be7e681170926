"""The mini models' tokenizer: byte-level BPE over the micro-world's two languages, with a chat template.

    <user><image>What colour is the star?<assistant>red</s>

Bytes make every text writable; the world's own words are one token each. With several pictures the template numbers
them, "1:<image>2:<image>", as Qwen2-VL does with `add_vision_id`.
"""

import random
from collections.abc import Iterator

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from labs.world import splits
from labs.world.captions import STYLES, caption
from labs.world.dialogue import conversation, reasoning
from labs.world.questions import KINDS, ask
from labs.world.stories import sample_story
from labs.world.vocabulary import LANGUAGES
from labs.world.wordings import INSTRUCTIONS, WORDINGS

PAD, END, IMAGE, USER, ASSISTANT = "<pad>", "</s>", "<image>", "<user>", "<assistant>"
VOCABULARY = 1024

CHAT_TEMPLATE = """\
{%- set pictures = namespace(total=0, seen=0) -%}
{%- for message in messages if message['content'] is not string -%}
{%- for part in message['content'] if part['type'] == 'image' -%}
{%- set pictures.total = pictures.total + 1 -%}
{%- endfor -%}
{%- endfor -%}
{%- for message in messages -%}
{{- '<' + message['role'] + '>' -}}
{%- if message['content'] is string -%}
{%- set parts = [{'type': 'text', 'text': message['content']}] -%}
{%- else -%}
{%- set parts = message['content'] -%}
{%- endif -%}
{%- for part in parts -%}
{%- if part['type'] == 'image' -%}
{%- set pictures.seen = pictures.seen + 1 -%}
{%- if pictures.total > 1 -%}{{- pictures.seen ~ ':' -}}{%- endif -%}
{{- '<image>' -}}
{%- elif message['role'] == 'assistant' -%}
{%- generation -%}{{- part['text'] + '</s>' -}}{%- endgeneration -%}
{%- else -%}
{{- part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<assistant>' -}}{%- endif -%}"""


def build_tokenizer(seed: int = 0, scenes: int = 3000) -> PreTrainedTokenizerFast:
    """Train the tokenizer on texts about `scenes` training scenes."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END, IMAGE, USER, ASSISTANT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_corpus(random.Random(seed), scenes), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[IMAGE, USER, ASSISTANT],
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def _corpus(rng: random.Random, scenes: int) -> Iterator[str]:
    for language in LANGUAGES:
        for lists in (WORDINGS[language], INSTRUCTIONS[language]):
            yield from (text for texts in lists.values() for text in texts)
        for _ in range(scenes):
            scene = splits.sample(rng)
            yield from (caption(scene, style, language) for style in STYLES)
            asked = (ask(scene, rng, kind, language) for kind in KINDS)
            yield from (text for question in asked if question for text in (question.text, question.answer))
            yield from (text for turn in conversation(scene, rng, language) or () for text in turn)
            yield from reasoning(scene, rng, language)
            yield sample_story(rng).text(language)
