"""One model that tells what films show and makes films from what is told, from whatever tokens films are made into."""

from functools import cache

import torch
from jaxtyping import Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import film_codes, small_films
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.mixed_writer import MixedWriter
from labs.systems.parts.ranges import Ranges

STEPS, BATCH, RATE = 200, 32, 2e-3  # steps of each direction
SHOWN = ("colour", "shape", "motion")  # what is asked
CHANCE = (1 / 8 + 1 / 8 + 1 / 5) / 3


def vocabulary(way: str) -> Ranges:
    """Words, tokens of films and tags."""
    return Ranges({"text": small_films.words(), "film": film_codes.size(way)})


def tokens(name: str, way: str, split: str) -> Int[Tensor, "scenes some"]:
    """Texts or films of a split, as numbers of that vocabulary."""
    if name == "text":
        return small_films.as_words(small_films.attributes(split))
    return film_codes.encode(way, split) + vocabulary(way).start["film"]


@cache
def train(seed: int, way: str) -> MixedWriter:
    """Both directions in turn."""
    torch.manual_seed(seed)
    words, count = vocabulary(way), small_films.COUNTS["train"]
    model = MixedWriter(words.size)
    data = {name: tokens(name, way, "train") for name in words.sizes}
    at = batches(count, BATCH, seed)

    def loss(step: int) -> Tensor:
        chosen, (given, asked) = at(step // 2), (("film", "text"), ("text", "film"))[step % 2]
        return model.loss([data[given][chosen], words.tag(asked, len(chosen)), data[asked][chosen]], given=2)

    learn(model.parameters(), loss, 2 * STEPS, RATE)
    return model.eval().requires_grad_(False)


def reads(seed: int, way: str, another: bool = False) -> Scores:
    """1 for each of `SHOWN` that is told rightly of a film, or as a control of `another`."""
    said = _written(seed, way, "film", "text")
    return small_films.right(said - small_films.starts(), SHOWN, another)


def makes(seed: int, way: str, another: bool = False, true: bool = False) -> Scores:
    """1 for each of `SHOWN` that the judge finds in a film made from its text; or, `true`, in the true one's codes."""
    codes = film_codes.encode(way, small_films.EXAM)
    if not true:
        codes = _written(seed, way, "text", "film") - vocabulary(way).start["film"]
    return small_films.right(small_films.judge(film_codes.decode(way, codes)), SHOWN, another)


def _written(seed: int, way: str, given: str, asked: str) -> Tensor:
    words, model = vocabulary(way), train(seed, way)
    shown = tokens(given, way, small_films.EXAM)
    count = tokens(asked, way, small_films.EXAM).shape[1]
    return model.write([shown, words.tag(asked, len(shown))], count, words.of(asked))
