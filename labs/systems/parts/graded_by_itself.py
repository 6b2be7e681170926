"""A model grades its own replies with a detailed description of the film before it, and learns from what it prefers, as
in VLM-RLAIF (Ahn et al., 2024, https://arxiv.org/abs/2402.03746).

    film of three shots, <describe>           --> reply: colour and way of each shot; half of the ways are habits
    each shot alone, <detail>                 --> its colour and way; put together: the detailed description
    film, description, <grade>                --> what is true, once more; a reply's reward is how likely it is here
    preference                                    of a few drawn replies the best over the worst, learned by DPO

One model does all three. What it learned to describe films from says of a thing mostly which way its colour usually
goes, true or not; of single shots it was told the truth. Replies have three statements each: silence is no gain.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from labs.systems.claim import Scores
from labs.systems.parts import preferring_rows, shots, sound_films
from labs.systems.parts.learn import learn
from labs.systems.parts.mixed_writer import MixedWriter

WAYS = ("description", "no description", "facts", "coin", "supervised alone")
SHOTS, SAYS = 3, (0, 2)  # of a film; the kinds of word that are stated of a shot
STATED = len(SAYS)
DESCRIBE, DETAIL, GRADE, UNSAID = range(shots.WORDS, shots.WORDS + 4)
HABIT = 0.6  # how often a film's text tells the usual way of a colour
STEPS, BATCH, RATE = 400, 32, 2e-3
PROMPTS, REPLIES, ASKED = 600, 4, 200  # films to learn preferences from, replies to each; films of the exam


def true_words(split: str, films: Int[Tensor, "n 3"]) -> Int[Tensor, "n 6"]:
    """Colour and way of each shot."""
    return shots.words(split)[:, list(SAYS)][films].flatten(1)


def found_words(true: Int[Tensor, "n 6"], generator: torch.Generator) -> Int[Tensor, "n 6"]:
    """What is said of films: each way is often the one that is usual for the colour."""
    colour, way = true.unflatten(1, (SHOTS, STATED)).unbind(2)
    usual = shots.starts()[2] + colour % shots.COUNTS[2]
    said = torch.where(torch.rand(way.shape, generator=generator) < HABIT, usual, way)
    return torch.stack([colour, said], 2).flatten(1)


def film(split: str, films: Int[Tensor, "n shots"], tag: int) -> list[Tensor]:
    """What is seen of films, and what is asked for."""
    return [shots.seen(split)[films, 0], torch.full((len(films), 1), tag)]


def grading(seen: Float[Tensor, "n 3 256"], described: Int[Tensor, "n 6"]) -> list[Tensor]:
    """A film, its description or none, and the request to grade what follows."""
    return [seen, described, torch.full((len(seen), 1), GRADE)]


@cache
def supervised(seed: int) -> MixedWriter:
    """Describes films as it found them described, tells single shots truly, and grades with and without description."""
    torch.manual_seed(seed)
    model = MixedWriter(shots.WORDS + 4, shots.WIDE, layers=2)

    def loss(step: int) -> Tensor:
        generator = torch.Generator().manual_seed(10_000 * seed + step)
        films = shots.films("train", BATCH, SHOTS, 10_000 * seed + step)
        true = true_words("train", films)
        found = found_words(true, generator)
        told = model.loss([*film("train", films, DESCRIBE), found], given=2)
        told = told + model.loss([*film("train", films[:, :1], DETAIL), true[:, :STATED]], given=2)
        described = true if step % 2 else torch.full_like(true, UNSAID)
        return told + model.loss([*grading(shots.seen("train")[films, 0], described), true], given=3)

    learn(model.parameters(), loss, STEPS, RATE)
    return model.eval().requires_grad_(False)


def describe_shots(model: MixedWriter, split: str, films: Int[Tensor, "n 3"]) -> Int[Tensor, "n 6"]:
    """The detailed description: what the model itself says of each shot alone."""
    told = [model.write(film(split, films[:, i : i + 1], DETAIL), STATED, (0, shots.WORDS)) for i in range(SHOTS)]
    return torch.cat(told, 1)


@torch.no_grad()
def reward(
    model: MixedWriter, films: Int[Tensor, "n 3"], reply: Int[Tensor, "n 6"], way: str
) -> Float[Tensor, " n"]:  # fmt: skip
    """How good replies to training films are, in one of `WAYS`. Raises ValueError for a way that ranks nothing."""
    if way == "facts":
        return (reply == true_words("train", films)).float().sum(1)
    if way == "coin":
        return torch.rand(len(reply), generator=torch.Generator().manual_seed(int(reply.sum())))
    if way not in WAYS[:2]:
        raise ValueError(f"way must be one of {', '.join(WAYS[:4])}, not {way!r}")
    described = describe_shots(model, "train", films) if way == WAYS[0] else torch.full_like(reply, UNSAID)
    return preferring_rows.log_probability(model, grading(shots.seen("train")[films, 0], described), reply)


@cache
def drawn(seed: int) -> tuple[Int[Tensor, "prompts 3"], Int[Tensor, "replies prompts 6"]]:
    """Training films, and replies to them, drawn as likely as they are."""
    films, model = shots.films("train", PROMPTS, SHOTS, 20_000 + seed), supervised(seed)
    given = film("train", films, DESCRIBE)
    replies = [model.write(given, SHOTS * STATED, (0, shots.WORDS), 10 * seed + i) for i in range(REPLIES)]
    return films, torch.stack(replies)


@cache
def taught(seed: int, way: str) -> MixedWriter:
    """The supervised model after preferences ranked in a way."""
    model = supervised(seed)
    if way == "supervised alone":
        return model
    films, replies = drawn(seed)
    grades = torch.stack([reward(model, films, reply, way) for reply in replies])
    each = torch.arange(PROMPTS)
    best, worst = replies[grades.argmax(0), each], replies[grades.argmin(0), each]
    return preferring_rows.prefer(model, film("train", films, DESCRIBE), best, worst, seed)


def true_statements(seed: int, way: str, another: bool = False) -> Scores:
    """1 for each of three statements about a film of the exam that is true, or true of `another` film."""
    films = shots.films(sound_films.EXAM, ASKED, SHOTS, 7)
    told = taught(seed, way).write(film(sound_films.EXAM, films, DESCRIBE), SHOTS * STATED, (0, shots.WORDS))
    one, true = (words.unflatten(1, (SHOTS, STATED)) for words in (told, true_words(sound_films.EXAM, films)))
    rolls = shots.SHIFTS if another else (0,)
    return shots.scored(torch.stack([(one.roll(by, 0) == true).all(2) for by in rolls]).float().mean(0))
