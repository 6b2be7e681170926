"""InstructBLIP: what the Q-Former is told, what is asked in lessons and what in the exam, where it looks, every arm."""

import random

import pytest
import torch
from small_runs import every_arm, small
from transformers import InstructBlipQFormerConfig
from transformers.models.instructblip.modeling_instructblip import InstructBlipQFormerModel

from labs.systems import instructblip
from labs.systems.parts import asked_by, attended, balanced, connected, eyes, instructed, taught_tasks, told
from labs.systems.parts.connected import Connected, Connector
from labs.systems.parts.instructed import Aware, InstructedQFormer, Misled, instruction, instructions
from labs.systems.parts.lexicon import PAD, split
from labs.systems.parts.lookout import Material, described, look, material
from labs.systems.parts.talk import pair, write
from labs.systems.parts.talker import talker

CACHED = [
    asked_by.lessons, asked_by.exam, balanced.data_set, attended.triples,
    *(getattr(taught_tasks, name) for name in ("before", "aware", "blind", "balance")),
]  # fmt: skip
TEXTS = ("What colour is the star?", "Where is the star?", "What shape is the thing at the top left?")
ASKED = [pair(text, "red") for text in TEXTS]


@pytest.fixture
def few():
    """One step on a few scenes that serve for learning and for the exam."""
    some = Material(*(part[:24] for part in material("heldout")))
    usual = {"material": lambda split: some}
    sizes = dict(zip(balanced.SIZES, (24, 16, 12, 8, 6, 4, 2), strict=True))
    values = {
        asked_by: usual, connected: usual | {"BATCH": 8}, balanced: usual | {"SIZES": sizes},
        taught_tasks: usual | {"FIRST": 1, "STEPS": 1, "DRAWN": 8},
        instructblip: {"STEPS": 1, "COUNTED": 2, "SHIFTS": (1, 2)}, attended: {"LOOKED": 6},
    }  # fmt: skip
    with small(CACHED, values):
        yield some


@pytest.fixture
def model() -> Aware:
    """One that has learned nothing, whose words tell it as much as they can."""
    torch.manual_seed(0)
    language = talker()
    return Aware(language, InstructedQFormer(language.get_input_embeddings().weight, 3)).requires_grad_(False)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---------------------------------------------------------------------------------------------------------------
# What the Q-Former is told


def test_the_instructed_qformer_is_that_of_instructblip(model):
    ours, width = model.connector, model.connector.words.weight.shape[1]
    library = InstructBlipQFormerModel(InstructBlipQFormerConfig(
        vocab_size=len(ours.words.weight), hidden_size=width, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=4 * width, max_position_embeddings=instructed.LONGEST, cross_attention_frequency=2,
        encoder_hidden_size=128,
    )).eval()  # fmt: skip
    names = {
        "encoder.layer.": "layers.", "crossattention.attention": "look.inner", "crossattention.output.dense":
        "look.inner.out", "crossattention.output.LayerNorm": "look.norm", "attention.attention": "talk.inner",
        "attention.output.dense": "talk.inner.out", "attention.output.LayerNorm": "talk.norm",
        "intermediate_query.dense": "think.inner.0", "output_query.dense": "think.inner.2", "output_query.LayerNorm":
        "think.norm", "intermediate.dense": "think_in_words.inner.0", "output.dense": "think_in_words.inner.2",
        "output.LayerNorm": "think_in_words.norm", "embeddings.layernorm": "norm",
    }  # fmt: skip
    state = {}
    for key, value in library.state_dict().items():
        for theirs, mine in names.items():
            key = key.replace(theirs, mine)
        state[key] = value + 0.1 * noise(*value.shape, seed=len(state))
    library.load_state_dict(dict(zip(library.state_dict(), state.values(), strict=True)))
    ours.words.weight.copy_(state.pop("embeddings.word_embeddings.weight"))
    ours.places.weight.copy_(state.pop("embeddings.position_embeddings.weight"))
    inside, (seen, asked) = ours.inner[0], (noise(3, 36, 128), instructions(ASKED))
    inside.load_state_dict(state | {"queries": inside.queries})
    queries = inside.queries.expand(3, -1, -1)
    written = torch.cat([torch.ones(3, ours.tokens), (asked != PAD).float()], 1)
    found = library(asked, written, None, queries, encoder_hidden_states=seen).last_hidden_state[:, : ours.tokens]
    torch.testing.assert_close(ours(seen, asked), ours.inner[1](found), rtol=1e-4, atol=1e-5)


