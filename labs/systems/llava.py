"""LLaVA (Liu et al., 2023, https://arxiv.org/abs/2304.08485): a projection from eyes to language model is aligned on
captions, then both are tuned on instructions. LLaVA-1.5 (https://arxiv.org/abs/2310.03744) makes it an MLP, LLaVA-NeXT
(2024, https://llava-vl.github.io/blog/2024-01-30-llava-next/) looks at large pictures tile by tile.

Kept: frozen eyes; the projection alone learns from descriptions, then projection and language model from questions;
a linear layer or an MLP; a shrunk picture and its tiles; language models of two strengths behind the same eyes.
Left out: instructions written by GPT-4 from captions and boxes (notebook 04_1 makes them), other picture formats.
Tiles and the shrunk picture are read by a Q-Former, in equally many visual tokens, from whitened features. With a token
for each region by an MLP, or with features as they are, hardly a sign was read in these steps (14 to 28 %, one seed);
of what is asked about things, whitened features teach no more (by an MLP 56.7 against 59.4 %, one seed).

The talk asks where reading comes from, what a weak language model costs, and whether a small model with clean data is
worth a larger one with noisy data (Lee, 2024): each is a claim here.
"""

import random
from collections.abc import Sequence
from functools import cache, partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import connected, signs
from labs.systems.parts.connected import STEPS, Connected, answers, train
from labs.systems.parts.lookout import Material, described, material
from labs.tuning.packing import Branch
from labs.world.vocabulary import SIGNS

ALIGNED = STEPS // 2  # steps of the first of two stages
NOISE = 0.5  # of noisy answers are those to another question of the same kind


def build(seed: int, kind: str = "MLP", size: str = "strong") -> Connected:
    """A new projection before a language model of that size, which may learn."""
    model = connected.build(kind, seed=seed, size=size)
    model.language.requires_grad_(True)
    return model


@cache
def taught(
    seed: int, aligned: int | None = None, kind: str = "MLP", size: str = "strong", noisy: bool = False,
    blind: bool = False,
) -> Connected:  # fmt: skip
    """After `aligned` steps of the projection alone on descriptions, and the rest of `STEPS` of both on questions."""
    aligned = ALIGNED if aligned is None else aligned
    model, given = build(seed, kind, size), material("train")
    if aligned:
        train(model, model.connector.parameters(), given, described(given.scenes), aligned, seed, blind)
    if aligned < STEPS:
        told = given._replace(pairs=mistaken(given, seed)) if noisy else given
        train(model, model.parameters(), given, told.lessons(), STEPS - aligned, seed + 1, blind)
    return model.requires_grad_(False)


def mistaken(given: Material, seed: int) -> list[list[Branch]]:
    """The same questions, a share of them with the answer to another question of the same kind."""
    rng, answers = random.Random(f"mistaken {seed}"), {}
    for some, kinds in zip(given.pairs, given.kinds, strict=True):
        for one, kind in zip(some, kinds, strict=True):
            answers.setdefault(kind, []).append(_answer(one))

    def wrong(one: Branch, kind: str) -> Branch:
        asked, answer = one.ids[: one.supervised.index(True)], rng.choice(answers[kind])
        return Branch(asked + answer, [False] * len(asked) + [True] * len(answer))

    return [
        [wrong(one, kind) if rng.random() < NOISE else one for one, kind in zip(some, kinds, strict=True)]
        for some, kinds in zip(given.pairs, given.kinds, strict=True)
    ]


def _answer(one: Branch) -> list[int]:
    return one.ids[one.supervised.index(True) :]


@cache
def reader(seed: int, tiled: bool, words: tuple[str, ...] = SIGNS, blind: bool = False) -> Connected:
    """A Q-Former that has learned from large pictures with small things and signs on them; all else is frozen."""
    model, given = connected.build("Q-Former", seed=seed), signs.material("train", tiled, words)
    train(model, model.connector.parameters(), given, given.lessons(), STEPS, seed, blind)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def answer(seed: int, **how: object) -> Scores:
    """1 where a held-out question is answered rightly; `how` goes to `taught`."""
    return answers(taught(seed, **how), material("heldout"))


def read(
    seed: int, tiled: bool, kinds: Sequence[str], learned: tuple[str, ...] = SIGNS, words: tuple[str, ...] = SIGNS,
    blind: bool = False,
) -> Scores:  # fmt: skip
    """1 where a question of one of `kinds` is answered rightly on held-out pictures whose signs say one of `words`."""
    return answers(reader(seed, tiled, learned, blind), signs.material("heldout", tiled, words), kinds)


def claims() -> list[Claim]:
    """Stages and projections; tiles and signs; language models and data."""
    return [*_stages(), *_tiles(), *_language()]


def _stages() -> list[Claim]:
    arms = {
        "two stages": answer,
        "instruction alone": partial(answer, aligned=0),
        "alignment alone": partial(answer, aligned=STEPS),
        "two stages, linear": partial(answer, kind="linear"),
        "other pictures": partial(answer, blind=True),
    }
    metric = "right answers"
    return [
        Claim(
            "alignment first", "At equally many steps, alignment and then instruction is better than instruction "
            "alone.", metric, arms, "two stages", "instruction alone",
        ),
        Claim(
            "instruction after", "At equally many steps, alignment and then instruction is better than alignment "
            "alone.", metric, arms, "two stages", "alignment alone",
        ),
        Claim(
            "an MLP", "Two layers are a better projection than one.", metric, arms, "two stages", "two stages, linear",
        ),
        Claim(
            "LLaVA sees", "Answers are better than by a model that learned beside other scenes' pictures.", metric,
            arms, "two stages", "other pictures",
        ),
    ]  # fmt: skip


def _tiles() -> list[Claim]:
    known, unread, sign = SIGNS[: -len(signs.UNREAD)], signs.UNREAD, ("sign",)
    small = {name: partial(read, tiled=name == "tiles", kinds=signs.KINDS) for name in ("tiles", "shrunk")}
    written = {name: partial(read, tiled=name == "tiles", kinds=sign) for name in ("tiles", "shrunk")}
    written["other pictures"] = partial(read, tiled=True, kinds=sign, blind=True)
    six = partial(read, tiled=True, kinds=sign, learned=known)
    unseen = {"never on a sign": partial(six, words=unread), "six words learned": partial(six, words=known)}
    return [
        Claim(
            "tiles, small things", "Tile by tile, more is told rightly about small things than from the shrunk "
            "picture.", "right colours and shapes", small, "tiles", "shrunk",
        ),
        Claim(
            "tiles, written signs", "Tile by tile, more signs are read than from the shrunk picture.", "signs read",
            written, "tiles", "shrunk", controls={"other pictures": 1 / len(SIGNS)},
        ),
        Claim(
            "reading emerges", "Two words that stood on no sign in training, and that the language model knows from "
            "texts, are read more often than by chance among eight.", "signs read", unseen, "never on a sign",
            1 / len(SIGNS),
        ),
    ]  # fmt: skip


def _language() -> list[Claim]:
    arms = {
        "weak, clean": partial(answer, size="weak"),
        "weak, noisy": partial(answer, size="weak", noisy=True),
        "strong, clean": answer,
        "strong, noisy": partial(answer, noisy=True),
    }
    metric = "right answers"
    return [
        Claim(
            "a stronger language model", "Behind the same eyes a stronger language model answers better.", metric, arms,
            "strong, clean", "weak, clean",
        ),
        Claim(
            "small and clean", "A small model with clean answers is better than a larger one half of whose answers "
            "are wrong.", metric, arms, "weak, clean", "strong, noisy",
        ),
    ]  # fmt: skip
