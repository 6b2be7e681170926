"""The small language model of section 3: a stock LlamaForCausalLM that has read of scenes and never seen one.

To answer from a text is to find a word and look at those beside it. A model of this size finds that out only after
many thousand steps: it first has to learn to look back at all. So the heads of the first layer begin by looking one,
two, three and four words back, set by the biases of their queries and keys alone; what they do with it is learned.
(Looking back and then finding: Olsson et al., 2022, https://arxiv.org/abs/2209.11895.)
"""

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from labs.systems.parts.lexicon import END, PAD
from labs.systems.parts.shipped import fill
from labs.systems.parts.told import lexicon

FILE = "03_1/talkers.safetensors"  # in data/finished, made by scripts/keep_systems.py
SIZES = {"strong": (96, 3), "weak": (48, 2)}  # width and layers
HEADS, HEAD, BACK = 4, 32, (1, 2, 3, 4)  # words: the colour, the size, and both words of the place
SHARP = 4.0  # how sharply a head begins by looking at one place
FAST = 0.1  # radians a word: what turns more slowly does not tell neighbours apart


def build(size: str = "strong", seed: int = 0) -> LlamaForCausalLM:
    """An untrained one of `SIZES`."""
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    width, layers = SIZES[size]
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(lexicon()), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=layers,
        num_attention_heads=HEADS, num_key_value_heads=HEADS, head_dim=HEAD, max_position_embeddings=1024,
        attention_bias=True, tie_word_embeddings=True, initializer_range=0.05, pad_token_id=PAD, bos_token_id=None,
        eos_token_id=END,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    look_back(model)
    return model


@torch.no_grad()
def look_back(model: LlamaForCausalLM) -> None:
    """Let the heads of the first layer begin by looking so many words back as `BACK` says.

    A query at place m and a key at n meet as cos((m - n - back) * frequency), which is largest where m - n = back.
    """
    attention, frequency = model.model.layers[0].self_attn, model.model.rotary_emb.inv_freq
    key = SHARP * (frequency > FAST).float()
    for head, back in enumerate(BACK):
        own = slice(head * attention.head_dim, (head + 1) * attention.head_dim)
        attention.k_proj.bias[own] = torch.cat([key, torch.zeros_like(key)])
        attention.q_proj.bias[own] = torch.cat([key * (back * frequency).cos(), -key * (back * frequency).sin()])


def talker(size: str = "strong") -> LlamaForCausalLM:
    """The trained one that ships, frozen."""
    models = {name: build(name) for name in SIZES}
    fill(FILE, models)
    return models[size]