def test_what_fills_up_a_short_instruction_is_not_heard(model):
    asked, seen = instructions(ASKED), noise(1, 36, 128)
    for row, one in zip(asked, ASKED, strict=True):
        alone = torch.tensor([instruction(one)])
        torch.testing.assert_close(model.connector(seen, row[None]), model.connector(seen, alone))
    assert (asked == PAD).any()


def test_the_qformer_is_told_the_question_and_never_its_answer(model, few):
    assert [instruction(one) for one in ASKED] == [write(text) for text in TEXTS]
    given = asked_by.lessons()
    heard = {}
    for scene, pairs in zip(given.scenes, given.pairs, strict=True):
        assert all(instruction(pair("Where is the star?", place)) == instruction(pair("Where is the star?", "top"))
                   for place in told.PLACES)  # fmt: skip
        for one in pairs:
            heard.setdefault(tuple(instruction(one)), set()).add(tuple(one.ids))
        assert instruction(pairs[-1]) == write(told.DESCRIBE) and told.tell(scene)
    assert max(map(len, heard.values())) > 1  # one instruction, several answers


def test_other_questions_make_other_visual_tokens_of_the_same_picture(model):
    seen = noise(1, 36, 128).expand(3, -1, -1)
    tokens = model.connector(seen, instructions(ASKED))
    assert tokens.shape == (3, 3, model.language.config.hidden_size)
    assert all(not torch.allclose(tokens[i], tokens[j], atol=1e-3) for i, j in ((0, 1), (0, 2), (1, 2)))
    torch.testing.assert_close(model.connector(seen[:2], instructions([ASKED[0]] * 2)), tokens[[0, 0]])


def test_each_question_is_learned_and_examined_as_if_it_stood_alone(model, few, monkeypatch):
    given = asked_by.exam()
    whole, loss = model.right(few.seen, given.pairs), model.loss(few.seen, given.pairs)
    monkeypatch.setattr(instructed, "IN_A_ROW", 1)
    monkeypatch.setattr(instructed, "AT_ONCE", 7)
    assert torch.equal(model.right(few.seen, given.pairs), whole) and 0 < whole.sum() < len(whole)
    torch.testing.assert_close(model.loss(few.seen, given.pairs), loss)


def test_what_is_told_is_what_the_exam_counts_as_right(model, few):
    """Left to itself it tells the whole answer, wherever the exam says so."""
    found = 0
    for text, answers in (("How big is the star?", ("big", "small")), ("Where is the star?", told.PLACES)):
        said = model.tell(few.seen[:6], text)
        for answer in answers:
            right = model.right(few.seen[:6], [[pair(text, answer)]] * 6).tolist()
            assert [one == answer for one in said] == right
            found += sum(right)
    assert found  # some answer is of the kind that is asked


def test_the_misled_are_told_what_is_asked_of_other_scenes(model, few, monkeypatch):
    pairs, heard = [[one] for one in ASKED + [pair(told.DESCRIBE, "top big red star")]], []
    connector = model.connector.forward
    monkeypatch.setattr(model.connector, "forward", lambda seen, asked: heard.append(asked) or connector(seen, asked))
    for one in (model, Misled(model.language, model.connector)):
        one.loss(few.seen[:4], pairs)
        one.right(few.seen[:4], pairs)
    assert torch.equal(heard[0], heard.pop(1)) and torch.equal(heard[1], heard.pop(2))
    assert torch.equal(heard[1], heard[0].roll(2, 0)) and not torch.equal(*heard)


# ---------------------------------------------------------------------------------------------------------------
# What is asked


def test_no_held_out_task_is_in_the_lessons_and_no_word_of_it_is_new(few):
    given = asked_by.lessons()
    assert {kind for some in given.kinds for kind in some} == {*asked_by.LEARNED, asked_by.DESCRIBE}
    assert sorted(asked_by.LEARNED + asked_by.UNLEARNED) == sorted(asked_by.TASKS) and len(asked_by.TASKS) == 9
    for part in (0, 2):  # what is asked, by what it is named: each is learned with another partner
        words = {task.split()[part] for task in asked_by.LEARNED}
        assert words == {task.split()[part] for task in asked_by.TASKS}
    scene = eyes.scenes("train", 1)[0]
    known, new = (
        {word for task in tasks for word in split(asked_by.question(scene, 0, task).text)}
        for tasks in (asked_by.LEARNED, asked_by.UNLEARNED)
    )
    assert new <= known


