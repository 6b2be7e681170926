"""Experts and joined models: who meets which token, what stays frozen, what merging does, and every arm once."""

from copy import deepcopy

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import experts_joined
from labs.systems.parts import (
    alternating,
    attention_merged,
    close_judge,
    codec,
    expert_stages,
    frequency_blocks,
    frozen_shared,
    helping_experts,
    jammed,
    joined_senses,
    two_decoders,
    weights_between,
    zipped,
)
from labs.systems.parts.sparse_experts import INNER, WIDTH, Encoder, Experts
from labs.world.splits import has_held_out_pair, is_held_out

CACHED = (
    joined_senses.scenes, joined_senses.clean, joined_senses.record, joined_senses._usual, alternating.trained,
    expert_stages.aligned, expert_stages.joined, attention_merged.alone, frequency_blocks.block,
    frequency_blocks.stacked, helping_experts.older, helping_experts.grown, weights_between.base,
    weights_between.tuned, two_decoders.scenes, two_decoders.tokens, two_decoders.pretrained, zipped.trained,
    jammed.tuned, jammed.written, expert_stages.specialists, frozen_shared.of_pictures, frozen_shared.joined,
    codec.books, close_judge.recall,
)  # fmt: skip
FEW = {"train": 280, "choice": 24, "exam": 24}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    values = {
        joined_senses: {"COUNTS": FEW},
        two_decoders: {"COUNTS": FEW | {"exam": 64}, "STEPS": {"text": 4, "sound": 2, "picture": 2}},
        alternating: {"STEPS": 8}, expert_stages: {"ALIGNMENT": 2, "SPECIALISTS": 2, "TOGETHER": 2},
        attention_merged: {"STEPS": 2}, frequency_blocks: {"STEPS": 2, "LIGHT": 2},
        helping_experts: {"STEPS": 2, "LATER": 2}, weights_between: {"STEPS": 4, "TUNED": 2},
        codec: {"LEARNED_FROM": 160}, close_judge: {"KNOWN": 64},
        frozen_shared: {"STEPS": 2, "LATER": 2}, zipped: {"STEPS": 2}, jammed: {"STEPS": 2},
    }  # fmt: skip
    with small(CACHED, values):
        yield


@pytest.fixture
def rows():
    """Tokens of five scenes in two senses."""
    generator = torch.Generator().manual_seed(0)
    return {sense: torch.randn(5, *shape, generator=generator) for sense, shape in joined_senses.TOKENS.items()}


# ---------------------------------------------------------------------------------------------------------------
# Scenes and exams


def test_what_is_asked_was_kept_back_and_never_chose_a_setting(cheap):
    for part in (joined_senses, two_decoders):
        assert all(map(is_held_out, part.scenes("exam")))
        assert not any(map(has_held_out_pair, part.scenes("train")))
        assert not set(part.scenes("exam")) & set(part.scenes("choice"))
        with pytest.raises(ValueError, match="split must be one of"):
            part.scenes("test")


def test_the_control_holds_what_was_told_of_another_scene_against_each_truth(cheap):
    answers = joined_senses.record("exam").answers

    def tell(sense, kind):
        return joined_senses.truth(answers, sense, kind)

    own = joined_senses.right(tell)
    assert set(own.values) == {1.0} and own.scenes == list(range(24)) * len(joined_senses.ASKED)
    other = joined_senses.right(tell, another=True)
    shifted = [[(tell(*one).roll(i) == tell(*one)).float() for one in joined_senses.ASKED] for i in (1, 2, 3, 4)]
    expected = torch.stack([torch.stack(part) for part in shifted]).mean(0)
    assert other.values == expected.flatten().tolist()


def test_a_cell_of_the_grid_keeps_its_four_patches():
    patches = torch.arange(36.0).view(1, 36, 1)
    first, second = joined_senses.coarse("depth", patches)[0, :2].tolist()
    assert first == [0, 1, 6, 7] and second == [2, 3, 8, 9]
    assert joined_senses.coarse("sound", torch.arange(20.0).view(1, 20, 1))[0, 1].tolist() == [4, 5, 6, 7]


# ---------------------------------------------------------------------------------------------------------------
# Experts


def test_tokens_choose_two_experts_whose_weights_add_up_to_one():
    torch.manual_seed(0)
    experts, x = Experts(4, 2), torch.randn(50, WIDTH)
    shares = experts.shares(x)
    torch.testing.assert_close(shares.sum(1), torch.ones(50))
    assert ((shares > 0).sum(1) == 2).all()
    assert torch.equal(shares.topk(2, 1).indices, experts.router(x).topk(2, 1).indices)
    by_hand = torch.stack([sum(share * part(row) for share, part in zip(one, experts.each, strict=True))
                           for one, row in zip(shares, x, strict=True)])  # fmt: skip
    torch.testing.assert_close(experts(x[None])[0], by_hand)


