"""Any-to-any models: codes, tags, what is learned and written of each modality, and every claim."""

import pytest
import torch
from small_runs import Shown, small
from transformers import GPT2Config, GPT2LMHeadModel

from labs.models.pixels import to_pixels
from labs.systems import any_to_any
from labs.systems.parts import any_model, close_judge, close_ups, codec, eyes, taken_apart
from labs.systems.parts.code_book import CodeBook, learn_codes
from labs.systems.parts.contrastive import name_of
from labs.systems.parts.tagged import DIRECTIONS, MODALITIES, Tagged
from labs.systems.parts.tagged_writing import write, written_loss
from labs.world.picture import draw
from labs.world.scene import Scene, Thing
from labs.world.splits import has_held_out_pair
from labs.world.vocabulary import COLOURS, SHAPES

CACHED = [
    codec.books,
    close_judge.recall,
    *(getattr(any_model, name) for name in ("vocabulary", "tokens", "heldout", "train")),
]
FEW = {any_model: {"TRAIN": 32, "HELDOUT": 64, "STEPS": 2, "BATCH": 4}, codec: {"LEARNED_FROM": 64},
       close_judge: {"KNOWN": 64}}  # fmt: skip


@pytest.fixture
def cheap():
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    with small(CACHED, FEW):
        yield


@pytest.fixture
def words():
    """Three words, five codes of pictures, four of sounds."""
    return Tagged({"text": 3, "picture": 5, "sound": 4}, {"text": 2, "picture": 4, "sound": 3})


@pytest.fixture
def model(words):
    torch.manual_seed(0)
    return untrained(words.size)


