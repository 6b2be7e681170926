"""Data that models write, paint, check and merge, and what others learn from it.

Narration becomes captions, which are moved to where they fit (HowToCaption, Shvetsova et al., 2023,
https://arxiv.org/abs/2310.04900). Pictures are painted of the prompts that dialogues are written from (StableLLaVA, Li
et al., 2023, https://arxiv.org/abs/2308.10253), or for what dialogues speak of, until checkers accept them (MAGID,
Aboutalebi et al., 2024, https://arxiv.org/abs/2403.03194). Labels, detected places and retrieved cards become texts at
several levels (MedTrinity-25M, Xie et al., 2024, https://arxiv.org/abs/2408.02900). Captions of frames and of music
are merged (MMTrail, Chi et al., 2024, https://arxiv.org/abs/2407.20962). A writer makes samples for an embedder, and
checks them itself (mmE5, Chen et al., 2025, https://arxiv.org/abs/2502.08468). Instructions about posts go by levels of
cognition (SoMeLVLM, Zhang et al., 2024, https://arxiv.org/abs/2402.13022).

Kept: each engine, step by step, and a small student that learns from what it makes or from the same without its step.
Writers, captioners, detectors and checkers are small models that have learned from few examples, or the bundled
mini-clip; the painter is the shipped text-to-picture model. What the pictures of an engine show none of them is told,
but for those few, and for the labels that radiographs are found with.
Left out: large language models and their prompts; real pictures, sounds and films; people who rate; MAGID's check of
safety and its feedback in words; the creation level of SoMeLVLM; all but two languages of mmE5; size.

Arms of a claim have the same steps, first weights and exam; how many pairs there are is the engine's doing. Claims were
written down before their three seeds were measured. With seed 7, on held-out items of another data seed, were chosen
how many examples there are, how grainy pictures are, and how sure a writer must be of its samples. Two claims were
added when figures of seed 7 were known: merged against what was seen alone, as merged and apart taught about equally
much, and checked samples against people's few.

Seen when measured: raw narration teaches next to nothing, so that HowToCaption's gain is over almost none, and all that
is wrong with it is when it is said; labels alone teach less than untrained eyes have, and retrieved cards add nothing
to detected places, so that MedTrinity's gain is its detector's. With seed 7 the answerer of posts was built anew, as
its first form learned nothing, trailers got an exam in which another's music is as likely, and hard negatives were
changed without another pilot.
"""

from collections.abc import Callable
from functools import partial

from labs.systems.claim import Claim, Scores
from labs.systems.parts import (
    checked_pictures,
    checked_samples,
    grained_texts,
    levelled_posts,
    merged_trailers,
    narrated,
    painted_dialogues,
)

ALL_LEVELS = tuple(levelled_posts.LEVELS)
EMBEDDED = (1 / 8 + 1 / 8 + 1 / 64) / 3  # of colour, shape and name
ONE_OF_57, ONE_OF_16 = 1 / 57, 1 / 16  # chances of searches
ANSWERED = (1 / 8 + 1 / 8 + 1 / 9) / 3  # of colour, shape and place


def claims() -> list[Claim]:
    """On held-out pictures, trailers, radiographs and posts."""
    return [_narrated(), _painted(), _checked_pictures(), _grained(), *_merged(), *_checked_samples(), _levelled()]


def _arms(score: Callable[..., Scores], ways: tuple[str, ...], control: str) -> dict[str, Callable[[int], Scores]]:
    """One for each way, and the way `control` from shuffled pairs."""
    return {way: partial(score, way=way) for way in ways} | {"shuffled": partial(score, way=control, shuffled=True)}


def _narrated() -> Claim:
    return Claim(
        "narration rewritten", "Who learns from captions that a language model makes of narration, moved to the clip "
        "near by that fits, finds more clips by a text than who learns from the narration as it is heard.",
        "right clip of 57", _arms(narrated.retrieves, narrated.WAYS, "rewritten and moved"), "rewritten and moved",
        "raw narration", controls={"shuffled": ONE_OF_57}, ceiling="true captions",
    )  # fmt: skip