def test_experts_choose_equally_many_tokens():
    torch.manual_seed(0)
    experts, x = Experts(4, 1, "experts choose"), torch.randn(40, WIDTH)
    shares = experts.shares(x)
    assert ((shares > 0).sum(0) == 10).all()
    likely = experts.router(x).softmax(-1)
    torch.testing.assert_close(shares[shares > 0], likely[shares > 0])
    assert all(likely[shares[:, i] > 0, i].min() >= likely[shares[:, i] == 0, i].max() for i in range(4))


def test_balance_is_least_where_all_experts_are_met_equally_often():
    experts = Experts(2, 1)
    with torch.no_grad():
        experts.router.weight.zero_()[:, 0] = torch.tensor([1.0, -1.0])
    x = torch.zeros(10, WIDTH)
    x[:, 0] = torch.tensor([9.0, -9.0]).repeat(5)
    experts.shares(x)
    assert experts.balance.item() == pytest.approx(1, abs=1e-4)
    experts.shares(x.abs())
    assert experts.balance.item() == pytest.approx(2, abs=1e-4)


def test_dense_layers_are_as_large_as_the_experts_that_a_token_meets():
    dense, sparse = Experts(2, 2, "dense"), Experts(4, 2)
    assert dense.router is None and len(dense.each) == sparse.active
    assert dense.each[0].up.out_features == INNER
    x = torch.randn(1, 3, WIDTH)
    torch.testing.assert_close(dense(x), (dense.each[0](x) + dense.each[1](x)) / 2)
    for wrong in ((2, 3, "tokens choose"), (2, 1, "dense")):
        with pytest.raises(ValueError, match="cannot be active"):
            Experts(*wrong)
    with pytest.raises(ValueError, match="router must be one of"):
        Experts(2, 1, "everybody")


def test_specialists_differ_in_their_feed_forward_layers_alone(cheap):
    base, parts = expert_stages.aligned(0), expert_stages.specialists("one sense each", 0)
    for part in parts:
        for name, weight in part.state_dict().items():
            assert torch.equal(weight, base.state_dict()[name]) == (".experts." not in name), name
    whole = expert_stages.assemble(parts, "tokens choose", 0)
    for number, part in enumerate(parts):
        mine, theirs = whole.blocks[1].experts.each[number], part.blocks[1].experts.each[0]
        assert all(torch.equal(a, b) for a, b in zip(mine.parameters(), theirs.parameters(), strict=True))


def test_in_the_last_stage_matrices_of_blocks_learn_by_lora_alone(cheap):
    whole = expert_stages.assemble(expert_stages.specialists("one sense each", 0), "tokens choose", 0)
    before = {name: weight.clone() for name, weight in whole.blocks.state_dict().items()}
    model = expert_stages.with_lora(whole, 0)
    learning = {name for name, weight in model.blocks.named_parameters() if weight.requires_grad}
    assert not any(".base_layer." in name for name in learning)
    assert any("lora_A" in name for name in learning) and any("router" in name for name in learning)
    after = expert_stages.joined("one sense each", 0).blocks.state_dict()
    for name, weight in before.items():
        place, _, kind = name.rpartition(".")
        if (frozen := f"{place}.base_layer.{kind}") in after:
            assert torch.equal(after[frozen], weight), name


def test_older_experts_stay_as_they_were_where_they_are_frozen(cheap):
    older, grown = helping_experts.older(0), helping_experts.grown("older help", 0)
    changed = {name for name, weight in grown.state_dict().items() if not torch.equal(weight, older.state_dict()[name])}
    assert changed and all(name.startswith(("asked", "head")) or ".each.2." in name for name in changed)
    with pytest.raises(ValueError, match="way must be one of"):
        helping_experts.grown("younger help", 0)


def test_each_token_is_read_by_the_expert_it_was_given_to(rows):
    torch.manual_seed(0)
    model = helping_experts.Composed().eval()
    before = model.match(rows["picture"], rows["sound"])
    one = model.answer("sound", "size", rows["sound"])
    with torch.no_grad():
        for block in model.encoder.blocks:
            block.experts.each[0].down.bias[0] += 5.0
    assert torch.equal(model.answer("sound", "size", rows["sound"]), one)
    assert not torch.allclose(model.match(rows["picture"], rows["sound"]), before)


def test_another_sound_is_of_a_thing_of_another_colour():
    colours, rows = torch.tensor([3, 3, 1, 2]), torch.tensor([10, 11, 12, 13])
    assert helping_experts.others(colours, rows).tolist() == [12, 12, 13, 10]


# ---------------------------------------------------------------------------------------------------------------
# Decoders


def test_decoders_read_nothing_of_what_comes_later(cheap):
    told = two_decoders.rows(("es", "en", "picture"), "exam")[:3]
    changed = told.clone()
    changed[:, 8:] = 0
    for way in ("averaged", "crossed"):
        model = jammed.build(way, 0).eval()
        if way == "crossed":
            for gated in (*model.to_one, *model.to_other):
                torch.nn.init.ones_(gated.gate)
        with torch.no_grad():
            torch.testing.assert_close(model(told)[:, :8], model(changed)[:, :8])
            assert not torch.allclose(model(told)[:, 8:], model(changed)[:, 8:])


