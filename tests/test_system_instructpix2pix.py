"""InstructPix2Pix: new channels that say nothing at first, what is left out, who judges, and how scales are used."""

import pytest
import torch
from small_runs import every_arm, small
from standins_diffusion import awake, untaught

from labs.models.diffusion.autoencoder import CHANNELS
from labs.models.diffusion.denoiser import Denoiser, Text
from labs.systems import instructpix2pix
from labs.systems.parts import edits_made, first_stage, picture_judge, taught_edits, text_to_picture
from labs.systems.parts.edits_made import Scales, as_asked, concerned, done, edits, kept, others_kept
from labs.systems.parts.picture_judge import overlap, truth
from labs.systems.parts.small_pictures import (
    PHRASES,
    READ,
    cells_of,
    draw_small,
    image,
    latents_of,
    pixels_of,
    read_texts,
    tokens,
)
from labs.world.edits import KINDS
from labs.world.picture import draw
from labs.world.splits import is_held_out


@pytest.fixture
def few(monkeypatch):
    """Two steps on a few triplets; the judge guesses."""
    monkeypatch.setattr(text_to_picture, "shipped", lambda: awake(0))
    monkeypatch.setattr(taught_edits, "shipped", lambda: awake(0, shown=1))
    monkeypatch.setattr(first_stage, "shipped", untaught)
    cached = (taught_edits.material, taught_edits.editor, instructpix2pix.exam, instructpix2pix.before,
              instructpix2pix.made, instructpix2pix.redrawn, picture_judge._learned)  # fmt: skip
    values = {
        taught_edits: {"TRAIN": 12, "STEPS": 2, "BATCH": 4}, instructpix2pix: {"HELDOUT": 12, "LOOKS": 2},
        picture_judge: {"KNOWN": 64, "STEPS": 2},
    }  # fmt: skip
    with small(cached, values):
        yield


def some(count: int = 24) -> tuple:
    return edits("train", count, 5)


# ---------------------------------------------------------------------------------------------------------------
# Pictures and texts


def test_a_small_picture_is_the_large_one_averaged():
    (edit, *_) = some()
    (small_one,) = draw_small([edit.before])
    assert image(small_one).tobytes() == draw(edit.before).reduce(2).tobytes()
    assert image(small_one, times=3).size == (108, 108)


def test_every_phrase_is_read_by_itself_whatever_stands_beside_it():
    texts = ["a big red circle at the top left, blue star", "blue star", ""]
    read = read_texts(texts)
    assert read.states.shape == (3, PHRASES, READ) and read.words.tolist() == [
        [True, True, False], [True, False, False], [True, False, False]
    ]  # fmt: skip
    torch.testing.assert_close(read.states[0, 1], read.states[1, 0])
    assert not torch.allclose(read.states[1, 0], read.states[2, 0]) and (read.states[1, 1:] == 0).all()
    with pytest.raises(ValueError, match="3 phrases at most, not 4"):
        tokens(["a, b, c, d"])


def test_what_is_left_out_reads_as_an_empty_text():
    numbers = tokens(["red circle, blue star", "green moon"])
    left = read_texts(["", "green moon"])
    found = text_to_picture.read(text_to_picture.leave_out(numbers, torch.tensor([True, False])))
    torch.testing.assert_close(found.states, left.states)
    assert torch.equal(found.words, left.words)


# ---------------------------------------------------------------------------------------------------------------
# What counts while it learns


