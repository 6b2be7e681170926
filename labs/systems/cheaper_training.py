"""Training at a lower cost: choosing batches, following a teacher, small networks first, few labels, no labels at all.

Batches are chosen as a whole by what can be learned from them (JEST, Evans et al., 2024,
https://arxiv.org/abs/2406.17711). A slow teacher that reads picture and caption together finds hard captions for a fast
student (DCD, Rao et al., 2022, https://arxiv.org/abs/2207.01426). A network is made smaller, learns, and is made larger
again (Multi-Level V-cycle, Zou et al., 2024, https://arxiv.org/abs/2404.07999). Few labelled films and many others
teach (SeFAR, Huang et al., 2025, https://arxiv.org/abs/2501.01245). Two senses adapt while they are tested (MM-TTA,
Shin et al., 2022, https://arxiv.org/abs/2204.12667). One model translates texts and speech from batches with little
padding (EMMeTT, Zelasko et al., 2024, https://arxiv.org/abs/2409.13523). Models are put together of exchangeable parts
(TencentPretrain, Zhao et al., 2022, https://arxiv.org/abs/2212.06385); those of JEST, DCD, the V-cycle and EMMeTT here
are, too.

Kept: each paper's mechanism, beside the same training without it, at equal steps or equal work.
Left out: large data and models; JEST's low resolution, so that here choosing costs more than it saves; DCD's formula of
the weight; the V-cycle's further levels; SeFAR's two levels of frames, MM-TTA's soft labels and clouds of points;
EMMeTT's bucketing by seconds, recorded speech and language model; TencentPretrain's distributed training.

Of another text's colours fewer than 1 of 8 are right, for those that are asked never went with their shapes in
training: that arm has no chance to sit at. Claims were written down before their three seeds were measured. Settings
were chosen with seed 7 on other held-out scenes. Seen there: DCD's weight turned round, first labels and then the
teacher, did worse, and from fewer pairs the dynamic weight was no better than none; more labelled films and less grain
were needed before any film without a label helped; of the shares that a small network has in the large one afterwards a
half did worse than no cycle, three quarters better, all of it best; senses that learn what they say themselves hardly
drift here, so that most of what adapting brings may come from the statistics of normalisation. Two claims
were changed for it: BERT and GPT may differ by 5 points, not 2; and that adapting helps at all became a claim.

Seen when measured: JEST's reference alone is better than its learner; static weights and random captions help as much
as hard ones with a shifting weight; growing without interpolation is better still; even true labels add nothing while
two senses are tested, so that what adapts is the statistics of their norms; balanced batches have half as many written
texts. Padding was first counted over held-out texts, of which each bucket made one small batch, and batches of two axes
were ahead by 5.5 points for being smaller; it is counted over the training texts now.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts import (
    adapted_while_tested,
    assembled_beside,
    bucketed,
    chosen_batches,
    coalesced,
    distilled,
    few_labels,
)  # fmt: skip

KINDS, MOTIONS = 1 / 6, 1 / 5  # chances


def claims() -> list[Claim]:
    """Each about held-out scenes, films or texts, but for padding, which is that of training."""
    return [_chosen(), _distilled(), _cycle(), _few(), *_adapted(), *_translated(), _assembled()]


def _chosen() -> Claim:
    named = {
        "learnability": "learnability", "uniform": "uniform", "hard for the learner": "hard",
        "right pairs alone": "right pairs", "reference": "reference",
    }  # fmt: skip
    arms = {name: partial(chosen_batches.finds, way=way) for name, way in named.items()}
    arms["another picture"] = partial(chosen_batches.finds, way="learnability", another=True)
    return Claim(
        "batches chosen as a whole", "Where seven captions of ten are wrong, sub-batches chosen by joint learnability "
        "teach more than uniform ones of the same size in as many steps.",
        f"captions found first of {chosen_batches.COUNT}", arms, "learnability", "uniform",
        controls={"another picture": 1 / chosen_batches.COUNT}, ceiling="right pairs alone",
    )  # fmt: skip


def _distilled() -> Claim:
    arms = {way: partial(distilled.finds, way=way) for way in (*distilled.WAYS, "teacher")}
    arms["another caption"] = partial(distilled.finds, way="dynamic", another=True)
    return Claim(
        "a teacher's hard captions", "A student that follows a cross-attending teacher over the captions that it finds "
        "hard, as much as it is still unsure, finds more than from the pairs alone.",
        "pictures found first of 100", arms, "dynamic", "none",
        controls={"another caption": 1 / 100}, ceiling="teacher",
    )  # fmt: skip


def _cycle() -> Claim:
    arms = {way: partial(coalesced.tells, way=way) for way in coalesced.WAYS}
    arms["another text"] = partial(coalesced.tells, way="V-cycle", another=True)
    return Claim(
        "a V-cycle", "For the same work, a network that is made smaller, learns and is made larger again translates "
        "more rightly than one that is large all the time.", "Spanish colours", arms, "V-cycle", "large",
        ceiling="large, twice the work",
    )  # fmt: skip


def _few() -> Claim:
    arms = {way: partial(few_labels.tells, way=way) for way in few_labels.WAYS}
    arms["another film"] = partial(few_labels.tells, way="SeFAR", another=True)
    return Claim(
        "few labels", "With frames a little out of order and a weight by how steady its confidence is, a student "
        "learns more from films without labels than as in FixMatch.", "right of five motions", arms, "SeFAR",
        "FixMatch", controls={"another film": MOTIONS}, ceiling="all labels",
    )  # fmt: skip


def _adapted() -> list[Claim]:
    arms = {way: partial(adapted_while_tested.tells, way=way) for way in adapted_while_tested.WAYS}
    arms["another scene"] = partial(adapted_while_tested.tells, way="consistent", another=True)
    metric, control = "right of six kinds", {"another scene": KINDS}
    return [
        Claim(
            "adapted while tested", "Two senses of which one at a time is far worse than in training tell more along "
            "the stream if they learn pseudo-labels of the sense whose fast and slow models agree more.", metric, arms,
            "consistent", "none", controls=control, ceiling="truth",
        ),
        Claim(
            "agreement chooses", "And more than if each sense learns what it says itself.", metric, arms, "consistent",
            "alone", controls=control, ceiling="truth",
        ),
    ]  # fmt: skip


def _translated() -> list[Claim]:
    useful = {f"{axes} axes" if axes == "two" else axes: partial(bucketed.useful, axes=axes) for axes in bucketed.AXES}
    speech = {how: partial(bucketed.tells, kind="speech", sampling=how) for how in bucketed.SAMPLING}
    speech["another spoken text"] = partial(speech["balanced"], another=True)
    text = {how: partial(bucketed.tells, kind="text", sampling=how) for how in bucketed.SAMPLING}
    text["text alone"] = partial(bucketed.tells, kind="text", sampling="balanced", speech=False)
    text["another text"] = partial(text["balanced"], another=True)
    return [
        Claim(
            "two axes of length", "Of the places that a batch computes, fewer are padding if examples share a bucket "
            "by the lengths of source and of target than by that of the source alone.", "places that are no padding",
            useful, "two axes", "one",
        ),
        Claim(
            "balanced sampling", f"Of {bucketed.SPOKEN} spoken texts beside {bucketed.translated.COUNTS['train']} "
            "written ones more is learned if both are drawn equally often.", "Spanish colours, speech", speech,
            "balanced", "proportional",
        ),
        Claim(
            "and text keeps its quality", "Written texts it translates as well, within 5 points, as a model of text "
            "alone.", "Spanish colours, text", text, "balanced", "text alone", within=0.05,
        ),
    ]  # fmt: skip


def _assembled() -> Claim:
    own = {"assembled": True, "library": False}
    arms = {name: partial(assembled_beside.tells, own=one) for name, one in own.items()}
    arms["another text"] = partial(assembled_beside.tells, own=True, another=True)
    return Claim(
        "families of the same parts", "BERT and GPT put together of the same parts translate as rightly as the "
        "library's own classes, within 5 points.", "Spanish colours", arms, "assembled", "library", within=0.05,
    )  # fmt: skip
