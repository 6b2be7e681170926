"""BLIP-2 (Li et al., 2023, https://arxiv.org/abs/2301.12597): learned queries, the Q-Former, take from frozen eyes what
a frozen language model needs; first they learn what texts tell of pictures, then to be read by the language model.

Kept: the Q-Former (labs.models.connectors.qformer) between frozen eyes and a frozen language model; its two stages, in
the first of which queries are contrasted with captions, and a small decoder of their own describes the scene from them.
Left out: matching with hard negatives; the Q-Former's own text side, in whose place mini-clip's frozen text tower reads
captions; 129 million pictures; BERT's weights to begin with.

Two stages take as many steps together as one stage alone, half each. Questions, of which the whole exam consists, are
taught in stage two only. So what is compared is the first half of the steps: captions and descriptions without the
language model against questions and descriptions with it. Two mistakes were mended after earlier measurements: stage
two kept the layer behind the queries that stage one had made for its own decoder (24 points behind one stage); then
captions were worded as the text tower had never met them (17 points behind).

The other connectors learn from the same questions and descriptions in as many steps: a linear layer and an MLP, which
hand all 36 patches on to the language model, and the perceiver resampler. Steps were chosen with one seed, on other
scenes; there the Q-Former was already ahead of linear layer and MLP, and a few queries were already too few for it.
"""

from collections.abc import Sequence
from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import normalize

from labs.systems.claim import Claim
from labs.systems.parts.connected import BATCH, RATE, STEPS, Connected, Connector, answer, answers, build, train
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.joint_space import read
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lookout import described, material
from labs.systems.parts.talker import SIZES
from labs.systems.parts.talker import build as build_talker
from labs.world.captions import caption
from labs.world.scene import Scene

QUERIES = 16
WIDTH = SIZES["strong"][0]
FIRST = STEPS // 2  # steps of the first of two stages
SHARP = 20.0  # how sharply captions are told apart
STYLE = "places"  # of captions: the fullest of those from which the frozen text tower learned to read
ARMS = {"linear": ("linear", 36), "MLP": ("MLP", 36), f"resampler, {QUERIES} tokens": ("resampler", QUERIES)} | {
    f"Q-Former, {n} token{'s' * (n > 1)}": ("Q-Former", n) for n in (1, 4, QUERIES)
}
BLIND = "MLP, other pictures"


# ---------------------------------------------------------------------------------------------------------------
# Two stages


def captions(scenes: Sequence[Scene]) -> list[str]:
    """What the frozen text tower reads of each scene: "a big red circle at the top left, a small blue star at ..."."""
    return [caption(scene, STYLE) for scene in scenes]


def represent(connector: Connector, seed: int) -> None:
    """Stage one: queries learn what texts tell, without the language model; `connector`'s last layer stays new.

    Contrast: the best of the queries lies near its own picture's caption, as the frozen text tower reads it.
    Generation: a small decoder, thrown away afterwards, describes the scene from the queries, as stage two will.
    """
    given = material("train")
    texts, descriptions = read(captions(given.scenes)), described(given.scenes)
    at = batches(len(given.scenes), BATCH, seed)
    decoder = Connected(build_talker("strong", seed), Connector("Q-Former", WIDTH, QUERIES))
    decoder.connector.inner[0], head = connector.inner[0], Linear(WIDTH, texts.shape[1])

    def loss(step: int) -> Tensor:
        chosen = at(step)
        seen, own = given.seen[chosen], texts[chosen]
        near = torch.einsum("pqw,cw->pqc", normalize(head(connector.inner[0](seen)), dim=-1), own).amax(1)
        contrast = contrastive_loss(SHARP * near, torch.eye(len(own)))
        return contrast + decoder.loss(seen, [descriptions[i] for i in chosen])

    learn([*decoder.parameters(), *head.parameters()], loss, FIRST, RATE)


@cache
def in_two_stages(seed: int) -> Connected:
    """A Q-Former after `FIRST` steps without the language model, and the rest of `STEPS` with it."""
    model, given = build("Q-Former", QUERIES, seed), material("train")
    represent(model.connector, seed)
    model.connector.as_loud_as(model.language.get_input_embeddings().weight, given.seen[:100])
    train(model, model.connector.parameters(), given, given.lessons(), STEPS - FIRST, seed)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------


def claims() -> list[Claim]:
    """Few tokens against many, more queries, two stages against one."""
    many = f"Q-Former, {QUERIES} tokens"
    arms = {name: partial(answer, *which) for name, which in ARMS.items()}
    arms[BLIND] = partial(answer, "MLP", 36, blind=True)
    two = {
        "two stages": lambda seed: answers(in_two_stages(seed), material("heldout")),
        "one stage": partial(answer, "Q-Former", QUERIES),
    }
    metric = "right answers"
    return [
        Claim(
            "fewer tokens", f"With {QUERIES} tokens in the place of 36 a Q-Former answers better than an MLP.", metric,
            arms, many, "MLP",
        ),
        Claim(
            "more queries", f"{QUERIES} queries take more from a picture than one.", metric, arms, many,
            "Q-Former, 1 token",
        ),
        Claim(
            "Q-Former or resampler", "With as many tokens a Q-Former answers better than a resampler.", metric, arms,
            many, f"resampler, {QUERIES} tokens",
        ),
        Claim(
            "connectors see", "Even an MLP, all else being frozen, answers better than one that learned beside other "
            "scenes' pictures.", metric, arms, "MLP", BLIND,
        ),
        Claim(
            "two stages",
            "At equally many steps, queries that first learned what captions tell answer better than queries that "
            "learned with the language model from the start.",
            metric, two, "two stages", "one stage",
        ),
    ]  # fmt: skip
