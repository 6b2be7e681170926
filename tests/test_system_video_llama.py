"""Video-LLaMA: films and parades, what positions and frames change, ears that never learned, frames that arrive."""

import random

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import video_llama
from labs.systems.parts import (
    arriving,
    bound,
    branches,
    films,
    interleaved,
    listened,
    shown,
    talk,
    taught_branches,
    told,
    watched,
)
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.lookout import look
from labs.systems.parts.talker import talker
from labs.world import clip
from labs.world.picture import draw
from labs.world.splits import has_held_out_pair
from labs.world.vocabulary import COLOURS, MOTIONS, SHAPES, SIZES

CACHED = [
    *(getattr(bound, name) for name in ("bind", "perceive", "partners")),
    *(getattr(films, name) for name in ("pool", "seen", "moving", "moved", "parades")),
    *(getattr(listened, name) for name in ("lessons", "exam", "questions", "darkness")),
    taught_branches.watcher, taught_branches.listener, interleaved.pages,
]  # fmt: skip


@pytest.fixture
def few():
    """Two steps on a few films and sounds; what was made so is forgotten afterwards."""
    values = {
        films: {"POOL": {"train": 24, "heldout": 24}, "PARADED": 6, "PART": 16},
        listened: {"EXAMINED": 12},
        interleaved: {"PAGES": 4},
        bound: {"TRAIN": 48, "STEPS": 2, "BATCH": 16},
        taught_branches: {"STEPS": 2, "MOTIONS": 3, "PARADES": 2, "AUDIO_STEPS": 2, "THINGS": 8},
    }
    with small(CACHED, values):
        yield


def answers(pairs: list) -> list[str]:
    """What is to be told."""
    return [told.lexicon().read(torch.tensor(one.ids[one.supervised.index(True) :])) for one in pairs]


# ---------------------------------------------------------------------------------------------------------------
# Films


def test_one_frame_is_the_picture_and_two_are_the_first_and_the_last(few):
    scene, shown = films.pool("heldout")[3], films.moving()[3:4]
    frames = look(clip.as_pictures(clip.film(scene)))
    for rate, wanted in ((1, [0]), (2, [0, 7]), (8, range(8))):
        torch.testing.assert_close(films.watch(shown, "heldout", rate)[0], frames[list(wanted)])
    torch.testing.assert_close(films.watch(shown, "heldout", 1)[0], look([draw(scene)]))


def test_in_parts_the_eyes_see_the_same(few, monkeypatch):
    whole = films.seen("heldout")
    films.seen.cache_clear()
    monkeypatch.setattr(films, "PART", 5)
    torch.testing.assert_close(films.seen("heldout"), whole)


def test_a_parade_shows_three_shapes_one_after_another_and_each_keeps_still(few):
    for film in films.parades():
        order = list(dict.fromkeys(film.scenes))
        assert film.scenes == sorted(film.scenes, key=order.index) and len(order) == 3
        assert len(set(films.shapes(film, "heldout"))) == 3 and film.moments == [0] * films.SLOTS


def test_how_often_a_shape_is_seen_in_four_frames_does_not_tell_when_it_comes():
    shown = [[films.cut([1, 2, 3], cuts)[slot] for slot in films.WATCHED[4]] for cuts in films.CUTS]
    assert sorted(map(sorted, shown)) == [[1, 1, 2, 3], [1, 2, 2, 3], [1, 2, 3, 3]]
    assert all(one == sorted(one) for one in shown)


def test_what_is_asked_about_a_parade_is_true_of_it(few):
    for film in films.parades():
        first, _, last = films.shapes(film)
        assert answers(film.pairs) == [first, last]
    film = films.parade(random.Random(1), "train")
    assert answers(film.pairs)[:2] == [films.shapes(film, "train")[at] for at in (0, 2)]
    assert len(film.pairs) == 3 + films.ASKED


def test_which_way_a_thing_moves_is_asked_of_every_scene(few):
    assert [answers(film.pairs) for film in films.moving()] == [[one.things[0].motion] for one in films.pool("heldout")]
    assert [films.way(film) for film in films.moving()] == [one.things[0].motion for one in films.pool("heldout")]
    assert films.moved() == [film for film in films.moving() if answers(film.pairs) != ["still"]]
    assert all(map(has_held_out_pair, films.pool("heldout"))) and not any(map(has_held_out_pair, films.pool("train")))


def test_films_to_learn_from_run_backwards_as_often_and_what_is_told_turns_with_them(few):
    backwards, turned = list(range(films.SLOTS))[::-1], films.OPPOSITE | {"still": "still"}
    ran = []
    for number in range(24):
        film, way = films.motion(random.Random(number), "train", number), films.pool("train")[number].things[0].motion
        ran.append(film.moments == backwards)
        assert film.moments in (backwards, backwards[::-1]) and film.scenes == [number] * films.SLOTS
        assert answers(film.pairs)[:2] == [turned[way] if ran[-1] else way] * 2
    assert 4 < sum(ran) < 20


