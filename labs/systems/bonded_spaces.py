"""Three and more modalities in one space, and finished spaces joined: what mediates between those that never met.

Point clouds: with views and captions that a model wrote of them (ULIP-2, Xue et al., 2023,
https://arxiv.org/abs/2305.08275), with all views jointly and words of two levels (JM3D, Ji et al., 2023,
https://arxiv.org/abs/2310.09503), and point by point through pixels (DMA, Li et al., 2024,
https://arxiv.org/abs/2407.09781). Finished spaces: an expert added by two kinds of bond (FreeBind, Wang et al., 2024,
https://arxiv.org/abs/2405.04883), several remapped and weighed by routers (OmniBind, Wang et al., 2024,
https://arxiv.org/abs/2407.11895). Senses that come later: through a projector that all share (OneEncoder, Faye et al.,
2024, https://arxiv.org/abs/2409.11059), onto concepts learned before (Geng and Tang, 2024,
https://arxiv.org/abs/2412.13847). Films between words and motion (LAVIMO, Yin et al., 2024,
https://arxiv.org/abs/2403.00691).

Kept: the one mechanism that each is about, against the same training without it.
Left out: all else of these papers, and their scale: among it JM3D's language model, DMA's learned masks beside frozen
features, FreeBind's mixtures of projectors, OmniBind's loss that keeps texts apart, LAVIMO's reconstruction of motion,
and visual questions asked in the space of concepts. Eyes, ears and the reader of texts are frozen wherever they are not
what is compared; points and motion are learned anew.

Settings were chosen with seed 7 on other draws of things, or held-out scenes, that no claim is scored on. It was seen
there that seven in ten captions name what a view shows; that routers learn from pairs which experts find, and nothing
from those which the evenly weighed spaces find themselves; and that thin layers of several kinds stay behind a
projector of its own, an arm that is shown besides. Texts and motion that added what they drew from a film to themselves
gained nothing, so they meet what is drawn alone. Concepts lead after 20 steps; by 60 all are level that began from
nothing, and the texts of a finished space, also shown, are learned sooner still. Two controls were mended there, before
any claim was measured: one had kept some of its own pairs, the other asked about neighbours that share a colour.

What the arms beside a claim say is no less to the point. Words of two levels add nothing beside joint views (91.0 %
without them, 88.4 with), so JM3D's gain is the views'; dense words alone label points as well as pixels and words do,
and dense arms contrast 192 points a step, whole scenes 16; FreeBind's experts met eight times the unified space's
scenes, so what is shown is knowledge carried over without pairs, not that bonds beat more training.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts.bonded_exams import (
    ALL,
    find_pictures,
    label_points,
    name_after_few_steps,
    name_attached,
    name_bonded,
    name_clouds,
    name_routed,
)
from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.film_mediated import GALLERY, finds
from labs.systems.parts.universal_projector import FEW

NAMED, CHANCE = f"accuracy over {len(NAMES)} names", 1 / len(NAMES)


def claims() -> list[Claim]:
    """Points, spaces, senses that come later, and films."""
    return [*_clouds(), *_points(), *_bonds(), _routers(), _projector(), _concepts(), _films()]


def _clouds() -> list[Claim]:
    described = {
        "views and captions": partial(name_clouds, way="views and captions"),
        "views alone": partial(name_clouds, way="views"),
        "captions alone": partial(name_clouds, way="captions"),
        "views and true names": partial(name_clouds, way="views and true names"),
        "others' views and captions": partial(name_clouds, way="views and captions", shuffled=True),
    }
    jointly = {
        "jointly, two levels": partial(name_clouds, way="joint"),
        "one view at a time": partial(name_clouds, way="views and captions"),
        "jointly, one level": partial(name_clouds, way="joint views"),
        "one view at a time, two levels": partial(name_clouds, way="two levels"),
        "others' views and captions": partial(name_clouds, way="joint", shuffled=True),
    }
    control = {"controls": {"others' views and captions": CHANCE}}
    return [
        Claim(
            "captions written of views", "Point clouds are named rightly more often if they were aligned with views "
            "and with what a captioner wrote of these views than with the views alone.", NAMED, described,
            "views and captions", "views alone", ceiling="views and true names", **control,
        ),
        Claim(
            "views jointly", "Aligned with all views jointly, weighed by the words, and with words of two levels, "
            "clouds are named rightly more often than aligned with one view and its caption at a time.", NAMED,
            jointly, "jointly, two levels", "one view at a time", **control,
        ),
    ]  # fmt: skip


def _points() -> list[Claim]:
    arms = {
        "point, pixel, word": partial(label_points, way="pixels and words"),
        "whole scenes": partial(label_points, way="scenes"),
        "point, pixel": partial(label_points, way="pixels"),
        "point, word": partial(label_points, way="words"),
        "pixels of other scenes": partial(label_points, way="pixels and words", shuffled=True),
    }
    common = {"metric": NAMED, "arms": arms, "controls": {"pixels of other scenes": CHANCE}}
    return [
        Claim(
            "points linked densely", "Points of a scan are named rightly more often if each was linked to its pixel, "
            "and through it to a word, than if whole scans were aligned with pictures and captions.",
            better="point, pixel, word", than="whole scenes", **common,
        ),
        Claim(
            "words through pixels", "Points linked to pixels and through them to words are named rightly more often "
            "than points linked to pixels alone.", better="point, pixel, word", than="point, pixel", **common,
        ),
    ]  # fmt: skip


def _bonds() -> list[Claim]:
    heard, met = {}, {}
    for name, how in {"bonded": {}, "unified": {"which": "unified"}, "displaced alone": {"share": 0.0}}.items():
        heard[name], met[name] = partial(name_bonded, **how), partial(find_pictures, **how)
    heard["the expert"] = partial(name_bonded, which="expert")
    heard["another sound"], met["another sound"] = (partial(arm, another=True) for arm in (name_bonded, find_pictures))
    return [
        Claim(
            "an expert bonded", "A unified space that is bonded with experts names sounds rightly more often than it "
            "did alone, without a single new pair.", NAMED, heard, "bonded", "unified",
            controls={"another sound": CHANCE}, ceiling="the expert",
        ),
        Claim(
            "nothing lost", "Sounds and pictures, which no expert has met together, find each other in the bonded "
            "space more often than in the unified one.", f"nearest picture has the name, of {len(NAMES)}", met,
            "bonded", "unified", controls={"another sound": CHANCE},
        ),
    ]  # fmt: skip


def _routers() -> Claim:
    arms = {
        "routed": name_routed,
        "fixed weights, learned": partial(name_routed, how="fixed"),
        "equal weights": partial(name_routed, how="equal"),
        "best space": partial(name_routed, how="best"),
        "another sound": partial(name_routed, another=True),
    }
    return Claim(
        "routed spaces", "Of several spaces remapped into one, routers that weigh them thing by thing name sounds "
        "rightly more often than one fixed weight for each space, learned from the same.", NAMED, arms, "routed",
        "fixed weights, learned", controls={"another sound": CHANCE},
    )  # fmt: skip


def _projector() -> Claim:
    ways = ("attached", "its own encoder", "its own projector", "a layer alone")
    arms = {way: partial(name_attached, way=way) for way in ways}
    arms |= {
        "attached, all pairs": partial(name_attached, way="attached", count=ALL),
        "others' texts": partial(name_attached, way="attached", shuffled=True),
    }
    return Claim(
        "a projector for all", f"From {FEW} pairs, thin layers before a projector that has learned from pictures and "
        "texts, and is frozen, name sounds rightly more often than an encoder of its own.", NAMED, arms, "attached",
        "its own encoder", controls={"others' texts": CHANCE}, ceiling="attached, all pairs",
    )  # fmt: skip


def _concepts() -> Claim:
    ways = ("onto concepts", "onto concepts of its own", "with texts", "onto texts of a finished space")
    arms = {way: partial(name_after_few_steps, way=way) for way in ways}
    arms["onto concepts, others' captions"] = partial(name_after_few_steps, way="onto concepts", shuffled=True)
    return Claim(
        "onto concepts", "After few steps, sounds projected onto concepts that were learned from texts before are "
        "named rightly more often than sounds and texts that learned to meet from nothing.", NAMED, arms,
        "onto concepts", "with texts", controls={"onto concepts, others' captions": CHANCE},
    )  # fmt: skip


def _films() -> Claim:
    arms = {way: partial(finds, way=way) for way in ("films in between", "text and motion alone", "films beside")}
    arms["others' motion"] = partial(finds, way="films in between", shuffled=True)
    return Claim(
        "films in between", "Words and motion find each other more often if each has learned to meet what the other "
        "draws from the film of the scene than if they have learned from each other alone.",
        f"own partner first of {GALLERY}", arms, "films in between", "text and motion alone",
        controls={"others' motion": 1 / GALLERY},
    )  # fmt: skip
