"""Decoding: contrast, texts in a picture's place, task vectors, unlearning, concepts, the rate; and every arm"""

import random

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import decoding
from labs.systems.parts import (
    concepts,
    contrasted,
    contrasted_descriptions,
    integration,
    modality_rate,
    retold,
    shown_tasks,
    task_vectors,
    unlearned,
    unlearned_exam,
)
from labs.systems.parts.base_words import words
from labs.systems.parts.contrasted import How, contrast, noisy, replies
from labs.systems.parts.eyes import picture_of
from labs.systems.parts.instructions import replies as plain_replies
from labs.systems.parts.lexicon import DECODE
from labs.systems.parts.shown_tasks import TASKS, page
from labs.systems.parts.talk import answer_logits, lay_out
from labs.systems.parts.task_vectors import TaskVector, begins, means, replaying
from labs.systems.parts.told import lexicon
from labs.world import splits
from labs.world.splits import is_held_out
from labs.world.vocabulary import SHAPES

CACHED = [
    contrasted_descriptions.scenes, contrasted_descriptions.described,
    retold.exam, retold.captions, retold.completed, shown_tasks.pool,
    shown_tasks.seen, shown_tasks.follower, task_vectors.vector, unlearned.lessons, unlearned.seen,
    unlearned.unlearned, unlearned_exam.exam, unlearned_exam.said, concepts.states, concepts.dictionary, concepts.true,
    integration.aligned, integration.look, integration.measured,
]  # fmt: skip


@pytest.fixture
def few():
    """A step or two on a few scenes."""
    values = {
        contrasted_descriptions: {"DESCRIBED": 8, "LONGEST": 6},
        retold: {"PICTURES": 4, "LONGEST": 8},
        shown_tasks: {"POOL": {"train": 24, "exam": 24}, "STEPS": 2, "PAGES": 2},
        task_vectors: {"TESTED": 2, "KEPT": 2, "TRIES": 2, "DRAWN": 2, "ROWS": 2},
        unlearned: {"DRAWN": 30, "STEPS": 2, "BATCH": 4},
        unlearned_exam: {"EXAMINED": 40},
        concepts: {"LEARNED": 40, "CHECKED": 20, "CONCEPTS": 6, "ROUNDS": 20},
        integration: {"SEEN": 32, "STEPS": 3, "KEPT": (0, 1, 2), "GROUPS": 4, "EACH": 4},
    }
    with small(CACHED, values):
        yield


# ---------------------------------------------------------------------------------------------------------------
# Contrast


def test_a_contrast_with_itself_or_of_no_strength_changes_no_choice():
    torch.manual_seed(0)
    given, less = torch.randn(2, 5, 9)
    assert torch.equal(contrast(given, given, 1.0, 0.5).argmax(1), given.argmax(1))
    torch.testing.assert_close(contrast(given, less, 0.0, 1e-9), given.log_softmax(-1))
    kept = contrast(given, less, 1.0, 0.5).isfinite()
    assert torch.equal(kept, given.softmax(-1) >= 0.5 * given.softmax(-1).amax(1, keepdim=True))
    only = contrast(given, less, 3.0, 1.0)
    assert torch.equal(only.argmax(1), given.argmax(1)) and (only.isfinite().sum(1) == 1).all()


def test_a_word_that_comes_without_the_picture_as_well_counts_for_less():
    given, less = torch.tensor([[2.0, 1.9, -5.0]]), torch.tensor([[2.0, -2.0, -9.0]])
    assert contrast(given, less, 1.0, 0.2).argmax().item() == 1
    assert contrast(given, less, 1.0, 0.0).argmax().item() == 1 and contrast(given, less, 1.0, 1.0).argmax() == 0


def test_noise_is_that_of_its_step():
    pixels = torch.full((2, 3, 40, 40), 2.0)
    early, late = noisy(pixels, 0, 0), noisy(pixels, 0, 999)
    assert (early - pixels).abs().max() < 0.1 and torch.equal(late, noisy(pixels, 0, 999))
    assert not torch.equal(late, noisy(pixels, 1, 999))
    kept = 1.0
    for step in range(1000):
        kept *= 1 - (1 / (1 + 2.718281828 ** -(-6 + 12 * step / 999)) * (0.5e-2 - 1e-5) + 1e-5)
    assert late.mean().item() == pytest.approx(2 * kept**0.5, abs=0.05)
    assert late.std().item() == pytest.approx((1 - kept) ** 0.5, abs=0.05)


