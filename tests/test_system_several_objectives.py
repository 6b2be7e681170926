"""Several objectives in one training: what each part may see, identities of the losses, and every arm, cheaply."""

import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy, kl_div, normalize, scaled_dot_product_attention

from labs.systems import several_objectives
from labs.systems.claim import Scores
from labs.systems.parts import (
    beside_contrast,
    beside_terms,
    five_objectives,
    grouped_senses,
    heard_scenes,
    matched_distributions,
    pages_of_things,
    queried_senses,
    reranked_candidates,
    skills,
    split_writer,
    structured_states,
    transformer_blocks,
    unpaired_joined,
)
from labs.systems.parts.lexicon import END, PAD
from labs.systems.parts.objectives import contrast
from labs.systems.parts.web import WORDS, lexicon
from labs.world.splits import has_held_out_pair, is_held_out
from tests.small_runs import every_arm, small

TRAINED = (
    split_writer, five_objectives, grouped_senses, queried_senses, matched_distributions,
    structured_states, beside_contrast,
)  # fmt: skip
CACHED = (
    *(part.train for part in TRAINED), heard_scenes.scenes, heard_scenes.heard, matched_distributions.persons,
    matched_distributions.lexicon, pages_of_things.pages, unpaired_joined.alone,
)  # fmt: skip
FEW = {"train": 96, "choice": 24, "exam": 24}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    values = {part: {"STEPS": 2, "BATCH": 16} for part in TRAINED}
    for part in (five_objectives, queried_senses, grouped_senses, split_writer, matched_distributions):
        values[part] = values[part] | {"COUNTS": FEW}
    values |= {heard_scenes: {"COUNTS": FEW}, skills: {}, unpaired_joined: {"PAIRS": 32, "COUNTS": FEW}}
    values[beside_contrast] = values[beside_contrast] | {"PAIRS": 32}
    values[pages_of_things] = {"COUNTS": FEW, "PAGES": FEW}
    values[structured_states] = values[structured_states] | {"PAGES": FEW}
    values[beside_terms] = {"CLUSTERS": 4, "EVERY": 1}
    with small(CACHED, values):
        yield


@pytest.fixture
def given(cheap):
    """Twelve scenes of the training split."""
    return heard_scenes.heard("train").only(torch.arange(12))


def fresh(build):
    """A network of the same weights every time, to be read."""
    torch.manual_seed(0)
    return build().eval().requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Scenes, blocks and skills


def test_what_is_asked_was_kept_back_and_never_chose_a_setting(cheap):
    assert all(map(is_held_out, heard_scenes.scenes("exam")))
    assert not any(map(is_held_out, heard_scenes.scenes("train")))
    assert not set(heard_scenes.scenes("exam")) & set(heard_scenes.scenes("choice"))
    with pytest.raises(ValueError, match="split must be one of"):
        heard_scenes.scenes("test")
    for part in (skills, matched_distributions, structured_states, reranked_candidates):
        assert part.EXAM == "exam"


def test_a_block_is_the_librarys_attention_and_only_lookers_look():
    block = fresh(lambda: transformer_blocks.Block(looks=True))
    x, seen = torch.randn(2, 5, 64), torch.randn(2, 3, 64)
    calm = block.norm_talk(x)
    parts = (
        part(calm).unflatten(2, (2, -1)).transpose(1, 2)
        for part in (block.talk.query, block.talk.key, block.talk.value)
    )
    talked = x + block.talk.out(scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2))
    torch.testing.assert_close(block(x), talked + block.think(talked), rtol=1e-4, atol=1e-5)
    some = block(x, seen=seen, lookers=2)
    torch.testing.assert_close(some[:, 2:], block(x)[:, 2:])
    torch.testing.assert_close(some[:, :2], block(x, seen=seen)[:, :2])


def test_words_know_those_before_them_and_never_what_fills_up():
    texts = torch.tensor([[1, 5, 6, END, PAD]])
    assert transformer_blocks.before(texts)[0].tolist() == [[j <= i and j < 4 for j in range(5)] for i in range(5)]
    assert transformer_blocks.written(texts)[0, 0].tolist() == [True] * 4 + [False]


