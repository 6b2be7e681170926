"""BLIP-2 (Li et al., 2023, https://arxiv.org/abs/2301.12597): learned queries, the Q-Former, take from frozen eyes what
a frozen language model needs; first they learn what texts tell of pictures, then to be read by the language model.

Kept: the Q-Former (labs.models.connectors.qformer) between frozen eyes and a frozen language model; its two stages, in
the first of which queries are contrasted with captions and a small decoder of their own tells captions from them.
Left out: matching with hard negatives; 129 million pictures; BERT's weights to begin with.

Beside it stand the other connectors, on the same questions for the same steps: a linear layer and an MLP, which give
every patch to the language model, and the perceiver resampler. That the Q-Former is ahead of the projections here, and
that it needs more than a few queries, was seen with one seed, on other scenes, when steps were chosen. In a first
measurement stage two kept the layer behind the queries that stage one had made for its own decoder, and two stages were
24 points behind; now that layer begins anew, as in the paper.
"""

from functools import cache, partial

import torch
from torch import Tensor
from torch.nn import Linear
from torch.nn.functional import normalize

from labs.systems.claim import Claim
from labs.systems.parts import told
from labs.systems.parts.connected import BATCH, RATE, STEPS, Connected, Connector, answer, answers, build, train
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.joint_space import read
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lookout import described, material
from labs.systems.parts.talker import SIZES
from labs.systems.parts.talker import build as build_talker

QUERIES = 16
WIDTH = SIZES["strong"][0]
FIRST = STEPS // 2  # steps of the first of two stages
SHARP = 20.0  # how sharply captions are told apart
ARMS = {"linear": ("linear", 36), "MLP": ("MLP", 36), f"resampler, {QUERIES} tokens": ("resampler", QUERIES)} | {
    f"Q-Former, {n} token{'s' * (n > 1)}": ("Q-Former", n) for n in (1, 4, QUERIES)
}


# ---------------------------------------------------------------------------------------------------------------
# Two stages


def represent(connector: Connector, seed: int) -> None:
    """Stage one: queries learn what captions tell, without the language model; `connector`'s last layer stays new.

    Contrast: the best of the queries lies near its own picture's caption, as the frozen text tower reads it.
    Generation: a small decoder, thrown away afterwards, tells the caption from the queries.
    """
    given, texts = material("train"), read([told.tell(scene) for scene in material("train").scenes])
    captions, at = described(given.scenes), batches(len(given.scenes), BATCH, seed)
    decoder = Connected(build_talker("strong", seed), Connector("Q-Former", WIDTH, QUERIES))
    decoder.connector.inner[0], head = connector.inner[0], Linear(WIDTH, texts.shape[1])

    def loss(step: int) -> Tensor:
        chosen = at(step)
        seen, own = given.seen[chosen], texts[chosen]
        near = torch.einsum("pqw,cw->pqc", normalize(head(connector.inner[0](seen)), dim=-1), own).amax(1)
        return contrastive_loss(SHARP * near, torch.eye(len(own))) + decoder.loss(seen, [captions[i] for i in chosen])

    learn([*decoder.parameters(), *head.parameters()], loss, FIRST, RATE)


@cache
def in_two_stages(seed: int) -> Connected:
    """A Q-Former after `FIRST` steps without the language model, and the rest of `STEPS` before it."""
    model, given = build("Q-Former", QUERIES, seed), material("train")
    represent(model.connector, seed)
    model.connector.as_loud_as(model.language.get_input_embeddings().weight, given.seen[:100])
    train(model, model.connector.parameters(), given, given.lessons(), STEPS - FIRST, seed)
    return model.requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------


def claims() -> list[Claim]:
    """Few tokens against many, more queries, two stages against one."""
    blind, many = "MLP, other pictures", f"Q-Former, {QUERIES} tokens"
    arms = {name: partial(answer, *which) for name, which in ARMS.items()}
    arms[blind] = partial(answer, "MLP", 36, blind=True)
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
            "scenes' pictures.", metric, arms, "MLP", blind,
        ),
        Claim(
            "two stages",
            "At equally many steps, queries that first learned what captions tell answer better than queries that "
            "learned before the language model alone.",
            metric, two, "two stages", "one stage",
        ),
    ]  # fmt: skip