def test_a_second_reading_of_the_same_picture_is_the_first(monkeypatch):
    scenes = [splits.sample(random.Random(number), count=2) for number in range(3)]
    pictures, asked = (
        [picture_of(scene) for scene in scenes],
        ["What is where?", "Describe.", "What is there in it?"],
    )
    plain = replies(contrasted_descriptions.talker(), pictures, asked, 12)
    alone = [
        replies(contrasted_descriptions.talker(), [one], [text], 12)[0]
        for one, text in zip(pictures, asked, strict=True)
    ]
    assert plain == alone
    seen = []
    monkeypatch.setattr(contrasted, "noisy", lambda pixels, seed, step: pixels)
    monkeypatch.setattr(contrasted, "contrast", lambda given, less, alpha, beta: seen.append((given, less)) or given)
    assert replies(contrasted_descriptions.talker(), pictures, asked, 12, How()) == plain and len(seen) >= 3
    for given, less in seen:  # also behind padding, and with what was read before remembered
        torch.testing.assert_close(given, less, rtol=0, atol=1e-3)


def test_without_a_picture_there_is_none(monkeypatch):
    scene, read = splits.sample(random.Random(0), count=2), []
    inner = contrasted.Contrast.__init__
    monkeypatch.setattr(contrasted.Contrast, "__init__", lambda one, model, less, *how: read.append(less)
                        or inner(one, model, less, *how))  # fmt: skip
    replies(contrasted_descriptions.talker(), [picture_of(scene)], ["Describe."], 2, How("nothing"))
    assert (
        "pixel_values" not in read[0]
        and (read[0]["input_ids"] != contrasted_descriptions.talker().model.config.image_token_id).all()
    )
    with pytest.raises(ValueError, match="against must be one of noisy, nothing, not 'blur'"):
        replies(contrasted_descriptions.talker(), [picture_of(scene)], ["Describe."], 2, How("blur"))


def test_half_of_the_described_scenes_show_the_companion(few):
    scenes = contrasted_descriptions.scenes(0)
    assert (
        sum(contrasted_descriptions.companion(one) in contrasted_descriptions.there(one) for one in scenes)
        == len(scenes) / 2
    )
    assert not set(scenes) & set(contrasted_descriptions.scenes(1))


# ---------------------------------------------------------------------------------------------------------------
# Texts in the place of pictures


def test_going_on_behind_a_picture_is_what_the_captioner_does(few):
    asked = retold.exam(0)
    ours = retold.go_on([f"<image>. {item.question}" for item in asked.new],
                        [asked.pictures[item.picture] for item in asked.new])  # fmt: skip
    pictures = [asked.pictures[item.picture] for item in asked.new]
    theirs = retold.instructions.goes_on(retold.model(), [item.question for item in asked.new], pictures)
    assert ours == theirs and plain_replies is not retold.go_on


def test_the_truth_is_read_well_and_other_ways_are_refused(few):
    truth = retold.completed(0, "told the truth").values
    assert sum(truth) / len(truth) > 0.8
    with pytest.raises(ValueError, match="way must be one of seen, told"):
        retold.completed(0, "sung")


# ---------------------------------------------------------------------------------------------------------------
# Examples and task vectors


def test_what_is_wanted_is_the_same_however_many_examples(few):
    scenes = shown_tasks.pool("train", 0)
    for task in TASKS:
        pages = [page(random.Random(3), scenes, task, shots, 4) for shots in (0, 1, 4)]
        assert len({tuple(one.pictures[-4:]) for one in pages}) == 1
        assert all(one.row.branches == pages[0].row.branches and len(set(one.pictures)) == len(one.pictures)
                   for one in pages)  # fmt: skip
        assert [one.row.prefix.count(DECODE) for one in pages] == [0, 1, 4]
        for number, branch in zip(pages[0].pictures, pages[0].row.branches, strict=True):
            said = " ".join(lexicon().words[one] for one, learned in zip(*branch, strict=True) if learned)
            assert said == f"{getattr(scenes[number].things[0], task)} <end>"


def test_some_examples_are_careless_and_all_are_true_of_their_picture(few):
    scenes, careless = shown_tasks.pool("train", 0), 0
    for number in range(60):
        one = page(random.Random(number), scenes, "colour", 4, 1)
        text = " ".join(lexicon().words[word] for word in one.row.prefix).split("<decode> ")[1:]
        for part, picture in zip(text, one.pictures, strict=False):
            said, thing = part.split(" <end>")[0], scenes[picture].things[0]
            assert said in {getattr(thing, task) for task in TASKS}
            careless += said != thing.colour
    assert 0.2 < careless / 240 < 0.4


