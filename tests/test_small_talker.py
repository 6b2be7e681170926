"""The small language model of section 3: what it reads, how rows are laid out, and how pictures come in."""

import random

import pytest
import torch

from labs.systems.parts import eyes, lookout, school, talk, told
from labs.systems.parts.connected import CONNECTORS, Connected, Connector
from labs.systems.parts.episodes import page, pool
from labs.systems.parts.gated_talker import GatedTalker, last_picture, pictures_of
from labs.systems.parts.lexicon import CLS, DECODE, END, MASK
from labs.systems.parts.talker import BACK, SIZES, build
from labs.tuning.packing import IGNORE, Row
from labs.world import splits
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS, SHAPES

COMBINATIONS = {(colour, shape) for colour in COLOURS for shape in SHAPES}
STAR = Scene((Thing("star", "red", "big", 0.1, 0.1), Thing("moon", "blue", "small", 0.5, 0.5)))


@pytest.fixture(scope="module")
def language():
    return build("weak").eval()


def rows(*pairs: tuple[str, str]) -> list[Row]:
    return [Row(talk.read(told.tell(STAR)), [talk.pair(*one) for one in pairs])]


def test_a_scene_is_told_in_reading_order_and_what_is_felt_stands_beside_the_place():
    assert told.tell(STAR) == "top left big red star, centre small blue moon"
    assert told.tell(STAR, ("temperature",)) == "top left warm big red star, centre warm small blue moon"


def test_a_sign_is_told_last():
    assert told.tell(Scene(STAR.things, sign="stop", sign_cell=8)).endswith(", bottom right sign stop")


@pytest.mark.parametrize("lesson", [school.picture, school.senses, school.pages, school.names])
def test_every_lesson_is_made_of_known_words_and_of_training_scenes(lesson, monkeypatch):
    met, tell = [], told.tell
    monkeypatch.setattr(told, "tell", lambda scene, *felt: met.append(scene) or tell(scene, *felt))
    for seed in range(30):
        row = lesson(random.Random(seed))
        assert max(max(branch.ids) for branch in row.branches) < len(told.lexicon())
    assert met and not any(splits.is_held_out(scene) for scene in met)


def test_questions_about_one_page_name_it():
    assert school.of_page("What colour is the star?", "red", 1) == ("What colour is the star in picture two?", "red")


def test_order_is_asked_only_of_single_things_unlike_each_other():
    one, other = (Scene((thing,)) for thing in STAR.things)
    assert school.in_order([one, one], random.Random(0)) == []
    assert school.in_order([one, STAR], random.Random(0)) == []
    assert dict(school.in_order([one, other], random.Random(0))) == {
        told.ORDER[0]: "star", told.ORDER[1]: "moon", told.ORDER[2].format("the star"): "moon"
    }  # fmt: skip


def test_a_new_name_stands_for_one_shape_or_one_colour():
    episode = school.Episode(random.Random(3))
    things = [episode.example(1)[0].things[0] for _ in range(20)]
    assert len({getattr(thing, episode.about) for thing in things}) == 1


def test_only_answers_are_to_be_told():
    batch = talk.lay_out(rows(("What colour is the star?", "red")))
    labels = batch.labels[batch.labels != IGNORE].tolist()
    assert labels == [told.lexicon().number["red"], END]


def test_a_pair_is_answered_as_if_it_stood_alone(language):
    pairs = ("What colour is the star?", "red"), ("Where is the moon?", "centre")
    both = talk.answer_logits(language, talk.lay_out(rows(*pairs)))
    alone = [talk.answer_logits(language, talk.lay_out(rows(one))) for one in pairs]
    torch.testing.assert_close(both, torch.cat(alone), atol=1e-5, rtol=1e-4)


