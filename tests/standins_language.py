"""Stand-ins for language models with ChatML: SmolLM2 and Qwen3; and the tokenizer that Qwen's relatives share."""

import transformers as hf
from standins import Standin, byte_pairs, llama, made, tokenizer_of

CHATML_MARKS = ("<|im_start|>", "<|im_end|>")
SMOLLM2 = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}"
    "{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Of Qwen3's long template what a plain conversation uses.
QWEN3 = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}"
    "{%- endif %}"
)


def qwen_tokenizer(*marks: str, **options: str) -> hf.Qwen2Tokenizer:
    """Byte pairs; nothing opens a text, <|im_end|> closes a turn."""
    special = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return tokenizer_of(hf.Qwen2Tokenizer, byte_pairs(), *marks, **special, **options)


def smollm() -> Standin:
    """SmolLM2-135M-Instruct: Llama, word table and head the same."""
    tokenizer = tokenizer_of(
        hf.GPT2Tokenizer, byte_pairs(), *CHATML_MARKS, "<|endoftext|>", bos_token="<|im_start|>",
        eos_token="<|im_end|>", pad_token="<|im_end|>", unk_token="<|endoftext|>", chat_template=SMOLLM2,
    )  # fmt: skip
    config = hf.LlamaConfig(
        **llama(tokenizer, num_attention_heads=4, num_key_value_heads=2, head_dim=8, tie_word_embeddings=True),
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return made(hf.LlamaForCausalLM, config, tokenizer)


def qwen3() -> Standin:
    """Qwen3-0.6B: normed queries and keys, and a template that can leave the thinking out."""
    tokenizer = qwen_tokenizer(*CHATML_MARKS, "<think>", "</think>", chat_template=QWEN3)
    config = hf.Qwen3Config(
        **llama(tokenizer, tie_word_embeddings=True), bos_token_id=None, eos_token_id=tokenizer.eos_token_id
    )
    return made(hf.Qwen3ForCausalLM, config, tokenizer)