@pytest.mark.parametrize("task", asked_by.TASKS)
def test_a_task_names_one_thing_alone_and_not_its_answer(task):
    asked, by = task.split(" by ")
    found = 0
    for number, scene in enumerate(eyes.scenes("train", 12, (1, 3))):
        one = asked_by.ask(scene, random.Random(number), task)
        if one is None:
            continue
        (thing,) = (scene.things[which] for which in one.about)
        assert one.answer == getattr(thing, asked)
        assert asked == "size" or not set(split(one.text)) & set(split(one.answer))  # "How big" asks of small ones, too
        assert [other for other in scene.things if getattr(other, by) == getattr(thing, by)] == [thing]
        assert getattr(thing, by) in one.text and pair(one.text, one.answer)
        found += 1
    assert found >= 6


def test_a_task_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="task must be one of colour by shape, .*, not 'shape by smell'"):
        asked_by.question(eyes.scenes("train", 1)[0], 0, "shape by smell")


def test_another_question_asks_something_else_about_the_same_scene(few):
    given = asked_by.exam()
    for pairs, kinds, other in zip(given.pairs, given.kinds, asked_by.others(given), strict=True):
        for kind, one in zip(kinds, other, strict=True):
            instead = kinds[pairs.index(one)]
            assert instead in asked_by.LEARNED and instead.split()[0] != kind.split()[0]


def test_only_some_kinds_are_kept_beside_their_scenes(few):
    given = asked_by.only(asked_by.exam(), ("size by place",))
    assert len(given.pairs) == len(given.scenes) == 24 and given.kinds == [["size by place"]] * 24
    assert asked_by.chance(("colour by place",)) == 1 / 8
    assert asked_by.chance(("colour by place", "size by place")) == pytest.approx((1 / 8 + 1 / 2) / 2)


# ---------------------------------------------------------------------------------------------------------------
# How data sets are mixed


def test_ways_to_mix_differ_as_powers_of_the_sizes(few):
    sizes = {name: len(balanced.data_set(name)) for name in balanced.SIZES}
    assert sizes == balanced.SIZES
    ways = {how: balanced.shares(how) for how in balanced.POWERS}
    assert all(sum(way.values()) == pytest.approx(1) for way in ways.values())
    large, least = asked_by.DESCRIBE, balanced.SMALLEST
    assert sizes[least] == min(sizes.values())
    ratio = sizes[large] / sizes[least]
    expected = {"proportional": ratio, "square root": ratio**0.5, "uniform": 1}
    assert {how: way[large] / way[least] for how, way in ways.items()} == pytest.approx(expected)
    with pytest.raises(ValueError, match="how must be one of proportional, square root, uniform, not 'anyhow'"):
        balanced.shares("anyhow")


def test_draws_come_as_often_as_they_should_and_again_with_the_same_seed(few):
    at, owner = balanced.mixed("square root", 0, 4000), {}
    for name in balanced.SIZES:
        owner |= {(number, tuple(one.ids)): name for number, one in balanced.data_set(name)}
    drawn = [owner[number, tuple(one.ids)] for number, one in at(3)]
    for name, share in balanced.shares("square root").items():
        assert drawn.count(name) / len(drawn) == pytest.approx(share, abs=0.03)
    assert at(3) == balanced.mixed("square root", 0, 4000)(3) != balanced.mixed("square root", 1, 4000)(3)


# ---------------------------------------------------------------------------------------------------------------
# Where queries look


def test_looks_are_the_attention_that_the_queries_use(model):
    """With values that say of each patch which one it is, what comes out of the look is the map."""
    attention = model.connector.inner[0].layers[0].look.inner
    seen, asked, out = noise(3, 36, 128), instructions(ASKED), []
    inner = attention.value.weight.shape[0]
    attention.value.weight.zero_()
    attention.value.bias.copy_(noise(inner, seed=5))
    attention.register_forward_hook(lambda *call: out.append(call[2]))
    maps = attended.looks(model, seen, asked)
    torch.testing.assert_close(maps.sum(1), torch.ones(3))
    torch.testing.assert_close(out[0], attention.out(attention.value.bias).expand_as(out[0]))  # weights sum to 1
    attention.key.weight.zero_()
    torch.testing.assert_close(attended.looks(model, seen, asked), torch.full((3, 36), 1 / 36))
    assert len(attention._forward_hooks) == 1  # ours alone is left


def test_the_map_of_one_scene_lies_as_the_picture_does(model):
    scene = eyes.scenes("train", 1)[0]
    maps = attended.looks(model, look([scene]), instructions(ASKED[1:2]))
    shown = attended.look_at(model, scene, TEXTS[1])
    assert shown.shape == (6, 6) and torch.equal(shown.flatten(), maps[0])