def test_who_knows_all_captions_is_right_and_who_holds_them_against_others_is_not(cheap):
    captions = heard_scenes.heard("exam").captions

    def follow(blind, told):
        assert (blind.captions == PAD).all()  # nobody is shown what is to be told
        return torch.nn.functional.one_hot(captions[:, : told.shape[1] + 1].roll(-1, 1)[:, :-1], len(lexicon())).float()

    assert set(skills.described(follow).values) == {1.0}
    assert sum(skills.described(follow, another=True).values) < len(captions) / 2
    keys = torch.randn(len(captions), 500)
    assert set(skills.searched(lambda given: (keys, keys)).values) == {1.0}


def test_both_skills_weigh_the_same():
    found, told = Scores([1, 1, 0, 1], [0, 1, 0, 1]), Scores([0.0, 0.5], [0, 1])
    assert skills.both(found, told) == Scores([0.25, 0.75], [0, 1])


# ---------------------------------------------------------------------------------------------------------------
# Networks with several objectives


def test_the_lower_part_sees_no_picture_and_the_upper_part_no_later_word(given):
    model = fresh(split_writer.SplitWriter)
    other = given.captions.clone()
    other[:, 5:] = other[:, 5:].roll(1, 0)
    one, two = (model.follow(given.regions, words) for words in (given.captions, other))
    torch.testing.assert_close(one[:, :5], two[:, :5])
    assert not torch.allclose(one, model.follow(given.regions.roll(1, 0), given.captions))
    texts = [model.vectors(regions, given.captions)[1] for regions in (given.regions, given.regions.roll(1, 0))]
    assert torch.equal(*texts)


def test_the_contrast_reaches_the_unimodal_part_and_leaves_the_multimodal_one_alone(given):
    torch.manual_seed(0)
    model = split_writer.SplitWriter()
    model.loss(("contrast",), given.regions, given.captions).backward()
    assert all(p.grad is not None for p in model.unimodal.parameters())
    assert all(p.grad is None for part in (model.multimodal, model.head) for p in part.parameters())
    each = [model.loss((name,), given.regions, given.captions) for name in split_writer.OBJECTIVES]
    torch.testing.assert_close(model.loss(split_writer.OBJECTIVES, given.regions, given.captions), sum(each))


@pytest.mark.parametrize("part", [split_writer, five_objectives, grouped_senses])
def test_unknown_objectives_are_refused(part):
    with pytest.raises(ValueError, match="must be some of"):
        part.train(0, (("rhymes",),) if part is grouped_senses else ("rhymes",))


def test_each_of_five_losses_trains_its_own_head(given):
    heads = {
        "contrast": "project", "hidden words": "word", "hidden regions": "region", "matching": "pair",
        "captions": "told",
    }  # fmt: skip
    for name in five_objectives.OBJECTIVES:
        torch.manual_seed(0)
        model, generator = five_objectives.FiveObjectives(), torch.Generator().manual_seed(0)
        found = model.losses((name,), given.regions, given.captions, generator)
        assert list(found) == [name]
        found[name].backward()
        touched = {
            head for head in heads.values() if any(p.grad is not None for p in getattr(model, head).parameters())
        }
        assert touched == {heads[name]}


def test_captions_are_told_from_the_picture_alone_and_regions_are_known_again(given):
    model = fresh(five_objectives.FiveObjectives)
    start = given.captions[:, :1]
    assert not torch.allclose(model.follow(given.regions, start), model.follow(given.regions.roll(1, 0), start))
    away = torch.zeros(12, 9, dtype=torch.bool)
    away[:, 4] = True
    model.region = torch.nn.Identity()
    known = torch.zeros(12, 9, 64)
    known[away] = given.regions[away][:, :-4] @ model.see.enter.weight[:, :-4].T
    right = model.guess_regions(known, given.regions, away)
    assert right < model.guess_regions(known.roll(1, 0), given.regions, away)


def test_a_group_reads_no_sense_that_it_lacks(given):
    model = fresh(grouped_senses.Grouped)
    for group in grouped_senses.GROUPS:
        other = given._replace(**{name: getattr(given, name) * 0 for name in grouped_senses.BOTH if name not in group})
        for one, two in zip(model.vectors(group, given), model.vectors(group, other), strict=True):
            assert torch.equal(one, two)
        assert torch.equal(*(model.follow(group, part, given.captions) for part in (given, other)))


