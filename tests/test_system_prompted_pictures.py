"""Denoisers led by more than words: what they are shown, who reads what, what stays frozen, and every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.models.diffusion.denoiser import Text
from labs.systems import prompted_pictures
from labs.systems.parts import (
    aligned_painting,
    bound,
    canvases,
    exchanged,
    painted_pairs,
    picture_prompts,
    prompted_denoiser,
    prompted_exam,
    regressed,
    shown_examples,
)
from labs.systems.parts.painted_pairs import CELL, bright, judge, pairs
from labs.systems.parts.prompted_denoiser import (
    Prompt,
    PromptReader,
    beside_each_other,
    build,
    crop_tokens,
    paint,
    squares,
    word_tokens,
)
from labs.systems.parts.text_to_picture import SCHEDULE
from labs.world.scene import Scene
from labs.world.splits import HELD_OUT_PAIRS, is_held_out
from labs.world.vocabulary import COLOURS

CACHED = (
    painted_pairs.pairs, picture_prompts.usual, picture_prompts.denoiser, exchanged.exchanges, exchanged.reader,
    regressed.book, regressed.writer, bound.bind, bound.perceive, bound.partners, shown_examples.usual_pairs,
    shown_examples.library, shown_examples.retrieved, shown_examples.grounded, canvases.canvases, canvases.maker,
    prompted_exam.pulled,
)  # fmt: skip
FEW, SHORT = {"train": 48, "choice": 16, "exam": 16}, {"STEPS": 2}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few pairs."""
    values = dict.fromkeys((picture_prompts, exchanged, canvases), SHORT)
    values[painted_pairs] = {"COUNTS": FEW}
    values[shown_examples] = SHORT | {"COUNTS": FEW, "LIBRARY": 96}
    values[regressed] = SHORT | {"CODES": 32, "ROUNDS": 2, "BATCH": 8}
    values[prompted_denoiser] = {"LOOKS": 2, "BATCH": 8}
    values[aligned_painting] = {"LOOKS": 2}
    values[bound] = SHORT | {"TRAIN": 64, "BATCH": 16}
    with small(CACHED, values):
        yield


@pytest.fixture
def loud():
    """An untrained denoiser whose last layer is not zero, so that what it reads can be seen."""
    model = build(0)
    torch.nn.init.normal_(model.leave.weight, std=0.1)
    return model.eval().requires_grad_(False)


@pytest.fixture
def prompt():
    """Four prompts of two crops and a phrase."""
    crops = torch.randn(4, 2, 512, generator=torch.Generator().manual_seed(0))
    row = torch.cat([crop_tokens(crops), word_tokens(["red star", "blue moon", "red star", "pink ring"])[:, None]], 1)
    return Prompt(row, torch.ones(4, 3, dtype=torch.bool))


# ---------------------------------------------------------------------------------------------------------------
# Pairs, and who reads them


def test_what_is_asked_was_never_shown_and_never_chose_a_setting(cheap):
    for split, held_out in {"train": False, "choice": True, "exam": True}.items():
        for given in (pairs(split), shown_examples.usual_pairs(split)):
            assert all(is_held_out(Scene(_beside(pair))) == held_out for pair in given.things)
    assert not torch.equal(pairs("choice").names, pairs("exam").names)
    with pytest.raises(ValueError, match="split must be one of"):
        pairs("test")


def _beside(pair):
    """Both things are drawn in the middle of a cell; in a scene each needs a cell of its own."""
    return tuple(painted_pairs.replace(thing, x=x) for thing, x in zip(pair, (0.1, 0.9), strict=True))


def test_true_pictures_are_read_without_fault_and_a_turned_one_turned(cheap):
    given = pairs("train")
    pictures = bright(given.pixels)
    assert torch.equal(judge(pictures), given.names)
    turned = torch.cat([pictures[..., CELL:], pictures[..., :CELL]], -1)
    assert torch.equal(judge(turned), given.names.flip(1))


