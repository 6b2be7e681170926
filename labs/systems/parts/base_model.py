"""The base language model of section 4: a stock LlamaForCausalLM that has read documents and never a question.

It can go on with a text about a scene, and remembers facts; whether it answers a question is another matter.

To find a thing in a text and look at what stands beside it takes a model of this size many thousand steps, in which it
seems to learn nothing. Section 3's talker has been through that, so its layers are where this one starts from; of its
words those for what scenes hold are kept, and all others drawn anew, those of questions among them.
"""

import random

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from labs.systems.parts import talker
from labs.systems.parts.base_words import END, PAD, words
from labs.systems.parts.documents import document, fact
from labs.systems.parts.learn import learn
from labs.systems.parts.lexicon import split
from labs.systems.parts.statements import facts
from labs.systems.parts.talk import answer_loss
from labs.systems.parts.told import lexicon
from labs.tuning.packing import Row, pack
from labs.world.vocabulary import COLOURS, LANGUAGES, NUMBERS, PLACES, SHAPES, SIZES

WIDTH, LAYERS = talker.SIZES["strong"]
STEPS, ROWS, RATE = 8000, 16, 1.5e-3
EASY = 0.4  # of the steps are about few things
FEW, MANY = (1, 2, 2, 3), (1, 2, 2, 3, 3, 4)
REMEMBERED = 8  # facts a step, in one more row


def config() -> LlamaConfig:
    """Its sizes."""
    return LlamaConfig(
        vocab_size=len(words()), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=talker.HEADS, num_key_value_heads=talker.HEADS, head_dim=talker.HEAD,
        max_position_embeddings=1024, attention_bias=True, tie_word_embeddings=True, initializer_range=0.05,
        pad_token_id=PAD, bos_token_id=None, eos_token_id=END,
    )  # fmt: skip


def build(seed: int = 0) -> LlamaForCausalLM:
    """An untrained one."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(config())


@torch.no_grad()
def begun(seed: int = 0) -> LlamaForCausalLM:
    """One with the talker's layers, and its words for what scenes hold."""
    model, trained = build(seed), talker.talker()
    words_of_scenes = model.get_input_embeddings().weight.clone()
    for word in kept_words():
        words_of_scenes[words()[word]] = trained.get_input_embeddings().weight[lexicon().number[word]]
    model.load_state_dict(trained.state_dict() | {"model.embed_tokens.weight": words_of_scenes,
                                                  "lm_head.weight": words_of_scenes})  # fmt: skip
    return model


def kept_words() -> set[str]:
    """The talker's words that name something in a scene, or answer yes or no."""
    tables = (COLOURS, SHAPES, SIZES, PLACES, NUMBERS)
    found = {word for table in tables for text in table for word in split(text)} | {"yes", "no", "thing", "things", ","}
    return (found | {f"{shape}s" for shape in SHAPES}) & lexicon().number.keys() & words().keys()


def train(seed: int = 0) -> LlamaForCausalLM:
    """One that has read its documents, frozen."""
    model = begun(seed)
    learn(model.parameters(), lambda step: answer_loss(model, pack(read(step), PAD, multiple=16)), STEPS, RATE)
    return model.eval().requires_grad_(False)


def read(step: int) -> list[Row]:
    """The documents of a step: about scenes, and one row of facts."""
    rng = random.Random(f"documents {step}")
    counts = FEW if step < EASY * STEPS else MANY
    return [*(document(rng, rng.choice(counts)) for _ in range(ROWS)), remembered(rng)]


def remembered(rng: random.Random) -> Row:
    """Some facts, each from its first word or from its last, in either language."""
    drawn = rng.sample(sorted(facts()), REMEMBERED)
    return Row([END], [fact(*one, rng.choice(LANGUAGES), whole=rng.random() < 0.5) for one in drawn])


def cloze(language: str = "en") -> list[Row]:
    """Every fact, of which the last word is missing: what the model remembers."""
    return [Row([END], [fact(*one, language) for one in sorted(facts())])]
