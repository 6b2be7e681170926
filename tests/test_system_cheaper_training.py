"""Cheaper training: parts beside the library, what is chosen, followed, merged, spoilt, and every arm once."""

import random

import pytest
import torch
from small_runs import every_arm, small
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div

from labs.systems import cheaper_training
from labs.systems.parts import (
    adapted_while_tested,
    assembled_beside,
    bucketed,
    chosen_batches,
    coalesced,
    distilled,
    few_labels,
    small_films,
    translated,
    two_things,
)
from labs.systems.parts.assembled import Decoder, Embedding, Encoder, Model, Whole, Words
from labs.systems.parts.lexicon import PAD
from labs.world.splits import has_held_out_company, has_held_out_pair, is_held_out

CACHED = (
    two_things.asked, two_things.heldout, two_things.lexicon, two_things.material, chosen_batches.pairs,
    chosen_batches.reference, chosen_batches.learner, chosen_batches.exam, distilled.teacher, distilled.judged,
    distilled.student, small_films.scenes, small_films.films, small_films.attributes, few_labels.films,
    few_labels.taught, adapted_while_tested.perceived, adapted_while_tested.stream, adapted_while_tested.trained,
    translated.texts, translated.lexicon, translated.written, translated.heard, translated.together, translated.asked,
    bucketed.taught, coalesced.trained, assembled_beside.taught,
)  # fmt: skip
SHORT = {"STEPS": 2}
FEW = {"train": 400, "choice": 24, "exam": 24}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few scenes."""
    values = {
        two_things: {"TRAIN": 96, "HELDOUT": 8},
        chosen_batches: SHORT | {"REFERENCE_STEPS": 2, "CLEAN": 32, "NOISY": 64, "SUPER": 32, "SUB": 8, "CHUNKS": 4,
                                 "COUNT": 24},
        distilled: SHORT | {"TEACHER_STEPS": 2, "LESSONS": 96, "LABELLED": 32, "GROUP": 16},
        small_films: {"COUNTS": {"train": 80, "choice": 8, "exam": 24, "judge": 8}},
        few_labels: SHORT | {"EACH": 2, "BATCH": 8},
        adapted_while_tested: SHORT | {"COUNTS": {"train": 64, "choice": 24, "exam": 40}, "STREAM": 20, "BATCH": 16},
        translated: {"COUNTS": FEW},
        bucketed: SHORT | {"SPOKEN": 40, "PLACES": 600},
        coalesced: SHORT | {"FIRST": 1, "SMALL": 2, "BATCH": 8},
        assembled_beside: SHORT | {"BATCH": 8},
    }  # fmt: skip
    with small(CACHED, values):
        yield


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


# ---------------------------------------------------------------------------------------------------------------
# Parts beside the library's families


def copied(own: torch.nn.Module, stock: torch.nn.Module) -> None:
    """The library's attention has three matrices where torch has one."""
    names = {"query": "q_proj", "key": "k_proj", "value": "v_proj"}
    parts = dict(stock.named_parameters())
    for kind in ("weight", "bias"):
        each = [parts.get(f"{new}.{kind}", parts.get(f"{old}.{kind}")) for old, new in names.items()]
        getattr(own, f"in_proj_{kind}").copy_(torch.cat(each))


def load(own: torch.nn.Module, stock: torch.nn.Module) -> None:
    """All weights of a part from one of the same shape."""
    own.load_state_dict(stock.state_dict())


@torch.no_grad()
def as_bert(model: Model, bert: torch.nn.Module) -> None:
    words, layers = bert.bert.embeddings, bert.bert.encoder.layer
    words.token_type_embeddings.weight.zero_()
    load(model.embedding.enter, words.word_embeddings)
    load(model.embedding.places, words.position_embeddings)
    load(model.embedding.norm, words.LayerNorm)
    for own, stock in zip(model.encoder.layers, layers, strict=True):
        copied(own.self_attn, stock.attention.self)
        load(own.self_attn.out_proj, stock.attention.output.dense)
        for part, other in ((own.norm1, stock.attention.output.LayerNorm), (own.linear1, stock.intermediate.dense),
                            (own.linear2, stock.output.dense), (own.norm2, stock.output.LayerNorm)):  # fmt: skip
            load(part, other)
    head, stock = model.target.head, bert.cls.predictions
    load(head[0], stock.transform.dense)
    load(head[2], stock.transform.LayerNorm)
    load(head[3], stock.decoder)