def test_the_other_way_is_on_the_same_axis_or_across_and_a_fixed_preference_is_right_half_the_time():
    for other, same_axis in ((films.OPPOSITE, True), (films.ACROSS, False)):
        assert sorted(other) == sorted(other.values()) == sorted(set(MOTIONS) - {"still"})
        for way, wrong in other.items():
            assert other[wrong] == way
            assert (bool(MOTIONS[way][0]) == bool(MOTIONS[wrong][0])) == same_axis and way != wrong


def test_a_film_and_the_same_backwards_are_one_heap_without_positions(few):
    forwards = films.moved()
    backwards = [film._replace(moments=film.moments[::-1]) for film in forwards]
    there, back = (films.watch(shown, "heldout", 4) for shown in (forwards, backwards))
    blank, placed = (taught_branches.build(4, 0, positions=positions) for positions in (False, True))
    assert not torch.equal(there, back)
    torch.testing.assert_close(blank(there), blank(back))
    assert (placed(there) - placed(back)).abs().max() > 0.01


def test_a_direction_is_scored_against_its_opposite_and_an_axis_against_the_other(few, monkeypatch):
    def choose(words, pairs, options):
        asked.extend(options)
        return torch.arange(len(pairs)) % 2

    monkeypatch.setattr(watched, "choose", choose)
    ways = [films.way(film) for film in films.moved()]
    for other in (films.OPPOSITE, films.ACROSS):
        asked = []
        scores = watched.moves(0, other)
        assert asked == [[way, other[way]] for way in ways]
        assert scores.values == [float(number % 2 == 0) for number in range(len(ways))]


# ---------------------------------------------------------------------------------------------------------------
# The video branch


@pytest.mark.parametrize("frames", films.WATCHED)
def test_however_many_frames_the_language_model_gets_as_many_words(few, frames):
    words = taught_branches.build(frames, 0)(films.watch(films.parades(), "heldout", frames))
    assert words.shape == (6, branches.QUERIES, branches.language().config.hidden_size)


def test_without_positions_frames_in_any_order_give_the_very_same_answers(few):
    seen = films.watch(films.parades(), "heldout", 4)
    other = seen[:, [2, 0, 3, 1]]
    blank, placed = (taught_branches.build(4, 0, positions=positions) for positions in (False, True))
    torch.testing.assert_close(blank(seen), blank(other))
    assert (placed(seen) - placed(other)).abs().max() > 0.01
    pairs, shapes = [film.pairs for film in films.parades()], [films.shapes(f) for f in films.parades()]
    assert torch.equal(*(branches.choose(blank(one), pairs, shapes) for one in (seen, other)))


def test_positions_are_learned_only_where_there_are_any(few):
    for positions in (True, False):
        before, after = taught_branches.build(4, 0, positions), taught_branches.watcher(0, 4, positions)
        assert torch.equal(before.when, after.when) != positions
        assert positions or not after.when.any()
        assert not torch.equal(before.connector.inner[0].queries, after.connector.inner[0].queries)


def test_the_language_model_stays_as_it_was(few):
    taught_branches.watcher(0, 4, True)
    taught_branches.listener(0, "pictures")
    before, after = talker().state_dict(), branches.language().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_words_come_in_as_loud_as_the_language_models_own(few):
    loud = branches.language().get_input_embeddings().weight.std()
    words = taught_branches.build(4, 0)(films.watch(films.parades(), "heldout", 4))
    assert 0.5 < (words.std() / loud).item() < 2


def test_frame_rates_that_do_not_exist_are_refused():
    with pytest.raises(ValueError, match="frames must be one of 1, 2, 4, 8, not 3"):
        branches.VideoBranch(3)


def test_of_the_options_the_likeliest_is_chosen(monkeypatch):
    words = torch.zeros(2, 1, branches.language().config.hidden_size)
    pairs = [[talk.pair(told.ORDER[0], "star"), talk.pair(told.ORDER[1], "moon")], [talk.pair(told.ORDER[0], "ring")]]
    logits = torch.zeros(6, len(told.lexicon()))
    for at, word in enumerate(("heart", "star", "moon")):  # no end: each second row is of it
        logits[2 * at, talk.write(word)] = 1.0
    logits[4, talk.write("cross")] = 5.0  # which is no option
    monkeypatch.setattr(branches, "answer_logits", lambda *asked: logits)
    options = [["moon", "star", "heart"], ["moon", "ring", "star"]]
    assert branches.choose(words, pairs, options).tolist() == [2, 1, 0]


def test_answers_of_several_words_are_not_chosen_from():
    words = torch.zeros(1, 1, branches.language().config.hidden_size)
    with pytest.raises(ValueError, match="one word"):
        branches.choose(words, [[talk.pair("Where is the star?", "top left")]], [["top", "left"]])


# ---------------------------------------------------------------------------------------------------------------
# The audio branch


