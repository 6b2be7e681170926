"""Language models of text alone: places that fall off, budgets, teachers, turns, rewards, sets, and what is learned."""

import random

import pytest
import torch
from small_runs import every_arm, small
from transformers.models.bloom.modeling_bloom import build_alibi_tensor
from transformers.models.llama.modeling_llama import LlamaConfig, LlamaRotaryEmbedding, apply_rotary_pos_emb
from transformers.models.mpt.modeling_mpt import build_mpt_alibi_tensor

from labs.systems import chat_models
from labs.systems.parts import (
    budget_divided,
    fading_attention,
    longer_texts,
    text_honesty,
    text_rewarded,
    text_sets,
    text_talks,
    text_teachers,
    text_turns,
)
from labs.systems.parts.base_words import END, PAD, SAYS_ASSISTANT, words
from labs.systems.parts.documents import begun
from labs.tuning.packing import Row, pack
from labs.world.splits import HELD_OUT_PAIRS, is_held_out

CACHED = (
    budget_divided.rows, budget_divided.trained, longer_texts.trained, text_honesty.supervised, text_rewarded.reward,
    text_rewarded.preferring, text_sets.tuned, text_talks.scenes, text_teachers.teacher, text_teachers.pupil,
    text_turns.tuned,
)  # fmt: skip


def drawn_anyhow(model, rows, count, seed):
    """Some replies are true and some are not, however little a model has learned."""
    true = torch.tensor([one.ids[-2] for row in rows for one in row.branches])[:, None].expand(-1, count)
    keeps = torch.rand(true.shape, generator=torch.Generator().manual_seed(seed)) < 0.5
    return torch.where(keeps, true, words()["blue"])


@pytest.fixture(scope="module")
def cheap():
    exams = (text_talks, text_teachers, text_turns, text_honesty, text_sets)
    values = {module: {"EXAM": 12} for module in exams} | {
        budget_divided: {"EXAM": 12, "BUDGET": 4e8}, longer_texts: {"STEPS": 2, "TEXTS": 6},
    }  # fmt: skip
    values[text_talks] |= {"STEPS": 2}
    values[text_teachers] |= {"MANY": 16, "OTHERS": 16}
    values[text_turns] |= {"TEXTS": 16}
    values[text_sets] |= {"TEXTS": 16}
    values[text_honesty] |= {"TEXTS": 24}
    values[text_rewarded] = {"REWARD_STEPS": 2, "REWARD_ROWS": 4, "AGAIN_STEPS": 2, "draw": drawn_anyhow}
    with small(CACHED, values):
        yield


@pytest.fixture(scope="module")
def base():
    return text_talks.base().eval().requires_grad_(False)


# ---------------------------------------------------------------------------------------------------------------
# Places


@pytest.mark.parametrize("heads", [1, 4, 8])
def test_attention_falls_off_as_in_the_library(heads):
    ours = fading_attention.fading(heads, 9)
    torch.testing.assert_close(ours[:, -1:], build_mpt_alibi_tensor(heads, 9))
    blooms = build_alibi_tensor(torch.ones(1, 9), heads, torch.float32)  # the same but for a number for each query
    torch.testing.assert_close(ours.softmax(-1)[:, -1], blooms[:, 0].softmax(-1))
    assert torch.isinf(ours[:, 2, 3:]).all() and (ours.diagonal(dim1=1, dim2=2) == 0).all()
    with pytest.raises(ValueError, match="power of two"):
        fading_attention.slopes(6)


def test_rotary_places_are_those_of_the_library():
    query = torch.randn(2, 4, 7, 12, generator=torch.Generator().manual_seed(0))
    cosine, sine = LlamaRotaryEmbedding(LlamaConfig(hidden_size=48, num_attention_heads=4))(
        query, torch.arange(7)[None]
    )
    torch.testing.assert_close(fading_attention.turn(query), apply_rotary_pos_emb(query, query, cosine, sine)[0])


@pytest.mark.parametrize("places", fading_attention.PLACES)
def test_a_decoder_reads_nothing_of_what_comes_later(places):
    torch.manual_seed(0)
    model, text = fading_attention.Decoder(20, 16, 2, places), torch.arange(12)[None]
    other = text.clone()
    other[:, 8:] = 3
    torch.testing.assert_close(model(text)[:, :8], model(other)[:, :8])
    assert not torch.allclose(model(text)[:, 8:], model(other)[:, 8:])


def test_only_learned_places_tell_a_decoder_how_much_it_has_read():
    with pytest.raises(ValueError, match="places must be one of"):
        fading_attention.Decoder(20, 16, 2, "none")
    for places in fading_attention.PLACES:
        torch.manual_seed(0)
        found = fading_attention.Decoder(20, 16, 2, places)(torch.full((1, 6), 5))[0]
        same = torch.allclose(found[0], found[-1], atol=1e-6)
        assert same == (places != "learned")