def _painted() -> Claim:
    return Claim(
        "picture and dialogue of one prompt", "Tuned on few true pictures and many painted ones, whose dialogues were "
        "written from the same prompts, a model answers more questions about true pictures than tuned on the few.",
        "right colour, shape and place", _arms(painted_dialogues.right, painted_dialogues.WAYS, "real and painted"),
        "real and painted", "real", controls={"shuffled": ANSWERED}, ceiling="as much real",
    )  # fmt: skip


def _checked_pictures() -> Claim:
    ways = checked_pictures.WAYS
    return Claim(
        "painted until accepted", "Pictures for dialogues that are painted until checkers accept them teach more than "
        "the first picture for each.", "right picture of 57",
        _arms(checked_pictures.retrieves, ways, "painted until accepted"), "painted until accepted", "first picture",
        controls={"shuffled": ONE_OF_57}, ceiling="true pictures",
    )  # fmt: skip


def _grained() -> Claim:
    ways = {"nothing": (), "global": ("global",), "global and local": ("global", "local"),
            "global and retrieved": ("global", "retrieved"), "all levels": grained_texts.LEVELS}  # fmt: skip
    arms = {name: partial(grained_texts.right, levels=levels) for name, levels in ways.items()}
    arms["all levels, labels shuffled"] = partial(arms["all levels"], shuffled=True)
    return Claim(
        "texts at several levels", "An encoder that has learned from global labels, detected places and retrieved "
        "cards together tells more about radiographs from few labels than one that has learned from global ones.",
        "right finding, side and zone", arms, "all levels", "global",
        controls={"all levels, labels shuffled": grained_texts.chance()},
    )  # fmt: skip


def _merged() -> list[Claim]:
    arms = _arms(merged_trailers.finds, merged_trailers.WAYS, "merged")
    rest = {"controls": {"shuffled": ONE_OF_16}, "ceiling": "true descriptions"}
    return [
        Claim(
            "seen and heard merged", "Who learns from one description of what was seen and heard finds more trailers "
            "by questions that need both than who learns from what was seen alone.", "right trailer of 16", arms,
            "merged", "seen alone", **rest,
        ),
        Claim(
            "merged or apart", "And more than who learns from the same descriptions apart, twice as many.",
            "right trailer of 16", arms, "merged", "seen and heard, apart", **rest,
        ),
    ]  # fmt: skip


def _checked_samples() -> list[Claim]:
    arms = _arms(checked_samples.finds, checked_samples.WAYS, "written and checked")
    metric, rest = "right text, three tasks in two languages", {"controls": {"shuffled": EMBEDDED}}
    return [
        Claim(
            "samples checked by their writer", "An embedder learns more from written samples that their writer has "
            "checked than from the same unchecked.", metric, arms, "written and checked", "written, unchecked",
            ceiling="true samples", **rest,
        ),
        Claim(
            "more than people's few", "And more than from the few samples by people that the writer has learned from.",
            metric, arms, "written and checked", "few by people", ceiling="true samples", **rest,
        ),
    ]  # fmt: skip


def _levelled() -> Claim:
    named = {"all levels": ALL_LEVELS, "apply and analyse": ("apply", "analyse")}
    named |= {f"{level} alone": (level,) for level in ALL_LEVELS}
    both = ("apply", "analyse")
    arms = {name: partial(levelled_posts.right, levels=levels, asked=both) for name, levels in named.items()}
    arms["all levels, shuffled"] = partial(arms["all levels"], shuffled=True)
    return Claim(
        "levels of cognition", "Of equally many instructions, those of all levels teach what takes words and face "
        "together better than those of the two levels that ask for it.", "right sentiment and irony", arms,
        "all levels", "apply and analyse", controls={"all levels, shuffled": 1 / 2},
    )  # fmt: skip
