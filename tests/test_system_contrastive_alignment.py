"""Contrastive alignment: queue, negatives, bags, mixed pairs beside their formulas; what never meets; every arm."""

import math

import pytest
import torch
from small_runs import Shown, every_arm, small
from torch.nn.functional import normalize

from labs.systems import contrastive_alignment
from labs.systems.parts import (
    alignment_exams,
    bags,
    bridged,
    few_shots,
    from_scratch,
    hard_negatives,
    queued,
    two_languages,
    two_things,
    unimodal,
)
from labs.systems.parts.contrastive import NAMES
from labs.systems.parts.dual_encoder import DualEncoder
from labs.systems.parts.objectives import contrast
from labs.world.splits import HELD_OUT_PAIRS, is_held_out

CACHED = [
    queued.train, two_languages.train, two_languages.lexicon, two_languages.texts, two_things.lexicon,
    two_things.material, two_things.heldout, two_things.twins, two_things.asked, bags.train, bags.material,
    bridged.train, from_scratch.train, unimodal.listener, unimodal.captions, unimodal.pairs, hard_negatives.train,
    hard_negatives.met, few_shots.tested, few_shots.samples,
]  # fmt: skip
SIZES = {
    queued: {"STEPS": 2, "SMALL": 4, "LARGE": 8}, two_languages: {"STEPS": 2, "BATCH": 8},
    two_things: {"TRAIN": 200, "HELDOUT": 12}, bags: {"TRAIN": 24, "STEPS": 2, "BATCH": 8},
    bridged: {"STEPS": 2, "BATCH": 8}, from_scratch: {"STEPS": 2, "BATCH": 8, "SCENES": 60},
    unimodal: {"SCENES": 60, "LISTENED": 2, "BATCH": 8}, hard_negatives: {"TRAIN": 24, "HELDOUT": 60, "STEPS": 2,
    "BATCH": 8}, few_shots: {"EACH": 1}, alignment_exams: {"GALLERY": 6, "PICTURES": 6, "EACH": 1},
    contrastive_alignment: {"FEW": 16},
}  # fmt: skip


@pytest.fixture
def cheap():
    """Two steps on a few scenes; what was trained so is forgotten afterwards."""
    with small(CACHED, SIZES):
        yield


