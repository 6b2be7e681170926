"""The rival of two frozen encoders: the same two, drawn anew, learn all they know from the pairs."""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.models import mini
from labs.systems.parts import eyes
from labs.systems.parts.bridged import BATCH, STEPS, Bridge
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.masked_senses import MaskedSound
from labs.systems.parts.unimodal import PART, SCENES, captions, hear, perceive, read, reader
from labs.world.scene import Scene

RATE = 1e-3


class Scratch(torch.nn.Module):
    """An encoder of sounds, a language model without its last layer, and the two small functions behind them."""

    def __init__(self):
        super().__init__()
        self.sound, self.text = MaskedSound(), mini.language(reader().processor).model
        self.bridge = Bridge(128, 128)

    @torch.no_grad()
    def compare(self, scenes: tuple[Scene, ...], texts: list[str], seed: int) -> Float[Tensor, "sounds texts"]:
        """How well the sound of each scene fits each text."""
        heard = torch.cat([hear(self.sound, part) for part in perceive(scenes, seed).split(PART)])
        return self.bridge(heard, read(self.text, texts))


@cache
def train(seed: int, count: int) -> Scratch:
    """All of it taught by the first `count` pairs, for as many steps as small functions take."""
    torch.manual_seed(seed)
    model, heard = Scratch(), perceive(eyes.fresh("train", SCENES), 0)
    at, own = batches(count, min(BATCH, count), seed), torch.arange(min(BATCH, count))

    def loss(step: int) -> Tensor:
        rows = at(step)
        logits = model.bridge(hear(model.sound, heard[rows]), read(model.text, [captions()[i] for i in rows.tolist()]))
        return (cross_entropy(logits, own) + cross_entropy(logits.T, own)) / 2

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)
