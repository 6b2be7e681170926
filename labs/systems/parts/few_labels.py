"""Few labelled films and many without labels: a student learns from a slow teacher, as in SeFAR (Huang et al., 2025,
https://arxiv.org/abs/2501.01245).

    film, a little moved --teacher, a moving average of the student--> pseudo-label, where it is sure enough
    the same film, spoilt, its frames a little out of order --student--> is to say the same
    how much that counts: the batch's mean confidence, less how far confidences spread

Without the disorder in time and with a constant weight it is FixMatch (Sohn et al., 2020,
https://arxiv.org/abs/2001.07685) with that teacher. What is told is which way a thing goes, and how fast.
"""

import copy
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, cross_entropy

from labs.systems.claim import Scores
from labs.systems.parts import small_films
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.small_films import FRAMES, KINDS

EACH, BATCH, STEPS, RATE = 10, 64, 300, 2e-3  # labelled films of each motion; films without labels in a step
GRAIN, SPOILT, SHIFT = 0.1, 0.3, 1  # noise of all films; further noise of spoilt ones; pixels by which a film is moved
SURE, KEPT, SWAPPED = 0.8, 0.97, 0.5  # confidence of a pseudo-label; share of the teacher kept; pairs out of order
WAYS = ("SeFAR", "constant weight", "FixMatch", "labels alone", "all labels")
MOTIONS = len(KINDS["motion"])


class Watcher(nn.Module):
    """A small network for every frame, convolutions over time -> logits of motions."""

    def __init__(self):
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(3, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU(), nn.Flatten(),
            nn.Linear(24 * 9, 48), nn.ReLU(),
        )  # fmt: skip
        self.over_time = nn.Sequential(nn.Conv1d(48, 64, 3), nn.ReLU(), nn.Conv1d(64, 64, 3), nn.ReLU())
        self.tell = nn.Linear(64, MOTIONS)

    def forward(self, films: Float[Tensor, "n 8 3 12 12"]) -> Float[Tensor, "n motions"]:
        seen = self.see(films.flatten(0, 1)).unflatten(0, (-1, FRAMES))
        return self.tell(self.over_time(seen.transpose(1, 2)).mean(2))


@cache
def films(split: str) -> Float[Tensor, "films 8 3 12 12"]:
    """Those of `small_films` at half the size, grainy."""
    clean = avg_pool2d(small_films.films(split).flatten(0, 1), 2).unflatten(0, (-1, FRAMES))
    generator = torch.Generator().manual_seed(len(split))
    return clean + GRAIN * torch.randn(clean.shape, generator=generator)


def motions(split: str) -> Int[Tensor, " films"]:
    """Which way each goes."""
    return small_films.attributes(split)[:, list(KINDS).index("motion")]


def labelled(seed: int) -> Int[Tensor, " films"]:
    """`EACH` training films of every motion."""
    order = torch.randperm(len(motions("train")), generator=torch.Generator().manual_seed(seed))
    return torch.cat([order[motions("train")[order] == kind][:EACH] for kind in range(MOTIONS)])


def moved(films: Float[Tensor, "n 8 3 12 12"], generator: torch.Generator) -> Float[Tensor, "n 8 3 12 12"]:
    """All frames of a batch moved by the same few pixels."""
    down, along = torch.randint(-SHIFT, SHIFT + 1, (2,), generator=generator).tolist()
    return films.roll((down, along), (-2, -1))


def disordered(films: Float[Tensor, "n 8 3 12 12"], generator: torch.Generator) -> Float[Tensor, "n 8 3 12 12"]:
    """Neighbouring frames change places, pair by pair, each by chance: what comes early stays early."""
    order = torch.arange(FRAMES).expand(len(films), -1).unflatten(1, (-1, 2))
    swap = torch.rand(order.shape[:2], generator=generator) < SWAPPED
    order = torch.where(swap[..., None], order.flip(-1), order).flatten(1)
    return films[torch.arange(len(films))[:, None], order]


def steadiness(sure: Float[Tensor, " n"]) -> float:
    """The weight of pseudo-labels: the mean confidence of a batch less its standard deviation, at least 0."""
    return max(0.0, (sure.mean() - sure.std()).item())


@torch.no_grad()
def follow(teacher: nn.Module, student: nn.Module) -> None:
    """The teacher goes a small part of the way to the student."""
    for old, new in zip(teacher.parameters(), student.parameters(), strict=True):
        old.lerp_(new, 1 - KEPT)


@cache
def taught(seed: int, way: str) -> Watcher:
    """Who has learned in one of `WAYS`. Raises ValueError for another one."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    student, generator = Watcher(), torch.Generator().manual_seed(seed)
    teacher, shown, truth, few = copy.deepcopy(student), films("train"), motions("train"), labelled(seed)
    at = batches(len(shown), BATCH, seed)

    def loss(step: int) -> Tensor:
        follow(teacher, student)
        rows = at(step) if way == "all labels" else few
        known = cross_entropy(student(moved(shown[rows], generator)), truth[rows])
        if way in ("labels alone", "all labels"):
            return known
        now = shown[at(step)]
        with torch.no_grad():
            sure, told = teacher(moved(now, generator)).softmax(1).max(1)
        spoilt = now + SPOILT * torch.randn(now.shape, generator=generator)
        if way in ("SeFAR", "constant weight"):
            spoilt = disordered(spoilt, generator)
        each = cross_entropy(student(moved(spoilt, generator)), told, reduction="none") * (sure > SURE)
        return known + each.mean() * (steadiness(sure) if way == "SeFAR" else 1.0)

    learn(student.parameters(), loss, STEPS, RATE)
    return student.eval().requires_grad_(False)


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """Right motions of held-out films, or, as a control, of `another` film each."""
    told = taught(seed, way)(films(small_films.EXAM)).argmax(1)
    good = told == motions(small_films.EXAM).roll(int(another))
    return Scores(good.float().tolist(), list(range(len(good))))
