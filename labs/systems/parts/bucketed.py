"""One model translates texts and spoken texts, from batches that hold little padding, as in EMMeTT (Zelasko et al.,
2024, https://arxiv.org/abs/2409.13523).

    work of a batch = examples x (longest source + longest target): places that are computed, padding among them
    two axes     examples of like source and, within these, of like target lengths go together; the batch is as large
                 as the budget of places lets it be
    one axis     of like source lengths only
    none         as they come

Texts and speech take turns by chance: as often as there are examples, or equally often. Speech has its own embedding;
all other parts of the model are shared.
"""

import random
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import translated
from labs.systems.parts.assembled import Decoder, Embedding, Encoder, Model, Words
from labs.systems.parts.learn import learn
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.translated import BANDS, heard, lengths, lexicon, right, trimmed, written

WIDTH, LAYERS, HEADS = 64, 2, 4
SPOKEN = 256  # training texts that are spoken, of all that are written
SOURCES, TARGETS = 8, 3  # buckets along the lengths of sources, and within each along those of targets
PLACES = 1500  # that a batch may have: examples x (longest source + longest target)
STEPS, RATE = 360, 2e-3
AXES, SAMPLING = ("two", "one", "none"), ("balanced", "proportional")
Models = dict[str, Model]


def parts() -> Models:
    """A model for texts and one for speech, which differ in their first part alone."""
    encoder, decoder = Encoder(WIDTH, LAYERS, HEADS), Decoder(WIDTH, LAYERS, HEADS)
    target, told = Words(WIDTH, len(lexicon())), Embedding(WIDTH, words=len(lexicon()))
    first = {"text": Embedding(WIDTH, words=len(lexicon())), "speech": Embedding(WIDTH, numbers=BANDS)}
    return {name: Model(enter, encoder, target, told, decoder) for name, enter in first.items()}


def sources(kind: str, split: str) -> Tensor:
    """Texts as words, or as tones; in training few are spoken. Raises KeyError for another kind."""
    found = {"text": lambda: written(split, 0), "speech": lambda: heard(split)}[kind]()
    return found[:SPOKEN] if (kind, split) == ("speech", "train") else found


def sizes(kind: str, split: str) -> list[tuple[int, int]]:
    """Source and target length of every example."""
    given = lengths(sources(kind, split))
    return list(zip(given.tolist(), lengths(written(split, 1)[: len(given)]).tolist(), strict=True))


def buckets(sized: Sequence[tuple[int, int]], axes: str) -> list[list[int]]:
    """Examples that may share a batch. Raises ValueError for anything but one of `AXES`."""
    if axes not in AXES:
        raise ValueError(f"axes must be one of {', '.join(AXES)}, not {axes!r}")
    everything = list(range(len(sized)))
    if axes == "none":
        return [everything]
    by_source = _parts(sorted(everything, key=lambda i: sized[i][0]), SOURCES)
    if axes == "one":
        return by_source
    return [part for some in by_source for part in _parts(sorted(some, key=lambda i: sized[i][1]), TARGETS)]


def batched(sized: Sequence[tuple[int, int]], axes: str, rng: random.Random) -> list[list[int]]:
    """All examples once, each bucket shuffled and cut where the places of a batch would exceed `PLACES`."""
    found = []
    for bucket in buckets(sized, axes):
        batch: list[int] = []
        for example in rng.sample(bucket, len(bucket)):
            if batch and places(sized, [*batch, example]) > PLACES:
                found.append(batch)
                batch = []
            batch.append(example)
        found.append(batch)
    return rng.sample(found, len(found))


def places(sized: Sequence[tuple[int, int]], batch: Sequence[int]) -> int:
    """The work of a batch."""
    return len(batch) * sum(max(sized[i][axis] for i in batch) for axis in (0, 1))


def useful(seed: int, axes: str, kind: str = "text") -> Scores:
    """Of the places that are computed for an example in its batch, the share that is not padding; all training ones."""
    sized, found = sizes(kind, "train"), {}  # held-out ones are so few that a bucket would be a single small batch
    for batch in batched(sized, axes, random.Random(f"useful {seed}")):
        for i in batch:
            found[i] = sum(sized[i]) * len(batch) / places(sized, batch)
    return Scores([found[i] for i in range(len(sized))], list(range(len(sized))))


@cache
def taught(seed: int, sampling: str, speech: bool = True) -> Models:
    """The models after their lessons, with or without speech. Raises ValueError for another way of sampling."""
    if sampling not in SAMPLING:
        raise ValueError(f"sampling must be one of {', '.join(SAMPLING)}, not {sampling!r}")
    torch.manual_seed(seed)
    models, rng = parts(), random.Random(f"{seed} {sampling}")
    sized = {kind: sizes(kind, "train") for kind in models}
    weights = [len(one) ** (sampling == "proportional") * (speech or kind == "text") for kind, one in sized.items()]
    waiting: dict[str, list[list[int]]] = {kind: [] for kind in models}

    def loss(step: int) -> Tensor:
        kind = rng.choices(list(models), weights)[0]
        waiting[kind] = waiting[kind] or batched(sized[kind], "two", rng)
        rows = torch.tensor(waiting[kind].pop())
        given, told = trimmed(sources(kind, "train")[rows]), trimmed(written("train", 1)[rows])
        said = models[kind](given, told[:, :-1])
        return cross_entropy(said.flatten(0, 1), told[:, 1:].flatten(), ignore_index=PAD)

    learn(torch.nn.ModuleDict(models).parameters(), loss, STEPS, RATE)  # shared ones once
    return {kind: model.eval().requires_grad_(False) for kind, model in models.items()}


def tells(seed: int, kind: str, sampling: str, speech: bool = True, another: bool = False) -> Scores:
    """Spanish colours told, each after the words before it, of texts or of speech; or of `another` one, a control."""
    truth, model = written(translated.EXAM, 1), taught(seed, sampling, speech)[kind]
    with torch.no_grad():
        told = model(sources(kind, translated.EXAM).roll(int(another), 0), truth[:, :-1]).argmax(-1)
    return right(told, truth[:, 1:])


def _parts(ordered: list[int], count: int) -> list[list[int]]:
    """So many equal parts, one after another; none is empty."""
    cuts = [round(i * len(ordered) / count) for i in range(count + 1)]
    return [ordered[a:b] for a, b in zip(cuts, cuts[1:], strict=False) if a < b]