def test_an_answer_is_right_only_as_a_whole(language, monkeypatch):
    batch = talk.lay_out(rows(("Where is the star?", "top left"), ("Where is the moon?", "centre")))
    words = batch.labels[batch.labels != IGNORE]
    logits = torch.nn.functional.one_hot(words, len(told.lexicon())).float()
    logits[1] = logits[1].roll(1)  # "top", then another word than "left"
    monkeypatch.setattr(talk, "answer_logits", lambda *given: logits)
    assert talk.told_rightly(language, batch).tolist() == [False, True]


def test_long_answers_do_not_drown_short_ones(language, monkeypatch):
    batch = talk.lay_out(rows(("Where is the star?", "top left"), ("Where is the moon?", "centre")))
    size = len(told.lexicon())
    monkeypatch.setattr(talk, "answer_logits", lambda *given: torch.zeros(5, size))
    assert talk.answer_loss(language, batch).item() == pytest.approx(torch.tensor(size).log().item(), rel=1e-5)


def test_words_in_the_places_of_visual_tokens_are_read_as_words(language):
    """A connector whose output are embeddings of words is text: the picture comes in where it should."""
    prefix, asked = talk.read(told.tell(STAR)), [talk.pair("What colour is the star?", "red")]
    written = talk.answer_logits(language, talk.lay_out([Row(prefix, asked)]))
    seen = language.get_input_embeddings()(torch.tensor(prefix[1:]))[None]
    shown = talk.answer_logits(language, talk.lay_out([Row(talk.see(len(prefix) - 1), asked)]), seen)
    torch.testing.assert_close(shown, written)


def test_visual_tokens_must_fit_their_room(language):
    batch = talk.lay_out([Row(talk.see(3), [talk.pair("Where is the star?", "top")])])
    with pytest.raises(ValueError, match="1 x 4 visual tokens"):
        talk.answer_loss(language, batch, torch.zeros(1, 4, SIZES["weak"][0]))


@pytest.mark.parametrize("head", range(len(BACK)))
def test_heads_of_the_first_layer_begin_by_looking_back(head):
    model = build("strong")
    model.set_attn_implementation("eager")
    shown = model(torch.randint(5, 90, (4, 12)), output_attentions=True).attentions[0][:, head].mean(0)
    places = torch.arange(BACK[head], 12)
    assert torch.equal(shown[places].argmax(1), places - BACK[head])


def test_a_size_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="size must be one of strong, weak"):
        build("huge")


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_connector_comes_in_as_loud_as_words_and_alone_learns(kind, language):
    seen, words = torch.randn(8, 36, 128), language.get_input_embeddings().weight
    connector = Connector(kind, SIZES["weak"][0], 5)
    connector.as_loud_as(words, seen)
    out = connector(seen)
    assert out.shape == (8, 36 if kind in ("linear", "MLP") else 5, SIZES["weak"][0])
    assert out.std().item() == pytest.approx(words.std().item(), rel=1e-3)
    language.requires_grad_(False)
    model = Connected(language, connector)
    model.loss(seen[:1], [[talk.pair("Where is the star?", "top")]]).backward()
    assert all(part.grad is not None for part in connector.parameters())
    assert all(part.grad is None for part in language.parameters())


def test_an_unknown_connector_is_refused():
    with pytest.raises(ValueError, match="kind must be one of linear"):
        Connector("wire", 48)


# ---------------------------------------------------------------------------------------------------------------
# Pictures beside the text


def numbered() -> Row:
    """Two pictures on the page that all share, then two questions, each about a picture of its own."""
    return Row([CLS, DECODE, 20, END, CLS, DECODE, 21, END], [*(_asked(20), _asked(21))])


def _asked(word: int):
    from labs.tuning.packing import question_answer

    return question_answer([CLS, DECODE], [word, END])


def test_every_word_looks_at_the_last_picture_before_it_in_its_own_branch():
    batch = talk.lay_out([numbered()])
    assert last_picture(batch)[0, :16].tolist() == [0] * 4 + [1] * 4 + [2] * 4 + [3] * 4
    assert pictures_of(batch).tolist() == [4]