def test_what_is_recalled_was_said_before_and_exams_show_new_pairs_alone():
    generator = torch.Generator().manual_seed(0)
    for held_out in (False, True):
        text = longer_texts.told(8, 5, held_out, generator).view(8, 5, longer_texts.EACH)
        for thing in text.flatten(0, 1).tolist():
            colour, shape = longer_texts.WORDS[thing[1]], longer_texts.WORDS[thing[2]]
            assert ((colour, shape) in HELD_OUT_PAIRS) == held_out
            first, second = longer_texts.RECALLED
            wanted = {longer_texts.COLOUR: thing[1], longer_texts.SHAPE: thing[2]}
            assert thing[first] == wanted[thing[first - 1]] and thing[second] == wanted[thing[second - 1]]
            assert thing[first] != thing[second]


def test_a_short_text_is_the_end_of_the_long_one(cheap, monkeypatch):
    monkeypatch.setattr(longer_texts, "LONG", longer_texts.LEARNED)
    assert longer_texts.recalls(0, "rotary").values == longer_texts.recalls(0, "rotary", cut=True).values
    with pytest.raises(ValueError, match="places must be one of"):
        longer_texts.recalls(0, "none")


# ---------------------------------------------------------------------------------------------------------------
# A budget


def test_every_size_spends_the_budget_and_reads_no_row_twice(cheap, monkeypatch):
    for width in budget_divided.WIDTHS:
        each = 6 * budget_divided.parameters(budget_divided.build(width, 0))
        each *= budget_divided.BATCH * budget_divided.LENGTH
        assert budget_divided.BUDGET - each < budget_divided.steps(width) * each <= budget_divided.BUDGET
    read = []

    def remember(model, rows):
        read.append(rows)
        return original(model, rows)

    original = budget_divided.surprise
    monkeypatch.setattr(budget_divided, "surprise", remember)
    width = budget_divided.WIDTHS[1]
    budget_divided.trained.__wrapped__(0, width)
    stream = budget_divided.rows(
        "train", budget_divided.BATCH * max(map(budget_divided.steps, budget_divided.WIDTHS)), 0
    )
    torch.testing.assert_close(torch.cat(read), stream[: len(read) * budget_divided.BATCH])
    monkeypatch.setattr(budget_divided, "BUDGET", 1.0)
    with pytest.raises(ValueError, match="too large for a budget"):
        budget_divided.steps(width)


# ---------------------------------------------------------------------------------------------------------------
# Talks


def test_of_a_talk_the_answers_alone_are_learned():
    one, two = text_talks.turn("Where is it?", "top left"), text_talks.turn("How big is it?", "big")
    both = text_talks.talk([one, two])
    told = [word for word, mark in zip(both.ids, both.supervised, strict=True) if mark]
    assert told == [words()["top"], words()["left"], END, words()["big"], END]
    assert both.ids.count(SAYS_ASSISTANT) == 2 and both.ids == one.ids + two.ids


def test_another_text_is_asked_the_same():
    told = text_talks.scenes("heldout", 5, 0)
    asked = text_teachers.asked(told, 0)
    own, other = text_talks.about(told, asked), text_talks.about(told, asked, another=True)
    assert [row.branches for row in own] == [row.branches for row in other]
    assert [row.prefix for row in other] == [row.prefix for row in own[1:] + own[:1]]
    assert all(is_held_out(scene) for scene in told)


def test_greedy_replies_are_what_counts_as_told_rightly(base):
    told = text_talks.scenes("heldout", 6, 0)
    rows = text_talks.about(told, text_teachers.asked(told, 0))
    prompts = [row.prefix + one.ids[: one.supervised.index(True)] for row in rows for one in row.branches]
    said = text_talks.replies(base, prompts)
    truth = [one.ids[one.supervised.index(True) :] for row in rows for one in row.branches]
    written = [float([*one, END] == wanted) for one, wanted in zip(said, truth, strict=True)]
    assert text_talks.right(base, rows).values == written
    pupils = [Row(row.prefix, [text_teachers.answer(one.ids[: one.supervised.index(True)], said.pop(0))
                               for one in row.branches]) for row in rows]  # fmt: skip
    assert sum(text_talks.right(base, pupils).values) > len(prompts) / 2  # else they are longer than is drawn


def test_a_pupil_reads_what_the_teacher_wrote_not_what_is_true(cheap, monkeypatch):
    monkeypatch.setattr(text_teachers, "replies", lambda model, prompts: [[words()["none"]] for _ in prompts])
    rows = text_teachers.answered(0, text_teachers.FEW)
    assert {tuple(one.ids[one.supervised.index(True) :]) for row in rows for one in row.branches} == {
        (words()["none"], END)
    }
    taught = {tuple(row.prefix) for row in rows}
    assert not taught & {tuple(begun(scene)) for scene in text_talks.scenes("train", text_teachers.MANY, 0)}


