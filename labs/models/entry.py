"""What the catalogue knows of a checkpoint, before anything of it is downloaded."""

from dataclasses import dataclass
from typing import Any

# Bytes a weight takes. In NF4 the language model's layers take half a byte, the eyes and the word lists still two.
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0, "nf4": 0.7}


@dataclass(frozen=True)
class Entry:
    """One checkpoint: where it lies (a folder or a Hub id) and the stock classes that open it."""

    name: str
    model_class: str
    processor_class: str = "AutoProcessor"
    licence: str = ""  # as its page on the Hub has it; "none stated" where it has none
    millions: float | int = 0  # parameters
    gigabytes: float = 0.0  # to download, the safetensors alone
    stored: str = "float32"  # numbers of the stored weights
    layers: int = 0  # of the language model,
    width: int = 0  # and how wide they are: what a token takes when it is learned from
    side: int = 0  # pixels of a picture that one look takes in
    why: str = ""  # it was chosen
    prompt: str = ""  # what is particular about how it is asked; the processor's own template does it
    torchvision: bool = False  # whether its processor needs torchvision (all that read videos do)
    gated: bool = False  # whether the Hub wants an account that has accepted terms
    # What was seen, on stored pages of the Hub from 2024 to 2026; the rest is from memory or worked out from the size.
    checked: str = "id, licence, safetensors and size"

    def memory(self, numbers: str) -> float:
        """Gigabytes of its weights in "float32", "bfloat16", "float16" or "nf4"."""
        return self.millions * BYTES[numbers] / 1000


@dataclass(frozen=True)
class Loaded:
    """A model ready to use, with the processor (or, for text alone, the tokenizer) that goes with it."""

    entry: Entry
    model: Any
    processor: Any