def test_words_before_any_picture_look_at_none():
    batch = talk.lay_out([Row([30, 31, CLS, 32], [talk.pair("Where is the star?", "top")])])
    assert last_picture(batch)[0, :4].tolist() == [-1, -1, 0, 0]


def test_shut_gates_leave_the_language_model_as_it_was():
    language = build("strong").eval()
    batch = talk.lay_out([numbered()])
    before = talk.answer_logits(language, batch)
    gated = GatedTalker(language)
    after = gated.with_pictures(torch.randn(4, 36, 128), batch, talk.answer_logits)
    assert torch.equal(before, after)
    assert gated.looking is None


def test_open_gates_show_each_answer_its_own_picture_alone():
    language = build("strong").eval()
    gated, batch = GatedTalker(language), talk.lay_out([numbered()])
    for layer in gated.gated:
        torch.nn.init.ones_(layer.gate)
    seen = torch.randn(4, 36, 128)
    before = gated.with_pictures(seen, batch, talk.answer_logits)
    other = seen.clone()
    other[3] = torch.randn(36, 128)  # of the second question
    after = gated.with_pictures(other, batch, talk.answer_logits)
    assert torch.equal(before[:2], after[:2])
    assert not torch.allclose(before[2:], after[2:])


def test_the_language_model_is_not_among_what_learns():
    gated = GatedTalker(build("strong"))
    assert not {id(part) for part in gated.language.parameters()} & {id(part) for part in gated.parameters_to_learn()}


def test_gated_layers_every_second_block():
    assert [len(GatedTalker(build("strong"), every=n).gated) for n in (1, 2, 3)] == [3, 2, 1]


# ---------------------------------------------------------------------------------------------------------------
# Pages of names


def test_a_page_asks_the_same_pictures_however_many_examples_it_has():
    few, many = (page(random.Random(5), "exam", shots, 2) for shots in (1, 4))
    assert few.pictures[-2:] == many.pictures[-2:]
    assert [one.ids for one in few.row.branches] == [one.ids for one in many.row.branches]
    assert len(many.pictures) == 8 + 2 and set(few.pictures) <= set(many.pictures)


def test_swapped_examples_keep_names_and_questions():
    one, other = (page(random.Random(7), "exam", 3, 2, swap) for swap in (False, True))
    assert one.row == other.row
    assert one.pictures[-2:] == other.pictures[-2:] and one.pictures != other.pictures


def test_a_name_means_one_shape_or_one_colour_in_examples_and_answers():
    for seed in range(10):
        one = page(random.Random(seed), "train", 4, 2)
        ids = [*one.row.prefix, *(number for branch in one.row.branches for number in branch.ids)]
        names = [ids[i + 1] for i, number in enumerate(ids) if number == DECODE]
        things = [pool("train")[number].things[0] for number in one.pictures]
        for name in set(names):
            own = [thing for thing, given in zip(things, names, strict=True) if given == name]
            assert 1 in (len({thing.shape for thing in own}), len({thing.colour for thing in own}))


@pytest.mark.parametrize("swap", [False, True])
def test_no_picture_comes_twice_on_a_page_of_the_exam(swap):
    for seed in range(200):  # of a hundred scenes that fit a name: with replacement one page in six has a pair
        pictures = page(random.Random(seed), "exam", 4, 2, swap).pictures
        assert len(set(pictures)) == len(pictures) == 10


def test_colour_and_shape_are_independent_in_the_exam():
    """Of the 64 combinations all but the eight that are held out, each of them as other scenes than those learned."""
    things = [scene.things[0] for scene in pool("exam")]
    assert {(thing.colour, thing.shape) for thing in things} == COMBINATIONS - splits.HELD_OUT_PAIRS
    assert not set(pool("exam")) & {*pool("train"), *eyes.scenes("train", lookout.TRAIN, lookout.THINGS)}


def test_a_pool_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, exam, not 'heldout'"):
        page(random.Random(0), "heldout", 1, 1)


def test_room_for_a_picture_is_masks():
    assert talk.see(3) == [CLS, MASK, MASK, MASK]