def test_cut_apart_or_whole_the_turns_are_the_same():
    scene = text_talks.unlike("train", 8, 0)[0]
    turns = text_turns.turns(scene, random.Random(0))
    assert len(turns) == 4 and all((words()["it"] in turns[n].ids) == bool(n % 2) for n in range(4))
    assert sum(text_talks.talk(turns).supervised) == sum(sum(one.supervised) for one in turns)


def test_each_of_two_things_is_meant_once_so_that_hiding_the_first_turn_leaves_half(cheap):
    asked = text_turns.items(0)
    assert len(asked) % 2 == 0
    for (scene, first, own, other), (same, second, *swapped) in zip(asked[::2], asked[1::2], strict=True):
        assert scene is same and first != second and [other, own] == swapped and own != other
    for whole in (True, False):
        found = text_turns.resolves(0, whole, hidden=True)
        assert sum(found.values) == len(found.values) / 2


def test_likelihoods_are_those_of_each_branch_alone(base):
    told = text_talks.scenes("train", 4, 0)
    rows = text_talks.about(told, text_teachers.asked(told, 0))
    alone = [Row(row.prefix, [one]) for row in rows for one in row.branches]
    together, apart = text_turns.likelihoods(base, rows), text_turns.likelihoods(base, alone)
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(text_honesty.chances(base, rows[:1]).sum(1), torch.ones(len(rows[0].branches)))


# ---------------------------------------------------------------------------------------------------------------
# Preferences and sets


def test_what_is_there_and_what_is_not_are_asked_alike_often_and_replies_are_found_as_said():
    told, questions = text_honesty.texts(0, "supervised")
    truths = [truth for some in questions for _, truth in some]
    assert truths.count("none") == len(truths) / 2
    rng = random.Random(0)
    found = [(truth, text_honesty.found(scene, (asked, truth), rng)) for _ in range(40)
             for scene, some in zip(told, questions, strict=True) for asked, truth in some]  # fmt: skip
    for there, share in ((False, text_honesty.HONEST), (True, text_honesty.LAZY)):
        said = [reply == "none" for truth, reply in found if (truth != "none") == there]
        assert sum(said) / len(said) == pytest.approx(share, abs=0.03)


def test_of_a_ranked_pair_the_first_is_true_and_the_second_is_not():
    row = Row([END], [text_talks.turn("What colour is the star?", "red")] * 3)
    red, none = words()["red"], words()["none"]
    replies = torch.tensor([[[none, red], [red, red], [none, words()["blue"]]]])
    (pair,) = text_rewarded.ranked([row], replies, torch.tensor([[red, red, red]]))
    assert [one.ids[-2:] for one in pair.branches] == [[red, END], [none, END]]


def test_a_reward_is_said_at_the_end_of_each_reply_and_depends_on_no_other(base):
    torch.manual_seed(0)
    model = text_rewarded.Reward(base).eval()
    told = text_talks.scenes("train", 2, 0)
    rows = text_talks.about(told, text_teachers.asked(told, 0))
    assert (model(pack(rows, PAD)) == 0).all()  # before it has learned
    torch.nn.init.normal_(model.head.weight)
    alone = torch.cat([model(pack([Row(row.prefix, [one])], PAD)) for row in rows for one in row.branches])
    torch.testing.assert_close(model(pack(rows, PAD)), alone, rtol=1e-4, atol=1e-4)
    assert alone.unique().numel() > 1
    assert all(not one.requires_grad for one in base.parameters())  # it is a copy


def test_the_best_of_the_drawn_replies_is_learned_from(cheap, monkeypatch):
    taught = []
    monkeypatch.setattr(text_rewarded, "tune", lambda model, rows, *rest: taught.append(rows) or model)
    for judge in ("truth", "chance"):
        text_rewarded.preferring.__wrapped__(0, judge)
    rows, replies, truth = text_rewarded.drawn(0, "rejection", text_rewarded.DRAWS)
    best, first = ([[one.ids[-2] for one in row.branches] for row in rows] for rows in taught[-2:])
    assert torch.equal(torch.tensor(first), replies[..., 0])
    assert torch.equal(torch.tensor(best) == truth, (replies == truth[..., None]).any(-1))


def test_the_mix_has_one_of_each_set_and_a_set_nothing_else(cheap, monkeypatch):
    asked = []
    monkeypatch.setattr(text_sets, "asked", lambda scene, name, rng: asked.append(name) or text_talks.turn("a", "a"))
    text_sets.tuned.__wrapped__(0, text_sets.MIX)
    assert asked[: len(text_sets.SETS)] == list(text_sets.SETS) and len(text_sets.SETS) == text_sets.TURNS
    mixed = len(asked)
    text_sets.tuned.__wrapped__(0, "places")
    assert len(asked) == 2 * mixed and set(asked[mixed:]) == {"places"}


def test_one_cheap_run_of_every_arm(cheap):
    for claim in chat_models.claims():
        assert set(every_arm(claim)) == set(claim.arms)