def test_queries_that_contrast_or_write_see_no_text(given):
    model, words = fresh(queried_senses.Queried), given.captions
    sensed = model.perceive(given)
    alone = model.ask(sensed)[0]
    torch.testing.assert_close(model.ask(sensed, words, writes=True)[0], alone)
    assert not torch.allclose(model.ask(sensed, words)[0], alone)
    other = words.clone()
    other[:, 5:] = other[:, 5:].roll(1, 0)
    torch.testing.assert_close(model.follow(sensed, words)[:, :5], model.follow(sensed, other)[:, :5])


def test_hard_negatives_are_never_ones_own_and_mostly_near():
    near = torch.eye(6) * 50 + torch.eye(6).roll(1, 1) * 20
    assert queried_senses.mistaken(near, torch.Generator().manual_seed(0)).tolist() == [1, 2, 3, 4, 5, 0]


def test_reranking_moves_only_the_first_candidates_and_adds_what_matching_says(given, monkeypatch):
    monkeypatch.setattr(reranked_candidates, "CANDIDATES", 3)
    model = fresh(queried_senses.Queried)
    for plain, judged, by_text in zip(
        *(reranked_candidates.tables(model, given, x) for x in (False, True)), (0, 1), strict=True
    ):
        assert (judged > float("-inf")).sum(1).tolist() == [3] * 12
        row, column = 2, judged[2].argmax().item()
        scene, text = (column, row) if by_text else (row, column)
        sensed = model.perceive(given)[scene : scene + 1]
        fits = model.match(sensed, given.captions[text : text + 1]).log_softmax(1)[0, 1]
        torch.testing.assert_close(judged[row, column], plain[row, column] + fits, rtol=1e-4, atol=1e-4)


def test_entries_that_repeat_align_for_nothing_and_order_counts():
    monotone = torch.eye(128)[:3][None]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(structured_states, "SMOOTH", 1e-3)
        same = structured_states.warped_alignment(monotone, monotone[:, [0, 1, 1]])
        repeated = structured_states.warped_alignment(monotone[:, [0, 0, 1]], monotone[:, [0, 1, 1]])
        backwards = structured_states.warped_alignment(monotone, monotone.flip(1))
    assert repeated.item() == pytest.approx(0, abs=0.01)
    assert same.item() == pytest.approx(-1, abs=0.01) and backwards.item() == pytest.approx(-2, abs=0.01)


def test_states_as_near_as_pages_are_alike_cost_nothing():
    vectors = torch.zeros(8, 1, 128)
    vectors[..., :3] = torch.randn(8, 1, 3, generator=torch.Generator().manual_seed(0))
    assert structured_states.structure_loss(vectors[:, 0], vectors).item() == pytest.approx(0, abs=1e-4)
    assert structured_states.structure_loss(vectors[:, 0].roll(1, 0), vectors).item() > 0.1


def test_a_page_is_read_through_what_is_shown_or_named_and_its_state_before_it_is_told(cheap):
    model, part = fresh(structured_states.PageWriter), pages_of_things.pages("exam").only(torch.arange(6))
    shown, told = pages_of_things.halves(6), pages_of_things.answers(part)
    state = model(part, shown, told)[0]
    hidden = part._replace(
        pictures=part.pictures.masked_fill(~shown[..., None], 7.0),
        names=part.names.masked_fill(shown.repeat_interleave(2, 1), PAD),
    )
    torch.testing.assert_close(model(hidden, shown, told.roll(1, 0))[0], state)
    assert not torch.allclose(model(part, ~shown, told)[0], state)
    names = [tuple(row) for row in pages_of_things.pages("exam").names.tolist()]
    assert len(set(names)) == len(names)


# ---------------------------------------------------------------------------------------------------------------
# Beside the contrast, or in its place


def test_matched_distributions_are_the_librarys_divergence_and_zero_where_they_match():
    generator = torch.Generator().manual_seed(0)
    near, who = torch.randn(6, 6, generator=generator), torch.tensor([0, 0, 1, 2, 2, 2])
    same = who[:, None] == who
    true = same / same.sum(1, keepdim=True) + matched_distributions.SMALL
    each = [
        (kl_div(true.log(), table.softmax(1), reduction="sum") / 6) for table in (near, near.T)
    ]  # the library has the truth last and the other in logarithms
    torch.testing.assert_close(matched_distributions.distribution_matching(near, same), sum(each))
    matched = same.float() * 30
    assert matched_distributions.distribution_matching(matched, same).item() == pytest.approx(0, abs=1e-4)


