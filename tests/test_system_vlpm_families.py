"""The four families: the same calls for all, what each asks the library for, what a search costs, and the exam."""

from collections import Counter
from copy import deepcopy

import pytest
import torch
from jaxtyping import TypeCheckError
from small_runs import every_arm
from torch.testing import assert_close

from labs.systems import vlpm_families
from labs.systems.parts import eyes, two_things
from labs.systems.parts.counted import cost
from labs.systems.parts.family import ANSWERS, LAYERS, WIDTH, Family, there
from labs.systems.parts.lexicon import CLS, END, MASK, PAD, SPECIAL
from labs.systems.parts.objectives import IGNORE, hide, matching, mismatch
from labs.systems.parts.streams import HIDDEN
from labs.systems.parts.two_things import asked, lexicon, material
from labs.systems.vlpm_families import FAMILIES, FUSION, build
from labs.world.captions import caption
from labs.world.splits import HELD_OUT_PAIRS, is_held_out
from labs.world.vocabulary import COLOURS, PLACES

CACHED = (
    vlpm_families.pretrained, vlpm_families.finetuned, two_things.heldout, two_things.twins, two_things.asked,
    two_things.lexicon, two_things.material,
)  # fmt: skip
PAIRS = 6


@pytest.fixture(scope="module", autouse=True)
def small():
    """Few scenes and few steps; what was cached at this size is forgotten at the end."""
    for cached in CACHED:
        cached.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(two_things, "TRAIN", 256)
        patch.setattr(two_things, "HELDOUT", 240)
        for name, value in {"STEPS": 2, "BATCH": 16, "GALLERY": 12, "COLLECTIONS": (2, 3)}.items():
            patch.setattr(vlpm_families, name, value)
        yield
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def untrained(monkeypatch):
    """No steps at all, in `pretrained` as in `finetuned`."""
    trained = vlpm_families.pretrained, vlpm_families.finetuned
    for cached in trained:
        cached.cache_clear()
    monkeypatch.setattr(vlpm_families, "STEPS", 0)
    yield
    for cached in trained:
        cached.cache_clear()


@pytest.fixture(scope="module")
def models():
    return {family: build(family, 0) for family in FAMILIES}


@pytest.fixture(scope="module")
def exam():
    return material("heldout")


@pytest.fixture(params=FAMILIES)
def model(request, models):
    return models[request.param]


def draw(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


# ---------------------------------------------------------------------------------------------------------------
# The same calls for all


@torch.no_grad()
def test_every_family_answers_the_same_calls(model, exam):
    seen, captions, questions = exam.regions[:PAIRS], exam.captions[:PAIRS], exam.questions[:PAIRS]
    loss = model.pair_loss(seen, captions, draw())
    assert loss.shape == () and loss.isfinite() and loss > 0
    assert model.match(seen, captions).shape == (PAIRS,)
    assert model.answer(seen, questions).shape == (PAIRS, 18)
    assert model.compare(seen[:2], captions).shape == (2, PAIRS)
    assert_close(model.pair_loss(seen, captions, draw()), loss)  # nothing drops out


def test_shapes_are_enforced(model, exam):
    seen, captions = exam.regions[:PAIRS], exam.captions[:PAIRS]
    for call in (model.match, model.answer, model.compare, lambda *pair: model.pair_loss(*pair, draw())):
        with pytest.raises(TypeCheckError):
            call(seen[:, :8], captions)
        with pytest.raises(TypeCheckError):
            call(seen, captions.float())
    for call in (model.match, model.answer, lambda *pair: model.pair_loss(*pair, draw())):
        with pytest.raises(TypeCheckError):
            call(seen, captions[:-1])


def test_a_family_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="family must be one of dual encoder, single stream"):
        build("string quartet", 0)


def test_a_seed_makes_a_model(exam):
    def loss(seed: int) -> float:
        return build("dual stream", seed).pair_loss(exam.regions[:PAIRS], exam.captions[:PAIRS], draw()).item()

    assert loss(1) == loss(1) != loss(2)