def test_who_is_not_told_looks_where_it_always_looks(model):
    blind = Connected(model.language, Connector("Q-Former", model.language.config.hidden_size, 3))
    seen = noise(1, 36, 128).expand(3, -1, -1)
    torch.testing.assert_close(attended.looks(blind, seen, instructions(ASKED))[0],
                               attended.looks(blind, seen, instructions(ASKED))[2])  # fmt: skip
    told_so = attended.looks(model, seen, instructions(ASKED))
    assert not torch.allclose(told_so[0], told_so[2], atol=1e-5)
    with pytest.raises(ValueError, match="there is no Q-Former in Connector"):
        attended.former(Connector("MLP", 16))


def test_shares_are_of_what_falls_on_things():
    scenes = eyes.scenes("train", 4, (3,))
    for scene in scenes:
        covered = attended.covered(scene)
        assert covered.shape == (3, 36) and 0 < covered.min(1).values.max() + covered.max() <= 2
        for number, thing in enumerate(scene.things):
            patch = int(thing.y * 6) * 6 + int(thing.x * 6)
            assert covered[number].sum() * 144 == pytest.approx(attended.regions.masks(scene)[number].sum())
            one = torch.zeros(36)
            at = int(covered[number].argmax())
            one[at] = 1
            assert attended.shares(one[None], [scene])[0].tolist() == [float(i == number) for i in range(3)]
            assert abs(at // 6 - patch // 6) <= 2 and abs(at % 6 - patch % 6) <= 2


# ---------------------------------------------------------------------------------------------------------------
# Who learns, and what is measured


def test_the_qformer_alone_learns_and_comes_in_as_loud_as_words(few):
    start, after = taught_tasks.build(0), taught_tasks.aware(0, 4, False)
    frozen = talker().state_dict()
    assert all(torch.equal(value, frozen[name]) for name, value in after.language.state_dict().items())
    learned = {name for name, value in start.connector.named_parameters()
               if not torch.equal(value, after.connector.get_parameter(name))}  # fmt: skip
    look, talk = ("inner.0.layers.0.look.inner.query.weight", "inner.0.layers.0.talk.inner.value.weight")
    assert {"words.weight", "places.weight", "inner.0.queries", look, talk, "inner.1.weight"} <= learned
    words = after.language.get_input_embeddings().weight.std()
    tokens = after.connector(few.seen, instructions([some[0] for some in asked_by.lessons().pairs]))
    assert 0.5 < (tokens.std() / words).item() < 2


def test_aware_and_blind_begin_alike_as_one_that_describes(few, monkeypatch):
    lessons = []
    monkeypatch.setattr(taught_tasks, "train", lambda *given, **_: lessons.append(given))
    first = taught_tasks.before(0, 4).connector.state_dict()
    assert lessons[0][3] == described(few.scenes) and lessons[0][4] == taught_tasks.FIRST
    told_so, not_told = taught_tasks.aware(0, 4, False), taught_tasks.blind(0, 4, 5)
    for begun in (told_so.connector.inner.state_dict(), not_told.connector.inner.state_dict()):
        assert all(torch.equal(value, first[f"inner.{name}"]) for name, value in begun.items())
    assert lessons[1][3] == lessons[2][3] == asked_by.lessons().pairs and lessons[2][4] == 5


def test_another_question_is_told_to_the_qformer_and_not_to_the_language_model(few, monkeypatch):
    heard = []

    def right(self, seen, pairs, told=None):
        heard.append((pairs, told))
        return torch.zeros(sum(map(len, pairs)), dtype=torch.bool)

    monkeypatch.setattr(Aware, "right", right)
    instructblip.told_another(0, ("colour by place",), instructblip.AWARE[4])
    given = asked_by.only(asked_by.exam(), ("colour by place",))
    (pairs, instead) = heard[0]
    assert pairs == given.pairs and [len(some) for some in instead] == [1] * 24
    assert all(instruction(one[0]) != instruction(other[0]) for one, other in zip(pairs, instead, strict=True))


def test_the_blind_look_alike_at_every_thing_so_that_each_has_a_third(few):
    found = instructblip.looked(0, instructblip.BLIND[4], "shape by place")
    for at in range(0, len(found.values), 3):
        assert sum(found.values[at : at + 3]) == pytest.approx(1)
    assert len(found.values) == 18


def test_to_be_told_costs_more_where_questions_share_a_picture(few):
    shared, apart = (instructblip.answered_for_a_billion(0, name, 99).values for name in
                     (instructblip.BLIND[4], instructblip.AWARE[4]))  # fmt: skip
    assert all(one > other for one, other in zip(shared, apart, strict=True))


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = instructblip.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim, 2 if claim.given else 18)
