"""Parts hidden, exchanged and routed: who sees whom, what is hidden and told, bounds, priors, and every arm once"""

import pytest
import torch
from small_runs import every_arm, small
from torch.distributions import Normal, kl_divergence

from labs.systems import hidden_parts
from labs.systems.parts import (
    agreeing,
    capsules,
    heard_scenes,
    masked_pairs,
    mutual_vae,
    pictured_translation,
    sense_rows,
    switched_words,
)  # fmt: skip
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.pair_layers import LAYOUTS, Apart, Crossing, Experts, PairEncoder, Together
from labs.systems.parts.transformer_blocks import WIDTH
from labs.world.splits import has_held_out_pair

CACHED = (
    heard_scenes.scenes, heard_scenes.heard, masked_pairs.lexicon, masked_pairs.code_book, masked_pairs.pairs,
    masked_pairs.train, switched_words.sentences, switched_words.dictionary, switched_words.train, sense_rows.scenes,
    sense_rows.rows, sense_rows.truth, sense_rows._components, agreeing.pretrain, agreeing.shapes, capsules.train,
    mutual_vae.train, pictured_translation.scenes, pictured_translation.lexicon, pictured_translation.seen,
    pictured_translation.written, pictured_translation.train,
)  # fmt: skip
SHORT = {"STEPS": 2, "BATCH": 8}
FEW = {"COUNTS": {"train": 128, "choice": 24, "exam": 24}}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    values = dict.fromkeys((masked_pairs, switched_words, agreeing, capsules), SHORT)
    values[masked_pairs] = SHORT | {"CODES": 16}
    values |= {heard_scenes: FEW, sense_rows: FEW, mutual_vae: SHORT | {"COMPLETE": 32}}
    values[pictured_translation] = SHORT | FEW | {"FEW": 16}
    with small(CACHED, values):
        yield


@pytest.fixture
def tokens():
    """Five words and nine regions of three pairs, as vectors."""
    return torch.randn(3, 14, WIDTH, generator=torch.Generator().manual_seed(0))


# ---------------------------------------------------------------------------------------------------------------
# Streams and experts


def reaches(layer, tokens, source):
    """Which tokens change with one of them: (tokens,)."""
    other = tokens.clone()
    other[:, source, 0] += 1
    with torch.no_grad():
        return ((layer(other, 5) - layer(tokens, 5)).abs() > 1e-6).any(2).any(0)


@pytest.mark.parametrize("layer", [Together, Experts, Crossing])
def test_one_stream_and_crossing_ones_let_all_see_all(tokens, layer):
    torch.manual_seed(0)
    made = layer()
    assert reaches(made, tokens, 0).all() and reaches(made, tokens, 13).all()


def test_streams_apart_see_nothing_of_each_other(tokens):
    torch.manual_seed(0)
    made = Apart()
    words = torch.arange(14) < 5
    assert torch.equal(reaches(made, tokens, 0), words) and torch.equal(reaches(made, tokens, 13), ~words)


def test_experts_that_are_alike_are_one_stream_and_else_only_theirs_changes(tokens):
    torch.manual_seed(0)
    experts, one = Experts(), Together()
    one.load_state_dict({name: part for name, part in experts.state_dict().items() if "think_seen" not in name})
    words = one(tokens, 5)[:, :5]
    torch.testing.assert_close(experts(tokens, 5)[:, :5], words)
    assert not torch.allclose(experts(tokens, 5)[:, 5:], one(tokens, 5)[:, 5:])
    experts.think_seen.load_state_dict(experts.think.state_dict())
    torch.testing.assert_close(experts(tokens, 5), one(tokens, 5))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_either_side_may_be_missing(cheap, layout):
    torch.manual_seed(0)
    model, given = PairEncoder(masked_pairs.lexicon(), 17, 16, layout), masked_pairs.pairs("train")
    words, regions = given.texts[:4], given.regions[:4]
    assert model(words, regions[:, :0])[0].shape[:2] == (4, 17) and model(words, regions[:, :0])[1].shape[1] == 0
    assert model(words[:, :0], regions)[1].shape == (4, 9, 16)


def test_of_a_hidden_region_its_box_alone_is_seen(cheap):
    torch.manual_seed(0)
    model, given = PairEncoder(masked_pairs.lexicon(), 17, 16, "one stream"), masked_pairs.pairs("train")
    words, regions, hidden = given.texts[:4], given.regions[:4], torch.zeros(4, 9, dtype=torch.bool)
    hidden[:, 2] = True
    grey, moved = regions.clone(), regions.clone()
    grey[:, 2, :-4], moved[:, 2, -4:] = 9.0, 0.5
    torch.testing.assert_close(model(words, grey, hidden)[0], model(words, regions, hidden)[0])
    assert not torch.allclose(model(words, moved, hidden)[0], model(words, regions, hidden)[0])


