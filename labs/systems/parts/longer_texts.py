"""Texts longer than any that were learned from: things told one after the other, and looked back at soon.

    a red star , colour red , shape star . a blue ring , shape ring , colour blue . ...

Four things make a lesson, and the exam has many more. To go on rightly means to look some words back, at the thing
spoken of last; how far that is does not depend on how long the text has become.
"""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts.fading_attention import PLACES, Decoder
from labs.systems.parts.learn import learn
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

WORDS = (*COLOURS, *SHAPES, "a", "colour", "shape", ",", ".")
A, COLOUR, SHAPE, COMMA, STOP = range(len(WORDS) - 5, len(WORDS))
EACH, RECALLED = 10, (5, 8)  # words of a thing; the places of those that were said before
LEARNED, LONG, TEXTS, SCORED = 4, 24, 60, 4  # things of a lesson and of the exam, its texts, things that are scored
WIDTH, LAYERS, STEPS, BATCH, RATE = 48, 2, 200, 32, 3e-3
OTHERS = 0.1  # the weight of words that nothing tells beforehand

PAIRS = [(colour, shape) in HELD_OUT_PAIRS for colour in COLOURS for shape in SHAPES]


def told(texts: int, things: int, held_out: bool, generator: torch.Generator) -> Int[Tensor, "texts words"]:
    """So many texts, of pairs of colour and shape that lessons show, or only of those that they do not."""
    offered = torch.tensor([pair for pair, held in enumerate(PAIRS) if held == held_out])
    pair = offered[torch.randint(len(offered), (texts, things), generator=generator)]
    colour, shape = pair // len(SHAPES), pair % len(SHAPES) + len(COLOURS)
    swap = torch.randint(2, (texts, things), generator=generator).bool()
    first, second = (torch.where(turned, shape, colour) for turned in (swap, ~swap))
    asked, other = (torch.where(turned, SHAPE, COLOUR) for turned in (swap, ~swap))
    same = torch.full_like(pair, 0)
    words = [same + A, colour, shape, same + COMMA, asked, first, same + COMMA, other, second, same + STOP]
    return torch.stack(words, dim=-1).flatten(1)


def weights(words: int) -> Tensor:
    """How much each word but the first weighs in learning: most, where it was said before."""
    return torch.tensor([1.0 if place % EACH in RECALLED else OTHERS for place in range(1, words)])


@cache
def trained(seed: int, places: str) -> Decoder:
    """A decoder with one of the `PLACES` after its lessons, frozen."""
    torch.manual_seed(seed)
    model, generator = Decoder(len(WORDS), WIDTH, LAYERS, places), torch.Generator().manual_seed(seed)
    weight = weights(LEARNED * EACH)

    def loss(step: int) -> Tensor:
        text = told(BATCH, LEARNED, False, generator)
        each = cross_entropy(model(text[:, :-1]).transpose(1, 2), text[:, 1:], reduction="none")
        return (each * weight).sum() / (len(each) * weight.sum())

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def recalls(seed: int, places: str, cut: bool = False, another: bool = False) -> Scores:
    """1 for each recalled word of the last things of long texts; with `cut` no more is read than in a lesson.

    With `another` what is told counts where it is that of the next text.
    """
    if places not in PLACES:
        raise ValueError(f"places must be one of {', '.join(PLACES)}, not {places!r}")
    text = told(TEXTS, LONG, True, torch.Generator().manual_seed(10**6 + seed))
    read = text[:, -LEARNED * EACH :] if cut else text
    said = trained(seed, places)(read[:, :-1]).argmax(-1)[:, 1 - SCORED * EACH :]
    place = torch.tensor([n for n in range(1, SCORED * EACH) if n % EACH in RECALLED]) - 1
    truth = text[:, 1 - SCORED * EACH :]
    truth = truth.roll(-1, 0) if another else truth
    found = (said == truth)[:, place]
    return Scores(found.flatten().float().tolist(), [number for number in range(TEXTS) for _ in place])
