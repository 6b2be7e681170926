"""Experts for modalities, and finished models joined: what is routed, helped along, zipped, averaged or merged.

Experts: one sense each and then a learned router (Uni-MoE, Li et al., 2024, https://arxiv.org/abs/2405.11273), sparse
layers and a sense a step (IMP, Akbari et al., 2023, https://arxiv.org/abs/2305.06324), a new one between older ones
(PaCE, Li et al., 2023, https://arxiv.org/abs/2305.14839). Decoders joined: by cross-attention (Zipper, Zayats et al.,
2024, https://arxiv.org/abs/2405.18669), by their mean (JAM, Aiello et al., 2023, https://arxiv.org/abs/2309.15564).
Models merged: matrices of attention (MAM, Sundar et al., 2023, https://arxiv.org/abs/2312.14378), spectra of latents
(MM-Lego, Hemker et al., 2024, https://arxiv.org/abs/2405.19950), weights tuned for two tasks (UnIVAL, Shukor et al.,
2023, https://arxiv.org/abs/2307.16184). One frozen encoder for all senses (Meta-Transformer, Zhang et al., 2023,
https://arxiv.org/abs/2307.10802).

Kept: each mechanism on noisy senses of one thing, or on codes of close-ups, against the same training without it.
Left out: size and language models; experts above four; Uni-MoE's connectors; IMP's resolutions; PaCE's dialogues;
Zipper's other direction, and a speech tower that stays frozen as its rule; JAM's instructions; learned shares of MAM;
MM-Lego's several passes, and its slerp between two heads, here a mean made as long again; UnIVAL's balance of tasks.

Chosen with seed 7 on held-out scenes that no claim is scored on: noise and steps, so that arms lie off floor and
ceiling; both learning rates of zipped and extended decoders (2e-3 is best of two for either); MAM's share; that older
experts stay frozen, for with few pairs all weights learn them by heart; that the tower of sounds learns in the zip, for
frozen it lost to the extended decoder. Where questions ask for names alone, feed-forward layers a quarter as wide
answered as much, and no expert could help: shelves, a rule to each sense, were made for the claims about experts.
The task that lends its weights was the one of three that had cost captions least. Claims were worded before their
three seeds were measured, and most after that look: routed and dense experts had tied, spectra had lost to plain
averages, and attention of pictures had changed nothing. After one measured seed two controls were set anew: decoders
tuned on wrong rows still translated, so that another scene's name took their place, and as one other scene's shelves
were alike too often by luck, four others are asked. Seen with the three seeds: older experts that are exchanged help as
much, so that it is the older attention and tokenisers that help, and not which expert reads which sense.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts import (
    alternating,
    expert_stages,
    frequency_blocks,
    frozen_shared,
    helping_experts,
    jammed,
    joined_senses,
    two_decoders,
    zipped,
)
from labs.systems.parts.attention_merged import KINDS, heard
from labs.systems.parts.frequency_blocks import told
from labs.systems.parts.helping_experts import matched
from labs.systems.parts.jammed import mixed
from labs.systems.parts.joined_senses import SHELVED, chance
from labs.systems.parts.weights_between import CHANCE, CHANCE_OF_CAPTIONS, CURRICULA, TASK, after_base, asked
from labs.systems.parts.zipped import named, translated

CONTROL = "another scene's senses"
CLOSE, NEAR = 0.03, 0.05  # of the answers: what counts as equal
SOUNDS = tuple(("sound", kind) for kind in KINDS)


def claims() -> list[Claim]:
    """Experts; decoders joined; models merged with little tuning or none. All on held-out scenes."""
    return [*_experts(), _helped(), *_zipped(), _jammed(), *_merged(), _shared(), *_between()]


def _experts() -> list[Claim]:
    staged, steps, metric = expert_stages.answers, alternating.answers, "right shelves, four senses"
    routed = {way: partial(staged, way=way) for way in expert_stages.WAYS}
    routed |= {"apart": partial(staged, way="apart"), CONTROL: partial(staged, way="one sense each", another=True)}
    sparse, dense, at_once = "sparse, in turn", "dense, in turn", "sparse, mixed batches"
    turns = {
        sparse: partial(steps, router="experts choose"), dense: partial(steps, router="dense"),
        at_once: partial(steps, router="experts choose", mixed=True),
        CONTROL: partial(steps, router="experts choose", another=True),
    }  # fmt: skip
    common = {"controls": {CONTROL: chance(SHELVED)}}
    return [
        Claim(
            "experts of one sense each", "Experts that first learned one sense each, then all senses behind a router, "
            "answer more than a dense network as large as the experts that a token meets.", metric, routed,
            "one sense each", "dense", **common,
        ),
        Claim(
            "sparse, in turn", "Where every step learns another question about another sense, sparse experts answer "
            "more than a dense network as large as the one that a token meets.", metric, turns, sparse, dense, **common,
        ),
        Claim(
            "in turn or mixed", f"Steps that take senses in turn teach sparse experts as much as mixed batches, within "
            f"{100 * CLOSE:.0f} points.", metric, turns, sparse, at_once, within=CLOSE, **common,
        ),
    ]  # fmt: skip


def _helped() -> Claim:
    few = helping_experts.FEW
    arms = {way: partial(matched, way=way) for way in helping_experts.WAYS}
    arms["from scratch, all pairs"] = partial(matched, way="from scratch", count=joined_senses.COUNTS["train"])
    arms["another picture"] = partial(matched, way="older help", another=True)
    return Claim(
        "older experts help", f"From {few} pairs a new expert learns which sound belongs to a picture better between "
        "older experts of pictures and of sounds than between experts that begin with it.", "right, yes or no", arms,
        "older help", "from scratch", controls={"another picture": 1 / 2},
    )  # fmt: skip


def _zipped() -> list[Claim]:
    few, all_pairs = zipped.FEW, "zipped, all pairs"
    arms = {way: partial(named, way=way) for way in zipped.WAYS}
    arms[all_pairs] = partial(named, way="zipped", count=two_decoders.COUNTS["train"])
    arms["others' texts"] = partial(named, way="zipped", shuffled=True)
    kept = {way: partial(translated, way=way) for way in ("zipped", "extended")}
    kept["before"] = partial(translated, way=None)
    return [
        Claim(
            "zipped", f"From {few} pairs, a text decoder and a sound decoder that cross-attention joins name more "
            "sounds than the text decoder with a vocabulary extended by sounds.", "colours and shapes named rightly",
            arms, "zipped", "extended", controls={"others' texts": 1 / 8}, ceiling=all_pairs,
        ),
        Claim(
            "zipped keeps its texts", "The text decoder in the zip translates more rightly afterwards than the "
            "extended one.", "colours and shapes translated rightly", kept, "zipped", "extended", ceiling="before",
        ),
    ]  # fmt: skip


def _jammed() -> Claim:
    all_rows = "averaged, all rows"
    arms = {way: partial(mixed, way=way) for way in jammed.WAYS}
    arms["averaged, not tuned"] = partial(mixed, way="averaged", steps=0)
    arms[all_rows] = partial(mixed, way="averaged", count=two_decoders.COUNTS["train"], steps=4 * jammed.STEPS)
    arms["another scene's name"] = partial(mixed, way="averaged", another=True)
    return Claim(
        "averaged decoders", f"Tuned on {jammed.FEW} rows of words and pictures, the average of a text decoder and a "
        "picture decoder writes more colours and shapes rightly, in words and in pictures, than the text decoder.",
        "right in words and pictures", arms, "averaged", "text decoder",
        controls={"another scene's name": 1 / 8}, ceiling=all_rows,
    )  # fmt: skip


def _merged() -> list[Claim]:
    attention = {
        "its own": partial(heard, whose="own"), "of pictures": partial(heard, whose="picture"),
        "of nothing": partial(heard, whose="fresh"), "all of pictures": partial(heard, whose="all of picture"),
        "another scene's sound": partial(heard, whose="picture", another=True),
    }  # fmt: skip
    blocks = {way: partial(told, way=way) for way in frequency_blocks.WAYS}
    blocks |= {CONTROL: partial(told, way="merged", another=True)}
    common = {"metric": "right kinds", "arms": blocks, "controls": {CONTROL: chance((("all", "kind"),))}}
    return [
        Claim(
            "attention of pictures", "A model that learned from few sounds answers more if its queries and keys move "
            "towards those of a model of pictures, without any training.", "right answers about sounds", attention,
            "of pictures", "its own", controls={"another scene's sound": chance(SOUNDS)},
        ),
        Claim(
            "merged as spectra", "Blocks of four senses, each trained alone, tell more rightly if their latents are "
            "merged in the frequency domain than if they are averaged as they are.", better="merged", than="averaged",
            **common,
        ),
        Claim(
            "merged as if together", f"Merged in the frequency domain, without any tuning, they tell as much, within "
            f"{100 * NEAR:.0f} points, as stacked blocks that learned together in as many steps.", better="merged",
            than="together", within=NEAR, **common,
        ),
    ]  # fmt: skip


def _shared() -> Claim:
    arms = {way: partial(frozen_shared.answers, way=way) for way in frozen_shared.WAYS}
    arms[CONTROL] = partial(frozen_shared.answers, way="frozen, from pictures", another=True)
    return Claim(
        "frozen and shared", "Tokenisers and heads of three further senses learn to answer more round a frozen encoder "
        "that has learned from pictures than round a frozen one that has learned nothing.",
        "right answers, three senses", arms, "frozen, from pictures", "frozen, fresh",
        controls={CONTROL: chance(frozen_shared.OTHERS)}, ceiling="all learn",
    )  # fmt: skip


def _between() -> list[Claim]:
    halfway = f"{TASK} - colour"
    arms = {whose: partial(asked, whose=whose) for whose in ("base", TASK, "colour", halfway)}
    arms[CONTROL] = partial(asked, whose=TASK, another=True)
    orders = {one: partial(after_base, curriculum=one) for one in CURRICULA}
    orders[CONTROL] = partial(after_base, curriculum=CURRICULA[0], another=True)
    return [
        Claim(
            "weights between tasks", "Of pictures noisier than any lesson, weights halfway between a model tuned for "
            "captions and one tuned for questions about colours tell more than those of the former.",
            "right words of captions", arms, halfway, TASK, controls={CONTROL: CHANCE_OF_CAPTIONS},
        ),
        Claim(
            "pictures first", "In as many steps, lessons of pictures and then of pictures and sounds teach more than "
            "lessons of both from the beginning.", "right words", orders, *CURRICULA, controls={CONTROL: CHANCE},
        ),
    ]  # fmt: skip
