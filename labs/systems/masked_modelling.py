"""Masked modelling over several senses: what is hidden of one is told from what is given of all.

MultiMAE (Bachmann et al., 2022, https://arxiv.org/abs/2204.01678): one encoder sees a few patches of pictures, depth
and semantic maps, and the others are to be told; its picture encoder is better for it, and it tells one sense from
another. 4M (Mizrahi et al., 2023, https://arxiv.org/abs/2312.06647): one such model tells any sense from any others.

Kept: an encoder of what is given alone, a light decoder that looks at it; tokens given by Dirichlet shares, so that now
one sense is given nearly whole and now another; one sixth of all tokens given, as in MultiMAE, and a quarter where
pictures are alone, as in MAE; features of another model as a sense to be told, as in 4M-21.
Left out: pixels of pictures; 4M's discrete codes, with which it draws one of many answers instead of their mean;
semantic maps, for which heat and sound stand in; size.
"""

from collections.abc import Sequence
from functools import cache, partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Claim, Scores
from labs.systems.parts import sense_tokens
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.masked_model import MaskedModel, share_out
from labs.systems.parts.probe import right_when_shuffled, standard_probe
from labs.systems.parts.sense_tokens import SENSES, of, tokens
from labs.systems.parts.shipped import fill
from labs.world.vocabulary import SHAPES

TRAIN, HELDOUT, LABELS = 4096, 600, 256  # scenes, and how many of the first have a label
STEPS, BATCH, RATE = 600, 64, 2e-3
LONGER = 3  # times as many steps, for the model that ships
OFFERED, ORDERS = 10, 20  # answers to choose from; orders of shuffled labels
ALONE, DIRECTION = ("picture",), ("picture", "depth")


def build(seed: int, taught: Sequence[str] = SENSES) -> MaskedModel:
    """An untrained model of these senses."""
    torch.manual_seed(seed)
    return MaskedModel(taught)


@cache
def train(
    seed: int, taught: tuple[str, ...] = SENSES, shuffled: bool = False, always: tuple[str, ...] = (), times: float = 1
) -> MaskedModel:
    """`STEPS`, or a part of them. `shuffled` puts the senses of different scenes together, a control. The senses in
    `always` are given whole each time, and the other ones told: a specialist for one direction."""
    model, seen, generator = build(seed, taught), tokens("train", TRAIN), torch.Generator().manual_seed(seed)
    seen = {sense: part.roll(turn * shuffled, 0) for turn, (sense, part) in enumerate(seen.items())}
    count, at = int(model.taught.sum()) // (6 if len(taught) > 1 else 4), batches(TRAIN, BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen = at(step)
        one = of(always).expand(len(chosen), -1) if always else share_out(model.taught, count, len(chosen), generator)
        return model.loss({sense: part[chosen] for sense, part in seen.items()}, one)

    learn(model.parameters(), loss, int(times * STEPS), RATE)
    return model.eval().requires_grad_(False)


def shipped() -> MaskedModel:
    """A model of all senses that was trained `LONGER`."""
    model = MaskedModel(SENSES)
    fill("02_3/teller.safetensors", {"teller": model})
    return model


# ---------------------------------------------------------------------------------------------------------------
# One sense from others


def tell(model: MaskedModel, asked: str, given: Sequence[str]) -> Float[Tensor, "scenes tokens numbers"]:
    """A sense of the held-out scenes, told from other senses, which are given whole."""
    seen = tokens("heldout", HELDOUT)
    return model.tell(model.see(seen, of(given).expand(HELDOUT, -1)))[asked]


def told_apart(seed: int, asked: str, given: tuple[str, ...], **how: bool | tuple[str, ...]) -> Scores:
    """Is what is told nearer to the scene's own than to that of nine other scenes? `how` goes to `train`."""
    told, true = tell(train(seed, **how), asked, given), tokens("heldout", HELDOUT)[asked]
    offered = torch.stack([true.roll(-turn, 0) for turn in range(OFFERED)])  # the first is a scene's own
    wrong = ((offered - told) ** 2).mean((2, 3))
    return Scores((wrong.argmin(0) == 0).float().tolist(), range(HELDOUT))


# ---------------------------------------------------------------------------------------------------------------
# What pictures alone are understood as


