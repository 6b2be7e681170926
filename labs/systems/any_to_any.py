"""Any-to-any models: one autoregressive model reads and writes text, pictures and sounds, tokens of one vocabulary.

Chameleon (2024, https://arxiv.org/abs/2405.09818) does so for text and pictures in any order, AnyGPT (2024,
https://arxiv.org/abs/2402.12226) for text, pictures, speech and music with nothing changed but data and vocabulary,
Unified-IO 2 (2023, https://arxiv.org/abs/2312.17172) for pictures, text, sound and action with encoder and decoder.

Kept: a stock decoder that knows nothing of modalities; code books that are learned first and then stay; a range of the
vocabulary and tags of their own for each modality, and none but its own tokens allowed where it is written; all six
directions between three modalities. What has been written is judged as a picture and as a sound, not as tokens.
Left out: learned encoders and decoders of the codes; several pieces of each modality in one row; loss on what is given.

What a model has learned is told by its likeliest tokens. Controls and all of a direction never taught are drawn, as
likely as they are: of answers nearly equal in chances the likeliest is another one for each name, and right by luck.
(Decided after a first measurement, in which controls by their likeliest tokens lay up to five points off chance.)

One model learns from the same scenes, in the same batches and in as many steps of each direction as six specialists
of its size do together. All are asked about colours and shapes that training never showed together, equally often.
Ten points of colours and shapes are one shape in five, if all colours are right: less would be no reason to keep six
models; of reading pictures, where both come to 100 %, it says little. "By way of text" was worded after a first look at
other scenes, in which the direct way had shown nothing.
"""

from collections.abc import Callable
from functools import partial

import torch

from labs.systems.claim import Claim, Scores
from labs.systems.parts import codec
from labs.systems.parts.any_model import heldout, tokens, train, vocabulary
from labs.systems.parts.close_judge import names, names_of_true
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.tagged import DIRECTIONS
from labs.systems.parts.tagged_writing import write

LEFT_OUT = ("picture", "sound")
WITHOUT = tuple(direction for direction in DIRECTIONS if direction != LEFT_OUT)


# ---------------------------------------------------------------------------------------------------------------
# Measuring


def say(seed: int, way: tuple[str, ...], drawn: bool = False, **how: bool | tuple) -> Scores:
    """Held-out scenes in one modality after another, each written from the one before; `how` goes to `train`."""
    model, words = train(seed, **how), vocabulary()
    row = tokens(way[0], "heldout")
    for asked in way[1:]:
        codes = words.untag(asked, write(model, words, row, asked, draw=seed if drawn else None))
        row = words.tag(asked, codes)
    return _right(names(way[-1], codes))


def through_codes(seed: int, modality: str) -> Scores:
    """What the judge says of the true ones, encoded and decoded. A model that writes what is usual may lose less."""
    return _right(names(modality, codec.encode(modality, heldout())))


def true_ones(seed: int, modality: str) -> Scores:
    """What the judge says of the true ones as they are."""
    return _right(names_of_true(modality, heldout()))


def forms(seed: int, free: bool) -> Scores:
    """Drawn token by token, in every direction: 1 where the right number of tokens of the right modality comes."""
    model, words = train(seed), vocabulary()
    told = [write(model, words, tokens(given, "heldout"), asked, free, draw=seed) for given, asked in DIRECTIONS]
    right = [words.well_formed(asked, one) for (_, asked), one in zip(DIRECTIONS, told, strict=True)]
    return Scores(torch.cat(right).float().tolist(), len(DIRECTIONS) * list(range(len(heldout()))))


def claims() -> list[Claim]:
    """Every direction by one model; what tags are for; a direction that was never taught."""
    ways = {
        "reads pictures": ("picture", "text"), "reads sounds": ("sound", "text"),
        "writes pictures": ("text", "picture"), "writes sounds": ("text", "sound"),
    }  # fmt: skip
    return [*(_one_for_all(name, way) for name, way in ways.items()), _tags(), *_never_taught()]


def _one_for_all(name: str, way: tuple[str, str]) -> Claim:
    said = {"text": f"names colours and shapes of a {way[0]}"}.get(way[1], f"writes colours and shapes as a {way[1]}")
    return Claim(
        name,
        f"One model for six directions {said} as well, within 10 points, as a model of its size that has learned this "
        "direction alone in as many steps.",
        "colours and shapes right",
        {
            "one model": partial(say, way=way), "specialist": partial(say, way=way, directions=(way,)),
            "shuffled pairs": partial(say, way=way, drawn=True, shuffled=True), **_judged(way[1]),
        },
        "one model", "specialist", within=0.1, controls={"shuffled pairs": 1 / 8},
        ceiling=None if way[1] == "text" else "the codes of the true one",
    )  # fmt: skip


def _judged(modality: str) -> dict[str, Callable[[int], Scores]]:
    """How far codes and judge can be trusted; texts need neither."""
    arms = {"the codes of the true one": partial(through_codes, modality=modality)}
    return {} if modality == "text" else arms | {"the true one": partial(true_ones, modality=modality)}


def _tags() -> Claim:
    return Claim(
        "its own tokens alone",
        "Allowed only the tokens of the modality that is asked for, a model writes well-formed texts, pictures and "
        "sounds more often than allowed the whole vocabulary.",
        "right number of tokens of the right modality",
        {"own tokens": partial(forms, free=False), "whole vocabulary": partial(forms, free=True)},
        "own tokens", "whole vocabulary",
    )  # fmt: skip


def _never_taught() -> list[Claim]:
    direct, by_text = "never taught", "never taught, by way of text"
    drawn = partial(say, drawn=True)
    arms = {
        direct: partial(drawn, way=LEFT_OUT, directions=WITHOUT),
        by_text: partial(drawn, way=("picture", "text", "sound"), directions=WITHOUT),
        "taught": partial(drawn, way=LEFT_OUT),
        "shuffled pairs": partial(drawn, way=LEFT_OUT, shuffled=True),
        **_judged("sound"),
    }
    common = {"metric": "colours and shapes right", "arms": arms, "ceiling": "the codes of the true one",
              "controls": {"shuffled pairs": 1 / 8}}  # fmt: skip
    return [
        Claim(
            "a direction never taught",
            "A model that was taught every direction but sounds from pictures has more colours and shapes of a picture "
            "in its sound than a model of shuffled pairs.",
            better=direct, than="shuffled pairs", **common,
        ),
        Claim(
            "by way of text",
            "The same model has more of them right if it first names the picture and then gives the name a sound.",
            better=by_text, than=direct, **common,
        ),
    ]  # fmt: skip


def _right(said: list[tuple[str, str]]) -> Scores:
    """Two items a scene: its colour, its shape."""
    true = [name_of(scene) for scene in heldout()]
    right = [float(one[i] == other[i]) for i in range(2) for one, other in zip(said, true, strict=True)]
    return Scores(right, 2 * list(range(len(true))))
