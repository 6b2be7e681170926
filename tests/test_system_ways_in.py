"""Other ways in: sparse weights, gists, tags, mixtures, prompts and stages; what stays frozen; and every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import ways_in
from labs.systems.parts import (
    aligned_then_all,
    browsed,
    finite_tokens,
    ideal_prompts,
    joined_senses,
    mixed_eyes,
    pretrained_bridge,
    prompted_talker,
    tiled_pages,
    tiled_reader,
    two_eyes,
    two_things,
)
from labs.systems.parts.lexicon import PAD
from labs.systems.parts.talker import talker
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (
    prompted_talker.scenes, prompted_talker.seen, ideal_prompts.ideal, ideal_prompts.taught,
    pretrained_bridge.pretrained, pretrained_bridge.taught, browsed.pool, browsed.items, browsed.trained,
    tiled_pages.pages, tiled_pages.pool, tiled_reader.steps, tiled_reader.trained, two_eyes.scenes, two_eyes.pictures,
    two_eyes.truth, two_eyes.eye, two_eyes.rows, mixed_eyes.taught, finite_tokens.shown, finite_tokens.trained,
    two_things.heldout, two_things.asked, two_things.material, two_things.lexicon, aligned_then_all.lessons,
    aligned_then_all.taught, joined_senses.scenes, joined_senses.clean, joined_senses.record, joined_senses._usual,
)  # fmt: skip


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    values = {
        prompted_talker: {"COUNTS": {"texts": 40, "pairs": 40, "choice": 12, "exam": 12}, "BATCH": 8},
        ideal_prompts: {"TEXT_STEPS": 2, "STEPS": 2},
        pretrained_bridge: {"PRE_STEPS": 2, "STEPS": 2, "LONGER": 3, "BATCH": 8},
        browsed: {"COUNTS": {"train": 40, "choice": 20, "exam": 20}, "POOL": {"train": 30, "choice": 30, "exam": 30},
                  "STEPS": 2, "BATCH": 8},
        tiled_pages: {"COUNTS": {"train": 24, "choice": 12, "exam": 12},
                      "POOL": {"train": 40, "choice": 40, "exam": 40}},
        tiled_reader: {"STEPS": {"hybrid": 4}, "BATCH": 8},
        two_eyes: {"COUNTS": {"train": 60, "choice": 40, "exam": 40}, "STEPS": 2, "BATCH": 16},
        mixed_eyes: {"STEPS": 2, "BATCH": 16, "PAIRS": 6, "ALIKE": 0.1},
        two_things: {"TRAIN": 40, "HELDOUT": 24},
        finite_tokens: {"TRAIN": 40, "STEPS": 2, "BATCH": 8},
        joined_senses: {"COUNTS": {"train": 40, "choice": 20, "exam": 20}},
        aligned_then_all: {"ALIGN": 2, "TOGETHER": 4, "BATCH": 8, "ITEMS": 12},
    }  # fmt: skip
    with small(CACHED, values):
        yield


# ---------------------------------------------------------------------------------------------------------------
# Scenes


def test_what_is_asked_was_kept_back_and_never_chose_a_setting(cheap):
    for part in (prompted_talker, two_eyes, joined_senses):
        assert all(map(is_held_out, part.scenes("exam")))
        assert not set(part.scenes("exam")) & set(part.scenes("choice"))
        assert not any(map(has_held_out_pair, part.scenes("pairs" if part is prompted_talker else "train")))
    assert all(map(is_held_out, browsed.pool("exam")[0]))
    assert not set(browsed.pool("exam")[0]) & set(browsed.pool("choice")[0])
    assert not any(map(is_held_out, browsed.pool("train")[0]))
    known, kept = tiled_pages.pool("exam")[:40], tiled_pages.pool("exam")[40:]
    assert not any(map(is_held_out, known)) and all(map(is_held_out, kept))
    assert not set(known) & set(tiled_pages.pool("train")) and not set(kept) & set(tiled_pages.pool("choice"))
    assert not set(prompted_talker.scenes("pairs")) & set(prompted_talker.scenes("texts"))


@pytest.mark.parametrize("part", (prompted_talker, two_eyes))
def test_an_unknown_split_is_refused(part):
    with pytest.raises(ValueError, match="split must be one of"):
        part.scenes("test")


# ---------------------------------------------------------------------------------------------------------------
# Before the language model


def test_only_the_connector_learns_and_the_language_model_stays(cheap):
    before = {name: weight.clone() for name, weight in talker().state_dict().items()}
    bridge = pretrained_bridge.taught(0, "fresh")
    assert all(torch.equal(weight, before[name]) for name, weight in talker().state_dict().items())
    torch.manual_seed(0)
    assert not torch.equal(bridge.out.weight, pretrained_bridge.Bridge().out.weight)


def test_ideal_prompts_are_learned_from_words_alone(cheap, monkeypatch):
    monkeypatch.setattr(ideal_prompts, "seen", None)
    monkeypatch.setattr(prompted_talker, "regions", None)
    ideal_prompts.ideal.cache_clear()
    former = ideal_prompts.ideal(0)
    found = former(ideal_prompts.sentences("exam"))
    assert found.shape == (12, prompted_talker.PROMPTS, prompted_talker.LANGUAGE)
    assert ideal_prompts.sentences("exam").shape[1] == ideal_prompts.LONGEST


def test_a_p_former_hears_nothing_of_what_fills_a_sentence_up():
    torch.manual_seed(0)
    former, words = ideal_prompts.PFormer(), torch.tensor([[1, 20, 21, 22, 3, PAD, PAD, PAD]])
    before = former(words)
    with torch.no_grad():
        former.places[5:] += 1
    torch.testing.assert_close(former(words), before)


def test_the_second_loss_draws_prompts_to_those_of_the_own_sentence(cheap):
    wanted = ideal_prompts.ideal(0)(ideal_prompts.sentences("pairs"))
    near = {way: (ideal_prompts.taught(0, way)(prompted_talker.seen("pairs")) - wanted).square().mean().item()
            for way in ideal_prompts.WAYS}  # fmt: skip
    assert len(set(near.values())) == 3
    with pytest.raises(ValueError, match="way must be one of"):
        ideal_prompts.taught(0, "best")


def test_learned_tokens_go_through_the_blocks_that_learned_from_words(cheap):
    pre, bridge = pretrained_bridge.pretrained(0), pretrained_bridge.Bridge()
    bridge.load_state_dict(pre)
    seen = prompted_talker.seen("exam")
    words = bridge.tokens.expand(len(seen), -1, -1)
    torch.testing.assert_close(bridge(seen), bridge.prompt(bridge.beside(seen, words)))
    torch.manual_seed(0)
    fresh = pretrained_bridge.Bridge().state_dict()
    assert torch.equal(fresh["tokens"], pre["tokens"]) and not torch.equal(fresh["head.1.weight"], pre["head.1.weight"])
    with pytest.raises(ValueError, match="way must be one of"):
        pretrained_bridge.taught(0, "best")


def test_place_size_and_colour_are_read_off_the_right_words(cheap, monkeypatch):
    asked = {}

    def logits(model, batch, prompts):
        labels = batch.labels[batch.labels != prompted_talker.IGNORE]
        asked["labels"] = labels
        found = torch.nn.functional.one_hot(labels, 200).float()
        found[-3] = 0  # of the last scene the colour is wrong
        return found

    monkeypatch.setattr(prompted_talker, "answer_logits", logits)
    right = prompted_talker.words_right(torch.zeros(12, 4, 96), "exam")
    assert right[:-1].all() and right[-1].tolist() == [1, 1, 0]


def test_the_language_model_is_frozen_while_senses_are_aligned(cheap):
    torch.manual_seed(0)
    model = aligned_then_all.Omni()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    aligned_then_all.teach(model, ("depth",), False, 2, 0)
    changed = {n.split(".")[1] for n, w in model.state_dict().items() if not torch.equal(w, before[n])}
    assert changed == {"depth"}
    aligned_then_all.teach(model, aligned_then_all.SENSES, True, 2, 0)
    changed = {".".join(n.split(".")[:2]) for n, w in model.state_dict().items() if not torch.equal(w, before[n])}
    language = {"language.model", "language.lm_head"}
    assert changed == language | {f"senses.{sense}" for sense in aligned_then_all.SENSES}


# ---------------------------------------------------------------------------------------------------------------
# Several pictures, tiles


def test_one_picture_and_no_other_holds_what_is_meant(cheap):
    given, scenes = browsed.items("exam"), browsed.pool("exam")[0]
    for kind, pictures, right in zip(given.asked.tolist(), given.pictures.tolist(), given.right.tolist(), strict=True):
        name = browsed.ASKED[kind]
        (meant,) = [getattr(thing, name) for thing in scenes[pictures[0]].things]
        held = [meant in {getattr(t, name) for t in scenes[i].things} for i in pictures[1:]]
        assert held == [i == right for i in range(browsed.OFFERED)]


def test_only_the_gist_tells_a_look_of_the_question_and_of_other_pictures():
    torch.manual_seed(0)
    model, seen = browsed.Browser(), torch.randn(2, 4, 9, 132)
    looks = {}

    def encode(regions, gist):
        looks["last"] = browsed.Browser.encode(model, regions, gist)
        return looks["last"]

    model.encode = encode
    other = torch.cat([seen[:, :3], torch.randn(2, 1, 9, 132)], dim=1)
    for way in browsed.WAYS:
        found = []
        for shown, asked in ((seen, 0), (seen, 1), (other, 0)):
            model(shown, torch.full((2,), asked), way)
            found.append(looks["last"][:, :3])
        changes = [not torch.allclose(found[0], one) for one in found[1:]]
        assert changes == [way == "browse and concentrate"] * 2, way
    with pytest.raises(ValueError, match="way must be one of"):
        model(seen, torch.zeros(2, dtype=torch.long), "best")


@pytest.mark.parametrize("way", tiled_reader.WAYS)
def test_without_tags_nobody_knows_which_tile_is_which(way):
    torch.manual_seed(0)
    views, named = torch.randn(3, 5, 9, 128), torch.tensor([0, 3, 7])
    moved = torch.cat([views[:, :1], views[:, 1:].flip(1)], dim=1)
    for tags in (True, False):
        model = tiled_reader.TiledReader(way, tags)
        one, other = (model(part, "where", named) for part in (views, moved))
        assert torch.allclose(one, other, atol=1e-4) != tags
        assert model.tags.requires_grad == tags


def test_in_the_hybrid_the_thumbnail_stands_in_the_row_and_tiles_do_not(monkeypatch):
    lengths = {"decoder-only": 45 + 2, "cross-attention": 2, "hybrid": 9 + 2}
    for way, length in lengths.items():
        model, rows = tiled_reader.TiledReader(way), []
        model.blocks[0].register_forward_pre_hook(lambda _, inputs, rows=rows: rows.append(inputs[0].shape[1]))
        model(torch.randn(2, 5, 9, 128), "colour", torch.tensor([0, 1]))
        assert rows == [length]
    with pytest.raises(ValueError, match="way must be one of"):
        tiled_reader.TiledReader("both")


def test_equal_operations_are_fewer_steps_where_all_tiles_stand_in_the_row(cheap):
    steps = {way: tiled_reader.steps(way) for way in tiled_reader.WAYS}
    assert steps["decoder-only"] < steps["hybrid"] == tiled_reader.STEPS["hybrid"] <= steps["cross-attention"]


# ---------------------------------------------------------------------------------------------------------------
# Two kinds of eyes


def test_an_eye_without_labels_never_reads_names_and_captions_never_name_a_place():
    torch.manual_seed(0)
    shown, grain = torch.randn(6, 3, 24, 24), torch.zeros(6, 3, 24, 24)
    for labels in (True, False):
        model = two_eyes.Eye(labels)
        one, other = (model.loss(shown, names, grain) for names in torch.arange(12).view(2, 6))
        assert torch.equal(one, other) != labels


def test_mined_pairs_are_alike_to_one_eye_and_unlike_to_the_other(cheap, monkeypatch):
    around = torch.linspace(0, 6, 40)
    told = torch.stack([around.cos(), around.sin()], 1)
    free = told.roll(20, 0) * torch.where(torch.arange(40) % 2 == 0, 1.0, -1.0)[:, None]  # neighbours are opposite
    monkeypatch.setattr(mixed_eyes, "rows", lambda seed, labels, split: told if labels else free)
    pairs = mixed_eyes.mine(0, "exam")
    assert pairs.shape == (6, 2)
    assert ((pairs[:, 0] - pairs[:, 1]).abs() % 2 == 1).all()
    assert (told[pairs[:, 0]] * told[pairs[:, 1]]).sum(1).min() > 0.7


def test_each_mixture_reads_the_eyes_that_it_says():
    rows, other = torch.randn(2, 5, two_eyes.EYE), torch.randn(2, 5, two_eyes.EYE)
    reads = {"contrastive": (True, False), "label-free": (False, True), "interleaved": (True, True),
             "additive": (True, True)}  # fmt: skip
    for mix, expected in reads.items():
        model = mixed_eyes.Mixture(mix)
        plain = model.tokens(*rows)
        found = [not torch.equal(plain, model.tokens(*part)) for part in ((other[0], rows[1]), (rows[0], other[1]))]
        assert tuple(found) == expected, mix
    with pytest.raises(ValueError, match="mix must be one of"):
        mixed_eyes.Mixture("all")


# ---------------------------------------------------------------------------------------------------------------
# One dictionary


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    scores = torch.randn(200, 7, generator=torch.Generator().manual_seed(0)) * 2
    found = finite_tokens.sparsemax(scores)
    torch.testing.assert_close(found.sum(1), torch.ones(200))
    assert (found >= 0).all() and (found == 0).float().mean() > 0.4
    slope = scores - found  # Karush-Kuhn-Tucker: equal where a weight is there, and not larger where none is
    level = torch.where(found > 0, slope, -torch.inf).amax(1, keepdim=True)
    torch.testing.assert_close(torch.where(found > 0, slope, level), level.expand_as(slope))
    assert (slope <= level + 1e-5).all()
    torch.testing.assert_close(finite_tokens.sparsemax(scores + 3), found)


def test_both_sides_choose_among_the_same_tokens_and_padding_chooses_none():
    torch.manual_seed(0)
    model = finite_tokens.Finite()
    rows, there = torch.randn(4, 6, 64), torch.ones(4, 6, dtype=torch.bool)
    there[:, 4:] = False
    other = rows.clone()
    other[:, 4:] = 9
    torch.testing.assert_close(model.weights(rows, there, 1), model.weights(other, there, 1))
    seen = torch.randn(4, 9, 64)
    torch.testing.assert_close(model.picture(seen), model.weights(seen, None, 0) @ model.dictionary)
    with pytest.raises(ValueError, match="way must be one of"):
        finite_tokens.trained(0, "best")


def test_one_cheap_run_of_every_arm(cheap):
    for claim in ways_in.claims():
        assert set(every_arm(claim, least=12)) == set(claim.arms)