@torch.no_grad()
def as_gpt(model: Model, gpt: torch.nn.Module) -> None:
    load(model.embedding.enter, gpt.transformer.wte)
    load(model.embedding.places, gpt.transformer.wpe)
    load(model.encoder.norm, gpt.transformer.ln_f)
    model.target.head[0].weight.copy_(gpt.lm_head.weight)
    for own, stock in zip(model.encoder.layers, gpt.transformer.h, strict=True):
        load(own.norm1, stock.ln_1)
        load(own.norm2, stock.ln_2)
        own.self_attn.in_proj_weight.copy_(stock.attn.c_attn.weight.T)
        own.self_attn.in_proj_bias.copy_(stock.attn.c_attn.bias)
        for part, other in ((own.self_attn.out_proj, stock.attn.c_proj), (own.linear1, stock.mlp.c_fc),
                            (own.linear2, stock.mlp.c_proj)):  # fmt: skip
            part.weight.copy_(other.weight.T)
            part.bias.copy_(other.bias)


@torch.no_grad()
def as_bart(model: Model, bart: torch.nn.Module) -> None:
    model.target.head[0].weight.copy_(bart.lm_head.weight)
    for enter, part, stock in ((model.embedding, model.encoder, bart.model.encoder),
                               (model.target_embedding, model.decoder, bart.model.decoder)):  # fmt: skip
        load(enter.enter, stock.embed_tokens)
        enter.places.weight.copy_(stock.embed_positions.weight[2:])  # the library's begin at the third
        load(enter.norm, stock.layernorm_embedding)
        for own, other in zip(part.layers, stock.layers, strict=True):
            copied(own.self_attn, other.self_attn)
            load(own.self_attn.out_proj, other.self_attn.out_proj)
            load(own.norm1, other.self_attn_layer_norm)
            load(own.linear1, other.fc1)
            load(own.linear2, other.fc2)
            if part is model.encoder:
                load(own.norm2, other.final_layer_norm)
                continue
            copied(own.multihead_attn, other.encoder_attn)
            load(own.multihead_attn.out_proj, other.encoder_attn.out_proj)
            load(own.norm2, other.encoder_attn_layer_norm)
            load(own.norm3, other.final_layer_norm)


@pytest.mark.parametrize(("family", "copy"), [("BERT", as_bert), ("GPT", as_gpt), ("BART", as_bart)])
def test_with_the_same_weights_parts_compute_what_the_library_does(family, copy, generator):
    torch.manual_seed(0)
    model, stock = (make(family, 40).eval() for make in (assembled_beside.assembled, assembled_beside.stock))
    given, told = (torch.randint(1, 40, (3, size), generator=generator) for size in (9, 7))
    given[1, 6:], told[2, 5:] = PAD, PAD
    copy(model, stock)
    said = [assembled_beside.logits(one, given, told if family == "BART" else None) for one in (model, stock)]
    there = (told if family == "BART" else given) != PAD
    torch.testing.assert_close(said[0][there], said[1][there], rtol=1e-4, atol=1e-5)


def test_parts_are_exchangeable_and_go_only_where_they_fit(generator):
    for given in (torch.randint(1, 9, (2, 5), generator=generator), torch.randn(2, 5, 3, generator=generator)):
        enter = Embedding(8, words=9) if given.ndim == 2 else Embedding(8, numbers=3)
        for target, shape in ((Whole(8, 4), (2, 4)), (Words(8, 9), (2, 5, 9))):
            assert Model(enter, Encoder(8, 1, 2), target)(given).shape == shape
    with pytest.raises(ValueError, match="words or numbers"):
        Embedding(8)
    with pytest.raises(ValueError, match="go together"):
        Model(enter, Encoder(8, 1, 2), Whole(8, 4), decoder=Decoder(8, 1, 2))