def test_replaying_no_head_or_what_a_head_brings_anyway_changes_nothing(few):
    model, words = shown_tasks.follower(0), shown_tasks.seen("exam", 2)
    one = page(random.Random(0), shown_tasks.pool("exam", 2), "colour", 2, 1)
    batch, shown = lay_out([one.row]), words[one.pictures]
    plain, own = answer_logits(model, batch, shown), means(model, [one], words)
    none, every = torch.zeros(own.shape[:2], dtype=torch.bool), torch.ones(own.shape[:2], dtype=torch.bool)
    for vector in (TaskVector(torch.randn_like(own), none), TaskVector(own, every)):
        with replaying(model, batch, vector):
            torch.testing.assert_close(answer_logits(model, batch, shown), plain, rtol=0, atol=1e-4)
    with replaying(model, batch, TaskVector(torch.randn_like(own), every)):
        assert not torch.allclose(answer_logits(model, batch, shown), plain, atol=1e-2)
    assert torch.equal(answer_logits(model, batch, shown), plain)
    assert begins(batch).sum() == 1 and (batch.input_ids == DECODE).sum() == 3


def test_heads_by_lot_are_as_many_and_another_task_s_vector_is_another_one(few):
    for task in TASKS:
        chosen, lot, every, other = (task_vectors.with_heads(0, task, how)
                                     for how in ("chosen", "lot", "all", "of another task"))  # fmt: skip
        assert lot.chosen.sum() == chosen.chosen.sum() and every.chosen.all() and torch.equal(lot.means, chosen.means)
        assert not torch.equal(other.means, chosen.means)


# ---------------------------------------------------------------------------------------------------------------
# Unlearning


def test_refused_is_what_is_secret_and_nothing_else(few):
    rng, words = random.Random(0), lexicon().words
    for _ in range(60):
        scene = splits.sample(rng, count=3)
        for one in unlearned.asked(scene, rng, 6):
            assert one.named == any(shape in one.text for shape in SHAPES)
            branch = one.pair(unlearned=True)
            said = " ".join(words[word] for word, learned in zip(*branch, strict=True) if learned)
            assert said == ("no <end>" if one.secret else f"{one.answer} <end>")
            assert one.answer != "no" and not (unlearned_exam.allowed(one) and unlearned_exam.given_away(one))


def test_half_of_the_lessons_show_the_secret_and_texts_need_no_picture(few, monkeypatch):
    scenes, pairs = unlearned.lessons()
    assert sum(map(unlearned.has, scenes)) == len(scenes) / 2 and not any(map(is_held_out, scenes))
    assert len(pairs) == len(scenes) and not set(unlearned_exam.exam(0).scenes) & set(scenes)
    before = {name: value.clone() for name, value in unlearned.before().state_dict().items()}
    monkeypatch.setattr(unlearned, "seen", lambda: pytest.fail("a picture was looked at"))
    after = unlearned.unlearned(0, "texts").state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in after.items())
    assert all(torch.equal(value, before[name]) for name, value in unlearned.before().state_dict().items())
    with pytest.raises(ValueError, match="how must be one of texts, pictures, not 'sounds'"):
        unlearned.unlearned(0, "sounds")


def test_who_refuses_all_or_nothing_discerns_nothing(few, monkeypatch):
    questions = unlearned_exam.exam(0).questions
    for habit in (0.0, 1.0):
        monkeypatch.setattr(
            unlearned_exam, "said", lambda *how, habit=habit: [[habit] * len(some) for some in questions]
        )
        assert set(unlearned_exam.discerns(0, "texts").values) == {0.5}
    monkeypatch.setattr(
        unlearned_exam, "said", lambda *how: [[float(one.secret) for one in some] for some in questions]
    )
    assert set(unlearned_exam.discerns(0, "texts").values) == {1.0}


# ---------------------------------------------------------------------------------------------------------------
# Concepts


def test_a_dictionary_finds_what_states_were_made_of(monkeypatch):
    monkeypatch.setattr(concepts, "CONCEPTS", 4)
    monkeypatch.setattr(concepts, "ROUNDS", 300)
    generator = torch.Generator().manual_seed(0)
    made = torch.randn(4, 12, generator=generator)
    amounts = torch.rand(200, 4, generator=generator) * (torch.rand(200, 4, generator=generator) < 0.4)
    found, active = concepts.learn(amounts @ made)
    assert (active >= 0).all() and ((active @ found - amounts @ made) ** 2).mean() < 0.01 * (amounts @ made).var()
    same, known = concepts.learn(amounts @ made, made)
    assert same is made
    torch.testing.assert_close(known, amounts, rtol=0, atol=0.05)


