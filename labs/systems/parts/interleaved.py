"""Pages on which a film, a text and a sound take turns; each question says which of them it is about.

    <cls> film, 16 words | <cls> top left big red star | <cls> sound, 8 words | What colour is the ... in picture two?

A thing is named by its place, which tells neither its colour nor its shape.
"""

import random
from functools import cache
from typing import NamedTuple

from labs.systems.parts import films, listened, one_thing, told
from labs.systems.parts.branches import HEARD, QUERIES
from labs.systems.parts.school import of_page
from labs.systems.parts.talk import pair, read, see
from labs.tuning.packing import Branch, Row
from labs.world.scene import Scene

PAGES = 200


class Page(NamedTuple):
    """Scenes of one thing each: one is filmed, one told, one heard, by their numbers; and what is asked."""

    filmed: int
    told_of: int
    heard: int
    pairs: list[Branch]

    def scenes(self) -> tuple[Scene, Scene, Scene]:
        """In their order on the page."""
        return films.pool("heldout")[self.filmed], films.pool("heldout")[self.told_of], listened.exam()[self.heard]


@cache
def pages() -> list[Page]:
    """Held-out films and texts, and sounds, of three different shapes: of each are asked its colour and its shape."""
    return [_asked(random.Random(f"page {number}")) for number in range(PAGES)]


def _asked(rng: random.Random) -> Page:
    shapes = []
    while len(set(shapes)) < 3:
        page = Page(*(rng.randrange(len(some)) for some in (*2 * [films.pool("heldout")], listened.exam())), [])
        shapes = [scene.things[0].shape for scene in page.scenes()]
    for which, scene in enumerate(page.scenes()):
        for one in (one_thing.question(scene.things[0], kind) for kind in listened.KINDS):
            page.pairs.append(pair(*of_page(one.text, one.answer, which)))
    return page


def row(page: Page, shown: Page, in_words: bool = False) -> Row:
    """Room for a film and a sound and between them the text that is `shown`; or all three `in_words`."""
    film, text, sound = ([*read(told.tell(scene))] for scene in shown.scenes())
    return Row([*film, *text, *sound] if in_words else [*see(QUERIES), *text, *see(HEARD)], page.pairs)
