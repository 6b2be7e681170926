"""Stories as worksheet 1 tells and compares them, and how often an interval holds what it is said to hold."""

import random
from collections.abc import Hashable, Sequence

from PIL import Image

from labs.evaluation.answering import answers
from labs.evaluation.interval import interval
from labs.evaluation.metrics import normal
from labs.models.catalog import Loaded, profile
from labs.models.chat import answer
from labs.models.messages import ConversationError
from labs.models.story import sentences
from labs.world.vocabulary import COLOURS, PLACES, SHAPES, SIZES

LONGEST, CAPTION = 80, 20  # tokens of a story, and of what is told about one picture
# words that tell one event from another
TELLING = {*COLOURS, *SHAPES, *SIZES, *" ".join(PLACES).split(), "met", "away"}


def tell_all(loaded: Loaded, albums: Sequence[Sequence[Image.Image]], batch: int) -> list[list[str]]:
    """A story of each album in sentences, however many; captions from a model that reads one picture alone."""
    git = loaded.entry.model_class == "GitForCausalLM"
    asked = [loaded.entry.story] * len(albums)
    try:
        texts = [_git(loaded, album) for album in albums] if git else answers(loaded, albums, asked, batch, LONGEST)
    except ConversationError:
        return [
            [answer(loaded, [picture], "What is in the picture?", max_new_tokens=CAPTION) for picture in album]
            for album in albums
        ]
    return [sentences(text, max(1, text.count("."))) for text in texts]


def _git(loaded: Loaded, album: Sequence[Image.Image]) -> str:
    """The library's cache for GIT is meant for the full number of pictures; with it they are looked at only once."""
    full = len(album) == loaded.model.config.num_image_with_embedding
    return answer(loaded, album, loaded.entry.story, max_new_tokens=LONGEST, use_cache=full)


def same_event(told: str, true: str) -> bool:
    """Whether a sentence tells an event: word for word in profile mini.

    Real models word it otherwise: there, of the words for things, places and changes that either sentence has, more
    than half must be in both. A laxer rule takes "It turned red" for "It turned blue", and sees order in none.
    """
    if profile() == "mini":
        return normal(told) == normal(true)
    one, other = (set(normal(text).replace(",", "").split()) & TELLING for text in (told, true))
    return 2 * len(one & other) > len(one | other)


def pairs_of(ordered: Sequence[float], pairs: int = 10) -> tuple[list[float], list[int]]:
    """Each story's share of ordered pairs -> a score for every pair, and the number of its story."""
    right = [round(pairs * share) for share in ordered]
    scores = [float(place < count) for count in right for place in range(pairs)]
    return scores, [number for number in range(len(right)) for _ in range(pairs)]


def covered(
    scores: Sequence[float], stories: Sequence[int], units: Sequence[Hashable], few: int = 24, times: int = 200
) -> float:
    """How often the interval of `few` stories holds the mean of all of them, where `units` are what is drawn anew.

    Each time other stories are taken; an interval of 95 % should hold it 95 times in 100.
    """
    rng, names, held = random.Random(0), sorted(set(stories)), 0
    truth = sum(scores) / len(scores)
    for seed in range(times):
        chosen = set(rng.sample(names, few))
        kept = [
            (score, hash(unit)) for score, story, unit in zip(scores, stories, units, strict=True) if story in chosen
        ]
        found = interval([score for score, _ in kept], [unit for _, unit in kept], seed)
        held += found.low <= truth <= found.high
    return held / times
