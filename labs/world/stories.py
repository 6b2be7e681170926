"""A story: five pictures, a protagonist, and four events, each of them the difference between two pictures.

The plot is the order of the events' kinds. One plot in five is kept from training, and in a held-out story the
protagonist moreover has a colour and a shape that training never shows in one thing.
"""

import random
from dataclasses import dataclass, replace

from labs.world import splits
from labs.world.captions import describe
from labs.world.grammar import agree, at, phrase, sentence, word
from labs.world.scene import Scene, Thing, sample_background, sample_thing
from labs.world.vocabulary import COLOURS, ES_COLOURS, ES_SHAPES, ES_SIZES, SHAPES, SIZES

EVENTS = ("move", "resize", "recolour", "meet", "part")
PICTURES = 5


@dataclass(frozen=True)
class Story:
    """Five scenes and the kinds of the four events between them. The protagonist is the one thing of the first."""

    scenes: tuple[Scene, ...]
    plot: tuple[str, ...]

    def sentences(self, language: str = "en") -> list[str]:
        """One sentence a picture, the first of which introduces the protagonist."""
        hero = self.scenes[0].things[0]
        english = language == "en"
        once = "once there was" if english else "había una vez"
        told = [sentence(f"{once} {describe(hero, language)} {at(language, hero.place)}")]
        for kind, before, after in zip(self.plot, self.scenes, self.scenes[1:], strict=False):
            told.append(sentence(_tell(kind, before, after, language)))
        return told

    def text(self, language: str = "en") -> str:
        """The whole story."""
        return " ".join(self.sentences(language))


def is_held_out_plot(plot: tuple[str, ...]) -> bool:
    """True for the fifth of all plots that training never tells."""
    return sum((place + 1) * EVENTS.index(kind) for place, kind in enumerate(plot)) % 5 == 3


def sample_story(rng: random.Random, split: str = "train") -> Story:
    """Draw a story of the split."""
    if split not in splits.SPLITS:
        raise ValueError(f"split must be one of {splits.SPLITS}, not {split!r}")
    plot = _sample_plot(rng)
    while is_held_out_plot(plot) != (split == "heldout"):
        plot = _sample_plot(rng)
    while True:
        story = Story(_play(rng, plot), plot)
        known = not any(splits.is_held_out(scene) for scene in story.scenes)
        if known if split == "train" else splits.has_held_out_pair(story.scenes[0]):
            return story


def _sample_plot(rng: random.Random) -> tuple[str, ...]:
    """Four events; nobody parts who has not been met, and only one friend is there at a time."""
    plot, friend = [], False
    while len(plot) < PICTURES - 1:
        kind = rng.choice(EVENTS)
        if kind in ("meet", "part"):
            if friend != (kind == "part"):
                continue
            friend = not friend
        plot.append(kind)
    return tuple(plot)


def _play(rng: random.Random, plot: tuple[str, ...]) -> tuple[Scene, ...]:
    hero, friend, background = sample_thing(rng, rng.randrange(9)), None, sample_background(rng)
    scenes = [Scene((hero,), **background)]
    for kind in plot:
        if kind == "move":
            taken = {hero.cell, friend.cell if friend else None}
            cell = rng.choice([cell for cell in range(9) if cell not in taken])
            hero = _put(hero, cell)
        elif kind == "resize":
            hero = _put(replace(hero, size=next(size for size in SIZES if size != hero.size)), hero.cell)
        elif kind == "recolour":
            hero = replace(hero, colour=rng.choice([colour for colour in COLOURS if colour != hero.colour]))
        elif kind == "meet":
            cell = rng.choice([cell for cell in range(9) if cell != hero.cell])
            friend = sample_thing(rng, cell, shape=rng.choice([shape for shape in SHAPES if shape != hero.shape]))
        else:
            friend = None
        scenes.append(Scene((hero, friend) if friend else (hero,), **background))
    return tuple(scenes)


def _put(thing: Thing, cell: int) -> Thing:
    return replace(thing, x=(cell % 3 + 0.5) / 3, y=(cell // 3 + 0.5) / 3)


def _tell(kind: str, before: Scene, after: Scene, language: str) -> str:
    """One event, without capital letter and full stop, read off the two scenes alone."""
    english = language == "en"
    if kind == "meet":
        friend = next(thing for thing in after.things if not _alike(thing, before))
        return f"it met {describe(friend)}" if english else f"se encontró con {describe(friend, language)}"
    if kind == "part":
        friend = next(thing for thing in before.things if not _alike(thing, after))
        who = phrase(language, friend.shape, article="the")
        return f"{who} went away" if english else f"{who} se fue"
    old = next(thing for thing in before.things if not _alike(thing, after))
    new = next(thing for thing in after.things if not _alike(thing, before))
    gender = ES_SHAPES[new.shape].gender
    if kind == "move":
        return f"it went to the {new.place}" if english else f"se fue {at(language, new.place).replace('en el', 'al')}"
    if kind == "recolour":
        return f"it turned {new.colour}" if english else f"se volvió {agree(ES_COLOURS[new.colour], gender)}"
    assert old.size != new.size
    if english:
        return f"it became {word(language, new.size)}"
    return f"se hizo {agree(ES_SIZES[new.size], gender)}"


def _alike(thing: Thing, scene: Scene) -> bool:
    return any((thing.shape, thing.colour, thing.size, thing.cell)
               == (other.shape, other.colour, other.size, other.cell) for other in scene.things)  # fmt: skip