def test_persons_asked_about_are_strangers_and_ones_own_picture_is_out(cheap):
    given = matched_distributions.persons("exam")
    assert all(
        map(has_held_out_pair, matched_distributions.eyes.scenes("heldout", 24, seed=heard_scenes.SEEDS["exam"]))
    )
    assert len(given.who.unique()) <= 16
    found = matched_distributions.finds_who(0)
    alone = [i for i, who in enumerate(given.who.tolist()) if (given.who == who).sum() == 1]
    assert all(found.values[i] == 0 for i in alone)
    with pytest.raises(ValueError, match="kind must be one of"):
        matched_distributions.train(0, "nearest")


def test_centres_are_the_means_of_their_own_and_empty_ones_stay():
    points = normalize(torch.tensor([[1.0, 0.1], [1.0, -0.1], [0.1, 1.0], [-0.1, 1.0]]), dim=-1)
    centres = normalize(torch.tensor([[1.0, 0.5], [0.5, 1.0], [-1.0, -1.0]]), dim=-1)
    expected = torch.tensor([[1.0, 0.0], [0.0, 1.0], centres[2].tolist()])
    torch.testing.assert_close(beside_terms.k_means(points, centres), expected)


def test_views_of_one_sense_read_no_caption_and_spoil_no_box(given):
    regions = given.regions
    view = beside_terms.spoil(regions, torch.Generator().manual_seed(0))
    kept = view.abs().sum(-1) > 0
    assert 0 < (~kept).sum() < kept.numel() / 2
    assert torch.equal(view[kept][:, -4:], regions[kept][:, -4:])
    model = fresh(lambda: beside_contrast.TwoTowers(lexicon(), WORDS))
    term = fresh(beside_terms.TwoViews)
    nothing = torch.full_like(given.captions, PAD)
    now = beside_terms.Now(regions, given.captions, *[torch.zeros(0)] * 4)
    each = [term(model, one, torch.Generator().manual_seed(1)) for one in (now, now._replace(captions=nothing))]
    assert torch.equal(*each)


def test_local_scores_are_highest_where_every_word_has_its_region():
    seen, told = torch.eye(9, 64)[None].repeat(2, 1, 1), torch.zeros(2, 9, 64)
    told[0, beside_terms.NAMING] = torch.eye(9, 64)[:4]
    told[1, beside_terms.NAMING] = torch.eye(64)[60:]
    scores = beside_terms.local_scores(seen, told)
    assert (scores[:, 0] > 0.9).all() and (scores[:, 1] < 0.1).all()


def test_the_bank_finds_colours_and_shapes_where_captions_have_them(given):
    phrases = given.captions[:, beside_terms.PHRASES].flatten(0, 1)
    told = {lexicon().read(row) for row in phrases}
    names = {f"{thing.colour} {thing.shape}" for scene in heard_scenes.scenes("train")[:12] for thing in scene.things}
    assert told == names


def test_collections_share_no_scene_and_what_is_looked_up_is_most_alike(cheap):
    found, train = unpaired_joined.alone(), heard_scenes.heard("train")
    assert len(found.regions) + len(found.captions) + unpaired_joined.PAIRS == len(train.captions)
    assert torch.equal(found.regions[0], train.regions[32]) and torch.equal(found.captions[-1], train.captions[-1])
    own = train.captions[:32]
    best = (own == found.captions[found.text]).sum(1)
    assert all((row == found.captions).sum(1).max() == most for row, most in zip(own, best, strict=True))


def test_several_positives_with_no_others_are_the_contrast_and_either_will_do():
    generator = torch.Generator().manual_seed(0)
    one, two = torch.randn(5, 8, generator=generator), torch.randn(5, 8, generator=generator)
    scale = torch.tensor(3.0)
    each = unpaired_joined.several_positives(one, two, two, scale) + unpaired_joined.several_positives(
        two, one, one, scale
    )
    torch.testing.assert_close(each / 2, contrast(one, two, scale))
    apart = torch.eye(5, 8)
    assert unpaired_joined.several_positives(apart, -apart, apart, torch.tensor(50.0)).item() < 1e-3
    own = torch.arange(5)
    table = scale * cosine_similarity(one[:, None], torch.cat([two, two.flip(0)])[None], dim=-1)
    likelier = unpaired_joined.several_positives(one, two, two.flip(0), scale)
    assert likelier < cross_entropy(table, own)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in several_objectives.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)


def test_what_stands_beside_must_be_known():
    with pytest.raises(ValueError, match="beside must be some of"):
        beside_contrast.train(0, "a drum")