def test_what_fills_up_and_what_comes_later_is_not_read(generator):
    torch.manual_seed(0)
    model = Model(Embedding(8, numbers=3), Encoder(8, 2, 2), Whole(8, 4)).eval()
    rows = torch.randn(2, 5, 3, generator=generator)
    longer = torch.cat([rows, torch.zeros(2, 2, 3)], dim=1)
    torch.testing.assert_close(model(rows), model(longer))
    writer = Model(Embedding(8, words=9), Encoder(8, 2, 2, causal=True), Words(8, 9)).eval()
    words = torch.randint(1, 9, (2, 5), generator=generator)
    other = words.clone()
    other[:, 3:] = other[:, 3:] % 8 + 1
    torch.testing.assert_close(writer(words)[:, :3], writer(other)[:, :3])
    assert not torch.allclose(writer(words)[:, 3:], writer(other)[:, 3:])


# ---------------------------------------------------------------------------------------------------------------
# Batches chosen as a whole; a teacher's hard captions


def test_chosen_rows_are_different_and_what_can_be_learned_together(generator):
    scores = torch.zeros(12, 12)
    scores[2:6, 2:6] = 30.0  # these go together; the first chunk alone may be any of them
    chosen = chosen_batches.choose(scores, 4, 4, generator)
    assert sorted(chosen.tolist()) == [2, 3, 4, 5]
    flat = chosen_batches.choose(torch.zeros(12, 12), 12, 3, generator)
    assert flat.tolist() == list(range(12))
    with pytest.raises(ValueError, match="multiple of 3 chunks"):
        chosen_batches.choose(scores, 4, 3, generator)


def test_all_pairs_are_drawn_by_what_they_add_to_those_drawn_before(generator):
    scores = torch.zeros(6, 6)
    scores.fill_diagonal_(0.0)
    scores[0, 0] = 50.0  # drawn first
    scores[0, 4] = scores[5, 0] = 25.0  # then those with which it can be learned, whichever side says so
    assert chosen_batches.choose(scores, 3, 3, generator).tolist() == [0, 4, 5]


def test_losses_are_those_of_one_yes_or_no_for_every_pair(cheap):
    model, (seen, told) = chosen_batches.reference(0), chosen_batches.exam()
    expected = binary_cross_entropy_with_logits(model(seen, told), torch.eye(len(seen)), reduction="none")
    torch.testing.assert_close(model.losses(seen, told), expected)


def test_wrong_captions_are_those_of_others_and_clean_scenes_are_not_among_them(cheap):
    regions, captions, right = chosen_batches.pairs(0)
    given = two_things.material("train")
    assert torch.equal(captions[right], given.captions[32:96][right])
    assert 0 < (~right).float().mean() < 1
    assert torch.equal(regions, given.regions[32:96])


def test_held_out_scenes_show_what_no_lesson_showed(cheap):
    assert all(map(is_held_out, small_films.scenes("exam")))
    lessons = (*two_things.scenes("train"), *small_films.scenes("train"))
    assert not any(has_held_out_pair(scene) or has_held_out_company(scene) for scene in lessons)
    assert not set(translated.texts("train")) & set(translated.texts("exam"))
    for split in ("heldout", "train"):
        known = {tuple(row.tolist()) for row in two_things.material(split).regions.flatten(1)}
        assert not known & {tuple(row.tolist()) for row in chosen_batches.exam()[0].flatten(1)}


def test_the_hardest_are_those_that_the_teacher_likes_best():
    scores = torch.tensor([[9.0, 1.0, 2.0, 0.0], [5.0, 0.0, 4.0, 6.0], [0.0, 1.0, 9.0, 2.0], [3.0, 2.0, 1.0, 0.0]])
    assert distilled.hardest(scores, 2).tolist() == [[0, 2, 1], [1, 3, 0], [2, 3, 1], [3, 0, 1]]


def test_the_divergence_is_the_librarys_and_progress_teaches_nothing(generator):
    student, taught = torch.randn(5, 4, generator=generator, requires_grad=True), torch.randn(5, 4, generator=generator)
    expected = kl_div(student.log_softmax(1), taught.softmax(1), reduction="none").sum(1)
    torch.testing.assert_close(distilled.divergence(student, taught), expected)
    assert not distilled.progress(student).requires_grad
    sure = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])
    assert distilled.progress(sure)[0] > 0.99 > 0.01 > distilled.progress(sure)[1]


def test_the_teacher_reads_each_pair_by_itself(cheap):
    teacher, (seen, told) = distilled.teacher(0), chosen_batches.exam()
    both = distilled.judge(teacher, seen[:3], told[:4].expand(3, -1, -1))
    alone = distilled.judge(teacher, seen[1:2], told[2:3][None])
    torch.testing.assert_close(both[1, 2], alone[0, 0])


