"""A reranker: it reads a query and one candidate together, and says whether they belong together.

    <user> [36 visual tokens] Make it blue. a big blue star at the left. <assistant>        yes, or no

The first few of an embedder are put in the order of how much likelier "yes" is than "no": pointwise reranking as in
LamRA (https://arxiv.org/abs/2412.01720). It learns, in adapters of its own and for as many steps
as an embedder, to find "yes" likelier of what is wanted than of three captions that differ from it in one word.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.parts import embed_tuning
from labs.systems.parts.embed_exam import Searches
from labs.systems.parts.embed_pairs import REQUEST, Side, pairs
from labs.systems.parts.embedder import AT_ONCE, Embedded, Embedder, likeness, rows
from labs.systems.parts.learn import batches, learn

KIND = "edited"
BATCH, RATE = 4, 7e-3  # queries, of four candidates each: a step costs about as much as one of the embedder
FIRST = 3  # so many of an embedder's candidates are read


def both(query: Side, candidate: Side) -> str:
    """The words of a query and of a candidate, to be read one after the other."""
    return query.words.removesuffix(REQUEST) + " " + candidate.words.removesuffix(REQUEST)


def yes(reader: Embedder, words: Sequence[str], visual: Tensor) -> Float[Tensor, " rows"]:
    """How much likelier "yes" is than "no", as a difference of logits."""
    hidden, there = reader.read(words, visual)
    last = hidden[torch.arange(len(words)), there.sum(1) - 1]
    two = reader.tokenizer.convert_tokens_to_ids(["yes", "no"])
    return reader.llava.lm_head(last)[:, two] @ torch.tensor([1.0, -1.0])


@cache
def reranker(seed: int) -> Embedder:
    """One that has learned for as many steps as an embedder."""
    reader, taught, visual = Embedder(seed), pairs(KIND), embed_tuning.seen(KIND)
    choose = batches(len(taught), BATCH, seed)

    def loss_at(step: int) -> Tensor:
        at = choose(step)
        lists = [(taught[i].query, (taught[i].wanted, *taught[i].near)) for i in at.tolist()]
        words = [both(query, candidate) for query, candidates in lists for candidate in candidates]
        many = len(words) // BATCH
        sure = yes(reader, words, visual[at.repeat_interleave(many)]).view(BATCH, many)
        return cross_entropy(sure, torch.zeros(BATCH, dtype=torch.long))

    learn(reader.parameters(), loss_at, embed_tuning.STEPS, RATE)
    return reader.eval().requires_grad_(False)


@torch.no_grad()
def reranked(
    reader: Embedder, one: Searches, told: Sequence[Side], visual: Tensor, queries: Embedded, documents: Embedded
) -> list[float]:
    """Recall at 1 once the first few candidates of each query, by their vectors, stand in the reranker's order."""
    firsts = [_first(queries, documents, number, among) for number, among in enumerate(one.candidates)]
    asked = [(number, candidate) for number, first in enumerate(firsts) for candidate in first]
    sure = []
    for at in range(0, len(asked), AT_ONCE):
        part = asked[at : at + AT_ONCE]
        words = [both(one.queries[number], told[candidate]) for number, candidate in part]
        sure += yes(reader, words, visual[[number for number, _ in part]]).tolist()
    found = dict(zip(asked, sure, strict=True))
    best = [max(first, key=lambda candidate: found[number, candidate]) for number, first in enumerate(firsts)]
    return [float(chosen in right) for chosen, right in zip(best, one.right, strict=True)]


def _first(queries: Embedded, documents: Embedded, number: int, among: Sequence[int]) -> list[int]:
    near = likeness(rows(queries, [number]), rows(documents, among))[0]
    return [among[place] for place in near.topk(FIRST).indices.tolist()]