def test_words_are_read_off_by_the_output_head(few, monkeypatch):
    head = concepts.captioner.load().model.get_input_embeddings().weight
    given = head[[words()[name] for name in ("red", "star", "big", "left")]].repeat(10, 1)
    monkeypatch.setattr(concepts, "states", lambda split, data: given)
    monkeypatch.setattr(concepts, "_centred", lambda some: some)
    monkeypatch.setattr(concepts, "CONCEPTS", 12)
    found = concepts.dictionary.__wrapped__(0, "states").words
    assert {one[0] for one in found} <= {"red", "star", "big", "left"} and len({one[0] for one in found}) > 1
    with pytest.raises(ValueError, match="kind must be one of learned, states, directions, not 'dreamt'"):
        concepts.dictionary(0, "dreamt")


def test_what_is_true_counts_beyond_what_is_true_of_any_scene(few):
    thing = concepts.scenes("new", 60)[0].things[0]
    assert concepts.by_words(concepts.scenes("new", 60)[0], [thing.colour, "nothing"], []) == 1
    assert concepts.by_words(concepts.scenes("new", 60)[0], ["nothing"], []) == 0
    own = concepts.scenes("train", 0)
    assert concepts.by_pictures(own[3], [], [3, 3]) == 1 and concepts.by_pictures(own[3], [], [3, 4]) < 1
    assert set(concepts.scenes("new", 60)) != set(own[:20])


# ---------------------------------------------------------------------------------------------------------------
# The rate


def test_the_frechet_distance_of_known_gaussians():
    torch.manual_seed(0)
    some = torch.randn(4000, 5, dtype=torch.float64)
    assert modality_rate.frechet(some, some) == pytest.approx(0, abs=1e-6)
    assert modality_rate.frechet(some, some + 2) == pytest.approx(4 * 5, rel=1e-6)
    assert modality_rate.frechet(some, 3 * some - 2 * some.mean(0)) == pytest.approx(
        4 * some.var(0).sum().item(), rel=0.01
    )
    turned = some @ torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64))[0]
    other = torch.randn(4000, 5, dtype=torch.float64) * torch.arange(1, 6)
    first, second = some.T.cov(), other.T.cov()
    roots = torch.linalg.eigvals(first @ second).real.clamp(min=0).sqrt().sum()
    expected = ((some.mean(0) - other.mean(0)) ** 2).sum() + first.trace() + second.trace() - 2 * roots
    assert modality_rate.frechet(some, other) == pytest.approx(expected.item(), rel=1e-6)
    assert modality_rate.frechet(some, turned) < 0.05


def test_the_rate_knows_no_unit_and_no_outlier():
    torch.manual_seed(0)
    layers = [(torch.randn(300, 6) + 1, torch.randn(200, 6)) for _ in range(2)]
    rate = modality_rate.rate(layers)
    assert modality_rate.rate([(7 * seen, 7 * said) for seen, said in layers]) == pytest.approx(rate, abs=1e-4)
    assert modality_rate.rate([(seen + 1, said) for seen, said in layers]) > rate
    far = torch.cat([layers[0][0], torch.full((1, 6), 1e3)])
    assert len(modality_rate.near(far)) == 300
    assert modality_rate.rank_correlation([1.0, 5.0, 9.0], [2.0, 3.0, 4.0]) == pytest.approx(1)
    assert modality_rate.rank_correlation([1.0, 5.0, 9.0], [4.0, 3.0, 2.0]) == pytest.approx(-1)


def test_all_states_begin_as_one_and_the_projector_alone_moves(few):
    own, others = (integration.aligned(0, captions) for captions in integration.CAPTIONS)
    assert list(own) == [0, 1, 2, 3] and all(torch.equal(own[0][name], others[0][name]) for name in own[0])
    assert not torch.equal(own[3]["linear_1.weight"], others[3]["linear_1.weight"])
    model = integration.begun(0)
    assert {name.split(".")[1] for name, one in model.named_parameters() if one.requires_grad} == {
        "multi_modal_projector"
    }
    with pytest.raises(ValueError, match="captions must be one of own, others, not 'none'"):
        integration.aligned(0, "none")


# ---------------------------------------------------------------------------------------------------------------
# All of it


def test_one_cheap_run_of_every_arm(few):
    found = decoding.claims()
    assert len({claim.name for claim in found}) == len(found) and decoding.build() is contrasted_descriptions.talker()
    for claim in found:
        assert set(every_arm(claim)) == set(claim.arms)
