"""CLIP (Radford et al., 2021, https://arxiv.org/abs/2103.00020): two towers, pictures and captions that belong together
brought close, make a classifier out of the names of classes alone.

Kept: the library's CLIPModel, the symmetric contrastive loss with a learned temperature, prompts and their ensembles,
names that were never seen together. The near-duplicates are weighed as in CWCL (Srinivasa et al., 2023,
https://arxiv.org/abs/2309.14580).
Left out: 400 million pairs. A tower of this size that learns from pictures and captions alone knows colours after a
minute, but hardly shapes; where shapes matter, one layer is trained behind the frozen eyes of mini-clip, which had
labels of patches (as LiT does, Zhai et al., 2021, https://arxiv.org/abs/2111.07991).
"""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPModel

from labs.systems.claim import Claim, Scores
from labs.systems.parts import eyes
from labs.systems.parts.contrastive import NAMES, embed_pictures, embed_texts, name_of
from labs.systems.parts.probe import linear_probe
from labs.systems.parts.scoops import scoops
from labs.systems.parts.small_clip import build, see, trained, training_set
from labs.world.captions import caption
from labs.world.scene import Scene
from labs.world.vocabulary import COLOURS, SHAPES

TESTED = 600
PROMPTS = ("{}", "a {}", "there is a {}", "one {}", "a {} at the centre", "a big {}", "a small {}")


# ---------------------------------------------------------------------------------------------------------------
# Tests, all on scenes that were kept back


@cache
def single_things() -> tuple[tuple[Scene, ...], Float[Tensor, "n ..."], Int[Tensor, " n"]]:
    """Held-out scenes of one thing, seen by the frozen eyes, and which of `NAMES` each is."""
    scenes = eyes.scenes("heldout", TESTED)
    return scenes, eyes.look(scenes), torch.tensor([NAMES.index(name_of(scene)) for scene in scenes])


@torch.no_grad()
def zero_shot(clip: CLIPModel, prompts: Sequence[str] = PROMPTS[1:2]) -> list[float]:
    """Which of 64 names fits best? 1 where it is the right one; several prompts are averaged as CLIP does it."""
    _, seen, truth = single_things()
    names = [embed_texts(clip, [prompt.format(f"{colour} {shape}") for colour, shape in NAMES]) for prompt in prompts]
    classes = normalize(torch.stack(names).mean(0), dim=-1)
    return ((embed_pictures(clip, seen) @ classes.T).argmax(1) == truth).float().tolist()


def classified(seed: int, words: bool) -> list[float]:
    """The rival without text: linear classes on the same frozen features, trained to convergence on the same scenes.

    One class for each of the 64 names; or with `words` one classifier for the colour and one for the shape.
    """
    scenes, _, _ = training_set("features", (1, 2))
    single = [scene for scene in scenes if len(scene.things) == 1]
    inputs, names = eyes.look(single)[:, 0], torch.tensor([NAMES.index(name_of(scene)) for scene in single])
    _, seen, truth = single_things()
    sizes = {"colour": len(COLOURS), "shape": len(SHAPES)} if words else {"name": len(NAMES)}
    right = torch.ones(len(truth), dtype=torch.bool)
    for part, size in sizes.items():
        divide = {"name": lambda x: x, "colour": lambda x: x // len(SHAPES), "shape": lambda x: x % len(SHAPES)}[part]
        right &= linear_probe(inputs, divide(names), seen[:, 0], size, seed) == divide(truth)
    return right.float().tolist()


@torch.no_grad()
def prefers(clip: CLIPModel, start: str, wrong: int) -> list[float]:
    """1 where the true caption of a pair of scoops is nearer than that of their variant number `wrong`."""
    seen = embed_pictures(clip, scoop_pictures(start))
    captions = [[caption(scene) for scene in scoops(TESTED)[which]] for which in (0, wrong)]
    near = [(seen * embed_texts(clip, texts)).sum(1) for texts in captions]
    return (near[0] > near[1]).float().tolist()


@cache
def scoop_pictures(start: str) -> Float[Tensor, "n ..."]:
    """What the towers see of the scoops."""
    return see(scoops(TESTED)[0], start)


def one_prompt(clip: CLIPModel) -> list[float]:
    """How often each item is named rightly with one prompt, over all of them."""
    return torch.tensor([zero_shot(clip, [prompt]) for prompt in PROMPTS]).mean(0).tolist()


def claims() -> list[Claim]:
    """The points of the papers as measurements."""
    return [_zero_shot(), _prompt_ensembles(), _swapped_captions(), _graded_targets()]


def _arm(scores: Callable[[int], list[float]]) -> Callable[[int], Scores]:
    return lambda seed: Scores(values := scores(seed), range(len(values)))


def _zero_shot() -> Claim:
    names = {
        "label text": _arm(lambda seed: zero_shot(trained(seed, "features"))),
        "a class for each name": _arm(lambda seed: classified(seed, words=False)),
        "a classifier for each word": _arm(lambda seed: classified(seed, words=True)),
        "shuffled pairs": _arm(lambda seed: zero_shot(trained(seed, "features", "shuffled"))),
    }
    return Claim(
        "zero-shot", "Names alone make a classifier for combinations that were never seen, which a class for each "
        "name cannot be.", "accuracy over 64 names", names, "label text", "a class for each name",
        controls={"shuffled pairs": 1 / len(NAMES)},
    )  # fmt: skip


def _prompt_ensembles() -> Claim:
    prompts = {
        "seven prompts averaged": _arm(lambda seed: zero_shot(trained(seed, "features"), PROMPTS)),
        "one prompt": _arm(lambda seed: one_prompt(trained(seed, "features"))),
        "shuffled pairs": _arm(lambda seed: zero_shot(trained(seed, "features", "shuffled"), PROMPTS)),
    }
    return Claim(
        "prompt ensembles", "The average of several prompts names better than one prompt does.",
        "accuracy over 64 names", prompts, "seven prompts averaged", "one prompt",
        controls={"shuffled pairs": 1 / len(NAMES)},
    )  # fmt: skip


def _swapped_captions() -> Claim:
    swapped = {
        "colours exchanged": _arm(lambda seed: prefers(trained(seed, "pixels"), "pixels", 1)),
        "a colour that is not there": _arm(lambda seed: prefers(trained(seed, "pixels"), "pixels", 2)),
        "exchanged, eyes taught by patches": _arm(lambda seed: prefers(trained(seed, "features"), "features", 1)),
        "untrained": _arm(lambda seed: prefers(build(seed).eval(), "pixels", 1)),
    }
    return Claim(
        "swapped captions", "Which of two things of one shape has which colour is told hardly better than by chance.",
        "true caption preferred", swapped, "colours exchanged", 0.5, within=0.1, controls={"untrained": 0.5},
        ceiling="exchanged, eyes taught by patches",
    )  # fmt: skip


def _graded_targets() -> Claim:
    graded = {
        target: _arm(lambda seed, target=target: zero_shot(trained(seed, "features", target, (1,))))
        for target in ("graded", "merged", "own", "shuffled")
    }
    return Claim(
        "graded targets", "Counting captions that share a word as partly right names better than merging only those "
        "that are the same.", "accuracy over 64 names", graded, "graded", "merged",
        controls={"shuffled": 1 / len(NAMES)},
    )  # fmt: skip
