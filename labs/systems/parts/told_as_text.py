"""Every sense told in words, so that who has learned from the words of some senses can read those of others: TAMML.

https://arxiv.org/abs/2402.08086. A frozen teller for each sense, here the head of its own network, says what it
perceives and how sure it is; a rule sums up what is said; the frozen text tower of mini-clip reads that, and a small
network learns the task from it. In the paper language models do both.

    sound  --teller-->  a small thing at the top, sure to 0.7      }
    motion --teller-->  a small thing in the middle, sure to 0.4   }  --> a small thing at the top --> vector --> shelf

The task is new: which of three shelves a thing belongs on, by its size and height. Lessons give picture and sound; what
is asked about comes with motion, alone or with one of those.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import sensed_alone
from labs.systems.parts.fused import KINDS, SENSES
from labs.systems.parts.joint_space import read
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.sensed_alone import encoder, features, kinds, raw, right

SHELVES = 3
NEW, KNOWN = SENSES.index("motion"), [SENSES.index(name) for name in ("picture", "sound")]
COMBINATIONS = ((NEW,), (NEW, KNOWN[0]), (NEW, KNOWN[1]))
WIDTH, STEPS, BATCH, RATE = 128, 300, 128, 2e-3
HEIGHTS = ("at the top", "in the middle", "at the bottom")
SENTENCES = [f"a {size} thing {where}" for size in ("small", "big") for where in HEIGHTS]  # of the kinds, in order


def shelf(kinds: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
    """Small things lie in the order of their heights, big ones one shelf on: neither size nor height alone tells it."""
    return (kinds % SHELVES + 2 * (kinds >= SHELVES)) % SHELVES


def tell(seed: int, split: str, sense: int) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """How sure a sense is of what it says, and which of `SENTENCES` that is."""
    best = encoder(SENSES[sense], seed).fused(raw(seed, split)[:, sense]).softmax(-1).max(-1)
    return best.values, best.indices


def sum_up(sure: Float[Tensor, "senses n"], told: Int[Tensor, "senses n"]) -> Int[Tensor, "1 n"]:
    """The sentence that was said most surely; certainties of senses that say the same are added."""
    votes = torch.zeros(sure.shape[1], KINDS)
    for one, said in zip(sure, told, strict=True):
        votes.scatter_add_(1, said[:, None], one[:, None])
    return votes.argmax(1)[None]


def write(told: Int[Tensor, "sentences n"]) -> Float[Tensor, "n 128"]:
    """What the text tower makes of one or more sentences about each scene; every different text is read once."""
    texts = [". ".join(SENTENCES[one] for one in some) for some in told.T.tolist()]
    different = list(dict.fromkeys(texts))
    return read(different)[[different.index(text) for text in texts]]


def in_words(seed: int, split: str, senses: Sequence[int], summed_up: bool) -> Float[Tensor, "n 128"]:
    """Scenes as texts, by what some senses say of them."""
    sure, told = (torch.stack(part) for part in zip(*(tell(seed, split, sense) for sense in senses), strict=True))
    return write(sum_up(sure, told) if summed_up else told)


def translate(
    known: Float[Tensor, "scenes here"], wanted: Float[Tensor, "scenes there"], rows: Float[Tensor, "n here"]
) -> Float[Tensor, "n there"]:
    """Rows of one sense as rows of another, by least squares over scenes that were met by both."""
    bias = torch.ones(len(known), 1)
    solution = torch.linalg.lstsq(torch.cat([known, bias], dim=1), wanted).solution
    return torch.cat([rows, torch.ones(len(rows), 1)], dim=1) @ solution


def learn_task(
    given: Float[Tensor, "n width"], shelves: Int[Tensor, " n"], asked: Float[Tensor, "m width"], seed: int
) -> Int[Tensor, " m"]:
    """The shelves that a small network tells of `asked`; a linear one could not put together what shares a shelf."""
    torch.manual_seed(seed)
    mean, spread = given.mean(0), given.std(0) + 1e-4
    network = nn.Sequential(nn.Linear(given.shape[1], WIDTH), nn.GELU(), nn.Linear(WIDTH, SHELVES))
    known, at = (given - mean) / spread, batches(len(given), BATCH, seed)
    learn(network.parameters(), lambda step: cross_entropy(network(known[at(step)]), shelves[at(step)]), STEPS, RATE)
    with torch.no_grad():
        return network((asked - mean) / spread).argmax(1)


def as_known(seed: int, part: tuple[int, ...], how: str) -> Float[Tensor, "n width"]:
    """Rows of the senses that lessons gave: their own, or translated from the new one ("rows"), or zero ("zeros")."""
    known, asked = features(seed, "train"), features(seed, sensed_alone.EXAM)
    rows = []
    for sense in KNOWN:
        found = translate(known[:, NEW], known[:, sense], asked[:, NEW]) * (how == "rows")
        rows.append(asked[:, sense] if sense in part else found)
    return torch.cat(rows, dim=1)


def shelves(seed: int, how: str, another: bool = False) -> Scores:
    """Right shelves for each scene with each combination: by "words", "words summed up", "rows" or "zeros"."""
    truth, told = shelf(kinds("lessons")), []
    for part in COMBINATIONS:
        if how.startswith("words"):
            given = in_words(seed, "lessons", KNOWN, how == "words summed up")
            asked = in_words(seed, sensed_alone.EXAM, part, how == "words summed up")
        else:
            given, asked = features(seed, "lessons")[:, KNOWN].flatten(1), as_known(seed, part, how)
        told.append(learn_task(given, truth, asked, seed))
    return right(torch.cat(told), shelf(kinds(sensed_alone.EXAM)), another)
