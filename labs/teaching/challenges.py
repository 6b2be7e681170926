"""The six core challenges of multimodal learning, each by one small measurement (Baltrusaitis et al., 2017,
https://arxiv.org/abs/1705.09406; the list of the tutorial). Two of them ship as claims, four run in seconds."""

from collections.abc import Sequence

import torch

from labs.evaluation.answering import answers
from labs.evaluation.heldout import shuffled
from labs.evaluation.interval import Interval, difference, interval
from labs.models import mini
from labs.models.entry import Loaded
from labs.models.pixels import to_pixels
from labs.systems.parts import eyes, joint_space
from labs.systems.parts.probe import linear_probe
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.scene import Scene
from labs.world.vocabulary import SHAPES

# challenge -> claims of data/claims.json that measure it
SHIPPED = {
    "fusion": ("fusion/all senses", "fusion/competition"),
    "missing senses": ("fusion/missing senses", "fusion/one sense left"),
}
LABELLED, FEW, TESTED, CANDIDATES, CAPTIONED = 200, 50, 400, 100, 40


def representation() -> dict[str, Interval]:
    """Which shape is it? A linear layer on pixels, and on features, each with the same few labels."""
    scenes, tested = eyes.scenes("train", LABELLED), eyes.scenes("heldout", TESTED)
    labels, truth = _shapes(scenes), _shapes(tested)
    seen = {
        "raw pixels": lambda part: to_pixels([draw(scene) for scene in part]).flatten(1),
        "frozen features": lambda part: eyes.look(part)[:, 0],
    }
    found = {}
    for name, see in seen.items():
        told = linear_probe(see(scenes), labels, see(tested), len(SHAPES), seed=0)
        found[name] = interval((told == truth).float().tolist(), range(TESTED))
    mixed = labels[torch.randperm(LABELLED, generator=torch.Generator().manual_seed(0))]
    told = linear_probe(eyes.look(scenes)[:, 0], mixed, eyes.look(tested)[:, 0], len(SHAPES), seed=0)
    return found | {"shuffled labels": interval((told == truth).float().tolist(), range(TESTED))}


def transfer() -> dict[str, Interval]:
    """The same question with 50 labels: on what the frozen eyes have learned before, and on an untrained tower's."""
    scenes, tested = eyes.scenes("train", FEW), eyes.scenes("heldout", TESTED)
    blank = mini.dual_encoder(eyes.dual_encoder().processor.tokenizer).eval().vision_model
    seen = {
        "learned before": lambda part: eyes.look(part)[:, 0],
        "untrained": lambda part: blank(pixel_values=to_pixels([draw(scene) for scene in part])).pooler_output.detach(),
    }
    truth, found = _shapes(tested), {}
    for name, see in seen.items():
        told = linear_probe(see(scenes), _shapes(scenes), see(tested), len(SHAPES), seed=0)
        found[name] = interval((told == truth).float().tolist(), range(TESTED))
    return found


def alignment() -> dict[str, Interval]:
    """Is a picture's own caption the nearest of 100? The control asks for its neighbour's."""
    scenes = eyes.scenes("heldout", TESTED, (1, 2))
    alike = joint_space.see(scenes) @ joint_space.read([caption(scene) for scene in scenes]).T
    groups = alike.view(-1, CANDIDATES, TESTED)
    nearest = torch.cat([group[:, i * CANDIDATES :][:, :CANDIDATES].argmax(1) for i, group in enumerate(groups)])
    own = torch.arange(TESTED) % CANDIDATES
    rights = {"right pairs": own, "shuffled pairs": own.roll(1)}
    return {name: interval((nearest == right).float().tolist(), range(TESTED)) for name, right in rights.items()}


def translation(loaded: Loaded, side: int) -> dict[str, Interval]:
    """Captions of held-out pictures: how many of the things that are there do they name, with colour and shape?"""
    scenes = eyes.scenes("heldout", CAPTIONED, (1, 2, 3))
    pictures = [draw(scene, side) for scene in scenes]
    where = [i for i, scene in enumerate(scenes) for _ in scene.things]
    its, other = (_named(scenes, answers(loaded, seen, ["Describe the picture."] * CAPTIONED, max_new_tokens=60))
                  for seen in (pictures, shuffled(pictures)))  # fmt: skip
    return {
        "its own picture": interval(its, where),
        "another scene's picture": interval(other, where),
        "difference": difference(its, other, where),
    }


def _named(scenes: Sequence[Scene], captions: Sequence[str]) -> list[float]:
    pairs = zip(scenes, captions, strict=True)
    return [float(f"{thing.colour} {thing.shape}" in told.lower()) for scene, told in pairs for thing in scene.things]


def _shapes(scenes: Sequence[Scene]) -> torch.Tensor:
    return torch.tensor([SHAPES.index(scene.things[0].shape) for scene in scenes])
