"""Posts with a face: what the writer feels about something, which neither the words nor the face can tell alone.

A small stand-in for sentiment of pictures with text (MVSA, Niu et al., 2016, https://doi.org/10.1007/978-3-319-27674-8_2),
here towards a target that the words name (Yu and Jiang, 2019, https://www.ijcai.org/proceedings/2019/751), built
like Hateful Memes (Kiela et al., 2020, https://arxiv.org/abs/2005.04790): for every post there is one with the same
words and another answer, and one with the same face and another answer.

The rule: the face tells what the writer feels about what happens. "Rain is back" with a happy face is positive about
rain, with a sad one negative; "no more rain" turns both round. Praise and blame count for as much as the face
confirms: "I love rain" with an angry face is irony, and negative. Half of the phrases tell of a loss, and for each
phrase and each face both answers are equally frequent, in training and among what is held out: the best guess from
the words alone, or from the face alone, is right in exactly half of the posts (`alone`).
"""

import random
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import NamedTuple

from PIL import Image

from labs.world.domains import faces
from labs.world.domains.faces import PAPERS, SKINS
from labs.world.picture import SIZE
from labs.world.questions import Question
from labs.world.splits import SPLITS

GOOD, BAD = ("happy", "laughing", "loving"), ("sad", "angry", "scared")
FACES = GOOD + BAD
TARGETS = ("rain", "snow", "tea", "soup", "music", "school")


class Phrase(NamedTuple):
    """Words about a target, and what they say: that it is gone, that it is back, or that it is good or bad."""

    says: str
    text: str


PHRASES = (
    Phrase("gone", "no more {}"), Phrase("gone", "{} is over"), Phrase("gone", "goodbye {}"),
    Phrase("gone", "{} is gone"), Phrase("gone", "the end of {}"), Phrase("gone", "we lost {}"),
    Phrase("back", "{} is back"), Phrase("praise", "I love {}"), Phrase("praise", "{} is the best"),
    Phrase("back", "we have {} again"), Phrase("blame", "I hate {}"), Phrase("blame", "{} is the worst"),
)  # fmt: skip
# A good and a bad face for each phrase; the order above keeps both answers of every question equally frequent.
HELD_OUT = frozenset((kind[i % 3], i) for i in range(len(PHRASES)) for kind in (GOOD, BAD))
WORDINGS = {
    "face": ("How does the face look?", "Which face is it?"),
    "words": ("Post: {}. What do the words say?", 'The words are "{}". What is said?'),
    "sentiment": ("Post: {}. What is the sentiment about {}?", 'The words are "{}". What is felt about {}?'),
    "irony": ("Post: {}. Is it ironic?", 'The words are "{}". Is that irony?'),
}
KINDS = tuple(WORDINGS)


@dataclass(frozen=True)
class Case:
    """A post. `phrase` is an index into `PHRASES`; `shift`, in picture widths, `paper` and `skin` mean nothing."""

    face: str
    phrase: int
    target: str
    shift: tuple[float, float] = (0.0, 0.0)
    paper: int = 0
    skin: int = 0

    def __post_init__(self) -> None:
        for name, values in (("face", FACES), ("phrase", range(len(PHRASES))), ("target", TARGETS)):
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {tuple(values)}, not {getattr(self, name)!r}")

    @property
    def words(self) -> str:
        return PHRASES[self.phrase].text.format(self.target)

    @property
    def truth(self) -> dict[str, str]:
        """The answer to each kind of question; only praise and blame can be ironic."""
        good, phrase = self.face in GOOD, PHRASES[self.phrase]
        answers = {"face": self.face, "words": phrase.says}
        answers["sentiment"] = "positive" if good != (phrase.says == "gone") else "negative"
        if phrase.says in ("praise", "blame"):
            answers["irony"] = "no" if good == (phrase.says == "praise") else "yes"
        return answers


@cache
def posts(split: str) -> tuple[Case, ...]:
    """Every face, phrase and target of a split, drawn in the plainest way. Raises ValueError for another split."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    pairs = [pair for pair in product(FACES, range(len(PHRASES))) if (pair in HELD_OUT) == (split == "heldout")]
    return tuple(Case(*pair, target) for pair in pairs for target in TARGETS)


def sample(rng: random.Random, split: str = "train") -> Case:
    """Draw a post of `split`, each face and phrase of it as likely. Raises ValueError for another split."""
    post = rng.choice(posts(split))
    shift = (round(rng.uniform(-0.03, 0.03), 3), round(rng.uniform(-0.03, 0.03), 3))
    return Case(post.face, post.phrase, post.target, shift, rng.randrange(len(PAPERS)), rng.randrange(len(SKINS)))


def questions(case: Case, rng: random.Random) -> list[Question]:
    """One of each kind: of the face alone, of the words alone, and two of both. Only praise and blame may be irony."""
    texts = {kind: rng.choice(WORDINGS[kind]).format(case.words, case.target) for kind in case.truth}
    return [Question(kind, texts[kind], answer) for kind, answer in case.truth.items()]


def worked(case: Case, question: Question) -> str:
    """Where both sides are needed, first what each of them says: "sad, gone: positive"; otherwise the answer."""
    if question.kind not in ("sentiment", "irony"):
        return question.answer
    return f"{case.face}, {PHRASES[case.phrase].says}: {question.answer}"


def alone(side: str, kind: str, split: str = "heldout") -> float:
    """How many of all posts the best possible reader of one side ("words" or "face") gets right, from 0 to 1.

    It knows the true frequencies of `split` itself, so no model that sees that side alone can do better there.
    Raises ValueError for another side, kind or split.
    """
    if side not in ("words", "face") or kind not in KINDS:
        raise ValueError(f"side must be 'words' or 'face' and kind one of {KINDS}, not {side!r} and {kind!r}")
    seen: dict[str, Counter] = defaultdict(Counter)
    for post in posts(split):
        if kind in post.truth:
            seen[getattr(post, side)][post.truth[kind]] += 1
    return sum(max(counts.values()) for counts in seen.values()) / sum(counts.total() for counts in seen.values())


def draw(case: Case, size: int = SIZE) -> Image.Image:
    """The face of the post as an RGB picture of `size` x `size` pixels; the words stand in the question alone."""
    return faces.draw(case.face, case.shift, case.paper, case.skin, size)
