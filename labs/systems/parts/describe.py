"""Descriptions of pictures: as they should be, as a web has them, and what is wrong with those that a model tells."""

import random
import re
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import PreTrainedModel

from labs.systems.parts import told
from labs.systems.parts.connected import Connected
from labs.systems.parts.lexicon import DECODE, END, split
from labs.systems.parts.shown import AT_ONCE
from labs.systems.parts.talk import embed, lay_out, see, write
from labs.systems.parts.told import DESCRIBE, lexicon
from labs.tuning.packing import Branch, Row
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

LONGEST = 32  # words of a description; three things take 18
REPEATED, CUT = 0.4, 0.5  # shares of a web's captions that say something again, and that break off
_PARTS = (sorted(PLACES, key=len, reverse=True), SIZES, COLOURS, SHAPES)
_THING = re.compile(" ".join(f"({'|'.join(words)})" for words in _PARTS))


def from_the_web(scenes: Sequence[Scene], seed: int) -> list[list[Branch]]:
    """For each scene one as a web has it: true, but a fragment, saying things twice, breaking off, without an end."""
    rng = random.Random(f"web {seed}")
    return [[_unended(_fragment(scene, rng))] for scene in scenes]


def _fragment(scene: Scene, rng: random.Random) -> str:
    parts = told.tell(scene).split(", ")
    rng.shuffle(parts)
    parts = parts[: rng.randint(1, len(parts))]
    if rng.random() < REPEATED:
        parts += rng.choices(parts, k=rng.randint(1, 2))
    words = ", ".join(parts).split(" ")
    return " ".join(words[: rng.randint(2, len(words))] if rng.random() < CUT else words).rstrip(",")


def _unended(text: str) -> Branch:
    """A description whose end is not to be learned."""
    asked, words = [*write(DESCRIBE), DECODE], write(text)
    return Branch(asked + words, [False] * len(asked) + [True] * len(words))


def tell_freely(model: Connected, seen: Float[Tensor, "scenes patches 128"], asked: str = DESCRIBE) -> list[str]:
    """What the model says of each picture."""
    parts = (seen[start : start + AT_ONCE] for start in range(0, len(seen), AT_ONCE))
    return [text for part in parts for text in tell_from(model.language, model.connector(part), asked)]


@torch.no_grad()
def tell_from(language: PreTrainedModel, shown: Float[Tensor, "scenes tokens width"], asked: str) -> list[str]:
    """What a language model says of what it is shown, in its own words; at most `LONGEST`, then " ..."."""
    row = Row([*see(shown.shape[1]), *write(asked), DECODE], [])
    words = embed(language, lay_out([row] * len(shown)), shown)[:, : len(row.prefix)]
    told_words = language.generate(
        inputs_embeds=words, attention_mask=torch.ones(words.shape[:2], dtype=torch.long), do_sample=False,
        max_new_tokens=LONGEST,
    )  # fmt: skip
    return [lexicon().read(one) if END in one else f"{lexicon().read(one)} ..." for one in told_words]


def well_formed(said: str) -> bool:
    """Whether it ends, is made of whole statements, and says nothing twice."""
    parts = said.split(", ")
    return all(_THING.fullmatch(part) for part in parts) and len(set(parts)) == len(parts)


def facts_right(said: str, scene: Scene) -> float:
    """Of colours and shapes said or there, the share that are both (intersection over union)."""
    stated = {word for word in split(said) if word in COLOURS or word in SHAPES}
    there = {word for thing in scene.things for word in (thing.colour, thing.shape)}
    return len(stated & there) / len(stated | there)