# ---------------------------------------------------------------------------------------------------------------
# A V-cycle


def test_coalescing_undoes_decoalescing(cheap):
    torch.manual_seed(0)
    small_one = coalesced.network(2).state_dict()
    grown = coalesced.decoalesce(small_one)
    coalesced.network().load_state_dict(grown)
    back = coalesced.coalesce(grown)
    assert set(back) == set(small_one)
    for name, weight in small_one.items():
        torch.testing.assert_close(back[name], weight)


def test_a_wider_network_computes_the_same(cheap, generator, monkeypatch):
    torch.manual_seed(0)
    narrow, words = coalesced.network(2).eval(), torch.randint(1, 20, (2, 6), generator=generator)
    grown = coalesced.decoalesce(narrow.state_dict())
    once = {name: weight for name, weight in grown.items() if coalesced._layer(name) < 0}
    once |= {coalesced._moved(name, coalesced._layer(name) // 2): weight for name, weight in grown.items()
             if coalesced._layer(name) >= 0}  # fmt: skip
    monkeypatch.setattr(coalesced, "LAYERS", coalesced.LAYERS // 2)
    wide = coalesced.network().eval()
    wide.load_state_dict(once)
    torch.testing.assert_close(wide(words), narrow(words), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("steps", [0, 2, 40, 200])
def test_the_work_of_a_cycle_is_that_of_the_large_network(cheap, steps):
    large, little = (coalesced.work(coalesced.network(scale)) for scale in (1, 2))
    spent = (coalesced.FIRST + coalesced.rest(steps)) * large + steps * little
    assert abs(spent - coalesced.STEPS * large) <= large / 2


def test_interpolation_is_some_of_both():
    both = coalesced.interpolate({"a": torch.tensor(1.0)}, {"a": torch.tensor(3.0)}, 0.25)
    assert both["a"].item() == 1.5


# ---------------------------------------------------------------------------------------------------------------
# Few labels; adapted while tested


def test_disorder_keeps_what_is_early_early(generator):
    films = torch.arange(8.0)[None, :, None, None, None].expand(50, -1, 3, 12, 12)
    order = few_labels.disordered(films, generator)[:, :, 0, 0, 0]
    assert torch.equal(order.sort(1).values, films[:, :, 0, 0, 0])
    assert (order - torch.arange(8.0)).abs().max() == 1
    assert not (order == torch.arange(8.0)).all()


def test_unsteady_confidence_counts_less_and_the_teacher_follows_slowly():
    steady, wide = torch.full((6,), 0.8), torch.tensor([1.0, 0.6] * 3)
    assert few_labels.steadiness(steady) == pytest.approx(0.8)
    assert few_labels.steadiness(wide) < few_labels.steadiness(steady)
    old, new = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    expected = few_labels.KEPT * old.weight + (1 - few_labels.KEPT) * new.weight
    few_labels.follow(old, new)
    torch.testing.assert_close(old.weight, expected)


def test_few_films_are_labelled_equally_many_of_each_motion(cheap):
    told = few_labels.motions("train")[few_labels.labelled(0)]
    assert torch.bincount(told).tolist() == [2] * few_labels.MOTIONS


def test_where_fast_and_slow_agree_there_is_the_label(generator):
    steady = torch.tensor([[4.0, 0.0, 0.0]]).log_softmax(1)
    fast, slow = torch.tensor([[0.0, 5.0, 0.0]]).log_softmax(1), torch.tensor([[0.0, 0.0, 5.0]]).log_softmax(1)
    assert adapted_while_tested.consistency(steady, steady) > adapted_while_tested.consistency(fast, slow)
    assert adapted_while_tested.agreed([(steady, steady), (fast, slow)]).tolist() == [0]
    assert adapted_while_tested.agreed([(fast, slow), (steady, steady)]).tolist() == [0]
    one, other = torch.randn(2, 5, 3, generator=generator).log_softmax(-1)
    torch.testing.assert_close(
        adapted_while_tested.consistency(one, other), adapted_while_tested.consistency(other, one)
    )


def test_only_normalisation_changes_and_the_sources_stay(cheap):
    sources = adapted_while_tested.trained(0)
    before = {name: {key: weight.clone() for key, weight in one.state_dict().items()} for name, one in sources.items()}
    one = adapted_while_tested.Adapting(sources["depth"])
    assert {weight.ndim for weight in one.learned} == {1}
    assert [weight.requires_grad for weight in one.fast.parameters() if weight.ndim > 1] == [False] * 4
    adapted_while_tested.tells(0, "consistent")
    for name, source in sources.items():
        for key, weight in source.state_dict().items():
            assert torch.equal(weight, before[name][key])


def test_one_sense_at_a_time_is_worse(cheap):
    plain, worse = adapted_while_tested.perceived("exam")[0], adapted_while_tested.stream("exam")
    assert torch.equal(plain["picture"][20:], worse["picture"][20:])
    assert torch.equal(plain["depth"][:20], worse["depth"][:20])
    assert not torch.allclose(plain["picture"][:20], worse["picture"][:20])
    assert not torch.allclose(plain["depth"][20:], worse["depth"][20:])


# ---------------------------------------------------------------------------------------------------------------
# Texts and speech


def test_every_example_is_in_one_batch_within_the_places(cheap):
    sized = [(i % 17 + 3, (7 * i) % 13 + 2) for i in range(300)]
    for axes in bucketed.AXES:
        found = bucketed.batched(sized, axes, random.Random(0))
        assert sorted(i for batch in found for i in batch) == list(range(300))
        assert max(bucketed.places(sized, batch) for batch in found) <= bucketed.PLACES
    with pytest.raises(ValueError, match="axes must be one of"):
        bucketed.buckets(sized, "three")


def test_buckets_of_two_axes_are_parts_of_those_of_one():
    sized = [(i % 17 + 3, (7 * i) % 13 + 2) for i in range(300)]
    coarse, fine = (bucketed.buckets(sized, axes) for axes in ("one", "two"))
    assert all(any(set(part) <= set(whole) for whole in coarse) for part in fine)
    assert bucketed.places([(3, 2), (5, 1)], [0, 1]) == 2 * (5 + 2)


def test_texts_and_speech_share_all_but_their_first_part(cheap):
    models = bucketed.parts()
    assert models["text"].encoder is models["speech"].encoder
    assert models["text"].decoder is models["speech"].decoder
    assert models["text"].embedding is not models["speech"].embedding


def test_words_are_heard_by_their_syllables(cheap):
    assert translated.tones("red").shape == (translated.BANDS,)
    assert not torch.equal(translated.tones("red"), translated.tones("blue"))
    assert (translated.tones("star").view(3, -1).sum(1) == 2).all()
    spoken = translated.lengths(translated.heard("exam"))
    assert spoken.tolist() == [len(translated.words(both[0])) for both in translated.texts("exam")]


def test_colours_alone_are_asked(cheap):
    told = {translated.lexicon().words[number] for number in translated.asked().tolist()}
    assert told == {"rojo", "roja", "naranja", "amarillo", "amarilla", "verde", "turquesa", "azul", "morado", "morada",
                    "rosa"}  # fmt: skip
    truth = translated.written("exam", 1)
    assert translated.right(truth, truth).values == [1.0] * len(truth)
    assert translated.right(torch.zeros_like(truth), truth).values == [0.0] * len(truth)


def test_the_control_reads_the_english_of_another_text(cheap):
    rows, other = (translated.together("exam", flag) for flag in (False, True))
    english, spanish = assembled_beside.parted(rows)
    strange, same = assembled_beside.parted(other)
    assert torch.equal(translated.trimmed(spanish), translated.trimmed(same))
    assert strange[1, : english.shape[1]].tolist()[:4] == english[0].tolist()[:4]
    assert not torch.equal(english[:, :5], strange[:, :5])


# ---------------------------------------------------------------------------------------------------------------
# Claims


@pytest.mark.parametrize(
    "call", [chosen_batches.learner, distilled.student, few_labels.taught, adapted_while_tested.tells,
             coalesced.trained, bucketed.taught],
)  # fmt: skip
def test_unknown_ways_are_refused(call):
    with pytest.raises(ValueError, match="must be one of"):
        call(0, "best")
    with pytest.raises(ValueError, match="family must be one of"):
        assembled_beside.assembled("best", 9)


def test_every_arm_runs_cheaply_and_asks_the_same(cheap):
    for claim in cheaper_training.claims():
        assert set(every_arm(claim, least=12)) == set(claim.arms)