def test_no_word_tells_the_lower_colour_and_a_crop_does(cheap):
    given = pairs("choice")
    other = given.names.clone()
    other[..., 2] = (other[..., 2] + 1) % 8
    assert torch.equal(picture_prompts.called(given.names), picture_prompts.called(other))
    (pair,), wall, mark = given.things[:1], tuple(given.walls[0].tolist()), int(given.names[0, 0, 2])
    one, changed = (painted_pairs.cell(pair[0], number, wall) for number in (mark, (mark + 1) % 8))
    seen = painted_pairs.see([one, changed], [wall, wall])
    torch.testing.assert_close(seen[0], given.crops[0, 0], rtol=1e-3, atol=1e-3)
    assert (seen[0] - seen[1]).abs().max() > 0.1


def test_a_prompt_holds_a_crop_where_it_is_shown_and_words_elsewhere(cheap):
    given = pairs("choice")
    shown = torch.tensor([[True, False]]).expand(len(given.names), -1)
    row = picture_prompts.prompt_of(given.names, given.crops, shown).tokens
    assert torch.equal(row[:, 0], crop_tokens(picture_prompts.standard(given.crops[:, 0])))
    assert torch.equal(row[:, 1], picture_prompts.called(given.names[:, 1]))
    assert not row[:, 0, 512:].any() and not row[:, 1, :512].any()


def test_composed_crops_come_from_two_pictures(cheap):
    given = pairs("choice")
    names, crops = picture_prompts.composed(given)
    assert torch.equal(crops[:, 0], given.crops[:, 0]) and torch.equal(crops[1:, 1], given.crops[:-1, 1])
    assert torch.equal(names[1:, 1], given.names[:-1, 1])


# ---------------------------------------------------------------------------------------------------------------
# Prompts that are read as a whole


@pytest.mark.parametrize("together", [True, False])
def test_only_together_does_a_word_change_what_is_read_of_a_crop(prompt, together):
    torch.manual_seed(0)
    reader = PromptReader(together).eval()
    before = reader(prompt).states
    changed = prompt.tokens.clone()
    changed[:, 2] = word_tokens(["green heart"])
    after = reader(prompt._replace(tokens=changed)).states
    assert torch.allclose(before[:, :3], after[:, :3], atol=1e-5) != together
    assert not torch.allclose(before[:, 3], after[:, 3])


@pytest.mark.parametrize("together", [True, False])
def test_what_is_left_out_of_a_prompt_is_not_read(prompt, together):
    model = build(0, together=together)
    torch.nn.init.normal_(model.leave.weight, std=0.1)
    some = prompt._replace(there=torch.tensor([[True, False, True]]).expand(4, -1))
    other = prompt.tokens.clone()
    other[:, 1] = 7.0
    noisy, steps = torch.randn(4, 3, 12, 24, generator=torch.Generator().manual_seed(0)), torch.full((4,), 500.0)
    torch.testing.assert_close(model(noisy, steps, some), model(noisy, steps, some._replace(tokens=other)))
    assert not torch.allclose(model(noisy, steps, prompt), model(noisy, steps, some), atol=1e-5)


def test_instructions_do_what_they_say_and_teach_nothing_that_is_held_out(cheap):
    given = exchanged.exchanges("train")
    plain, sides, colours, both = given.names
    assert torch.equal(sides, plain.flip(1)) and torch.equal(both, colours.flip(1))
    assert torch.equal(colours[..., 0], plain[..., 0]) and torch.equal(colours[..., 1:], plain[..., 1:].flip(1))
    for names, pixels in zip(given.names, given.pixels, strict=True):
        assert torch.equal(judge(bright(pixels)), names)
    hues = list(COLOURS)
    painted = {(hues[colour], painted_pairs.SHAPES[shape]) for shape, colour, _ in given.names.flatten(0, 2).tolist()}
    assert not painted & HELD_OUT_PAIRS


