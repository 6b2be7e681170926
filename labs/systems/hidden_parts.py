"""Parts of what is seen and said are hidden, exchanged or routed, and what that teaches about the rest.

One stream, then two (InterBERT, Lin et al., 2020, https://arxiv.org/abs/2003.13198). Pictures as a foreign language:
one masked objective, shared attention, an expert for each modality (BEiT-3, Wang et al., 2022,
https://arxiv.org/abs/2208.10442). Words exchanged between languages (M3P, Ni et al., 2020,
https://arxiv.org/abs/2006.02635). Embeddings of some senses agree with those of all (LANISTR, Ebrahimi et al., 2023,
https://arxiv.org/abs/2305.16556). Each sense's posterior is the other's prior (MEME, Joy et al., 2021,
https://arxiv.org/abs/2106.12570). Capsules routed by self-attention (Duarte et al., 2021,
https://arxiv.org/abs/2112.00775). A prefix mapped from CLIP's features tells a translator what the words do not say
(CLIPTrans, Gupta et al., 2023, https://arxiv.org/abs/2308.15226).

Kept: each paper's mechanism and, beside it, the same training without it. Words and regions go through small
transformers (parts.pair_layers); senses are short noisy rows (parts.sense_rows).
Left out: InterBERT's matching of pairs; BEiT-3's third expert for pairs, and the picture tokens of another model, for
which k-means codes of regions stand; M3P's matching head, for which likelihood stands, and its hundred languages;
LANISTR's unpaired and tabular records; MEME's importance weights; contrast between modalities for the capsules; M-CLIP
and mBART, for which the mini-clip and a decoder from scratch stand; size.

Arms of a claim have the same scenes and steps; layouts of streams differ in weights, not in layers that a token meets,
but for one more look. Claims were written down before their three seeds were measured. With seed 7, on held-out scenes
of another data seed, were chosen: steps, rates, how loud places are, the share of exchanged words, which senses, how
many labels, pairs and translations. Seen there, and kept in mind: what the text itself tells is told without a picture
by every layout; with cross-modal reconstruction instead of masked modelling in each sense, agreement added nothing, and
telling masked senses from the others alone did better, so that the claim holds against masked modelling of each sense,
after which no layer has learned to join senses; most of the gain of capsules is that of their attention; where texts
and pictures take turns with pairs, colours are still being learned at the last step, with experts or without. A first
source of translations named the colour, which in held-out scenes goes with one shape alone; it was left out.

When figures were known, the control of "translated with the picture" was mended: neighbours in the exam share a gender
more often than not, so that another picture is now drawn at random. Seen when measured: which layout of streams is
ahead, and whether experts are, changes with the seed; capsules do no better than their attention alone; mutual
supervision gains from its objective and, as much again, from what is observed in part.
"""

from functools import partial

from labs.systems.claim import Claim
from labs.systems.parts import agreeing, capsules, masked_pairs, mutual_vae, pictured_translation, switched_words
from labs.systems.parts.masked_pairs import ALL_KINDS

EIGHT = {"another scene": 1 / 8}


def claims() -> list[Claim]:
    """On held-out scenes, which show things whose colour and shape never go together in training."""
    return [_streams(), _experts(), _switched(), _agreeing(), _mutual(), _routed(), _pictured()]


def _streams() -> Claim:
    layouts = ("one, then two", "one stream", "two streams")
    arms = {one: partial(masked_pairs.tells, layout=one, exam="pair") for one in layouts}
    arms |= {f"{one}, text alone": partial(masked_pairs.tells, layout=one, exam="text") for one in layouts}
    arms["another scene"] = partial(arms["one, then two"], another=True)
    return Claim(
        "one stream, then two", "After learning from pairs, hidden words that the picture alone tells are told more "
        "often by one stream that parts in two than by one stream throughout.", "colours and shapes told", arms,
        "one, then two", "one stream", controls=EIGHT,
    )  # fmt: skip