def test_segments_hide_words_side_by_side_and_no_marks(cheap):
    words = masked_pairs.pairs("train").texts
    hidden = masked_pairs.segments(words, torch.Generator().manual_seed(0))
    assert not hidden[:, [0, -1]].any() and 0.1 < hidden.float().mean() < 0.6
    inner = hidden[:, 2:-4]  # a hidden word stands alone only where its segment meets an end
    assert (inner & (hidden[:, 1:-5] | hidden[:, 3:-3])).sum() == inner.sum()


def test_the_exams_hide_all_that_is_asked_and_what_would_tell_it(cheap):
    lexicon, texts = masked_pairs.lexicon(), masked_pairs.pairs("train").texts
    told = [lexicon.words[number] for number in texts[0].tolist()]
    assert told[4] == "and" and told[8] == "," and told[12] == "y"
    assert set(masked_pairs.ASKED) < set(masked_pairs.ENGLISH)
    with pytest.raises(ValueError, match="exam must be"):
        masked_pairs.tells(0, "one stream", "picture")


def test_codes_cost_something_only_where_regions_are_hidden(cheap, monkeypatch):
    torch.manual_seed(0)
    model, given = PairEncoder(masked_pairs.lexicon(), 17, 16, "one stream"), masked_pairs.pairs("train")
    monkeypatch.setattr(masked_pairs, "UNSEEN", 0.0)
    one = masked_pairs.loss(model, given.texts, given.regions, given.codes, torch.Generator().manual_seed(0))
    other = masked_pairs.loss(model, given.texts, given.regions, given.codes * 0, torch.Generator().manual_seed(0))
    assert torch.equal(one, other)


# ---------------------------------------------------------------------------------------------------------------
# Words exchanged


def test_the_dictionary_knows_one_form_of_each_word(cheap):
    lexicon, table = masked_pairs.lexicon(), switched_words.dictionary()
    assert lexicon.words[table[lexicon.number["red"]]] == "rojo"
    assert not (table == lexicon.number["roja"]).sum() > 1  # it stands for itself alone
    assert switched_words.dictionary()[MASK] == MASK


def test_a_share_of_words_is_exchanged_and_none_at_zero(cheap):
    words, generator = switched_words.sentences("train", "en"), torch.Generator().manual_seed(0)
    assert torch.equal(switched_words.switch(words, 0.0, generator), words)
    assert torch.equal(switched_words.switch(words, 1.0, generator), switched_words.dictionary()[words])
    changed = (switched_words.switch(words, 0.5, generator) != words)[:, 1:-1].float().mean()
    assert 0.4 < changed < 0.6


def test_pictures_learned_from_never_stand_beside_spanish_sentences(cheap, monkeypatch):
    met = []

    def note(model, words, regions, codes, generator):
        met.append((words, regions.shape[1]))
        return sum(parameter.sum() for parameter in model.parameters()) * 0

    monkeypatch.setattr(masked_pairs, "loss", note)
    monkeypatch.setattr(switched_words, "STEPS", 2 * switched_words.TEXTS)
    spanish = {tuple(row) for row in switched_words.sentences("train", "es").tolist()}
    switched_words.train.__wrapped__(0, "English alone")
    for words, regions in met:
        assert any(tuple(row) in spanish for row in words.tolist()) == (regions == 0)
    with pytest.raises(ValueError, match="way must be"):
        switched_words.train.__wrapped__(0, "Spanish alone")


# ---------------------------------------------------------------------------------------------------------------
# Senses that agree, capsules


def test_senses_have_rows_of_variance_one_and_noise(cheap):
    found = sense_rows.rows("train")
    assert found.shape == (128, 4, 32)
    assert all(map(has_held_out_pair, sense_rows.scenes("exam")))
    assert not set(sense_rows.scenes("choice")) & set(sense_rows.scenes("exam"))
    with pytest.raises(ValueError, match="split must be"):
        sense_rows.rows("test")


def test_of_masked_senses_nothing_is_read(cheap):
    torch.manual_seed(0)
    model, given = agreeing.Embedder().eval(), sense_rows.rows("train")
    there = agreeing.mask(len(given), torch.Generator().manual_seed(0))
    assert set(there.sum(1).tolist()) == {1, 2, 3}
    other = torch.where(there[..., None], given, 9.0)
    torch.testing.assert_close(model(other, there), model(given, there))


def test_agreement_is_minus_one_where_all_is_predicted_and_full_embeddings_learn_nothing():
    torch.manual_seed(0)
    model, whole = agreeing.Embedder(), torch.randn(8, agreeing.WIDTH, requires_grad=True)
    some = torch.randn(8, agreeing.WIDTH, requires_grad=True)
    model.predict = torch.nn.Identity()
    assert model.agreement(whole.detach() * 2, whole).item() == pytest.approx(-1)
    model.agreement(some, whole).backward()
    assert whole.grad is None and some.grad.abs().sum() > 0