def test_a_new_reader_learns_and_the_finished_denoiser_stays(cheap):
    before = {name: weight.clone() for name, weight in picture_prompts.denoiser(0).state_dict().items()}
    for way in exchanged.WAYS:
        assert exchanged.reader(0, way).reader.together == (way == "together")
    regressed.writer(0, "regressed")
    prompted_exam.pulled(0, 1.0)
    assert all(torch.equal(weight, before[name]) for name, weight in picture_prompts.denoiser(0).state_dict().items())
    with pytest.raises(ValueError, match="way must be one of"):
        exchanged.reader(0, "aside")


# ---------------------------------------------------------------------------------------------------------------
# A writer of embeddings


def test_a_writer_tells_the_next_from_what_stands_before():
    torch.manual_seed(0)
    model, row = regressed.Writer().eval(), torch.randn(2, 6, 768)
    changed = row.clone()
    changed[:, 4:] = 3.0
    before, after = model(row), model(changed)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_one_loss_is_error_of_embeddings_and_surprise_of_words(cheap):
    torch.manual_seed(0)
    model, given = regressed.Writer().eval(), exchanged.exchanges("choice")
    row = exchanged.row_of(given.shown, torch.zeros(len(given.shown), dtype=torch.long))
    with torch.no_grad():
        for layer in (model.embedding, model.code, model.word):
            layer.weight.zero_()
            layer.bias.zero_()
        losses = [regressed.next_loss(model, row, given.crops[0], given.names[0], way) for way in regressed.WAYS]
    surprise = torch.tensor(float(len(regressed.WORDS))).log()
    torch.testing.assert_close(losses[0], given.crops[0].square().mean() + surprise)
    torch.testing.assert_close(losses[1], torch.tensor(float(regressed.CODES)).log() + surprise)


def test_codes_are_the_nearest_rows_of_the_book(cheap):
    codes = torch.arange(8).view(1, 2, 4)
    assert torch.equal(regressed.coded(regressed.decoded(codes)), codes)
    crops = exchanged.exchanges("choice").shown
    nearest = (regressed.decoded(regressed.coded(crops)) - crops).square().sum()
    assert nearest < (regressed.decoded((regressed.coded(crops) + 1) % regressed.CODES) - crops).square().sum()


def test_what_is_written_has_the_form_that_a_denoiser_reads(cheap):
    given = exchanged.exchanges("choice")
    row = exchanged.row_of(given.shown, torch.zeros(len(given.shown), dtype=torch.long))
    for way in regressed.WAYS:
        crops, words = regressed.write(regressed.writer(0, way), row, way)
        assert crops.shape == given.shown.shape and words.shape == (len(crops), 4)
        if way == "codes":
            torch.testing.assert_close(regressed.decoded(regressed.coded(crops)), crops)


# ---------------------------------------------------------------------------------------------------------------
# Gradients, examples, canvases


