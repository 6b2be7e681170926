"""LLaVA: what learns at which stage, wrong answers, tiles and signs."""

import random

import numpy as np
import pytest
import torch
from small_runs import every_arm, small

from labs.systems import llava
from labs.systems.parts import connected, describe, eyes, lookout, signs, talk, tiles, told
from labs.systems.parts.lookout import PATCHES, Material, material
from labs.tuning.packing import Branch
from labs.world.picture import SIZE, draw
from labs.world.scene import Scene, Thing
from labs.world.vocabulary import PLACES, SIGNS

STAR = Thing("star", "red", "big", 0.1, 0.2)


@pytest.fixture
def few():
    """Two steps in all, on a few scenes."""
    some = Material(*(part[:24] for part in material("heldout")))
    values = {"material": lambda split: some, "STEPS": 2, "ALIGNED": 1}
    with small((llava.taught, llava.reader), {llava: values}):
        yield some


def states(model: connected.Connected) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.parametrize("aligned, language_learns", [(2, False), (1, True), (0, True)])
def test_alignment_leaves_the_language_model_alone(few, aligned, language_learns):
    before, after = states(llava.build(0)), states(llava.taught(0, aligned=aligned))
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"connector"} | ({"language"} if language_learns else set())


def test_half_of_the_mistaken_answers_are_drawn_from_questions_of_the_same_kind():
    answers = {"colour": ["red", "blue", "green", "pink"], "place": ["top left", "centre", "right", "bottom"]}
    names = ["colour", "place"] * 200
    pairs = [[talk.pair("Where is the star?", random.Random(i).choice(answers[kind]))] for i, kind in enumerate(names)]
    given = Material((), torch.zeros(0), pairs, [[kind] for kind in names])
    found = llava.mistaken(given, 0)
    texts = [told.lexicon().read(torch.tensor(one.ids[one.supervised.index(True) :])) for (one,) in found]
    assert all(text in answers[kind] for text, kind in zip(texts, names, strict=True))
    changed = sum(one != other for one, other in zip(found, pairs, strict=True)) / len(pairs)
    assert 0.25 < changed < 0.5  # half are drawn anew, a quarter of those are right by chance
    assert all(isinstance(one, Branch) and one.ids[-1] == talk.END for (one,) in found)


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
