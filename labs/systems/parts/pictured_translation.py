"""Translations that need their picture: a mapping network makes a prefix of CLIP's features, as in CLIPTrans.

    picture -> frozen CLIP -> vector -> mapping network -> `PREFIX` tokens | a small one ... -> una pequeña ...

What "one" is, and so its gender in Spanish, only the picture tells. Stage one is captioning: prefix, no source, and the
Spanish caption that names the thing. Stage two is translating, learned from few pictures with translations. Source:
Gupta et al., 2023, https://arxiv.org/abs/2308.15226.
"""

from functools import cache

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import eyes, joint_space
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import DECODE, MASK, PAD, SPECIAL, Lexicon
from labs.systems.parts.probe import evenly
from labs.systems.parts.transformer_blocks import WIDTH, Block, Words
from labs.world.captions import caption
from labs.world.grammar import agree, at, phrase
from labs.world.scene import Scene
from labs.world.vocabulary import ES_SHAPES, ES_SIZES

PREFIX, LAYERS, SEEN = 4, 2, 128  # tokens of a picture; numbers of CLIP's vector
LONGEST = 24  # words of a source and a text
COUNTS = {"train": 2048, "choice": 600, "exam": 600}  # scenes
SEEDS = {"train": 0, "choice": 0, "exam": 1}  # of the data
FEW = 24  # scenes with a translation
STEPS, BATCH, RATE = 300, 32, 2e-3  # of each stage
EXAM = "exam"  # the split that is asked


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """One thing each; in an exam as many of either gender. Raises ValueError for a split that is none of these."""
    if split not in COUNTS:
        raise ValueError(f"split must be one of {', '.join(COUNTS)}, not {split!r}")
    found = eyes.scenes("train" if split == "train" else "heldout", COUNTS[split], seed=SEEDS[split])
    if split == "train":
        return found
    return tuple(found[i] for i in evenly(torch.tensor(["mf".index(gender(scene)) for scene in found])).tolist())


def gender(scene: Scene) -> str:
    """That of the thing's name in Spanish."""
    return ES_SHAPES[scene.things[0].shape].gender


def source(scene: Scene) -> str:
    """ "a small one at the top left" """
    (thing,) = scene.things
    return f"{phrase('en', 'one', size=thing.size, article='a')} {at('en', thing.place)}"


def translation(scene: Scene) -> str:
    """ "una pequeña arriba a la izquierda", or "uno pequeño ..."."""
    (thing,) = scene.things
    one = {"m": "uno", "f": "una"}[gender(scene)]
    return f"{one} {agree(ES_SIZES[thing.size], gender(scene))} {at('es', thing.place)}"


def described(scene: Scene) -> str:
    """ "una estrella roja pequeña arriba a la izquierda": the caption."""
    return caption(scene, "places", "es")


@cache
def lexicon() -> Lexicon:
    """All words of sources, translations and captions."""
    shown = scenes("train")
    return Lexicon(write(scene) for scene in shown for write in (source, translation, described))


@cache
def seen(split: str) -> Float[Tensor, "scenes 128"]:
    """CLIP's vectors of the pictures, their numbers about 1 large."""
    return joint_space.see(scenes(split)) * SEEN**0.5


@cache
def written(split: str, what: str) -> Int[Tensor, "scenes words"]:
    """Sources, "translations" or "captions"; Spanish texts begin with <decode>."""
    if what == "sources":
        return lexicon().write([source(scene) for scene in scenes(split)])
    write = {"translations": translation, "captions": described}[what]
    return lexicon().write([write(scene) for scene in scenes(split)], start=DECODE)


class Translator(nn.Module):
    """A small decoder that goes on with a prefix and a source; CLIP is frozen, everything else learns."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Sequential(nn.Linear(SEEN, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, PREFIX * WIDTH))
        self.words, self.blocks = Words(lexicon(), LONGEST), nn.ModuleList(Block() for _ in range(LAYERS))
        nn.init.normal_(self.words.places)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(lexicon()))

    def forward(
        self, pictures: Float[Tensor, "n 128"], sources: Int[Tensor, "n source"], told: Int[Tensor, "n told"]
    ) -> Float[Tensor, "n told vocabulary"]:
        """Logits of the word after each of `told`."""
        prefix = self.map(pictures).unflatten(1, (PREFIX, WIDTH))
        x = torch.cat([prefix, self.words(torch.cat([sources, told], dim=1))], dim=1)
        past = earlier(x.shape[1]).expand(len(x), -1, -1)
        for block in self.blocks:
            x = block(x, past)
        return self.head(self.norm(x[:, -told.shape[1] :]))

    def loss(
        self, pictures: Float[Tensor, "n 128"], sources: Int[Tensor, "n source"], texts: Int[Tensor, "n words"]
    ) -> Float[Tensor, ""]:
        """Cross-entropy of every word of the texts, and of their ends."""
        return cross_entropy(
            self(pictures, sources, texts[:, :-1]).flatten(0, 1), texts[:, 1:].flatten(), ignore_index=PAD
        )


def earlier(tokens: int) -> Bool[Tensor, "1 tokens tokens"]:
    """Each token may attend to itself and to those before it."""
    return torch.ones(1, tokens, tokens, dtype=torch.bool).tril()


@cache
def train(seed: int, captions: bool = True, pictures: bool = True) -> Translator:
    """Captions first, then translations, or twice as many steps of translations; without `pictures` their prefix says
    nothing."""
    torch.manual_seed(seed)
    model, shown = Translator(), seen("train") * pictures
    sources, translations, captions_of = (written("train", what) for what in ("sources", "translations", "captions"))
    nothing = sources.masked_fill(sources >= len(SPECIAL), MASK)
    every, few = batches(len(shown), BATCH, seed), batches(FEW, BATCH, seed)

    def loss(step: int) -> Tensor:
        if captions and step < STEPS:
            rows = every(step)
            return model.loss(shown[rows], nothing[rows], captions_of[rows])
        rows = few(step)
        return model.loss(shown[rows], sources[rows], translations[rows])

    learn(model.parameters(), loss, 2 * STEPS, RATE)
    return model.eval().requires_grad_(False)


def translates(seed: int, captions: bool = True, pictures: bool = True, another: bool = False) -> Scores:
    """1 where a translation begins with "una" or "uno" as it should; as a control the picture is `another` scene's."""
    shown, true = seen(EXAM) * pictures, written(EXAM, "translations")
    if another:  # at random, for neighbours share a gender more often than not
        shown = shown[torch.randperm(len(shown), generator=torch.Generator().manual_seed(seed))]
    told = train(seed, captions, pictures)(shown, written(EXAM, "sources"), true[:, :1])[:, 0].argmax(-1)
    return Scores((told == true[:, 1]).float().tolist(), range(len(true)))