@cache
def features(seed: int, taught: tuple[str, ...], split: str) -> Float[Tensor, "scenes twice_width"]:
    """Mean and maximum over the tokens of a picture that is given whole and alone."""
    model, seen = train(seed, taught), tokens(split, TRAIN if split == "train" else HELDOUT)
    with torch.no_grad():
        parts = torch.arange(len(seen["picture"])).split(256)
        some = [model.see({k: v[part] for k, v in seen.items()}, of(ALONE).expand(len(part), -1)) for part in parts]
    understood = torch.cat(some)
    return torch.cat([understood.mean(1), understood.amax(1)], dim=1)


def read_shape(seed: int, taught: tuple[str, ...] = SENSES, count: int | None = LABELS) -> Scores:
    """What one linear layer, having seen the labels of `count` scenes or of all, reads off the frozen encoder."""
    return _scores(_probe(seed, taught, shapes("train")[:count]) == shapes("heldout"))


def read_shuffled(seed: int) -> Scores:
    """The same with labels in another order; the mean over many, as one order may be right by luck."""
    told = partial(_probe, seed, SENSES)
    return _scores(right_when_shuffled(told, shapes("train")[:LABELS], shapes("heldout"), ORDERS, seed))


@cache
def shapes(split: str) -> Int[Tensor, " scenes"]:
    """What thing each scene shows."""
    scenes = sense_tokens.scenes(split, TRAIN if split == "train" else HELDOUT)
    return torch.tensor([SHAPES.index(scene.things[0].shape) for scene in scenes])


def claims() -> list[Claim]:
    """One sense from another, from two others, by one model for all; and what becomes of the picture's encoder."""
    return [
        *(_told_claim(asked) for asked in ("depth", "sound")),
        Claim(
            "two senses tell more",
            "A depth map is told better from picture and heat map together than from the picture alone.",
            f"own map told from {OFFERED - 1} others",
            {
                "picture and heat": partial(told_apart, asked="depth", given=("picture", "heat")),
                "picture alone": partial(told_apart, asked="depth", given=ALONE),
                "heat alone": partial(told_apart, asked="depth", given=("heat",)),
                "shuffled senses": partial(told_apart, asked="depth", given=("picture", "heat"), shuffled=True),
            },
            "picture and heat", "picture alone", controls={"shuffled senses": 1 / OFFERED},
        ),
        Claim(
            "one for all directions",
            "One model for all senses tells depth from pictures as well, within 5 points, as a model that has learned "
            "nothing else in as many steps.",
            f"own map told from {OFFERED - 1} others",
            {
                "one model": partial(told_apart, asked="depth", given=ALONE),
                "specialist": partial(told_apart, asked="depth", given=ALONE, **_SPECIALIST),
            },
            "one model", "specialist", within=0.05,
        ),
        Claim(
            "a better eye",
            "Trained to tell several senses, the encoder of pictures tells shapes better with few labels than trained "
            "on pictures alone in as many steps.",
            f"accuracy over {len(SHAPES)} shapes",
            {
                "several senses": read_shape,
                "pictures alone": partial(read_shape, taught=ALONE),
                "shuffled labels": read_shuffled,
                "several senses, all labels": partial(read_shape, count=None),
            },
            "several senses", "pictures alone", controls={"shuffled labels": 1 / len(SHAPES)},
            ceiling="several senses, all labels",
        ),
    ]  # fmt: skip


_SPECIALIST = {"taught": DIRECTION, "always": ALONE}


def _told_claim(asked: str) -> Claim:
    what = {"depth": "The depth map", "sound": "The sound"}[asked]
    return Claim(
        f"{asked} from pictures",
        f"{what} of a scene that only its picture is given of is told better than by a model that has learned from "
        "the senses of different scenes.",
        f"own {asked} told from {OFFERED - 1} others",
        {
            "one scene's senses": partial(told_apart, asked=asked, given=ALONE),
            "shuffled senses": partial(told_apart, asked=asked, given=ALONE, shuffled=True),
        },
        "one scene's senses", "shuffled senses", controls={"shuffled senses": 1 / OFFERED},
    )  # fmt: skip


def _probe(seed: int, taught: tuple[str, ...], truth: Int[Tensor, " labelled"]) -> Int[Tensor, " scenes"]:
    inputs, tested = (features(seed, taught, split) for split in ("train", "heldout"))
    return standard_probe(inputs[: len(truth)], truth, tested, len(SHAPES), seed)


def _scores(values: Tensor) -> Scores:
    return Scores(values.float().tolist(), range(len(values)))
