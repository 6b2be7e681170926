"""What the catalogue knows of a checkpoint, before anything of it is downloaded."""

from dataclasses import dataclass
from typing import Any

# Bytes a weight takes. NF4 takes only the language model's linear layers: half a byte for each weight, one for the
# scale of 64, four for the scale of 256 scales; the eyes and the word lists stay in 16 bits.
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "nf4": 1 / 2 + 1 / 64 + 4 / (64 * 256)}


@dataclass(frozen=True)
class Entry:
    """One checkpoint: where it lies (a folder or a Hub id) and the stock classes that open it."""

    name: str
    model_class: str
    processor_class: str = "AutoProcessor"  # empty where the model does without
    library: str = "transformers"  # that has its classes; diffusers is the optional extra `editing`
    revision: str = "main"  # of its repository
    licence: str = ""  # as its page on the Hub has it; "none stated" where it has none
    millions: float | int = 0  # parameters, shared ones once
    linear: float | int = 0  # millions of them in the language model's linear layers, without the head
    gigabytes: float = 0.0  # to download, the safetensors alone
    stored: str = "float32"  # numbers of the stored weights
    layers: int = 0  # of the language model,
    width: int = 0  # and how wide they are: what a token takes when it is learned from
    side: int = 0  # pixels of a picture that one look takes in,
    picture_tokens: int = 0  # and the tokens that such a picture becomes
    why: str = ""  # it was chosen
    prompt: str = ""  # what is particular about how it is asked; the processor's own template does it
    brief: str = ""  # what is added to a question, so that a word or two answer it
    story: str = "Tell the story."  # what asks for a story
    one_look: bool = False  # whether its processor is told not to cut a picture into tiles, which take tokens
    torchvision: bool = False  # whether its processor needs torchvision (all that read videos do)
    gated: bool = False  # whether the Hub wants an account that has accepted terms
    # What was seen, on stored pages of the Hub from 2024 to 2026; the rest is from memory or worked out from the size.
    checked: str = "id, licence, safetensors and size"

    @property
    def short(self) -> str:
        """Its name without whose it is."""
        return self.name.rsplit("/", 1)[-1]

    def briefly(self, question: str) -> str:
        """The question, worded so that a word or two answer it."""
        return f"{question} {self.brief}".strip()

    def memory(self, numbers: str) -> float:
        """Gigabytes of its weights in "float32", "bfloat16", "float16" or "nf4"."""
        small = self.linear if numbers == "nf4" else self.millions
        return (small * BYTES[numbers] + (self.millions - small) * BYTES["float16"]) / 1000


@dataclass(frozen=True)
class Loaded:
    """A model ready to use, with the processor (or, for text alone, the tokenizer) that goes with it.

    Of diffusers it is a pipeline, which has everything inside.
    """

    entry: Entry
    model: Any
    processor: Any