def untrained(size: int) -> GPT2LMHeadModel:
    config = GPT2Config(
        vocab_size=size, n_positions=16, n_embd=16, n_layer=2, n_head=2, initializer_range=0.5, bos_token_id=None,
        eos_token_id=None,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


def one(shape: str = "star", colour: str = "red", size: str = "big", **others) -> Scene:
    return close_ups.closely(Scene((Thing(shape, colour, size, 0.1, 0.1, **others),)))


# ---------------------------------------------------------------------------------------------------------------
# Codes


def test_a_code_book_finds_what_there_is_and_reads_the_nearest():
    true = 10 * torch.eye(4)
    rows = true.repeat(25, 1) + 0.1 * torch.randn(100, 4, generator=torch.Generator().manual_seed(0))
    book = learn_codes(rows, 4)
    assert len(book) == len(book.encode(true).unique()) == 4
    assert (book.decode(book.encode(true)) - true).abs().max() < 0.2
    assert book.encode(rows.view(5, 20, 4)).shape == (5, 20)


def test_entries_that_nothing_is_near_to_move():
    rows = torch.cat([torch.zeros(50, 2), torch.full((1, 2), 9.0), torch.full((1, 2), -9.0)])
    book = learn_codes(rows, 3)  # however the first entries are drawn
    torch.testing.assert_close(book.decode(book.encode(rows)), rows)


def test_a_book_of_more_codes_than_rows_is_refused():
    with pytest.raises(ValueError, match="a book of 9 codes needs at least as many rows, not 8"):
        learn_codes(torch.zeros(8, 2), 9)
    with pytest.raises(ValueError, match="modality must be one of text, picture, sound, not 'smell'"):
        codec.encode("smell", [one()])


def test_a_close_up_shows_its_thing_alone_in_the_middle():
    scene = one("ring", tilt=10)
    (thing,) = scene.things
    assert (thing.x, thing.y, thing.tilt, scene.background) == (0.5, 0.5, 10, "plain")
    assert close_ups.tell(scene) == "a big red ring"
    pixels = close_ups.look([scene])
    assert pixels.shape == (1, 3, 36, 36) and close_ups.listen([scene]).shape == (1, 5, 64)
    rim = torch.cat([pixels[0, :, 0], pixels[0, :, -1]], 1)
    assert (rim == rim[:, :1]).all() and (pixels[0, :, 18, 9] != rim[:, 0]).any()
    with pytest.raises(ValueError, match="unpack"):
        close_ups.closely(Scene((thing, Thing("star", "red", "big", 0.1, 0.1))))


def test_a_picture_is_put_together_as_it_was():
    scenes = eyes.scenes("train", 12)
    scenes = [close_ups.closely(scene) for scene in scenes]
    again = taken_apart.picture_together(taken_apart.picture_apart(close_ups.look(scenes)))
    shown = to_pixels(again)
    true = to_pixels([draw(scene) for scene in scenes])
    assert shown.shape == true.shape and (shown - true).abs().mean() < 0.004
    assert (shown - true).abs().amax((1, 2, 3)).max() < 0.25  # antialiased edges


def test_the_form_of_a_picture_does_not_know_its_colour_nor_the_colour_its_form():
    colours = taken_apart.picture_apart(close_ups.look([one(colour=colour) for colour in COLOURS]))
    forms = taken_apart.picture_apart(close_ups.look([one(shape=shape) for shape in SHAPES]))
    assert (colours.body - colours.body[:1]).abs().max() < 0.1 < (forms.body - forms.body[:1]).abs().max()
    assert (forms.head - forms.head[:1]).abs().max() < 0.1 < (colours.head - colours.head[:1]).abs().max()


def test_a_sound_is_put_together_nearly_as_it_was():
    mels = close_ups.listen([one(shape=shape, colour=colour) for shape in SHAPES for colour in COLOURS])
    apart = taken_apart.sound_apart(mels)
    assert apart.head.shape == (64, 1, 2) and apart.body.shape == (64, 20, 10)
    assert (taken_apart.sound_together(apart) - mels).abs().mean() < 0.1 * mels.std()


def test_the_head_of_a_sound_is_its_pitch_and_loudness_and_the_timbre_knows_little_of_them():
    pitches = taken_apart.sound_apart(close_ups.listen([one(colour=colour) for colour in COLOURS]))
    assert (pitches.head[1:, 0, 0] > pitches.head[:-1, 0, 0]).all()
    louder, softer = (
        taken_apart.sound_apart(close_ups.listen([one(size=size)])).head[0, 0] for size in ("big", "small")
    )
    assert louder[0] == softer[0] and louder[1] > softer[1]
    shapes = taken_apart.sound_apart(close_ups.listen([one(shape=shape) for shape in SHAPES]))
    within, between = ((part.body[:, None] - part.body[None]).abs().mean() for part in (pitches, shapes))
    assert within < between


def test_numbers_and_words_of_a_modality_are_within_their_sizes(cheap):
    scenes = close_ups.scenes("train", 32)
    for modality, size in codec.sizes().items():
        codes = codec.encode(modality, scenes)
        assert codes.shape == (32, {"text": 4, "picture": 37, "sound": 21}[modality])
        assert 0 <= codes.min() and codes.max() < size
        shown = codec.decode(modality, codes)
        assert len(shown) == 32
        if modality != "text":
            assert (codes[:, 0] < codec.HEADS).all() and (codes[:, 1:] >= codec.HEADS).all()
        anything = torch.randint(size, codes.shape, generator=torch.Generator().manual_seed(0))
        assert len(codec.decode(modality, anything)) == 32
    assert codec.decode("text", codec.encode("text", scenes)) == [close_ups.tell(scene) for scene in scenes]


def test_what_is_read_back_is_nearer_to_the_true_one_than_to_others(cheap):
    scenes = close_ups.scenes("train", 32)
    true = to_pixels([draw(scene) for scene in scenes]), close_ups.listen(scenes)
    for modality, wanted in zip(("picture", "sound"), true, strict=True):
        shown = codec.decode(modality, codec.encode(modality, scenes))
        shown = to_pixels(shown) if modality == "picture" else shown
        apart = (shown[:, None] - wanted[None]).flatten(2).abs().mean(2)
        assert (apart.argmin(1) == torch.arange(32)).float().mean() > 0.7


def test_code_books_are_learned_from_training_scenes_alone(cheap, monkeypatch):
    asked, scenes = [], close_ups.scenes
    monkeypatch.setattr(codec, "scenes", lambda *which: asked.append(which) or scenes(*which))
    codec.books("picture")
    assert asked == [("train", 64)]


# ---------------------------------------------------------------------------------------------------------------
# Tags


def test_every_token_has_one_modality_but_beginnings_which_nobody_writes(words):
    owned = torch.stack([words.owns(modality) for modality in MODALITIES]).sum(0)
    assert words.size == 3 + 5 + 4 + 6
    assert owned[[*words.begin.values()]].sum() == 0 and owned.sum() == words.size - 3 and owned.max() == 1


def test_what_was_tagged_is_untagged_and_well_formed(words):
    for modality in MODALITIES:
        codes = torch.randint(words.sizes[modality], (6, words.lengths[modality]))
        row = words.tag(modality, codes)
        assert (row[:, 0] == words.begin[modality]).all() and torch.equal(words.untag(modality, row[:, 1:]), codes)
        assert words.well_formed(modality, row[:, 1:]).all()


@pytest.mark.parametrize("place, token", [(1, "other modality"), (1, "end"), (3, "own"), (3, "other end")])
def test_ill_formed_is_whatever_strays_stops_early_or_goes_on(words, place, token):
    told = words.tag("sound", torch.tensor([[0, 1, 2]]))[:, 1:]
    number = {"other modality": words.start["picture"], "end": words.end["sound"], "own": words.start["sound"],
              "other end": words.end["text"]}[token]  # fmt: skip
    told[0, place] = number
    assert not words.well_formed("sound", told).any()
    codes = words.untag("sound", told)
    assert codes.min() >= 0 and codes.max() < 4


def test_sizes_of_other_modalities_are_refused():
    with pytest.raises(ValueError, match="must be of text, picture, sound, in this order"):
        Tagged({"text": 3, "smell": 5}, {"text": 2, "smell": 4})


# ---------------------------------------------------------------------------------------------------------------
# Learning and writing


def test_only_what_is_to_be_written_is_learned_as_the_library_would(words, model):
    given, asked = words.tag("text", torch.tensor([[0, 1], [2, 2]])), words.tag("sound", torch.tensor([[3, 0, 1]] * 2))
    labels = torch.cat([torch.full_like(given, -100), asked], 1)
    labels[:, given.shape[1]] = -100  # the beginning is given too
    with torch.no_grad():
        wanted = model(input_ids=torch.cat([given, asked], 1), labels=labels).loss
        torch.testing.assert_close(written_loss(model, given, asked), wanted)


@pytest.mark.parametrize("direction", DIRECTIONS, ids=" to ".join)
def test_nothing_but_own_tokens_is_written_unless_all_are_allowed(words, model, direction):
    given, asked = direction
    row = words.tag(given, torch.randint(3, (40, words.lengths[given]), generator=torch.Generator().manual_seed(0)))
    own, free = (write(model, words, row, asked, free, draw=1) for free in (False, True))
    assert own.shape == free.shape == (40, words.lengths[asked] + 1)
    assert words.owns(asked)[own].all() and not words.owns(asked)[free].all()
    assert words.well_formed(asked, own).float().mean() >= words.well_formed(asked, free).float().mean()
    assert torch.equal(own, write(model, words, row, asked, draw=1))
    assert not torch.equal(own, write(model, words, row, asked, draw=2))


def test_the_likeliest_tokens_are_those_that_reading_all_again_would_give(words, model):
    row = words.tag("picture", torch.tensor([[0, 1, 2, 3], [4, 4, 0, 0]]))
    told, read = write(model, words, row, "sound", free=True), row
    read = torch.cat([read, torch.full((2, 1), words.begin["sound"])], 1)
    for place in range(4):
        with torch.no_grad():
            likely = model(input_ids=read).logits[:, -1:].argmax(-1)
        assert torch.equal(likely[:, 0], told[:, place])
        read = torch.cat([read, likely], 1)


def learned(monkeypatch, **how) -> list[tuple[str, str, torch.Tensor, torch.Tensor]]:
    """For each step what was read and written, and which scenes."""
    steps, tokens = [], any_model.tokens
    data = {modality: Shown(tokens(modality, "train")) for modality in MODALITIES}
    loss = any_model.written_loss

    def keep(model, given, asked):
        kinds = [next(m for m in MODALITIES if row[0, 0] == any_model.vocabulary().begin[m]) for row in (given, asked)]
        steps.append((*kinds, data[kinds[0]].rows[-1], data[kinds[1]].rows[-1]))
        return loss(model, given, asked)

    with monkeypatch.context() as patch:
        patch.setattr(any_model, "tokens", lambda modality, split: data[modality])
        patch.setattr(any_model, "written_loss", keep)
        any_model.train.__wrapped__(0, **how)
    return steps


def test_one_model_learns_each_direction_as_its_specialist_does(cheap, monkeypatch):
    joint = learned(monkeypatch)
    assert len(joint) == 2 * len(DIRECTIONS)
    for direction in DIRECTIONS:
        alone = learned(monkeypatch, directions=(direction,))
        same = [step for step in joint if step[:2] == direction]
        assert len(alone) == len(same) == 2
        for one_step, other in zip(alone, same, strict=True):
            assert one_step[:2] == other[:2] and torch.equal(one_step[2], other[2])
            assert torch.equal(one_step[2], one_step[3])  # scenes are their own pairs


def test_the_direction_left_out_is_never_learned(cheap, monkeypatch):
    seen = {step[:2] for step in learned(monkeypatch, directions=any_to_any.WITHOUT)}
    assert seen == set(DIRECTIONS) - {("picture", "sound")}


def test_only_the_control_pairs_scenes_with_others_and_anew_each_time(cheap, monkeypatch):
    steps = learned(monkeypatch, shuffled=True)
    assert sum((given == asked).float().mean().item() for *_, given, asked in steps) / len(steps) < 0.3
    partners = {}
    for *_, given, asked in steps:
        for row, partner in zip(given.tolist(), asked.tolist(), strict=True):
            partners.setdefault(row, set()).add(partner)
    assert max(map(len, partners.values())) > 1


# ---------------------------------------------------------------------------------------------------------------
# Judging and claims


def test_the_judge_names_true_ones_rightly():
    scenes = [close_ups.closely(scene) for scene in eyes.scenes("heldout", 40)]
    for modality in ("picture", "sound"):
        found = close_judge.names_of_true(modality, scenes)
        right = sum(name == name_of(scene) for name, scene in zip(found, scenes, strict=True))
        assert right >= 38, modality
    assert close_judge.names("text", codec.encode("text", scenes)) == [name_of(scene) for scene in scenes]


def test_the_judge_knows_every_name():
    names = {name_of(scene) for scene in close_ups.of_every_name(close_judge.KNOWN)}
    assert len(names) == len(COLOURS) * len(SHAPES)


def test_asked_are_held_out_pairs_alone_and_each_equally_often(cheap):
    scenes = any_to_any.heldout()
    assert all(map(has_held_out_pair, scenes)) and not any(map(has_held_out_pair, close_ups.scenes("train", 32)))
    found = [name_of(scene) for scene in scenes]
    assert len(set(found)) == 8 and {found.count(name) for name in found} == {len(found) // 8}


def test_whoever_always_says_the_same_is_right_by_chance(cheap, monkeypatch):
    for colour, shape in (("red", "star"), ("blue", "moon")):
        scores = any_to_any._right([(colour, shape)] * len(any_to_any.heldout()))
        assert sum(scores.values) / len(scores.values) == 1 / 8
    true = any_to_any._right([name_of(scene) for scene in any_to_any.heldout()])
    assert set(true.values) == {1.0} and true.scenes == 2 * list(range(len(true.values) // 2))


def test_another_way_round_is_written_from_what_was_written(cheap, monkeypatch):
    given, tokens = [], any_to_any.tokens("picture", "heldout")

    def keep(model, words, row, asked, free=False, draw=None):
        given.append((row, asked, draw))
        return write(model, words, row, asked, free, draw)

    monkeypatch.setattr(any_to_any, "write", keep)
    any_to_any.say(0, ("picture", "text", "sound"), drawn=True)
    (first, *one_hop), (second, *two_hops) = given
    assert torch.equal(first, tokens) and one_hop == ["text", 0] and two_hops == ["sound", 0]
    assert (second[:, 0] == any_to_any.vocabulary().begin["text"]).all() and second.shape[1] == 6


def test_one_cheap_run_of_every_arm(cheap):
    for claim in any_to_any.claims():
        asked = {tuple(arm(0).scenes) for arm in claim.arms.values()}
        assert len(asked) == 1, claim.name
        times = len(DIRECTIONS) if claim.name == "its own tokens alone" else 2
        assert asked == {times * tuple(range(len(any_to_any.heldout())))}, claim.name
        assert claim.ceiling is None or claim.ceiling in claim.arms


def test_shapes_are_enforced(words):
    with pytest.raises(TypeError):
        CodeBook(torch.zeros(3))
    with pytest.raises(TypeError):
        words.tag("text", torch.zeros(2, 2))