def pairs(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    given = two_things.material("train")
    return given.regions[:count], given.captions[:count]


# ---------------------------------------------------------------------------------------------------------------
# The queue


def test_an_empty_queue_whose_copy_keeps_up_is_the_contrast_within_the_batch(cheap):
    torch.manual_seed(0)
    towers = DualEncoder(two_things.lexicon())
    regions, captions = pairs(6)
    loss = queued.Queue(towers, momentum=0.0).loss(regions, captions)
    torch.testing.assert_close(loss, contrast(towers.picture(regions), towers.words(captions), towers.log_scale.exp()))


def test_the_queue_holds_the_newest_vectors_of_the_copy_and_no_more_than_its_size(cheap):
    torch.manual_seed(0)
    queue = queued.Queue(DualEncoder(two_things.lexicon()), size=7)
    regions, captions = pairs(12)
    for part in torch.arange(12).split(4):
        queue.loss(regions[part], captions[part])
    expected = normalize(queue.copy.picture(regions[[8, 9, 10, 11, 4, 5, 6]]), dim=-1)
    torch.testing.assert_close(queue.pictures, expected)
    assert len(queue.captions) == 7 and not queue.captions.requires_grad


def test_older_vectors_are_further_negatives(cheap):
    torch.manual_seed(0)
    towers = DualEncoder(two_things.lexicon())
    regions, captions = pairs(8)
    queue = queued.Queue(towers, momentum=0.0)
    queue.loss(regions[4:], captions[4:])
    found = queue.loss(regions[:4], captions[:4])
    with torch.no_grad():
        seen, told = (normalize(part, dim=-1) for part in (towers.picture(regions), towers.words(captions)))
        logits = towers.log_scale.exp() * seen @ told.T
    by_hand = [table[:4].log_softmax(1).diagonal().mean() for table in (logits, logits.T)]
    torch.testing.assert_close(found, -sum(by_hand) / 2)


def test_the_copy_follows_by_its_momentum_and_learns_nothing_itself(cheap):
    torch.manual_seed(0)
    towers = DualEncoder(two_things.lexicon())
    queue = queued.Queue(towers, momentum=0.9)
    with torch.no_grad():
        towers.log_scale.add_(1.0)
    queue.loss(*pairs(4)).backward()
    assert queue.copy.log_scale.item() == pytest.approx(towers.log_scale.item() - 0.9, abs=1e-5)
    assert all(one.grad is None for one in queue.copy.parameters()) and towers.project[0].weight.grad is not None


def test_a_momentum_that_never_moves_is_refused(cheap):
    with pytest.raises(ValueError, match=r"^momentum must be at least 0 and below 1, not 1\.0$"):
        queued.Queue(DualEncoder(two_things.lexicon()), momentum=1.0)


# ---------------------------------------------------------------------------------------------------------------
# Hard negatives, and who is asked


def test_negatives_are_of_the_difficulty_asked_for_and_never_a_face_s_own_voice():
    near, generator = torch.rand(9, 9, generator=torch.Generator().manual_seed(0)), torch.Generator().manual_seed(1)
    near.diagonal().fill_(2.0)
    others = near.masked_fill(torch.eye(9, dtype=torch.bool), torch.nan)
    for asked, wanted in ((1.0, others.nan_to_num(-9).argmax(1)), (0.0, others.nan_to_num(9).argmin(1))):
        assert torch.equal(hard_negatives.negatives(near, asked, generator), wanted)
    middle = hard_negatives.negatives(near, 0.5, generator)
    ranks = (others < near[torch.arange(9), middle][:, None]).sum(1)
    assert set(ranks.tolist()) == {4}
    drawn = torch.stack([hard_negatives.negatives(near, None, generator) for _ in range(200)])
    assert not (drawn == torch.arange(9)).any() and len(drawn[:, 0].unique()) == 8


def test_the_curriculum_rises_and_others_do_not():
    assert hard_negatives.difficulty("curriculum", 0.0) == hard_negatives.EASY
    assert hard_negatives.difficulty("curriculum", 1.0) == pytest.approx(hard_negatives.HARD)
    assert hard_negatives.difficulty("hardest", 0.0) == 1 and hard_negatives.difficulty("random", 0.5) is None


def test_the_margin_loss_by_hand():
    near = torch.tensor([[0.5, 0.98], [0.0, 1.0]])  # distances 1 and 0.2; sqrt 2 and 0
    found = hard_negatives.margin_loss(near, torch.tensor([1, 0]))
    assert found.item() == pytest.approx((1.0 + (hard_negatives.MARGIN - 0.2) ** 2) / 2, abs=1e-4)


def test_identities_of_the_exam_were_never_met(cheap):
    for split, held_out in (("train", False), ("heldout", True)):
        count = hard_negatives.TRAIN if split == "train" else hard_negatives.HELDOUT
        assert {is_held_out(scene) for scene in alignment_exams.eyes.fresh(split, count)} == {held_out}


# ---------------------------------------------------------------------------------------------------------------
# Two languages


def test_the_two_languages_share_no_word_but_their_commas(cheap):
    words = [
        {number for row in two_languages.texts("train", language).tolist() for number in row}
        for language in ("en", "es")
    ]
    shared = {two_languages.lexicon().words[number] for number in words[0] & words[1]}
    assert shared <= {"<pad>", "<cls>", "<end>", ","}


@pytest.mark.parametrize("way", ["through pictures", "shuffled"])
def test_no_picture_has_captions_of_both_languages(cheap, monkeypatch, way):
    given = two_things.material("train")
    shown = {language: Shown(two_languages.texts("train", language)) for language in ("en", "es")}
    regions = Shown(given.regions)
    monkeypatch.setattr(two_languages, "material", lambda split: given._replace(regions=regions))
    monkeypatch.setattr(two_languages, "texts", lambda split, language: shown[language])
    two_languages.train(0, way)
    for english, spanish, seen in zip(shown["en"].rows, shown["es"].rows, regions.rows, strict=True):
        assert english.max() < 100 <= spanish.min()
        assert torch.equal(seen[:4], english) and torch.equal(seen[4:], spanish) == (way == "through pictures")
        assert seen[4:].min() >= 100


# ---------------------------------------------------------------------------------------------------------------
# Bags


@pytest.mark.parametrize("pooling", bags.POOLINGS)
def test_a_bag_has_no_order_and_texts_no_padding(pooling):
    torch.manual_seed(0)
    model, regions = bags.Bags(pooling, bags.lexicon(), 16), torch.randn(3, 9, 16)
    texts = bags.lexicon().write(["red star", "blue moon"])
    longer = torch.cat([texts, torch.zeros(2, 3, dtype=torch.long)], dim=1)
    found = model(regions, texts)
    torch.testing.assert_close(model(regions[:, torch.randperm(9)], longer), found)
    assert found.shape == (3, 2) and found.abs().max() <= (2 if pooling == "both" else 1)


def test_log_sum_exp_lies_between_the_mean_and_the_largest():
    scores = torch.randn(4, 9, 5, generator=torch.Generator().manual_seed(0))
    found = bags.log_sum_exp(scores)
    assert (found > scores.mean(1)).all() and (found < scores.amax(1)).all()
    torch.testing.assert_close(found, scores.mul(bags.SHARP).exp().mean(1).log() / bags.SHARP)


def test_offered_names_are_made_of_what_is_there_and_only_the_first_is():
    scenes = alignment_exams.eyes.fresh("heldout", 60, (bags.THINGS,))
    about, offered = alignment_exams._offered(scenes)
    assert len(about) == len(offered) > 10 and offered.shape[1] == alignment_exams.OFFERED
    for number, names in zip(about.tolist(), offered.tolist(), strict=True):
        things = scenes[number].things
        there = [NAMES[name] in {(thing.colour, thing.shape) for thing in things} for name in names]
        assert there == [True, False, False, False] and len(set(names)) == 4
        assert not HELD_OUT_PAIRS & {NAMES[name] for name in names}
        for colour, shape in (NAMES[name] for name in names):
            assert colour in {thing.colour for thing in things} and shape in {thing.shape for thing in things}


# ---------------------------------------------------------------------------------------------------------------
# Frozen encoders


def test_unmixed_is_mixed_with_nothing_and_mixing_goes_both_ways():
    torch.manual_seed(0)
    bridge, heard, told, order = bridged.Bridge(8, 8), torch.randn(6, 8), torch.randn(6, 8), torch.randperm(6)
    plain = bridged.mixed_loss(bridge, heard, told, "none", 0.3, order)
    for mix in ("both sides", "one side"):
        torch.testing.assert_close(bridged.mixed_loss(bridge, heard, told, mix, 1.0, order), plain)
    swapped = bridged.mixed_loss(bridge, heard[order], told[order], "both sides", 0.7, order.argsort())
    torch.testing.assert_close(bridged.mixed_loss(bridge, heard, told, "both sides", 0.3, order), swapped)


def test_one_mixed_side_is_to_be_near_both_partners_by_their_shares():
    torch.manual_seed(0)
    bridge, heard, told, order = bridged.Bridge(8, 8), torch.randn(4, 8), torch.randn(4, 8), torch.tensor([1, 2, 3, 0])
    with torch.no_grad():
        found = bridged.mixed_loss(bridge, heard, told, "one side", 0.7, order)
        sounds, texts = (0.7 * part + 0.3 * part[order] for part in (heard, told))
        by_hand = 0.0
        for table in (bridge(sounds, told).log_softmax(1), bridge(heard, texts).T.log_softmax(1)):
            by_hand -= sum(0.7 * table[i, i] + 0.3 * table[i, order[i]] for i in range(4)) / 4
    assert found.item() == pytest.approx(by_hand.item() / 2, abs=1e-5)


def test_frozen_encoders_stay_as_they_were_and_only_small_functions_learn(cheap):
    before = [parameter.clone() for parameter in unimodal.listener().parameters()]
    language = {name: value.clone() for name, value in unimodal.reader().model.state_dict().items()}
    bridged.train(0, 16)
    assert all(torch.equal(one, old) for one, old in zip(unimodal.listener().parameters(), before, strict=True))
    assert all(torch.equal(value, language[name]) for name, value in unimodal.reader().model.state_dict().items())
    frozen = [*unimodal.listener().parameters(), *unimodal.reader().model.parameters()]
    assert not any(parameter.requires_grad for parameter in frozen)


def test_a_text_reads_the_same_alone_and_among_longer_ones():
    texts = ["a red star", "a big blue circle at the top left"]
    torch.testing.assert_close(unimodal.read_all(texts)[:1], unimodal.read_all(texts[:1]), atol=1e-4, rtol=1e-4)


def test_pairs_are_of_training_scenes_and_few_are_the_first_of_many(cheap):
    scenes = alignment_exams.eyes.fresh("train", unimodal.SCENES)
    assert not any(map(is_held_out, scenes)) and len(unimodal.captions()) == len(scenes)
    told = unimodal.pairs()[1]
    torch.testing.assert_close(unimodal.read_all(unimodal.captions()[:3]), told[:3], atol=1e-4, rtol=1e-4)


def test_shots_are_other_pictures_for_each_seed_and_none_of_those_tested():
    tested, *drawn = (few_shots.of_every_name(2, draws) for draws in ("exam", "shots 0", "shots 1"))
    assert not set(tested) & set(drawn[0]) and not set(drawn[0]) & set(drawn[1])
    names = [(scene.things[0].colour, scene.things[0].shape) for scene in tested]
    assert names == NAMES * 2


def test_without_pictures_a_classifier_tells_the_nearest_name(cheap):
    nearest = (few_shots.tested()[0] @ few_shots.names().T).argmax(1)
    assert torch.equal(few_shots.told(0, 0, True), nearest)


def test_what_is_not_known_is_refused(cheap):
    for call, said in (
        (
            lambda: bags.Bags("maximum", bags.lexicon(), 4),
            "^pooling must be one of mean, attention, best, both, not 'max",
        ),
        (
            lambda: two_languages.train(0, "apart"),
            "^way must be one of through pictures, shuffled, translations, not 'a",
        ),
        (
            lambda: hard_negatives.train(0, "easy"),
            "^choice must be one of curriculum, random, hardest, all, not 'easy'$",
        ),
        (lambda: bridged.train(0, 8, "thrice"), "^mix must be one of none, both sides, one side, not 'thrice'$"),
    ):
        with pytest.raises(ValueError, match=said):
            call()


def test_one_cheap_run_of_every_arm(cheap):
    for claim in contrastive_alignment.claims():
        found = every_arm(claim)
        chances = list(claim.controls.values())
        assert all(0 < chance < 1 for chance in chances) and all(
            math.isfinite(one) for one in found[claim.better].values
        )
