"""Words of captions exchanged between languages inside masked multimodal pre-training, as in M3P.

    picture + "a red circle and a blue star" -> "a rojo circle y a blue estrella", parts of which are hidden
    texts alone: "un círculo rojo y una estrella azul" | "a pink moon and a green ring", parts of which are hidden

No Spanish sentence ever stands beside a picture, and a dictionary knows one form of each word alone: "roja" is met in
Spanish texts only. Source: Ni et al., 2020, https://arxiv.org/abs/2006.02635.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import heard_scenes, masked_pairs
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.masked_pairs import lexicon, pairs
from labs.systems.parts.objectives import surprise
from labs.systems.parts.pair_layers import PairEncoder
from labs.world.captions import caption
from labs.world.grammar import word
from labs.world.vocabulary import COLOURS, SHAPES

STEPS, BATCH, RATE = 900, 32, 3e-3
SWITCHED = 0.2  # of the words
TEXTS = 3  # every so many steps texts alone are learned from
OFFERED = 10  # sentences to choose from
THINGS = ((2, 3), (6, 7))  # where a sentence names the first thing and the second
WAYS = ("switched", "English alone", "Spanish pairs")


@cache
def sentences(split: str, language: str) -> Int[Tensor, "scenes words"]:
    """Captions of a split of `heard_scenes`."""
    return lexicon().write([caption(scene, "plain", language) for scene in heard_scenes.scenes(split)])


@cache
def dictionary() -> Int[Tensor, " vocabulary"]:
    """The Spanish word for each English one, in its first form; other words stand for themselves."""
    table, known = torch.arange(len(lexicon())), lexicon().number
    spanish = {name: word("es", name) for name in (*COLOURS, *SHAPES)} | {"a": "un", "an": "un", "and": "y"}
    for english, other in spanish.items():
        table[known[english]] = known[other]
    return table


def switch(words: Int[Tensor, "n words"], share: float, generator: torch.Generator) -> Int[Tensor, "n words"]:
    """Each word that the dictionary knows is exchanged in this share of cases."""
    return torch.where(torch.rand(words.shape, generator=generator) < share, dictionary()[words], words)


@cache
def train(seed: int, way: str = "switched") -> PairEncoder:
    """One stream that learned by turns from pictures with captions, and from texts of both languages about others.

    Captions are English, with exchanged words or without; or, as a ceiling, half of them Spanish. Raises ValueError for
    none of `WAYS`.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    model, given = masked_pairs.build(seed, "one stream"), pairs("train")
    english, spanish = (sentences("train", language) for language in ("en", "es"))
    half, generator = len(english) // 2, torch.Generator().manual_seed(seed)
    at = batches(half, BATCH, seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        if step % TEXTS == TEXTS - 1:
            texts = torch.cat([english[half + rows[::2]], spanish[half + rows[1::2]]])
            return masked_pairs.loss(model, texts, given.regions[rows][:, :0], given.codes[rows][:, :0], generator)
        words = switch(english[rows], SWITCHED if way == "switched" else 0.0, generator)
        if way == "Spanish pairs":
            words = torch.where(rows[:, None] % 2 == 0, words, spanish[rows])
        return masked_pairs.loss(model, words, given.regions[rows], given.codes[rows], generator)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def found(seed: int, way: str, language: str = "es", another: bool = False) -> Scores:
    """Is the picture's own sentence likelier than nine others? As a control, beside `another` picture."""
    words, regions = sentences(heard_scenes.EXAM, language), pairs(heard_scenes.EXAM).regions.roll(int(another), 0)
    model = train(seed, way)
    fits = torch.stack([fit(model, words.roll(-turn, 0), regions) for turn in range(OFFERED)])
    return Scores((fits.argmax(0) == 0).float().tolist(), range(len(words)))


def fit(model: PairEncoder, words: Int[Tensor, "n words"], regions: Float[Tensor, "n 9 132"]) -> Float[Tensor, " n"]:
    """How much likelier its picture makes the names of both things, each hidden while the other stands."""
    total = torch.zeros(len(words))
    for where in THINGS:
        hidden = words.clone()
        hidden[:, where] = MASK
        for seen, sign in ((regions, 1), (regions[:, :0], -1)):
            total -= sign * surprise(model(hidden, seen)[0][:, where], words[:, where]).sum(1)
    return total