def test_taught_by_pictures_the_audio_branch_meets_no_sound(few, monkeypatch):
    def refuse(*asked):
        raise AssertionError("a sound was heard")

    monkeypatch.setattr(bound, "bind", refuse)
    monkeypatch.setattr(bound, "perceive", refuse)
    taught_branches.listener(0, "pictures")
    with pytest.raises(AssertionError, match="a sound was heard"):
        taught_branches.listener(0, "sounds")


def test_sounds_and_pictures_come_in_as_vectors_of_one_space(few):
    seen, heard = (listened.vectors(taught, 0) for taught in listened.TAUGHT)
    assert seen.shape == heard.shape == (48, 128) and not heard.requires_grad
    for vectors in (seen, heard):
        torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(48))
    with pytest.raises(ValueError, match="taught must be one of pictures, sounds, not 'smells'"):
        listened.vectors("smells", 0)


def test_questions_are_about_the_thing_that_sounds(few):
    for scene, pairs in zip(listened.exam(), listened.questions(), strict=True):
        assert answers(pairs) == [scene.things[0].shape, scene.things[0].colour]


def test_an_exam_names_things_by_their_place_which_tells_nothing_else(few):
    told_of = {*SHAPES, *COLOURS, *SIZES}
    asked = [*listened.questions(), *(page.pairs for page in interleaved.pages())]
    for one in (one for pairs in asked for one in pairs):
        question = told.lexicon().read(torch.tensor(one.ids[: one.supervised.index(True) - 1]))
        assert "thing" in question.split() and not told_of & set(question.split()), question
    assert not any(map(has_held_out_pair, listened.exam()))


def test_beside_a_dark_film_the_sound_is_read_from_its_own_words(few):
    film, sound = (
        taught_branches.watcher(0, 4, True)(listened.darkness(4)),
        taught_branches.listener(0, "pictures")(bound.partners()[:2]),
    )
    words = torch.cat([film.expand(2, -1, -1), sound], dim=1)
    rows = shown.rows(words.shape[1], listened.questions()[:2])
    assert (rows.input_ids == talk.MASK).sum(1).tolist() == [branches.QUERIES + branches.HEARD] * 2


# ---------------------------------------------------------------------------------------------------------------
# Frames that arrive


@pytest.mark.parametrize("meanwhile, left", [(True, 1), (False, 8)])
def test_frames_are_seen_alike_whenever_they_are_encoded(meanwhile, left):
    frames = clip.as_pictures(clip.film(video_llama.films.pool("heldout")[0]))
    film = arriving.Arriving(meanwhile)
    with arriving.passes() as before:
        for frame in frames:
            film.arrive(frame)
    with arriving.passes() as after:
        seen = film.watch()
    torch.testing.assert_close(seen[0], look(frames))
    assert sum(after) == left and sum(before) + sum(after) == 8


def test_asked_again_nothing_is_encoded_twice():
    film = arriving.Arriving(True)
    film.arrive(draw(films.pool("heldout")[0]))
    first = film.watch()
    with arriving.passes() as left:
        assert torch.equal(film.watch(), first)
    assert not left


def test_of_films_that_have_come_all_frames_but_the_last_are_done_or_none():
    ahead, none = video_llama.done_ahead(0, True), video_llama.done_ahead(0, False)
    assert ahead.values == [1 - 1 / count for count in video_llama.RATES] and none.values == [0] * 4


# ---------------------------------------------------------------------------------------------------------------


def test_an_arm_of_every_claim_measures_the_same_items(few):
    claims = video_llama.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim)


def test_each_branch_is_trained_once_whoever_asks_for_it(few, monkeypatch):
    trained = []
    monkeypatch.setattr(taught_branches, "learn", lambda parameters, *rest: trained.append(sum(1 for _ in parameters)))
    for claim in video_llama.claims():
        every_arm(claim)
    assert len(trained) == 7  # four frame rates, one of them without positions too; taught by pictures and by sounds


def test_the_same_seed_gives_the_same_answers(few):
    once = watched.orders(1).values
    taught_branches.watcher.cache_clear()
    assert watched.orders(1).values == once


# ---------------------------------------------------------------------------------------------------------------
# Film, text and sound on one page


def test_a_page_asks_about_each_of_its_pieces_what_is_true_of_it(few):
    for page in interleaved.pages():
        scenes = page.scenes()
        assert len({scene.things[0].shape for scene in scenes}) == 3
        true = [getattr(scene.things[0], kind) for scene in scenes for kind in ("shape", "colour")]
        assert answers(page.pairs) == true


def test_on_a_page_words_for_film_and_sound_stand_around_the_text(few):
    one, other = interleaved.pages()[:2]
    numbers = torch.tensor(interleaved.row(one, other).prefix)
    rooms = (numbers == MASK).nonzero()[:, 0].tolist()
    text = talk.read(told.tell(other.scenes()[1]))
    assert rooms == [*range(1, 17), *range(18 + len(text), 26 + len(text))]
    assert numbers[17 : 17 + len(text)].tolist() == text
    whole = interleaved.row(one, one, in_words=True).prefix
    assert whole == [number for scene in one.scenes() for number in talk.read(told.tell(scene))]
