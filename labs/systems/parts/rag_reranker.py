"""The reranker: mini-llava as it comes looks at the picture again and says how surely each retrieved card is about it.

What the retriever brings first is put in a new order, by the chance of "yes" to "Is there a red star?" and to "Is
there a blue ring?". No other card can come in. A dual encoder has one vector for the whole picture; here the card's
words meet every patch.
"""

from collections.abc import Sequence
from functools import cache

import torch
from jaxtyping import Float
from PIL.Image import Image
from torch import Tensor

from labs.models.conversation import picture_token
from labs.models.entry import Loaded
from labs.systems.parts import rag_library as lib
from labs.systems.parts.limit_tuning import Lesson, load, records
from labs.systems.parts.rag_library import Card
from labs.systems.parts.rag_retriever import nearest
from labs.tuning.by_hand.dpo import log_probabilities
from labs.tuning.examples import Examples
from labs.tuning.feature_cache import features_once
from labs.tuning.sharing import SharedCollator
from labs.world.grammar import phrase
from labs.world.picture import draw

POOL = 8  # cards that the retriever brings first, and that are put in a new order
TOGETHER = 64  # cards at a time


@cache
def reordered(seed: int) -> tuple[tuple[int, ...], ...]:
    """The pool of each held-out query, the surest card first."""
    seen, cards = lib.queries("heldout", seed), lib.library("heldout", seed)
    pools = nearest("heldout", seed, lib.VIEWS, POOL)
    asked = [[questions(cards[number]) for number in pool] for pool in pools]
    orders = sure(load(), [draw(query.picture) for query in seen], asked).argsort(dim=1, descending=True)
    return tuple(tuple(pool[at] for at in order) for pool, order in zip(pools, orders.tolist(), strict=True))


def questions(card: Card) -> list[str]:
    """One for each of its two things, to be answered with yes where the card is the right one."""
    return [f"Is there {phrase('en', one.shape, one.colour, article='a')}?" for one in card.picture.things]


@torch.no_grad()
def sure(
    model: Loaded, pictures: Sequence[Image], asked: Sequence[Sequence[Sequence[str]]]
) -> Float[Tensor, "pictures cards"]:
    """The log-probability that both questions about each card are answered with yes; as many cards for each picture."""
    lessons = [Lesson(picture, text, "yes") for picture, cards in zip(pictures, asked, strict=True)
               for two in cards for text in two]  # fmt: skip
    read = list(Examples(model.processor, records(lessons)))
    collate = SharedCollator(model.processor.tokenizer.pad_token_id, picture_token(model.processor))
    pairs = [read[at : at + 2] for at in range(0, len(read), 2)]  # two questions about one picture, read once
    with features_once(model.model):
        parts = [log_probabilities(model.model, pairs[at : at + TOGETHER], collate)
                 for at in range(0, len(pairs), TOGETHER)]  # fmt: skip
    return torch.cat(parts).sum(1).view(len(pictures), -1)