@torch.no_grad()
def test_comparing_all_is_matching_each(model, exam):
    seen, captions = exam.regions[:3], exam.captions[3:7]
    each = [[model.match(one[None], words[None])[0] for words in captions] for one in seen]
    assert_close(model.compare(seen, captions), torch.tensor(each), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_fills_up_changes_nothing(model, exam):
    def longer(words: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(words, (0, 4), value=PAD)

    seen, captions, questions = exam.regions[:PAIRS], exam.captions[:PAIRS], exam.questions[:PAIRS]
    near = {"rtol": 1e-4, "atol": 1e-5}
    assert_close(model.match(seen, longer(captions)), model.match(seen, captions), **near)
    assert_close(model.answer(seen, longer(questions)), model.answer(seen, questions), **near)
    assert_close(model.compare(seen, longer(captions)), model.compare(seen, captions), **near)


@torch.no_grad()
def test_every_family_sees_the_picture_and_the_order_of_the_words(model, exam):
    model, seen = deepcopy(model).double(), exam.regions[:PAIRS].double()  # untrained, it sees little of either
    captions, swapped, questions = exam.captions[:PAIRS], material("twins").captions[:PAIRS], exam.questions[:PAIRS]
    matched, answers = model.match(seen, captions), model.answer(seen, questions)
    for changed in (model.match(seen.roll(1, 0), captions), model.match(seen, swapped)):
        assert ((changed - matched).abs() > 1e-8).all()
    reversed_words = torch.cat([questions[:, :1], questions[:, 1:4].flip(1), questions[:, 4:]], dim=1)
    for changed in (model.answer(seen.roll(1, 0), questions), model.answer(seen, reversed_words)):
        assert ((changed - answers).abs().amax(1) > 1e-8).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_a_handful_of_pairs(family, exam):
    model, seen, captions = build(family, 0), exam.regions[:PAIRS], exam.captions[:PAIRS]

    def loss(step: int) -> torch.Tensor:
        return model.pair_loss(seen, captions, draw())

    losses = vlpm_families.learn(model.parameters(), loss, 25, vlpm_families.RATE)
    assert losses[-1] < 0.7 * losses[0]


# ---------------------------------------------------------------------------------------------------------------
# Beside the library


@torch.no_grad()
def test_the_decoder_matches_by_the_summed_loss_of_the_library(models, exam):
    family, seen, captions = models["encoder-decoder"], exam.regions[:PAIRS], exam.captions[:PAIRS]
    bart, summed, words = family.model, [], 0
    for one, row in zip(seen, captions, strict=True):
        labels = row[1:][row[1:] != PAD][None]  # the library puts <decode> before them
        embedded = torch.cat([family.see(one)[None], bart.get_input_embeddings()(torch.tensor([[CLS]]))], dim=1)
        summed.append(bart(inputs_embeds=embedded, labels=labels).loss * labels.numel())
        words += labels.numel()
    assert_close(-family.match(seen, captions), torch.stack(summed), rtol=1e-4, atol=1e-4)
    assert_close(family.pair_loss(seen, captions, draw()), torch.stack(summed).sum() / words, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_streams_lose_what_the_library_says(models, exam):
    seen, captions = exam.regions[:PAIRS], exam.captions[:PAIRS]
    generator = draw()
    hidden, labels = hide(captions, captions >= len(SPECIAL), HIDDEN, MASK, generator)
    others, matched = mismatch(captions, generator)
    nothing, mask = torch.full((PAIRS, 9), IGNORE), there(captions)

    bert, look = models["single stream"].model, {"visual_embeds": seen, "visual_attention_mask": torch.ones(PAIRS, 9)}
    beside = torch.cat([labels, nothing], dim=1)
    words = bert(input_ids=hidden, attention_mask=mask, **look, labels=beside).loss
    given = {"input_ids": others, "attention_mask": there(others), **look}
    both = bert(**given, labels=beside, sentence_image_labels=matched.long()).loss
    pairs = both - bert(**given, labels=beside).loss
    assert_close(models["single stream"].pair_loss(seen, captions, draw()), words + pairs)

    lxmert, look = models["dual stream"].model, {"visual_feats": seen, "visual_pos": seen[..., -4:]}
    words = lxmert(input_ids=hidden, attention_mask=mask, **look, labels=labels).loss
    pairs = lxmert(input_ids=others, attention_mask=there(others), **look, matched_label=matched.long()).loss
    assert_close(models["dual stream"].pair_loss(seen, captions, draw()), (words + pairs).squeeze())


@torch.no_grad()
def test_the_dual_encoder_loses_by_the_very_table_that_it_compares_with(models, exam):
    model, seen, captions = models["dual encoder"], exam.regions[:PAIRS], exam.captions[:PAIRS]
    table, own = model.log_scale.exp() * model.compare(seen, captions), torch.arange(PAIRS)
    entropy = torch.nn.functional.cross_entropy
    assert_close(model.pair_loss(seen, captions, draw()), (entropy(table, own) + entropy(table.T, own)) / 2)
    read = model.read(input_ids=captions, attention_mask=there(captions))
    at_end = read.last_hidden_state[captions == END]
    assert_close(read.pooler_output, at_end)


@torch.no_grad()
@pytest.mark.parametrize("family", FUSION)
def test_fusion_answers_at_the_mask_alone(family, models, exam):
    seen, questions = exam.regions[:PAIRS], exam.questions[:PAIRS]
    words, _ = models[family].read(seen, questions)
    expected = torch.stack([row[asked.tolist().index(MASK)] for row, asked in zip(words, questions, strict=True)])
    columns = [lexicon().words.index(answer) for answer in ANSWERS]
    assert_close(models[family].answer(seen, questions), expected[:, columns])


@torch.no_grad()
@pytest.mark.parametrize("family", FUSION)
def test_fusion_matches_by_the_odds_of_belonging_together(family, models, exam):
    seen, captions = exam.regions[:PAIRS], exam.captions[:PAIRS]
    _, pairs = models[family].read(seen, captions)
    lost = matching(pairs, torch.ones(PAIRS, dtype=torch.bool))
    assert_close(torch.nn.functional.softplus(-models[family].match(seen, captions)).mean(), lost)


# ---------------------------------------------------------------------------------------------------------------
# What a search costs


@pytest.mark.parametrize("pictures, captions", [(3, 5), (4, 2)])
def test_passes_are_counted(pictures, captions, models):
    for family, model in models.items():
        expected = pictures + captions if family == "dual encoder" else pictures * captions
        assert cost(model, pictures, captions).passes == expected, family


def test_operations_grow_with_the_passes(models):
    for family, model in models.items():
        one, both = cost(model, 2, 2), cost(model, 4, 4)
        assert both.operations == (2 if family == "dual encoder" else 4) * one.operations, family


def test_the_operations_of_a_single_stream_are_those_counted_by_hand(models, exam):
    words, regions, vocabulary = exam.captions.shape[1], 9, len(lexicon())
    length = words + regions
    layer = length * (4 * WIDTH**2 + 2 * WIDTH * 2 * WIDTH) + 2 * length**2 * WIDTH  # four projections, MLP, attention
    heads = WIDTH**2 + 2 * WIDTH + length * (WIDTH**2 + WIDTH * vocabulary)  # pooler and ITM, MLM
    products = regions * 132 * WIDTH + LAYERS * layer + heads
    assert cost(models["single stream"], 2, 3).operations == 6 * 2 * products


def test_counting_leaves_no_hook_behind(models):
    cost(models["single stream"], 1, 1)
    assert not any(part._forward_hooks for model in models.values() for part in model.encoders())


# ---------------------------------------------------------------------------------------------------------------
# Scenes, captions, questions


def test_twins_are_the_same_words_in_another_order_and_each_is_right_for_one_picture(exam):
    scenes, twins, other = two_things.scenes("heldout"), two_things.scenes("twins"), material("twins")
    assert len(scenes) == len(twins) == two_things.HELDOUT
    assert_close(exam.captions.sort(dim=1).values, other.captions.sort(dim=1).values)
    assert (exam.captions != other.captions).any(1).all()
    assert ((exam.regions - other.regions).abs().amax((1, 2)) > 1e-3).all()
    for scene, twin, row, swapped in zip(scenes, twins, exam.captions, other.captions, strict=True):
        assert lexicon().read(row) == caption(scene, "plain") and lexicon().read(swapped) == caption(twin, "plain")
        assert [thing.colour for thing in twin.things] == [thing.colour for thing in scene.things][::-1]
        assert len({thing.colour for thing in scene.things}) == len({thing.shape for thing in scene.things}) == 2
        for name in ("shape", "size", "place", "x", "y", "tilt"):
            assert [getattr(thing, name) for thing in twin.things] == [getattr(thing, name) for thing in scene.things]


def test_no_two_pictures_of_the_search_have_the_same_caption(exam):
    assert len(exam.captions.unique(dim=0)) == len(exam.captions) == two_things.HELDOUT


def test_training_never_shows_nor_names_what_was_held_out():
    assert all(map(is_held_out, two_things.scenes("heldout")))
    assert not any(map(is_held_out, eyes.scenes("train", 4096, (2,))))
    told = [caption(scene, "plain") for scene in two_things.scenes("train")]
    told += [question for _, question, _ in asked("train")]
    kept_back = [f"{colour} {shape}" for colour, shape in HELD_OUT_PAIRS]
    assert not any(pair in text for text in told for pair in kept_back)
    assert any(pair in caption(scene, "plain") for scene in two_things.scenes("heldout") for pair in kept_back)


@pytest.mark.parametrize("split", ["train", "heldout"])
def test_questions_have_one_word_for_an_answer_and_name_no_place(split):
    given, texts = material(split), asked(split)
    assert all(answer in ANSWERS and " " not in answer for _, _, answer in texts)
    assert [ANSWERS[index] for index in given.answers] == [answer for _, _, answer in texts]
    assert given.about.tolist() == [scene for scene, _, _ in texts]
    assert not {word for place in PLACES for word in place.split()} & set(lexicon().words)
    for row in given.questions:
        written = row[row != PAD].tolist()
        assert written[0] == CLS and written[-2:] == [MASK, END] and written.count(MASK) == 1


def test_answers_are_true_of_the_thing_that_is_asked_about():
    scenes = two_things.scenes("heldout")
    for number, question, answer in asked("heldout"):
        things = scenes[number].things
        if answer in ("yes", "no"):
            named = any(f"{thing.colour} {thing.shape}?" in question for thing in things)
            assert named == (answer == "yes")
        else:
            kind = "colour" if answer in COLOURS else "shape"
            assert question.startswith(f"What {kind} is") and answer in [getattr(thing, kind) for thing in things]


def test_a_lexicon_reads_what_it_wrote_and_refuses_what_it_does_not_know():
    row = lexicon().write(["A red circle and a blue star", "a"])
    assert lexicon().read(row[0]) == "a red circle and a blue star"
    assert row[1].tolist() == [CLS, lexicon().number["a"], END] + [PAD] * 6
    with pytest.raises(ValueError, match="known words, not dragon"):
        lexicon().write(["a red dragon"])


# ---------------------------------------------------------------------------------------------------------------
# Claims


@pytest.mark.parametrize("number", range(6))
def test_one_cheap_run_of_every_arm(number):
    claim = vlpm_families.claims()[number]
    found = every_arm(claim, 2)
    for name, one in found.items():
        assert all(0 <= value <= 1 if claim.unit == "%" else value > 0 for value in one.values), name
    if claim.unit == "%":
        assert set(found["fusion, mean of both"].values) <= {0, 0.5, 1}
        assert set(found["dual encoder"].values) <= {0, 1}


def test_every_claim_is_run_above():
    assert len(vlpm_families.claims()) == 6


def test_fine_tuning_leaves_the_pretrained_model_as_it_was():
    before = vlpm_families.pretrained("single stream", 0, 1)
    kept = {name: value.clone() for name, value in before.state_dict().items()}
    after = vlpm_families.finetuned("single stream", 0).state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in before.state_dict().items())
    assert any(not torch.equal(value, kept[name]) for name, value in after.items())


@pytest.mark.parametrize("family, expected", [("dual encoder", [1.0, 1.5]), ("single stream", [1.0, 1.0])])
def test_pairs_for_a_pass(family, expected):
    assert vlpm_families.pairs_for(lambda spent: spent.passes, family, 0).values == expected


def test_both_kinds_of_fusion_count_the_same():
    given = {"single stream": [1.0, 0.0, 1.0], "dual stream": [1.0, 1.0, 0.0]}
    mean = vlpm_families.mean_of(lambda family, seed: vlpm_families.Scores(given[family], [0, 1, 2]), 0)
    assert mean.values == [1.0, 0.5, 0.5] and mean.scenes == [0, 1, 2]


@pytest.mark.parametrize("blind", [False, True])
@pytest.mark.parametrize("family", FAMILIES)
def test_untrained_models_tell_twins_apart_by_chance(family, blind, untrained):
    values = vlpm_families.compose(family, 0, blind=blind).values
    assert len(values) == 480 and abs(sum(values) / 480 - 0.5) < 0.05


@pytest.mark.parametrize("family", FAMILIES)
def test_untrained_models_find_one_of_many_by_chance(family, untrained, monkeypatch):
    monkeypatch.setattr(vlpm_families, "GALLERY", 40)
    values = vlpm_families.search(family, 0).values
    assert len(values) == 80 and sum(values) / 80 < 4 / 40


class Knowing(Family):
    """Has all pictures and their captions by heart."""

    def match(self, regions: torch.Tensor, captions: torch.Tensor) -> torch.Tensor:
        known = [torch.cat([material("heldout")[part], material("twins")[part]]) for part in (0, 1)]
        which = torch.cdist(regions.flatten(1), known[0].flatten(1)).argmin(1)
        return (known[1][which] == captions).all(1).float()


@pytest.mark.parametrize("blind, expected", [(False, 1), (True, 0)])
def test_who_knows_is_always_right_and_never_about_other_pictures(blind, expected, monkeypatch):
    monkeypatch.setattr(vlpm_families, "pretrained", lambda *which: Knowing())
    for measure in (vlpm_families.compose, vlpm_families.search):
        assert set(measure("dual encoder", 0, blind=blind).values) == {expected}


def test_the_commonest_answer_to_each_kind_of_question_is_right_by_chance():
    def kind(question: str) -> str:
        return question.split()[1] if question.startswith("What") else "existence"

    answers = {name: Counter() for name in ("existence", "colour", "shape")}
    for _, question, answer in asked("train"):
        answers[kind(question)][answer] += 1
    right = [answer == answers[kind(question)].most_common(1)[0][0] for _, question, answer in asked("heldout")]
    assert abs(sum(right) / len(right) - two_things.chance()) < 0.05
