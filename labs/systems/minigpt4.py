"""MiniGPT-4 (Zhu et al., 2023, https://arxiv.org/abs/2304.10592): one linear layer between frozen eyes and a frozen
language model is enough to connect them; taught by captions of the web it talks in fragments and repeats itself, and
some thousand curated pairs in one template cure that.

Kept: only the linear layer learns, in both stages; the first on captions as a web has them, the second on 200 pairs
that are whole, in the template in which it is asked.
Left out: BLIP-2's Q-Former behind the eyes, for here the layer takes their patches; sampling.

"The web teaches the facts" first counted whole things in their places: 8.5 % of them in every arm, a floor, from which
nothing can be told. It counts colours and shapes now.
"""

from functools import cache, partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts.connected import STEPS, Connected, answer, build, train
from labs.systems.parts.describe import facts_right, from_the_web, tell_freely, well_formed
from labs.systems.parts.lookout import Material, described, material

CURATED, SECOND = 200, 100  # pairs, and steps of the second stage
TAUGHT = ("web", "web, then curated", "curated")


def curated() -> Material:
    """The first scenes to learn from."""
    return Material(*(part[:CURATED] for part in material("train")))


@cache
def taught(how: str, seed: int) -> Connected:
    """A linear layer after equally many steps in all, on what `TAUGHT` names."""
    if how not in TAUGHT:
        raise ValueError(f"how must be one of {', '.join(TAUGHT)}, not {how!r}")
    model, given, few = build("linear", seed=seed), material("train"), curated()
    layer, steps = model.connector.parameters, {"web": STEPS, "web, then curated": STEPS - SECOND, "curated": 0}[how]
    if steps:
        train(model, layer(), given, from_the_web(given.scenes, seed), steps, seed)
    if steps < STEPS:
        train(model, layer(), few, described(few.scenes), STEPS - steps, seed + 1)
    return model.requires_grad_(False)


@cache
def said(how: str, seed: int, others: bool = False) -> tuple[str, ...]:
    """Its descriptions of all held-out pictures; `others` shows it the next scene's."""
    seen = material("heldout").seen
    return tuple(tell_freely(taught(how, seed), seen.roll(-1, 0) if others else seen))


def format_kept(how: str, seed: int) -> Scores:
    """1 where a description is whole, says nothing twice and ends."""
    return Scores([float(well_formed(text)) for text in said(how, seed)], range(len(said(how, seed))))


def facts_told(how: str, seed: int, others: bool = False) -> Scores:
    """Of colours and shapes said or there, the share that are both."""
    pairs = zip(said(how, seed, others), material("heldout").scenes, strict=True)
    values = [facts_right(text, scene) for text, scene in pairs]
    return Scores(values, range(len(values)))


def claims() -> list[Claim]:
    """One layer; the cure; and that the cure alone teaches little."""
    layers = {name: partial(answer, name, 36) for name in ("linear", "MLP")}
    layers["linear, other pictures"] = partial(answer, "linear", 36, blind=True)
    forms = {how: partial(format_kept, how) for how in TAUGHT}
    facts = {how: partial(facts_told, how) for how in TAUGHT}
    facts["web, then curated, other pictures"] = partial(facts_told, "web, then curated", others=True)
    return [
        Claim(
            "one layer suffices", "One linear layer is as good as two, within 5 points.", "right answers", layers,
            "linear", "MLP", within=0.05,
        ),
        Claim(
            "one layer sees", "One linear layer answers far better than one that learned by other scenes' pictures.",
            "right answers", layers, "linear", "linear, other pictures",
        ),
        Claim(
            "curated pairs cure the format",
            f"After {CURATED} whole pairs descriptions are whole, end, and say nothing twice more often than after the "
            "web alone, at equally many steps.",
            "well-formed descriptions", forms, "web, then curated", "web",
        ),
        Claim(
            "the web teaches the facts",
            f"The same {CURATED} pairs alone, for as many steps in all, teach less of what pictures show.",
            "of colours and shapes told or there, those that are both", facts, "web, then curated", "curated",
        ),
    ]  # fmt: skip
