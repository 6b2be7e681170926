"""What the small language model reads before it ever meets a picture: texts about training scenes, and pairs on them.

| lesson   | is read                                  | is asked                                             |
|----------|------------------------------------------|------------------------------------------------------|
| picture  | one scene, at times with a sign          | what it shows, where, how many; to describe it       |
| senses   | one scene, with what pictures do not show | how far, how warm, which way it moves               |
| pages    | two or three scenes                      | the same of one of them; which comes first, last, next |
| names    | scenes, each with a name not heard before | the name of another scene                           |
"""

import random

from transformers import LlamaForCausalLM

from labs.systems.parts import told
from labs.systems.parts.learn import learn
from labs.systems.parts.lexicon import DECODE, END
from labs.systems.parts.talk import answer_loss, lay_out, pair, read, write
from labs.systems.parts.talker import build
from labs.tuning.packing import Branch, Row, question_answer
from labs.world import splits
from labs.world.scene import Scene, sample_thing
from labs.world.vocabulary import NUMBERS

STEPS, ROWS, RATE = {"strong": 10000, "weak": 3000}, 16, 2e-3
FIRST, SHARES = 0.3, (4, 2, 3, 3)  # of the steps are about one picture alone; of the lessons from then on
ASKED, DESCRIBED, HINTED, SIGNED = 8, 0.3, 0.2, 0.15  # pairs a row; shares
SHOTS, QUERIES = 3, 4  # of each name, at most; scenes that are to be named


def train(size: str, seed: int = 0) -> LlamaForCausalLM:
    """A talker after its lessons, frozen."""
    model = build(size, seed)
    steps = STEPS[size]
    learn(model.parameters(), lambda step: answer_loss(model, lay_out(lessons(step, steps))), steps, RATE)
    return model.eval().requires_grad_(False)


def lessons(step: int, steps: int) -> list[Row]:
    """The rows of a step: to answer from one scene is learned before all else builds on it."""
    rng = random.Random(f"school {step}")
    shares = (1, 0, 0, 0) if step < FIRST * steps else SHARES
    return [rng.choices((picture, senses, pages, names), shares)[0](rng) for _ in range(ROWS)]


def picture(rng: random.Random) -> Row:
    scene = splits.sample(rng, count=rng.choice((1, 2, 2, 3)), sign=rng.random() < SIGNED)
    kinds = (*told.KINDS, "sign", "sign") if scene.sign else told.KINDS
    pairs = [pair(one.text, one.answer) for one in told.questions(scene, rng, ASKED, kinds, HINTED)]
    if rng.random() < DESCRIBED:
        pairs.append(pair(told.DESCRIBE, told.tell(scene)))
    return Row(read(told.tell(scene)), pairs)


def senses(rng: random.Random) -> Row:
    scene = splits.sample(rng, count=rng.choice((1, 2)))
    felt = rng.sample(list(told.FELT), rng.choice((1, 1, 2)))
    unlike = len({thing.shape for thing in scene.things}) == len(scene.things)  # else "the star" may mean two
    asked = told.questions(scene, rng, ASKED // 2, (*felt, *felt, "shape", "colour") if unlike else told.KINDS)
    return Row(read(told.tell(scene, felt)), [pair(one.text, one.answer) for one in asked])


def pages(rng: random.Random) -> Row:
    """Several pictures: what is in one of them, and, of single things unlike each other, which comes when."""
    scenes = [splits.sample(rng, count=rng.choice((1, 1, 2))) for _ in range(rng.choice((2, 3)))]
    prefix = [number for scene in scenes for number in read(told.tell(scene))]
    pairs = []
    for _ in range(ASKED):
        which = rng.randrange(len(scenes))
        one = told.question(scenes[which], rng, rng.choice(told.KINDS))
        if one:
            pairs.append(pair(*of_page(one.text, one.answer, which)))
    return Row(prefix, pairs + [pair(*asked) for asked in in_order(scenes, rng)])


def of_page(question: str, answer: str, which: int) -> tuple[str, str]:
    """ "What colour is the star?" -> "What colour is the star in picture two?" """
    return f"{question.rstrip('?')} in picture {NUMBERS[which + 1]}?", answer


def in_order(scenes: list[Scene], rng: random.Random) -> list[tuple[str, str]]:
    """What can be asked about the order of single things unlike each other; nothing if they are not."""
    shapes = [scene.things[0].shape for scene in scenes]
    if len(set(shapes)) < len(scenes) or any(len(scene.things) > 1 for scene in scenes):
        return []
    first = rng.randrange(len(scenes) - 1)
    asked = [(told.ORDER[0], shapes[0]), (told.ORDER[1], shapes[-1])]
    return [*asked, (told.ORDER[2].format(f"the {shapes[first]}"), shapes[first + 1])]


def names(rng: random.Random) -> Row:
    """Two names, each for all things of one shape or of one colour: shown some times, then to be told."""
    shots = rng.randint(1, SHOTS)
    episode = Episode(rng)
    shown = [episode.example(which) for which in (0, 1) for _ in range(shots)]
    rng.shuffle(shown)
    prefix = [number for scene, name in shown for number in [*read(told.tell(scene)), DECODE, *write(name), END]]
    return Row(prefix, [named(*episode.example(rng.randrange(2))) for _ in range(QUERIES)])


def named(scene: Scene, name: str) -> Branch:
    """A scene of which the name is to be told."""
    return question_answer([*read(told.tell(scene)), DECODE], [*write(name), END])


class Episode:
    """Two new names and what they mean: shapes, or colours; which of both only more examples tell."""

    def __init__(self, rng: random.Random, split: str = "train"):
        self.rng, self.split = rng, split
        self.names, self.about, self.meant = told.new_names(rng)

    def example(self, which: int) -> tuple[Scene, str]:
        """A scene of one thing that has the first or the second name."""
        while True:
            fixed = {self.about: self.meant[which]}
            scene = splits.sample(self.rng, self.split, count=1)
            thing = sample_thing(self.rng, scene.things[0].cell, **fixed)
            scene = Scene((thing,), scene.background, scene.tone, scene.texture)
            if splits.is_held_out(scene) == (self.split == "heldout"):
                return scene, self.names[which]