def test_without_a_pull_the_denoiser_paints_as_ever(cheap, loud):
    wanted = torch.randn(3, 2, 128, generator=torch.Generator().manual_seed(0))
    none = Prompt(torch.zeros(3, 1, 768), torch.zeros(3, 1, dtype=torch.bool))
    start = torch.randn((3, 3, 12, 24), generator=torch.Generator().manual_seed(5))

    def guess(noisy, steps):
        return squares(loud(beside_each_other(noisy), steps.float(), none).clamp(-1, 1))

    drawn = beside_each_other(SCHEDULE.draw(guess, squares(start), 2))
    alone = aligned_painting.paint_alike(loud, wanted, 5, pull=0.0)
    torch.testing.assert_close(alone, drawn, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(alone, aligned_painting.paint_alike(loud, wanted, 5, pull=1.0), atol=1e-2)


def test_a_pull_leads_towards_what_is_wanted_and_is_as_long_for_both_things(loud):
    generator = torch.Generator().manual_seed(0)
    noisy, wanted = torch.randn(3, 3, 12, 24, generator=generator), torch.randn(3, 2, 128, generator=generator)
    none, steps = Prompt(torch.zeros(3, 1, 768), torch.zeros(3, 1, dtype=torch.bool)), torch.full((3,), 300.0)
    _, way = aligned_painting.pulled(loud, noisy, 300, wanted, none)
    torch.testing.assert_close(way.unflatten(3, (2, CELL)).square().sum((1, 2, 4)), torch.ones(3, 2))

    def alike(pictures):
        told = loud(pictures, steps, none).clamp(-1, 1)
        return (aligned_painting.look(told) * torch.nn.functional.normalize(wanted, dim=-1)).sum()

    with torch.no_grad():
        assert alike(noisy + 0.05 * way) > alike(noisy) > alike(noisy - 0.05 * way)


def test_the_space_sees_a_thing_as_it_sees_its_crop(cheap):
    given = pairs("choice")
    seen = aligned_painting.look(bright(given.pixels))
    torch.testing.assert_close(seen.norm(dim=-1), torch.ones(seen.shape[:2]))
    other = bright(given.pixels).clone()
    other[..., CELL:] = 0.0
    torch.testing.assert_close(aligned_painting.look(other)[:, 0], seen[:, 0])


def test_examples_are_of_the_kind_that_a_caption_names_and_rare_kinds_are_rare(cheap):
    found = shown_examples.library().names.flatten(0, 1)[shown_examples.retrieved()]
    kinds = torch.arange(64)
    right = (found[:, 0] == kinds // 8) & (found[:, 1] == kinds % 8)
    there = torch.zeros(64, dtype=torch.bool)
    names = shown_examples.library().names.flatten(0, 1)
    there[8 * names[:, 0] + names[:, 1]] = True
    assert right[there].float().mean() > 0.9
    assert torch.equal(found[right, 2], shown_examples.lower_colours()[right])
    things = [thing for pair in shown_examples.usual_pairs("train").things for thing in pair]
    assert sum(map(shown_examples.is_rare, things)) < len(things) / 3
    assert all(shown_examples.is_rare(t) for pair in shown_examples.usual_pairs("exam").things for t in pair)


def test_a_guest_is_put_at_one_side_and_the_other_stays(cheap):
    given = canvases.canvases("choice")
    pictures, subject = bright(given.pictures), bright(given.subject)
    left = torch.arange(len(pictures)) % 2 == 0
    made = judge(canvases.put(pictures, subject, left))
    assert torch.equal(made[left, 0], given.guests[left]) and torch.equal(made[~left, 1], given.guests[~left])
    assert torch.equal(made[left, 1], given.names[left, 1]) and torch.equal(made[~left, 0], given.names[~left, 0])
    plain = judge(canvases.put(pictures, bright(given.plain), left))[left, 0]
    assert torch.equal(plain, given.guests[left][:, [0, 1, 1]])
    assert canvases.empty(given.walls).flatten(2).std(2).max() == 0
    with pytest.raises(ValueError, match="tasks must be one of"):
        canvases.maker(0, "neither")


def test_guidance_goes_past_what_the_prompt_changes(cheap, loud, prompt):
    none = prompt._replace(there=torch.zeros_like(prompt.there))
    assert not torch.allclose(paint(loud, prompt, 0), paint(loud, none, 0), atol=1e-4)
    torch.testing.assert_close(paint(loud, prompt, 0), paint(loud, prompt, 0))
    text = loud.reader(none)
    assert isinstance(text, Text) and text.words.sum() == len(prompt.there)


@pytest.mark.parametrize("claim", prompted_pictures.claims(), ids=lambda claim: claim.name)
def test_one_cheap_run_of_every_arm(cheap, claim):
    assert set(every_arm(claim, least=32)) == set(claim.arms)
