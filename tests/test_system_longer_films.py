"""Longer films: what is told of shots, choices and their gradient, who sees whom, who is asked what, every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import longer_films
from labs.systems.parts import (
    chosen_words,
    combined_snippets,
    film_and_motion,
    graded_by_itself,
    long_films,
    narration,
    preferring_rows,
    shots,
    sound_films,
    written_critiques,
)  # fmt: skip
from labs.systems.parts.mixed_writer import MixedWriter
from labs.world.splits import has_held_out_pair

CACHED = (
    sound_films.films, shots.seen, shots._seen, shots.heard, shots.felt, shots.words, chosen_words.taught,
    narration.taught, long_films.pretrained, long_films.taught, combined_snippets.taught, film_and_motion.taught,
    graded_by_itself.supervised, graded_by_itself.drawn, graded_by_itself.taught, written_critiques.first,
    written_critiques.taught,
)  # fmt: skip
SHORT = {"STEPS": 2, "BATCH": 8}


@pytest.fixture(scope="module")
def cheap():
    """A few steps on a few shots."""
    values = dict.fromkeys((preferring_rows, combined_snippets, graded_by_itself), SHORT)
    values[sound_films] = {"COUNTS": {"train": 64, "choice": 24, "exam": 64}}
    values[chosen_words] = SHORT | {"FIRST_STEPS": 2, "FEW": 16}
    values[narration] = SHORT | {"CAPTION_STEPS": 2, "FEW": 16}
    values[long_films] = SHORT | {"LABEL_STEPS": 2, "FEW": 16, "MANY": 24, "ASKED": 24}
    values[combined_snippets] = SHORT | {"LESSONS": 16, "ASKED": 24}
    values[film_and_motion] = SHORT | {"FILMS": 16}
    values[graded_by_itself] = SHORT | {"PROMPTS": 16, "REPLIES": 2, "ASKED": 24}
    values[written_critiques] = SHORT | {"FEW": 16, "COMPARED": 40}
    with small(CACHED, values):
        yield


@pytest.fixture
def generator():
    """Random, and always the same."""
    return torch.Generator().manual_seed(0)


# ---------------------------------------------------------------------------------------------------------------
# Shots, narration


def test_things_of_the_exam_were_kept_back_and_words_are_theirs(cheap):
    assert all(has_held_out_pair(film.scene) for film in sound_films.films("exam"))
    assert not any(has_held_out_pair(film.scene) for film in sound_films.films("train"))
    assert not {film.scene for film in sound_films.films("exam")} & {film.scene for film in sound_films.films("choice")}
    spoken = [word for kinds in shots.KINDS.values() for word in kinds]
    film = sound_films.films("exam")[3]
    thing = film.scene.things[0]
    assert [spoken[at] for at in shots.words("exam")[3].tolist()] == [thing.colour, thing.size, film.way]


def test_the_control_asks_for_what_belongs_to_others():
    told = torch.arange(4)[:, None]
    assert shots.same(told, told, False).mean() == 1
    assert shots.same(told, told, True).sum() == 0
    assert shots.scored(torch.ones(2, 3)).scenes == [0, 0, 0, 1, 1, 1]


def test_no_sense_is_one_of_the_words_that_it_cannot_tell(cheap):
    assert shots.felt("exam").shape == (64, 2, 256) and shots.heard("exam")[..., 64:].abs().max() == 0
    assert {sense for sense, kind in chosen_words.QUESTIONS if kind == 2} == {"seen"}
    assert 0 not in film_and_motion.TELLS["felt"]


def test_half_of_a_narration_is_said_and_films_go_on_with_the_same_thing(generator):
    true = torch.tensor([[3, 8, 10]]).expand(4000, -1)
    said = narration.narrated(true, generator)
    assert ((said == true) | (said == narration.UNSAID)).all()
    assert (said == true).float().mean().item() == pytest.approx(narration.SAID, abs=0.02)
    after = narration.gone_on(true, generator)
    assert torch.equal(after[:, :2], true[:, :2])
    assert (after[:, 2] != 10).float().mean().item() == pytest.approx(narration.TURNS * 3 / 4, abs=0.03)


# ---------------------------------------------------------------------------------------------------------------
# Chosen words


def test_a_relaxed_choice_is_one_word_with_the_gradient_of_a_soft_one():
    logits = torch.tensor([[2.0, 0.0, -1.0]]).repeat(4000, 1).requires_grad_()
    torch.manual_seed(0)
    chosen = chosen_words.choose(logits, "relaxed", True)
    assert set(chosen.detach().unique().tolist()) <= {0.0, 1.0} and (chosen.sum(1) == 1).all()
    torch.testing.assert_close(chosen.mean(0), logits[0].softmax(0), atol=0.03, rtol=0)  # Gumbel's trick
    chosen[:, 0].sum().backward()
    assert logits.grad.abs().sum() > 0
    hard = chosen_words.choose(logits, "hard, frozen", True)
    assert torch.equal(hard, torch.tensor([[1.0, 0.0, 0.0]]).expand(4000, -1)) and not hard.requires_grad
    assert torch.equal(chosen_words.choose(logits, "relaxed", False), hard)
    with pytest.raises(ValueError, match="way must be one of"):
        chosen_words.choose(logits, "soft", True)


def test_answers_teach_the_classifiers_only_where_the_choice_is_relaxed(cheap):
    before = chosen_words.first(0).state_dict()
    for way, frozen in {"relaxed": False, "hard, frozen": True, "confidences, frozen": True}.items():
        after = chosen_words.taught(0, way).classifiers.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before) == frozen, way


# ---------------------------------------------------------------------------------------------------------------
# Whole films, snippets


def test_in_isolated_clips_nobody_hears_of_other_shots(generator):
    torch.manual_seed(0)
    network = long_films.LongFilm().eval()
    heard, seen = (torch.randn(2, 4, 256, generator=generator) for _ in range(2))
    other = heard.clone()
    other[:, 0] += 1
    apart = long_films.clips()
    one, two = (network(rows, seen, apart) for rows in (heard, other))
    torch.testing.assert_close(one[:, 2:], two[:, 2:])
    assert not torch.allclose(one[:, :2], two[:, :2])
    assert not torch.allclose(network(heard, seen)[:, 4], network(other, seen)[:, 4])


def test_what_is_hidden_is_not_looked_at(generator):
    torch.manual_seed(0)
    network = long_films.LongFilm().eval()
    heard, seen = (torch.randn(2, 4, 256, generator=generator) for _ in range(2))
    other = seen.clone()
    other[:, 1] += 1
    torch.testing.assert_close(network(heard, seen, None, 5), network(heard, other, None, 5))
    assert not torch.allclose(network(heard, seen, None, 4), network(heard, other, None, 4))


def test_who_was_swapped_has_another_colour_and_is_half(cheap, monkeypatch):
    monkeypatch.setattr(long_films, "GRAIN", 0.0)
    heard, seen, truth = long_films.questions("exam", 200, 3)
    assert truth.mean().item() == pytest.approx(0.5, abs=0.1)
    of = (heard[:, :, None] - shots.heard("exam")[None, None, :, 0]).abs().sum(-1).argmin(-1)
    shown = (seen[:, :, None] - shots.seen("exam")[None, None, :, 0]).abs().sum(-1).argmin(-1)
    colours = shots.words("exam")[:, 0]
    assert torch.equal(of == shown, truth.bool())
    assert torch.equal(colours[of] == colours[shown], truth.bool())


def test_a_snippet_is_told_from_those_before_it_alone(generator):
    rows = torch.randn(2, 4, 2, 4, 256, generator=generator)
    later = rows.clone()
    later[:, 2:] += 1
    for way in combined_snippets.WAYS:
        torch.manual_seed(0)
        media = combined_snippets.Media(way).eval()
        (one, cost), (two, _) = media(rows), media(later)
        assert one.shape[1] == 4 * {"all steps": 8}.get(way, combined_snippets.TOKENS), way
        first = one.shape[1] // 2
        assert torch.allclose(one[:, :first], two[:, :first], atol=1e-5) == (way == "combined"), way
        assert (cost > 0) == (way == "combined")
    with pytest.raises(ValueError, match="way must be one of"):
        combined_snippets.Media("none")


def test_snippets_go_on_by_one_colour_and_show_things_of_it(cheap, generator):
    _, colours = combined_snippets.films("exam", 20, 0)
    assert ((colours[:, 1:] - colours[:, :-1]) % 8 == 1).all()
    assert torch.equal(shots.words("exam")[:, 0][combined_snippets.cast("exam", colours, generator)], colours)


# ---------------------------------------------------------------------------------------------------------------
# Film and motion, preferences


def test_each_sense_has_a_translator_of_its_own(generator):
    torch.manual_seed(0)
    model, rows = MixedWriter(20, 512, layers=1), torch.randn(3, 1, 256, generator=generator)
    before = [model.embed(film_and_motion.translated(sense, rows)) for sense in ("seen", "felt")]
    with torch.no_grad():
        model.read_vectors.weight[:, :256] += 1
    after = [model.embed(film_and_motion.translated(sense, rows)) for sense in ("seen", "felt")]
    assert torch.equal(before[1], after[1]) and not torch.allclose(before[0], after[0])


def test_what_is_preferred_becomes_likelier_and_the_model_stays(cheap, generator, monkeypatch):
    monkeypatch.setattr(preferring_rows, "STEPS", 20)
    torch.manual_seed(0)
    model = MixedWriter(6, 256, layers=1).eval().requires_grad_(False)
    rows = [torch.randn(8, 1, 256, generator=generator)]
    won, lost = torch.tensor([[1, 2]]).expand(8, -1), torch.tensor([[3, 4]]).expand(8, -1)
    kept = {name: weight.clone() for name, weight in model.state_dict().items()}
    better = preferring_rows.prefer(model, rows, won, lost, 0)
    after, before = (
        [preferring_rows.log_probability(one, rows, reply) for reply in (won, lost)] for one in (better, model)
    )
    assert (after[0] - before[0] > after[1] - before[1]).all()
    assert all(torch.equal(weight, kept[name]) for name, weight in model.state_dict().items())


def test_the_log_probability_is_that_of_the_words_one_after_another(generator):
    torch.manual_seed(0)
    model, rows = MixedWriter(5, 256, layers=1).eval(), [torch.randn(1, 1, 256, generator=generator)]
    every = torch.cartesian_prod(torch.arange(5), torch.arange(5))
    found = preferring_rows.log_probability(model, [rows[0].expand(25, -1, -1)], every)
    assert found.exp().sum().item() == pytest.approx(1, abs=1e-5)


def test_a_critique_names_what_is_wrong_and_not_what_were_right(cheap):
    reply, true = torch.tensor([[1, 8, 10]]), torch.tensor([[1, 9, 10]])
    fine, wrong = written_critiques.FINE, written_critiques.WRONG
    assert written_critiques.critique(reply, true).tolist() == [[fine, wrong, fine]]
    with pytest.raises(ValueError, match="way must be one of"):
        written_critiques.compared(0, "seen", "loud")


def test_no_description_no_words_of_it(cheap):
    films = shots.films("train", 4, 3, 0)
    seen, none = shots.seen("train")[films, 0], torch.full((4, 6), graded_by_itself.UNSAID)
    reply = graded_by_itself.true_words("train", films)
    parts = graded_by_itself.grading(seen, none)
    assert [part.shape[1] for part in parts] == [3, 6, 1] and not torch.isin(reply, parts[1]).any()
    assert graded_by_itself.reward(graded_by_itself.supervised(0), films, reply, "facts").tolist() == [6.0] * 4
    with pytest.raises(ValueError, match="way must be one of"):
        graded_by_itself.reward(graded_by_itself.supervised(0), films, reply, "supervised alone")


def test_films_are_described_by_habit_about_as_often_as_said(generator):
    true = torch.tensor([[0, 13, 1, 10, 2, 10]]).expand(3000, -1)
    said = graded_by_itself.found_words(true, generator)
    assert torch.equal(said[:, ::2], true[:, ::2])
    assert (said[:, 1] == 10).float().mean().item() == pytest.approx(graded_by_itself.HABIT, abs=0.03)


def test_one_cheap_run_of_every_arm(cheap):
    for claim in longer_films.claims():
        assert set(every_arm(claim, least=24)) == set(claim.arms)
