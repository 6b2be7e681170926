"""LLaVA: what learns at which stage, wrong answers, tiles and signs."""

import numpy as np
import pytest
import torch
from small_runs import every_arm, small

from labs.systems import llava
from labs.systems.parts import connected, describe, eyes, lookout, signs, talk, tiles, told
from labs.systems.parts.lookout import PATCHES, Material, material
from labs.tuning.packing import Branch, Row
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import PLACES, SIGNS

STAR = Thing("star", "red", "big", 0.1, 0.2)


@pytest.fixture
def few():
    """Two steps in all, on a few scenes."""
    some = Material(*(part[:24] for part in material("heldout")))
    values = {"material": lambda split: some, "STEPS": 2, "ALIGNED": 1}
    with small((llava.taught, signs.reader), {llava: values, signs: {"STEPS": 2}}):
        yield some


def states(model: connected.Connected) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("aligned, language_learns", [(2, False), (1, True), (0, True)])
def test_alignment_leaves_the_language_model_alone(few, aligned, language_learns):
    before, after = states(llava.build(0)), states(llava.taught(0, aligned=aligned))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"connector"} | ({"language"} if language_learns else set())


def asked(answers: dict[str, list[str]], each: int) -> Material:
    """Every kind so many times, its answers in turn, a scene a question."""
    names = list(answers) * each
    told_in_turn = [answers[kind][number // len(answers) % len(answers[kind])] for number, kind in enumerate(names)]
    pairs = [[talk.pair("Where is the star?", answer)] for answer in told_in_turn]
    return Material((Scene((STAR,)),) * len(names), torch.zeros(0), pairs, [[kind] for kind in names])


def said(pairs: list[list[Branch]]) -> list[str]:
    return [told.lexicon().read(torch.tensor(one.ids[one.supervised.index(True) :])) for (one,) in pairs]


def test_half_of_the_answers_are_wrong_and_all_are_answers_to_questions_of_their_kind():
    answers = {"existence": ["yes", "no"], "place": ["top left", "centre", "right", "bottom"]}
    given = asked(answers, 400)
    found = llava.mistaken(given, 0)
    assert all(text in answers[kind] for text, (kind,) in zip(said(found), given.kinds, strict=True))
    for kind in answers:  # of two answers as of four: a mistaken one is never right by chance
        rows = zip(said(found), said(given.pairs), given.kinds, strict=True)
        changed = [one != other for one, other, (name,) in rows if name == kind]
        assert 0.42 < sum(changed) / len(changed) < 0.58
    assert all(isinstance(one, Branch) and one.ids[-1] == talk.END for (one,) in found)


def test_wrong_answers_are_as_frequent_as_they_are_elsewhere():
    given = asked({"colour": ["red", "blue", "blue", "blue", "green", "red"]}, 900)  # 2 : 3 : 1
    pairs = zip(said(given.pairs), said(llava.mistaken(given, 0)), strict=True)
    wrong = [new for old, new in pairs if old == "red" and new != old]
    assert 0.65 < wrong.count("blue") / len(wrong) < 0.85 and set(wrong) == {"blue", "green"}


def test_descriptions_stay_clean_in_noisy_data():
    given = asked({"existence": ["yes", "no"]}, 20)
    noisy = given._replace(pairs=llava.mistaken(given, 0))
    assert noisy.pairs != given.pairs
    assert [some[-1] for some in noisy.lessons()] == [one for (one,) in lookout.described(given.scenes)]


def test_large_pictures_show_things_as_large_as_the_eyes_know_them():
    scene = Scene((STAR,))
    red = [(np.asarray(picture) == (214, 36, 40)).all(-1).sum() for picture in (tiles.draw_large(scene), draw(scene))]
    assert red[0] == pytest.approx(red[1], abs=2)


def test_tiles_make_the_picture_again():
    picture = tiles.draw_large(Scene((STAR,), sign="tea", sign_cell=8))
    for tile, (x, y) in zip(tiles.tiles(picture), tiles.CORNERS, strict=True):
        assert tile.size == (SIZE, SIZE)
        assert tile.tobytes() == picture.crop((x, y, x + SIZE, y + SIZE)).tobytes()


@pytest.mark.parametrize("cell", range(9))
def test_a_sign_on_a_large_picture_stands_in_its_cell(cell):
    bare, signed = (np.asarray(tiles.draw_large(Scene((), sign=word, sign_cell=cell))) for word in (None, "bus"))
    rows, columns = (bare != signed).any(-1).nonzero()
    row, column = (int(where.mean() / tiles.SIDE * 3) for where in (rows, columns))
    assert row * 3 + column == cell
    assert columns.max() - columns.min() < SIZE // 3  # as wide as on a usual picture


def test_the_whole_comes_first_and_is_the_same_with_tiles():
    scenes = signs.scenes_with_signs("heldout", SIGNS)[:3]
    whole, tiled = tiles.look(scenes, False), tiles.look(scenes, True)
    assert whole.shape == (3, PATCHES, 128) and tiled.shape == (3, 5 * PATCHES, 128)
    torch.testing.assert_close(whole, tiled[:, :PATCHES])


def test_the_same_patch_is_another_one_in_another_tile():
    """Else a set of patches could not tell where on the large picture a thing is."""
    plain = Scene((), sign="tea", sign_cell=4)
    seen = tiles.look([plain], True).unflatten(1, (5, PATCHES))[0]
    corners = seen[1:, 0]  # the same grey everywhere
    assert torch.cdist(corners, corners).fill_diagonal_(9.0).min() > 1


def test_whitened_no_direction_is_much_louder_than_another():
    seen = lookout.look(eyes.fresh("train", 512, lookout.THINGS))
    before, after = (torch.linalg.svdvals(x.flatten(0, 1)) for x in (seen, lookout.whiten(seen)))
    assert before[0] / before[-1] > 50 and after[0] / after[-1] < 2


def test_every_word_stands_on_as_many_signs_and_never_on_a_thing():
    scenes = signs.scenes_with_signs("heldout", SIGNS)
    counts = [sum(scene.sign == word for scene in scenes) for word in SIGNS]
    assert max(counts) - min(counts) <= 1
    assert {scene.sign_cell for scene in scenes} == set(range(len(PLACES)))


def test_unread_words_are_on_no_sign_to_learn_from():
    known = SIGNS[: -len(signs.UNREAD)]
    assert not {scene.sign for scene in signs.scenes_with_signs("train", known)} & set(signs.UNREAD)


def test_words_are_chosen_by_what_is_told_before_any_answer_is_read():
    model, given = connected.build("Q-Former"), signs.material("heldout", False)
    few, numbers = Material(*(part[:12] for part in given)), [talk.write(word)[0] for word in SIGNS]
    seen = model.connector(few.seen)
    for number, word in enumerate(signs.likeliest(model, few, SIGNS)):
        row = talk.lay_out([Row(talk.see(seen.shape[1]), [talk.pair(told.READ, SIGNS[-1])])])
        logits = talk.answer_logits(model.language, row, seen[number : number + 1])[0]
        assert word == SIGNS[int(logits[numbers].argmax())]
    assert set(signs.likeliest(model, few, SIGNS[:2])) <= set(SIGNS[:2])


def test_exchanged_no_scene_keeps_its_picture_and_words_meet_as_by_chance():
    scenes = signs.scenes_with_signs("heldout", signs.UNREAD)
    numbered = Material(scenes, torch.arange(len(scenes)).float()[:, None, None].expand(-1, 1, 128), [], [])
    other = signs.exchanged(numbered, 0).seen[:, 0, 0].long()
    assert sorted(other.tolist()) == list(range(len(scenes)))
    assert all(number != which for number, which in enumerate(other.tolist()))
    same = sum(scenes[which].sign == scene.sign for which, scene in zip(other.tolist(), scenes, strict=True))
    assert 0.4 < same / len(scenes) < 0.6


@pytest.mark.parametrize("seed", range(3))
def test_a_q_former_is_as_loud_whatever_it_reads(seed):
    """So it does no harm that how loud it is was set on other patches than those that it learns from."""
    model = connected.build("Q-Former", seed=seed)
    for tiled in (False, True):
        seen = model.connector(signs.material("heldout", tiled).seen[:100])
        assert 0.9 < seen.std() / model.language.get_input_embeddings().weight.std() < 1.1


def test_descriptions_are_judged():
    scene = Scene((STAR, Thing("moon", "blue", "small", 0.5, 0.5)))
    true = told.tell(scene)
    assert describe.well_formed(true) and describe.facts_right(true, scene) == 1.0
    assert not describe.well_formed(f"{true}, centre small blue moon")  # said twice
    assert not describe.well_formed("top left big red star, centre small") and not describe.well_formed(f"{true} ...")
    assert describe.facts_right("top left big red star, centre small red moon", scene) == pytest.approx(3 / 4)
    assert describe.facts_right("", scene) == 0.0


def test_an_arm_of_every_claim_measures_the_same_items(few, monkeypatch):
    given = {tiled: Material(*(part[:24] for part in signs.material("heldout", tiled))) for tiled in (False, True)}
    monkeypatch.setattr(signs, "material", lambda split, tiled, words=SIGNS: given[tiled])
    claims = llava.claims()
    assert len({claim.name for claim in claims}) == len(claims)
    for claim in claims:
        every_arm(claim, 11)
