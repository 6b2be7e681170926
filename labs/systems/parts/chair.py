"""What a description invents, what it leaves out, and how long it is.

CHAIR (https://arxiv.org/abs/1809.02156): of the things that a description names, the share that the picture does not
show. A thing is a colour and a shape here. Whoever says less also invents less, so recall belongs beside it.
"""

from collections.abc import Callable, Mapping

from labs.systems.parts.companions import companion
from labs.systems.parts.facts import stated, there
from labs.world.scene import Scene


def invented(reply: str, scene: Scene) -> float:
    """Of the things that a reply names, the share that is not there; 0 where it names none."""
    said = stated(reply)
    return len(said - there(scene)) / max(1, len(said))


def recall(reply: str, scene: Scene) -> float:
    """Of the things that are there, the share that a reply names."""
    return len(stated(reply) & there(scene)) / len(there(scene))


def agreement(reply: str, scene: Scene) -> float:
    """F1 of both: how well the things that a reply names are those that are there."""
    said, shown = stated(reply), there(scene)
    return 2 * len(said & shown) / (len(said) + len(shown))


def words(reply: str, scene: Scene) -> float:
    """How long it is."""
    return float(len(reply.split()))


def names_companion(reply: str, scene: Scene) -> float:
    """1 where it names what usually goes with what is there."""
    return float(companion(scene) in stated(reply))


def companion_right(reply: str, scene: Scene) -> float:
    """1 where it names that if it is there, and does not if it is not: neither more nor fewer words are enough."""
    return float((companion(scene) in stated(reply)) == (companion(scene) in there(scene)))


MEASURES: Mapping[str, Callable[[str, Scene], float]] = {
    "invented": invented, "recall": recall, "words": words, "companion": names_companion,
    "companion right": companion_right,
}  # fmt: skip


def marked(reply: str, scene: Scene) -> str:
    """The reply with every invented thing in brackets: "a big [red circle] at the top"."""
    for colour, shape in stated(reply) - there(scene):
        reply = reply.replace(f"{colour} {shape}", f"[{colour} {shape}]")
    return reply