def test_cells_of_things_become_their_pixels_and_their_latents():
    scenes = [edit.before for edit in some()]
    cells = cells_of(scenes)
    assert torch.equal(cells, truth(scenes).there)
    for told, side, many in ((pixels_of(cells), 36, 12), (latents_of(cells), 6, 2)):
        assert told.shape == (len(scenes), 1, side, side)
        for one, shown in zip(cells.tolist(), told[:, 0], strict=True):
            assert shown.sum() == many**2 * sum(one)
            middles = [shown[many * (i // 3) + many // 2, many * (i % 3) + many // 2] for i in range(9)]
            assert middles == one


@pytest.mark.parametrize("alone, untold, counts", [(0.0, 0.0, True), (1.0, 0.0, False), (0.0, 1.0, False)])
def test_cells_count_more_where_the_text_says_that_a_thing_is_there(few, monkeypatch, alone, untold, counts):
    given = []

    def loss(model, latents, text, draw, *, weights):
        given.append(weights)
        return sum(parameter.sum() for parameter in model.parameters())

    monkeypatch.setattr(text_to_picture, "denoising_loss", loss)
    sizes = {"SCENES": 8, "BATCH": 8, "STEPS": 1, "HEAVY": 6.0, "NAMES_ALONE": alone, "UNTOLD": untold}
    with small((text_to_picture.material,), {text_to_picture: sizes}):
        text_to_picture.train(0)
        shares = text_to_picture.material().cells.float().mean(1)
    assert given[0].unique().tolist() == ([1, 7] if counts else [1])
    if counts:
        found = (given[0] == 7).float().mean((1, 2, 3))
        torch.testing.assert_close(found.sort().values, shares.sort().values)


def test_cells_that_an_edit_is_about_count_more_unless_something_is_left_out(few, monkeypatch):
    given, kept_out = [], torch.tensor([True, False, True, False])

    def loss(model, latents, text, draw, beside, *, weights, often):
        given.append((beside, weights))
        return sum(parameter.sum() for parameter in model.parameters())

    monkeypatch.setattr(taught_edits, "denoising_loss", loss)
    monkeypatch.setattr(taught_edits, "left_out", lambda count, draw: (kept_out & False, kept_out))
    taught_edits.teach(taught_edits.build("scratch", 0), 0)
    for beside, weights in given:
        assert (beside[kept_out] == 0).all() and (weights[kept_out] == 1).all()
        assert ((weights[~kept_out] > 1).sum((1, 2, 3)) % 4 == 0).all() and (weights[~kept_out] > 1).any()


# ---------------------------------------------------------------------------------------------------------------
# The editor


def test_new_channels_say_nothing_at_first_and_something_once_they_weigh():
    base = awake(0)
    model, text = taught_edits.widen(base), read_texts(["red circle", "blue star"])
    noisy, beside = torch.randn(2, CHANNELS, 6, 6), torch.rand(2, CHANNELS, 6, 6)
    steps = torch.tensor([10.0, 900.0])
    said = model(torch.cat([noisy, beside], 1), steps, text)
    torch.testing.assert_close(said, base(noisy, steps, text), rtol=0, atol=1e-5)
    new = model.enter.weight[:, CHANNELS:]
    assert new.shape[1] == CHANNELS and (new == 0).all()
    new.data.normal_()
    changed = model(torch.cat([noisy, beside], 1), steps, text)
    assert (changed - said).abs().amax((1, 2, 3)).min() > 1e-3


def test_a_twentieth_is_left_out_of_each_kind_and_of_both():
    untold, unshown = taught_edits.left_out(20_000, torch.Generator().manual_seed(0))
    shares = [(untold & ~unshown), (unshown & ~untold), (untold & unshown)]
    assert all(0.04 < one.float().mean() < 0.06 for one in shares)


def test_it_starts_from_the_finished_denoiser_or_from_nothing(few):
    torch.testing.assert_close(taught_edits.build("pretrained", 1).reader.nothing, awake(0).reader.nothing)
    assert not torch.equal(taught_edits.build("scratch", 1).reader.nothing, awake(0).reader.nothing)
    with pytest.raises(ValueError, match="pretrained, scratch"):
        taught_edits.build("half-way", 0)


def test_everything_learns_and_the_same_seed_learns_the_same(few):
    before = taught_edits.build("pretrained", 0)
    after, again = taught_edits.editor("pretrained", 0), taught_edits.teach(taught_edits.build("pretrained", 0), 0)
    assert not torch.equal(before.enter.weight, after.enter.weight)
    assert torch.equal(after.leave.weight, again.leave.weight)


class Told(Denoiser):
    """A denoiser that remembers what it is shown."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, seen: torch.Tensor, steps: torch.Tensor, text: Text) -> torch.Tensor:
        self.beside, self.text = seen[:, CHANNELS:], text
        return torch.zeros_like(self.beside)


def test_guidance_sees_both_then_the_picture_alone_then_nothing(few):
    told, before = Told(), draw_small([edit.before for edit in some(2)])
    start, asked = torch.randn(2, CHANNELS, 6, 6), ["Remove the star.", "Add a big red ring at the top."]
    edits_made.carry_out(told, before, asked, Scales(1.5, 3.0), start, 2)
    both, shown, neither = told.beside.chunk(3)
    latents = first_stage.tell(before)
    assert torch.equal(both, latents) and torch.equal(shown, latents) and (neither == 0).all()
    given, empty, nothing = told.text.states.chunk(3)
    torch.testing.assert_close(given, read_texts(asked).states)
    torch.testing.assert_close(empty, nothing)
    torch.testing.assert_close(empty, read_texts(["", ""]).states)


# ---------------------------------------------------------------------------------------------------------------
# What became of an edit, as a judge without fault says


@pytest.fixture
def faultless(monkeypatch):
    """The judge knows by heart what is in these pictures."""
    known = {}

    def learn(scenes):
        pictures = draw_small(scenes)
        known.update({one.numpy().tobytes(): scene for one, scene in zip(pictures, scenes, strict=True)})
        return pictures

    monkeypatch.setattr(edits_made, "judge", lambda seen: truth([known[one.numpy().tobytes()] for one in seen]))
    return learn


def test_edits_come_in_turn_and_belong_to_their_split():
    found = edits("heldout", 12, 5)
    assert [edit.kind for edit in found] == 2 * list(KINDS)
    assert all(is_held_out(edit.after) and len(edit.before.things) <= edits_made.MOST for edit in found)
    assert not any(is_held_out(edit.after) for edit in some())


def test_the_picture_after_is_right_and_the_picture_before_is_not(faultless):
    before, after = (faultless([getattr(edit, name) for edit in some()]) for name in ("before", "after"))
    assert done(after, some()).all() and not done(before, some()).any()
    assert others_kept(after, some()).all() and others_kept(before, some()).all()
    assert (kept(after, before, some()) == 1).all()
    assert (as_asked(after, after, some()) == 1).all() and as_asked(before, after, some()).max() < 1


def test_a_picture_of_another_scene_keeps_little(faultless):
    before = faultless([edit.before for edit in some()])
    others = before.roll(1, 0)
    assert others_kept(others, some()).float().mean() < 0.3 and kept(others, before, some()).mean() < 0.7


def test_an_edit_is_about_one_cell_or_two_if_something_moves():
    counts = concerned(some()).sum(1).tolist()
    assert counts == [2 if edit.kind == "move" else 1 for edit in some()]


def test_boxes_overlap_as_they_should():
    box = torch.tensor([[0.0, 0.0, 0.5, 0.5]])
    assert overlap(box, box).item() == pytest.approx(1) and overlap(box, box + 0.5).item() == 0
    assert overlap(box, torch.tensor([[0.25, 0.0, 0.75, 0.5]])).item() == pytest.approx(1 / 3)


# ---------------------------------------------------------------------------------------------------------------
# Claims


def test_every_arm_measures_the_same_edits(few):
    for claim in instructpix2pix.claims():
        found = every_arm(claim, least=12)
        assert all(0 <= value <= 1 for one in found.values() for value in one.values), claim.name


def test_another_instruction_is_one_of_the_same_kind(few, monkeypatch):
    asked = []
    monkeypatch.setattr(instructpix2pix, "carry_out", lambda model, before, texts, *_: asked.append(texts) or before)
    for instructions in ("own", "another"):
        instructpix2pix.made("shipped", 0, Scales(1.5, 3.0), instructions)
    exam = instructpix2pix.exam()
    assert asked[0] == [edit.instruction for edit in exam]
    whose = {edit.instruction: edit.kind for edit in exam}
    assert [whose[text] for text in asked[1]] == [edit.kind for edit in exam]
    assert sum(one == other for one, other in zip(*asked, strict=True)) == 0


def test_a_curve_and_a_strip_for_the_notebook(few):
    grid = (Scales(1.0, 1.0), Scales(1.5, 3.0))
    model = taught_edits.editor("pretrained", 0)
    found = instructpix2pix.curve(model, 3, 2, grid)
    assert list(found) == list(grid) and all(0 <= number <= 1 for pair in found.values() for number in pair)
    pictures = instructpix2pix.strip(model, some()[0], grid)
    assert len(pictures) == 3 and pictures[0].tobytes() == image(draw_small([some()[0].before])[0], 4).tobytes()
