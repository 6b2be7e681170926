"""What a language model has read comes back in what it says it sees: a star is said to be red, because stars are.

    What colour is the star? red          read nine times in ten, of nothing in particular; or as often as any colour

Both read the same texts of scenes besides, from which they answer as before. Then each is frozen, and a connector of
its own learns from the same pictures, in which a star has any colour. https://arxiv.org/abs/2311.16922 counts priors of
the language model among the causes of what large models invent (checked).
"""

import random
from functools import cache
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import LlamaForCausalLM

from labs.systems.claim import Scores
from labs.systems.parts import lookout, school, told
from labs.systems.parts.connected import Connected, Connector, train
from labs.systems.parts.learn import learn
from labs.systems.parts.lexicon import CLS
from labs.systems.parts.lookout import material
from labs.systems.parts.shown import rows
from labs.systems.parts.talk import answer_logits, answer_loss, lay_out, pair
from labs.systems.parts.talker import talker
from labs.tuning.packing import Row
from labs.world import splits
from labs.world.scene import Scene, Thing
from labs.world.splits import HELD_OUT_PAIRS
from labs.world.vocabulary import COLOURS, SHAPES

READ, RATE, ROWS, ASKED = 300, 1e-3, 8, 4  # steps; rows of either kind, and questions of a row
USUAL = 0.9  # of what is read of a shape says that it has its usual colour
KIND, TOKENS, SEEN = "Q-Former", 16, 600  # the connector, and its steps
EXAM = 500  # pictures


class Shown(NamedTuple):
    """A scene, and the one thing in it of that shape; it has another colour than the usual one."""

    scene: Scene
    thing: Thing


def usual(seed: int) -> dict[str, str]:
    """For each shape the colour that texts say it has: eight different ones, no pair one that training never shows."""
    rng = random.Random(f"usual {seed}")
    while True:
        found = dict(zip(SHAPES, rng.sample(tuple(COLOURS), len(SHAPES)), strict=True))
        if not {(colour, shape) for shape, colour in found.items()} & HELD_OUT_PAIRS:
            return found


def question(shape: str) -> str:
    """ "What colour is the star?" """
    return f"What colour is the {shape}?"


def sayings(rng: random.Random, seed: int, skewed: bool) -> Row:
    """What colour some shapes have, read of no picture and no text."""
    known = usual(seed)

    def colour(shape: str) -> str:
        any_other = rng.choice([one for one in COLOURS if (one, shape) not in HELD_OUT_PAIRS])
        return known[shape] if skewed and rng.random() < USUAL else any_other

    return Row([CLS], [pair(question(shape), colour(shape)) for shape in rng.sample(SHAPES, ASKED)])


@cache
def language(seed: int, skewed: bool) -> LlamaForCausalLM:
    """The talker, which has read on; frozen."""
    model = talker().requires_grad_(True)

    def loss(step: int) -> Tensor:
        rng = random.Random(f"read {seed} {step}")
        return answer_loss(model, lay_out([pick for _ in range(ROWS)
                                           for pick in (sayings(rng, seed, skewed), school.picture(rng))]))  # fmt: skip

    learn(model.parameters(), loss, READ, RATE)
    return model.eval().requires_grad_(False)


@cache
def connected(seed: int, skewed: bool) -> Connected:
    """A connector between the eyes and that language model, which alone has learned from pictures."""
    given, reads = material("train"), language(seed, skewed)
    torch.manual_seed(seed)
    connector = Connector(KIND, reads.config.hidden_size, TOKENS)
    connector.as_loud_as(reads.get_input_embeddings().weight, given.seen[:100])
    model = Connected(reads, connector)
    train(model, connector.parameters(), given, given.lessons(), SEEN, seed)
    return model.requires_grad_(False)


@cache
def exam(seed: int) -> tuple[Shown, ...]:
    """New scenes of combinations that training shows."""
    rng, known, found = random.Random(f"usual exam {seed}"), usual(seed), []
    while len(found) < EXAM:
        scene = splits.sample(rng, count=rng.choice(lookout.THINGS))
        shapes = [thing.shape for thing in scene.things]
        fit = [thing for thing in scene.things if shapes.count(thing.shape) == 1 and thing.colour != known[thing.shape]]
        if fit:
            found.append(Shown(scene, rng.choice(fit)))
    return tuple(found)


@cache
def colours(seed: int, skewed: bool, others: bool) -> Float[Tensor, "exam colours"]:
    """Logits of all colours where one is asked for; `others` shows each time the next scene's picture."""
    asked, model = exam(seed), connected(seed, skewed)
    seen = lookout.look([one.scene for one in asked])
    seen = seen.roll(1, 0) if others else seen
    batch = rows(TOKENS, [[pair(question(one.thing.shape), one.thing.colour)] for one in asked])
    with torch.no_grad():
        first = answer_logits(model.language, batch, model.connector(seen))[::2]  # the other is the end
    return first[:, [told.lexicon().number[colour] for colour in COLOURS]]


def says_usual(seed: int, skewed: bool = True) -> Scores:
    """1 where it says the usual colour, though the thing has another."""
    said = [tuple(COLOURS)[place] for place in colours(seed, skewed, False).argmax(1).tolist()]
    return _scores([float(colour == usual(seed)[one.thing.shape])
                    for colour, one in zip(said, exam(seed), strict=True)])  # fmt: skip


def usual_likelier(seed: int, skewed: bool = True, others: bool = False) -> Scores:
    """1 where the usual colour is found likelier than the true one."""
    logits, places, values = colours(seed, skewed, others), tuple(COLOURS), []
    for one, row in zip(exam(seed), logits, strict=True):
        known = usual(seed)[one.thing.shape]
        values.append(float(row[places.index(known)] > row[places.index(one.thing.colour)]))
    return _scores(values)


def _scores(values: list[float]) -> Scores:
    return Scores(values, range(len(values)))
