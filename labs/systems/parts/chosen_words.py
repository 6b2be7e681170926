"""Every sense told in words that are chosen by relaxed choice, so that the language encoder teaches the senses, as in
VX2TEXT (Lin et al., 2021, https://arxiv.org/abs/2101.12059).

    seen   --classifier--> colour, size, way  --choice--> three words \\
    heard  --classifier--> colour ------------ --choice--> one word      encoder --> answer
    question, one word -------------------------------------------------/

Choices are made by straight-through Gumbel-softmax (Jang et al., 2016, https://arxiv.org/abs/1611.01144): forwards one
word, backwards the gradient of its soft version. Classifiers begin as few labelled shots have taught them.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gumbel_softmax

from labs.systems.claim import Scores
from labs.systems.parts import shots, sound_films
from labs.systems.parts.learn import batches, learn

WAYS = ("relaxed", "hard, frozen", "confidences, frozen", "no words")
FEW, FIRST_STEPS, STEPS, BATCH, RATE = 64, 100, 300, 64, 2e-3
WIDTH, HEADS, HIDDEN, WARMTH = 64, 4, 96, 1.0
QUESTIONS = (
    ("seen", 0),
    ("seen", 1),
    ("seen", 2),
    ("heard", 0),
    ("heard", 1),
)  # a sense, and a kind of word that it tells


def choose(logits: Float[Tensor, "*n words"], way: str, learns: bool) -> Float[Tensor, "*n words"]:
    """How much each word is chosen; while it `learns`, a relaxed choice is also a draw. Raises ValueError for a way
    that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    if way == "relaxed" and learns:
        return gumbel_softmax(logits, WARMTH, hard=True)
    if way in ("confidences, frozen", "no words"):
        return logits.softmax(-1)
    return torch.eye(logits.shape[-1])[logits.argmax(-1)]


class Classifiers(nn.Module):
    """Each sense -> logits over the words of each kind that it tells."""

    def __init__(self):
        super().__init__()
        self.tell = nn.ModuleList(
            nn.Sequential(nn.Linear(shots.WIDE, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, shots.COUNTS[kind]))
            for _, kind in QUESTIONS
        )

    def forward(self, given: dict[str, Tensor]) -> list[Tensor]:
        """(n, words of the kind) for each of `QUESTIONS`."""
        return [tell(given[sense].flatten(1)) for tell, (sense, _) in zip(self.tell, QUESTIONS, strict=True)]


class Told(nn.Module):
    """Words of all senses and a question, read by one language encoder; answers are words, too."""

    def __init__(self, classifiers: Classifiers, way: str):
        super().__init__()
        self.classifiers, self.way = classifiers.requires_grad_("frozen" not in way), way
        self.words = nn.Embedding(shots.WORDS, WIDTH)
        self.asked = nn.Parameter(0.5 * torch.randn(len(QUESTIONS), WIDTH))
        self.places = nn.Parameter(0.5 * torch.randn(len(QUESTIONS), WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.answer = nn.Linear(WIDTH, shots.WORDS)
        if way == "no words":
            self.direct = nn.ModuleList(nn.Linear(shots.WIDE, WIDTH) for _ in QUESTIONS)

    def forward(self, given: dict[str, Tensor], asked: Int[Tensor, " n"]) -> Float[Tensor, "n words"]:
        """Logits of the answer to one question about each shot."""
        read = torch.stack(self.tokens(given), 1) + self.places
        return self.answer(self.encoder(torch.cat([self.asked[asked][:, None], read], 1))[:, 0])

    def tokens(self, given: dict[str, Tensor]) -> list[Float[Tensor, "n width"]]:
        """Embeddings of the words that were chosen, or of what was sensed itself."""
        if self.way == "no words":
            return [enter(given[sense].flatten(1)) for enter, (sense, _) in zip(self.direct, QUESTIONS, strict=True)]
        told, tokens = self.classifiers(given), []
        for logits, (_, kind) in zip(told, QUESTIONS, strict=True):
            start = int(shots.starts()[kind])
            own = self.words.weight[start : start + shots.COUNTS[kind]]
            tokens.append(choose(logits, self.way, self.training) @ own)
        return tokens


def given(split: str) -> dict[str, Tensor]:
    """What the classifiers perceive."""
    return {sense: shots.SENSES[sense](split) for sense in ("seen", "heard")}


def truth(split: str) -> Int[Tensor, "shots questions"]:
    """The true answers as words."""
    return shots.words(split)[:, [kind for _, kind in QUESTIONS]]


def first(seed: int) -> Classifiers:
    """Classifiers that a few labelled shots have taught."""
    torch.manual_seed(seed)
    network, seen, wanted = Classifiers(), given("train"), truth("train") - shots.starts()[[k for _, k in QUESTIONS]]
    at = batches(FEW, BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        told = network({sense: rows[now] for sense, rows in seen.items()})
        return torch.stack([cross_entropy(one, wanted[now, i]) for i, one in enumerate(told)]).sum()

    learn(network.parameters(), loss, FIRST_STEPS, RATE)
    return network


@cache
def taught(seed: int, way: str) -> Told:
    """After as many questions and answers in every way; choices are drawn from a stream of the seed's own."""
    classifiers = first(seed)
    torch.manual_seed(seed)
    network, seen, wanted = Told(classifiers, way), given("train"), truth("train")
    at = batches(len(wanted), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        asked = torch.randint(len(QUESTIONS), (len(now),), generator=torch.Generator().manual_seed(step))
        return cross_entropy(network({sense: rows[now] for sense, rows in seen.items()}, asked), wanted[now, asked])

    learn(network.parameters(), loss, STEPS, RATE)
    return network.eval().requires_grad_(False)


def answers(seed: int, way: str, another: bool = False) -> Scores:
    """1 for each right answer of the five about a shot of the exam; as a control about that of `another` shot."""
    network, seen, wanted = taught(seed, way), given(sound_films.EXAM), truth(sound_films.EXAM)
    told = [network(seen, torch.full((len(wanted),), at)).argmax(-1) for at in range(len(QUESTIONS))]
    return shots.scored(shots.same(torch.stack(told, 1), wanted, another))
