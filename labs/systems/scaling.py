"""The ingredients of today's models, compute, model and data (Kaplan et al., 2020, https://arxiv.org/abs/2001.08361;
for CLIP, Cherti et al., 2022, https://arxiv.org/abs/2212.07143): more of each makes a better model, and one of them
alone stops helping.

Kept: one ingredient is varied while the other two stay at their largest; accuracy on what was never seen.
Left out: power laws, for which three sizes are too few, and the best division of a budget between the three.
"""

from collections.abc import Callable
from functools import partial

from labs.systems import clip
from labs.systems.claim import Claim, Scores
from labs.systems.parts.small_clip import PAIRS, STEPS, WIDTH, trained

# From the least to the most; the last of each is what CLIP's own claims are measured with.
INGREDIENTS = {"pairs": (64, 512, PAIRS), "width": (4, 16, WIDTH), "steps": (15, 50, STEPS["features"])}
UNITS = {"pairs": "training pairs (data)", "width": "width of the text tower (model)", "steps": "steps (compute)"}


def build(seed: int, **ingredient: int) -> clip.CLIPModel:
    """A trained dual encoder with one ingredient changed: `build(0, pairs=512)`."""
    ((name, amount),) = ingredient.items()
    whole = amount == INGREDIENTS[name][-1]  # one model serves all three claims
    return trained(seed, "features") if whole else trained(seed, "features", **ingredient)


def measure(seed: int, ingredient: str, amount: int) -> Scores:
    """Zero-shot accuracy over 64 names on held-out combinations."""
    values = clip.zero_shot(build(seed, **{ingredient: amount}))
    return Scores(values, range(len(values)))


def arms(ingredient: str) -> dict[str, Callable[[int], Scores]]:
    """One for each amount, and the control."""
    found = {f"{amount} {ingredient}": partial(measure, ingredient=ingredient, amount=amount)
             for amount in INGREDIENTS[ingredient]}  # fmt: skip
    return found | {"shuffled pairs": clip.claims()[0].arms["shuffled pairs"]}


def claims() -> list[Claim]:
    """One claim for each ingredient."""
    hypotheses = {
        "pairs": "With more data, model and compute being equal, more unseen combinations are named rightly.",
        "width": "With a larger model, data and compute being equal, more unseen combinations are named rightly.",
        "steps": "With more compute, data and model being equal, more unseen combinations are named rightly.",
    }
    return [
        Claim(
            f"more {name}", hypothesis, "accuracy over 64 names", arms(name), f"{INGREDIENTS[name][-1]} {name}",
            f"{INGREDIENTS[name][0]} {name}", controls={"shuffled pairs": 1 / len(clip.NAMES)},
        )
        for name, hypothesis in hypotheses.items()
    ]  # fmt: skip
