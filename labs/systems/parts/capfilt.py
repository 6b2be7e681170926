"""CapFilt (Li et al., 2022, https://arxiv.org/abs/2201.12086): captions of the web made fit to learn from.

    web, half wrong + people's few -> MED -> captioner: new captions  \\
                                          -> filter: which pairs fit?  -> web rewritten and filtered -> MED, afresh
"""

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import torch
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.med import Med
from labs.systems.parts.web import WORDS, Pairs, lexicon, true_pairs, web, words_right

STEPS, FINE_STEPS, BATCH, RATE = 300, 100, 64, 2e-3  # of MED on the web, and on what people wrote


def train_med(
    pairs: Pairs, seed: int, steps: int, reads: bool = False, writes: bool = True, start: Med | None = None
) -> Med:
    """A MED, fresh or as `start`, after so many steps on the pairs: as a writer, a reader or both."""
    torch.manual_seed(seed)
    med, generator = deepcopy(start) if start else Med(lexicon()), torch.Generator().manual_seed(seed)
    at = batches(len(pairs.captions), BATCH, seed)

    def loss(step: int) -> Tensor:
        regions, captions = (part[at(step)] for part in pairs)
        written = med.writing_loss(regions, captions) if writes else 0
        return written + (med.reading_loss(regions, captions, generator) if reads else 0)

    learn(med.parameters(), loss, steps, RATE)
    return med


@cache
def captioner_and_filter(seed: int) -> tuple[Med, Med]:
    """One MED, pre-trained on the noisy web, and fine-tuned twice on the few pairs that people wrote."""
    people = true_pairs("people")
    med = train_med(web(seed) + people, seed, STEPS, reads=True)
    captioner = train_med(people, seed, FINE_STEPS, start=med)
    return captioner, train_med(people, seed, FINE_STEPS, reads=True, writes=False, start=med)


def fitting(judge: Med, pairs: Pairs) -> Pairs:
    """Those pairs of which the filter says that they belong together."""
    with torch.no_grad():
        return pairs.only(judge.read(*pairs).argmax(-1) == 1)


@cache
def bootstrapped(seed: int, rewritten: bool, filtered: bool) -> Pairs:
    """What CapFilt makes of the web: its captions, with new ones beside them, or only those that fit, or both."""
    found, (captioner, judge) = web(seed), captioner_and_filter(seed)
    if rewritten:
        drawn = captioner.write(found.regions, WORDS, torch.Generator().manual_seed(seed))
        found = found + Pairs(found.regions, drawn)
    return fitting(judge, found) if filtered else found


@cache
def describe(learned_from: Callable[[int], Pairs], seed: int) -> Scores:
    """The share of colours and shapes told rightly by a writer that is trained anew on these pairs.

    Cached by the function itself, so that several claims can share its arms.
    """
    med, test = train_med(learned_from(seed), seed, STEPS), true_pairs("heldout")
    return Scores(words_right(med.write(test.regions, WORDS), test.captions).tolist(), range(len(test.captions)))
