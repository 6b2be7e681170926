"""How a language model learns to embed: by contrast, from pairs of the kinds that are named, a kind a step in turn."""

from collections.abc import Callable
from functools import cache

from torch import Tensor

from labs.systems.parts.embed_pairs import Side, pairs, right
from labs.systems.parts.embedder import Embedded, Embedder, contrast, likeness
from labs.systems.parts.learn import batches, learn
from labs.world.picture import draw

STEPS, BATCH, RATE = 200, 16, 7e-3  # BATCH pairs a step, and as many decoys
RATES = {("text",): 1e-3}  # where it is another one, see labs.systems.retrieval
MIX = ("text", "picture", "edited", "alike")


@cache
def seen(kind: str) -> Tensor | None:
    """What the language model gets to see of the queries of a kind: visual tokens, or nothing where all are texts."""
    scenes = [pair.query.scene for pair in pairs(kind)]
    return None if scenes[0] is None else Embedder(None).look([draw(scene) for scene in scenes])


@cache
def tuned(seed: int, kinds: tuple[str, ...] = MIX, late: bool = False) -> Embedder:
    """An embedder after `STEPS`; of one vector a row, or with `late` of one a token."""
    embedder = Embedder(seed)
    call: Callable[..., Embedded] = embedder.each if late else embedder
    choose = {kind: batches(len(pairs(kind)), BATCH, seed) for kind in kinds}

    def loss_at(step: int) -> Tensor:
        kind = kinds[step % len(kinds)]
        at = choose[kind](step // len(kinds))
        chosen, visual = [pairs(kind)[i] for i in at.tolist()], seen(kind)
        queries = call(words([pair.query for pair in chosen]), None if visual is None else visual[at])
        documents = call(words([pair.wanted for pair in chosen] + [pair.decoy for pair in chosen]))
        return contrast(likeness(queries, documents), right(chosen))

    learn(embedder.parameters(), loss_at, STEPS, RATES.get(kinds, RATE))
    return embedder.eval().requires_grad_(False)


def words(sides: list[Side]) -> list[str]:
    """Their words alone."""
    return [side.words for side in sides]