def _experts() -> Claim:
    arms = {one: partial(masked_pairs.tells, layout=one, exam="pair", kinds=ALL_KINDS) for one in
            ("experts", "one stream")}  # fmt: skip
    arms["another scene"] = partial(arms["experts"], another=True)
    return Claim(
        "experts by modality", "Where texts, pictures and pairs are learned from by one masked objective, hidden words "
        "of pairs are told more often with an expert for each modality than with one set of weights for all.",
        "colours and shapes told", arms, "experts", "one stream", controls=EIGHT,
    )  # fmt: skip


def _switched() -> Claim:
    arms = {way: partial(switched_words.found, way=way) for way in switched_words.WAYS}
    arms["another picture"] = partial(arms["switched"], another=True)
    arms["switched, asked in English"] = partial(arms["switched"], language="en")
    return Claim(
        "words exchanged", "Pictures that only ever had English captions find Spanish sentences more often if words of "
        "these captions were exchanged for Spanish ones.", f"own sentence of {switched_words.OFFERED}", arms,
        "switched", "English alone", controls={"another picture": 1 / switched_words.OFFERED}, ceiling="Spanish pairs",
    )  # fmt: skip


def _agreeing() -> Claim:
    arms = {way: partial(agreeing.few_labels, way=way) for way in agreeing.WAYS}
    arms["masked and agreeing, all labels"] = partial(arms["masked and agreeing"], labels=agreeing.ALL)
    arms["another scene"] = partial(arms["masked and agreeing"], another=True)
    return Claim(
        "embeddings that agree", f"From {agreeing.LABELS} labels of scenes with all senses, shapes of scenes that lack "
        "two of four senses are told more often if embeddings of some senses have learned to agree with those of all "
        "than after masked modelling of each sense alone.", "shapes told, six pairs of senses", arms,
        "masked and agreeing", "masked alone", controls=EIGHT, ceiling="masked and agreeing, all labels",
    )  # fmt: skip


def _mutual() -> Claim:
    arms = {
        "mutual, partly observed": partial(mutual_vae.crosses, way="mutual"),
        "mutual, complete pairs": partial(mutual_vae.crosses, way="mutual", partly=False),
        "product, partly observed": partial(mutual_vae.crosses, way="product"),
        "product, complete pairs": partial(mutual_vae.crosses, way="product", partly=False),
        "true rows": partial(mutual_vae.crosses, way="true rows"),
        "another scene": partial(mutual_vae.crosses, way="mutual", another=True),
    }
    return Claim(
        "mutual supervision", f"With {mutual_vae.COMPLETE} complete pairs, and scenes that lack one of both senses, a "
        "sense made from the other shows the right shape and size more often than by a joint autoencoder of the "
        "complete pairs.", "shapes and sizes found by a probe", arms, "mutual, partly observed",
        "product, complete pairs", controls={"another scene": (1 / 8 + 1 / 2) / 2}, ceiling="true rows",
    )  # fmt: skip


def _routed() -> Claim:
    arms = {way: partial(capsules.tells, way=way) for way in capsules.WAYS}
    arms["capsules, no distraction"] = partial(arms["capsules"], count=0)
    arms["another scene"] = partial(arms["capsules"], another=True)
    return Claim(
        "routed capsules", "Where two of four senses show other scenes, and none says which, capsules routed by "
        "self-attention tell the shape more often than the mean of the same senses.", "shapes told", arms, "capsules",
        "mean", controls=EIGHT, ceiling="capsules, no distraction",
    )  # fmt: skip


def _pictured() -> Claim:
    arms = {
        "captions first": partial(pictured_translation.translates, captions=True),
        "translations alone": partial(pictured_translation.translates, captions=False),
        "another picture": partial(pictured_translation.translates, captions=True, another=True),
        "no pictures": partial(pictured_translation.translates, captions=False, pictures=False),
    }
    return Claim(
        "translated with the picture", f"With {pictured_translation.FEW} translations, what only the picture tells, "
        "the gender of \"one\", is translated rightly more often if the prefix has learned captions first than if all "
        "steps are translations.", "gender told", arms, "captions first", "translations alone",
        controls={"another picture": 1 / 2, "no pictures": 1 / 2},
    )  # fmt: skip
