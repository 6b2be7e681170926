"""The first candidates of a contrast, judged once more by a matching head that sees both sides together.

As in BLIP's retrieval (Li et al., 2022, https://arxiv.org/abs/2201.12086), what matching says is added to the
contrast's own score.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts.alignment_exams import GALLERY
from labs.systems.parts.heard_scenes import EXAM, Heard, heard
from labs.systems.parts.queried_senses import OBJECTIVES, Queried, train

CANDIDATES = 10  # of a hundred


@torch.no_grad()
def tables(model: Queried, given: Heard, reranked: bool) -> tuple[Float[Tensor, "n n"], Float[Tensor, "n n"]]:
    """How well each scene fits each caption (rows: scenes), and each caption each scene (rows: captions).

    Log-probabilities of the contrast; `reranked`, the first `CANDIDATES` of each row gain the log-probability that they
    belong together, as the matching head has it, and all others are out.
    """
    sensed, scale = model.perceive(given), model.log_scale.exp().clamp(max=100)
    near = scale * model.alike(sensed, given.captions)
    each = [table.log_softmax(1) for table in (near, near.T)]
    if not reranked:
        return each[0], each[1]

    def judged(table: Float[Tensor, "n n"], by_text: bool) -> Float[Tensor, "n n"]:
        best = table.topk(min(CANDIDATES, len(table)), dim=1)
        rows, columns = torch.arange(len(table))[:, None].expand_as(best.indices).flatten(), best.indices.flatten()
        scene, text = (columns, rows) if by_text else (rows, columns)
        logits = model.match(sensed[scene], given.captions[text]).log_softmax(1)[:, 1]
        out = torch.full_like(table, float("-inf"))
        return out.scatter(1, best.indices, best.values + logits.view_as(best.values))

    return judged(each[0], by_text=False), judged(each[1], by_text=True)


def finds(seed: int, reranked: bool, wanted: tuple[str, ...] = OBJECTIVES, another: bool = False) -> Scores:
    """Is each one's partner the first of a hundred? As a control, the caption of `another` scene passes for it."""
    given, model, found, scenes = heard(EXAM), train(seed, wanted), [], []
    given = given._replace(captions=given.captions.roll(int(another), 0))
    for rows in torch.arange(len(given.captions)).split(GALLERY):
        for table in tables(model, given.only(rows), reranked):
            found += (table.argmax(1) == torch.arange(len(rows))).float().tolist()
            scenes += rows.tolist()
    return Scores(found, scenes)