def test_zipped_towers_begin_as_the_text_tower_which_stays_as_it_is(cheap):
    model, text = zipped.build("zipped", 0), two_decoders.pretrained("text", 0)
    given = two_decoders.rows(("sound", "en"), "exam")[:3]
    torch.testing.assert_close(model(given), text(given[:, two_decoders.LENGTHS["sound"] + 1 :]))
    after = zipped.trained("zipped", 0)
    for name, weight in text.state_dict().items():
        assert torch.equal(after.text.state_dict()[name], weight), name
    assert not torch.equal(after.cross[0].gate, torch.zeros(1))


def test_whoever_is_zipped_reads_the_sound(cheap):
    model, given = deepcopy(zipped.build("zipped", 0)), two_decoders.rows(("sound", "en"), "exam")[:3]
    for gated in model.cross:
        torch.nn.init.ones_(gated.gate)
    other = given.clone()
    other[:, 1:22] = other[:, 1:22].roll(1, 0)
    assert not torch.allclose(model(given), model(other))


def test_the_average_lies_between_and_unequal_decoders_have_none(cheap):
    one, other = (two_decoders.pretrained(kind, 0) for kind in ("text", "picture"))
    found = jammed.average(one, other)
    torch.testing.assert_close(found.head.weight, (one.head.weight + other.head.weight) / 2)
    assert torch.equal(jammed.average(one, one).head.weight, one.head.weight)
    short = deepcopy(other)
    short.layers = short.layers[:1]
    with pytest.raises(ValueError, match="equal shape"):
        jammed.average(one, short)


def test_texts_and_codes_have_numbers_of_their_own(cheap):
    spans = [(name, two_decoders.tokens(name, "train")[:, 1:]) for name in ("en", "picture", "sound")]
    for (_, low), (_, high) in zip(spans, spans[1:], strict=False):
        assert low.max() < high.min()
    assert all(part.shape[1] == two_decoders.LENGTHS[name] for name, part in spans)
    assert two_decoders.tokens("sound", "train").max() < two_decoders.vocabulary()


# ---------------------------------------------------------------------------------------------------------------
# Merging


def test_only_queries_and_keys_move_towards_the_other_model():
    one, other = Encoder(), Encoder()
    for share in (0.0, 0.5, 1.0):
        merged = attention_merged.merge(one, other, share).state_dict()
        for name, weight in one.state_dict().items():
            moved = ".query." in name or ".key." in name
            torch.testing.assert_close(merged[name], weight.lerp(other.state_dict()[name], share * moved))


def test_spectra_come_back_and_their_harmonic_mean_of_equals_is_the_same():
    latents = torch.randn(3, 8, 32, generator=torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(latents, norm="ortho")
    torch.testing.assert_close(frequency_blocks.as_complex(frequency_blocks.as_real(spectrum)), spectrum)
    torch.testing.assert_close(frequency_blocks.harmonic(torch.stack([spectrum] * 4)), spectrum)
    two = frequency_blocks.harmonic(torch.tensor([[1.0 + 0j], [3j]]))
    torch.testing.assert_close(two.abs(), torch.tensor([1.5]))
    torch.testing.assert_close(two.angle(), torch.tensor([torch.pi / 4]))


def test_blocks_of_a_seed_share_latents_and_head_and_nothing_else_at_first():
    def fresh(sense):
        torch.manual_seed(0)
        return frequency_blocks.Block(sense, True)

    one, other = fresh("depth"), fresh("heat")
    assert torch.equal(one.latents, other.latents) and torch.equal(one.head.weight, other.head.weight)
    assert not torch.equal(one.read.weight, other.read.weight)


def test_a_merged_head_is_as_long_as_heads_are():
    torch.manual_seed(0)
    parts = [frequency_blocks.Block(sense, True) for sense in ("depth", "heat")]
    plain, long = (
        torch.cat([w.flatten(), b]) for w, b in (frequency_blocks.merged_head(parts, s) for s in (False, True))
    )
    lengths = [torch.cat([p.head.weight.flatten(), p.head.bias]).norm() for p in parts]
    torch.testing.assert_close(long.norm(), sum(lengths) / 2)
    torch.testing.assert_close(plain / plain.norm(), long / long.norm())


def test_weights_between_two_writers(cheap):
    one, other = weights_between.tuned(0, "caption"), weights_between.tuned(0, "shape")
    middle = weights_between.between(one, other).state_dict()
    for name, weight in one.state_dict().items():
        torch.testing.assert_close(middle[name], (weight + other.state_dict()[name]) / 2)
    assert not torch.equal(one.head.weight, other.head.weight)


def test_a_caption_is_written_word_by_word_and_ends(cheap):
    answers = {"colour": torch.tensor([1]), "shape": torch.tensor([2]), "size": torch.tensor([0])}
    words = weights_between.wording("caption", answers)[0].tolist()
    assert [weights_between.WORDS[word] for word in words[:-1]] == ["orange", "triangle", "small"]
    assert words[-1] == weights_between.END
    assert weights_between.wording("shape", answers).tolist() == [[words[1], weights_between.END]]


def test_one_cheap_run_of_every_arm(cheap):
    for claim in experts_joined.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)