def test_activations_weigh_capsules_and_are_one_without_a_gate(cheap):
    torch.manual_seed(0)
    given = sense_rows.rows("train")[:8]
    gated, free = capsules.Capsules(), capsules.Capsules(gated=False)
    poses, active = gated.routed(given)
    assert poses.shape == (8, 32, 16) and ((active > 0) & (active < 1)).all()
    torch.testing.assert_close(gated(given), gated.joint((active[..., None] * poses).flatten(1)))
    assert (free.routed(given)[1] == 1).all()


def test_a_primary_capsule_reads_its_own_sense_and_routing_reads_all(cheap):
    torch.manual_seed(0)
    model, given = capsules.Capsules(), sense_rows.rows("train")[:8]
    other = given.clone()
    other[:, 3] += 1
    one, two = model.primary(given)[0], model.primary(other)[0]
    assert torch.equal(one[:, :24], two[:, :24]) and not torch.equal(one[:, 24:], two[:, 24:])
    assert not torch.allclose(model.routed(given)[1][:, :24], model.routed(other)[1][:, :24])


def test_so_many_senses_of_each_scene_show_another():
    given = torch.randn(40, 4, 32, generator=torch.Generator().manual_seed(0))
    for count in (0, 2, 4):
        found = capsules.distract(given, count, torch.Generator().manual_seed(0))
        assert ((found != given).any(2).sum(1) == count).all()
    with pytest.raises(ValueError, match="way must be"):
        capsules.build("sum", 0)


# ---------------------------------------------------------------------------------------------------------------
# Mutual supervision, translations


def test_a_product_of_experts_is_bayes_rule_for_normals():
    model = mutual_vae.Product()
    found = model.joint([Normal(torch.tensor(2.0), torch.tensor(1.0)), Normal(torch.tensor(4.0), torch.tensor(0.5))])
    assert found.mean.item() == pytest.approx((2 + 16) / 6) and found.variance.item() == pytest.approx(1 / 6)


def test_each_posterior_is_the_others_prior():
    torch.manual_seed(0)
    model, pair = mutual_vae.Mutual(), torch.randn(512, 2, 32)
    one, other = (model.posterior(sense, pair[:, sense]) for sense in range(2))
    apart = (kl_divergence(one, other) + kl_divergence(other, one)).sum(-1).mean() / 2
    with torch.no_grad():
        told = [sum(model.likely(s, pair[:, s], own.sample()) for s in range(2)).mean() for own in (one, other)]
        assert model.pair_bound(pair).mean().item() == pytest.approx((sum(told) / 2 - apart).item(), rel=0.02)


def test_the_prior_of_a_missing_sense_is_a_mixture_over_its_pseudo_samples():
    torch.manual_seed(0)
    model = mutual_vae.Mutual()
    with torch.no_grad():
        model.pseudo.copy_(torch.randn(2, 1, 32).expand(-1, mutual_vae.PSEUDO, -1))
        z = torch.randn(5, mutual_vae.LATENT)
        same = model.posterior(1, model.pseudo[1, :1]).log_prob(z).sum(-1)
        torch.testing.assert_close(model.prior(1, z), same)


def test_a_lone_sense_teaches_its_own_decoder_alone():
    torch.manual_seed(0)
    model = mutual_vae.Mutual()
    model.lone_bound(0, torch.randn(4, 32)).sum().backward()
    assert model.decode[0][0].weight.grad is not None and model.decode[1][0].weight.grad is None
    assert model.pseudo.grad[1].abs().sum() > 0 and model.pseudo.grad[0].abs().sum() == 0
    with pytest.raises(ValueError, match="way must be"):
        mutual_vae.train(0, "sum")


def test_a_source_says_nothing_of_the_gender(cheap):
    part = pictured_translation
    shown = part.scenes("exam")
    assert sum(part.gender(scene) == "f" for scene in shown) * 2 == len(shown)
    for scene in shown:
        (thing,) = scene.things
        assert part.source(scene) == f"a {thing.size} one at the {thing.place}"
        assert part.translation(scene).startswith("una " if part.gender(scene) == "f" else "uno ")
        assert thing.colour not in part.source(scene)  # which goes with one shape alone in held-out scenes
    assert not any(map(has_held_out_pair, part.scenes("train")))


def test_a_translator_reads_its_prefix_and_nothing_that_comes_later(cheap):
    torch.manual_seed(0)
    model, part = pictured_translation.Translator(), pictured_translation
    shown, sources, told = part.seen("train")[:4], *(part.written("train", w)[:4] for w in ("sources", "translations"))
    other = told.clone()
    other[:, 2:] = MASK
    torch.testing.assert_close(model(shown, sources, told)[:, :2], model(shown, sources, other)[:, :2])
    assert not torch.allclose(model(shown, sources, told), model(shown.roll(1, 0), sources, told))


# ---------------------------------------------------------------------------------------------------------------
# Claims


def test_one_cheap_run_of_every_arm(cheap):
    for claim in hidden_parts.claims():
        assert set(every_arm(claim, least=8)) == set(claim.arms)
