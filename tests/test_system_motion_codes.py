"""Motion, films and rendered text as tokens or vectors: rows, losses, codes and their way back, and every arm once."""

import pytest
import torch
from small_runs import every_arm, small

from labs.systems import motion_codes
from labs.systems.parts import (
    film_codes,
    film_writer,
    gesture_codes,
    gesture_lessons,
    gestures,
    lookup_free,
    masked_films,
    rendered_text,
    seen_vectors,
    small_films,
)
from labs.systems.parts.lookup_free import LookupFree
from labs.systems.parts.masked_films import MaskedFilms
from labs.systems.parts.mixed_writer import MixedWriter
from labs.systems.parts.ranges import Ranges
from labs.world.splits import is_held_out

CACHED = (
    gestures.scenes, gestures.felt, gestures.heard, gestures.attributes, gesture_codes.books, gesture_codes.sound_book,
    gesture_codes.entries, gesture_codes.smoother, gesture_lessons.vocabulary, gesture_lessons.tokens,
    gesture_lessons.train, seen_vectors.scenes, seen_vectors._seen, seen_vectors.vectors, seen_vectors.book,
    seen_vectors.vocabulary, seen_vectors.told, seen_vectors.train, rendered_text.scenes, rendered_text.sentences,
    rendered_text.pixels, rendered_text.lexicon, rendered_text.words, rendered_text.colours, rendered_text.pretrain,
    rendered_text.tuned, small_films.scenes, small_films.films, small_films.attributes, film_codes.motion_of,
    film_codes.books, film_codes.encode, film_writer.train, lookup_free.tokeniser, lookup_free.encode,
    masked_films.train,
)  # fmt: skip
FEW = {"train": 80, "choice": 20, "exam": 20}


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """A few steps on a few scenes."""
    values = {
        gestures: {"COUNTS": FEW},
        gesture_codes: {"CODES": 16, "SOUNDS": 16, "SMOOTHING": 2, "LEARNED_FROM": 70},
        gesture_lessons: {"BATCH": 8},
        seen_vectors: {"COUNTS": FEW, "CODES": 16, "STEPS": 2, "BATCH": 8},
        rendered_text: {
            "COUNTS": FEW | {"train": 300, "lessons": 40}, "STEPS": 3, "BATCH": 8, "TUNING": 2, "LABELS": 20,
        },
        small_films: {"COUNTS": FEW | {"judge": 60}},
        film_codes: {"CODES": 24, "MOVES": 6},
        film_writer: {"STEPS": 2, "BATCH": 8},
        lookup_free: {"STEPS": 3, "BATCH": 64},
        masked_films: {"STEPS": 2, "BATCH": 8},
        motion_codes: {"STEPS": 2, "SHORT": 2, "PAIRS": 30, "FEW": 20},
    }  # fmt: skip
    with small(CACHED, values):
        yield


@pytest.mark.parametrize("part", [gestures, seen_vectors, rendered_text, small_films])
def test_what_is_asked_was_kept_back_and_never_chose_a_setting(part):
    asked = part.scenes("exam")
    assert not set(asked) & set(part.scenes("choice"))
    assert not any(map(is_held_out, part.scenes("train")))
    assert all(map(is_held_out, asked))
    with pytest.raises((ValueError, KeyError), match="test"):
        part.scenes("test")


# ---------------------------------------------------------------------------------------------------------------
# One decoder of words and vectors


@pytest.fixture
def writer():
    """A small one of 11 words and of vectors of 5 numbers, and a row of both."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    words = torch.randint(11, (3, 4), generator=generator)
    return MixedWriter(11, 5).eval(), [words, torch.randn(3, 2, 5, generator=generator), words.flip(0)]


def test_the_loss_is_cross_entropy_of_words_and_squared_error_of_vectors(writer):
    model, parts = writer
    hidden = model.hidden(parts)
    vectors = (model.regress(hidden[:, 3:5]) - parts[1]).square().mean(-1)
    chances = model.classify(hidden[:, 5:9]).log_softmax(-1)
    words = -chances.gather(2, parts[2][..., None])[..., 0]
    torch.testing.assert_close(model.loss(parts), torch.cat([vectors, words], 1).mean())
    torch.testing.assert_close(model.loss(parts, given=2), words.mean())


def test_a_place_knows_only_what_stands_before_it(writer):
    model, parts = writer
    other = [parts[0], parts[1], (parts[2] + 1) % 11]
    torch.testing.assert_close(model.hidden(parts)[:, :6], model.hidden(other)[:, :6])
    assert not torch.allclose(model.hidden(parts)[:, 6:], model.hidden(other)[:, 6:])


def test_what_is_written_is_read_before_the_next(writer):
    model, parts = writer
    told = model.write(parts[:1], 3, allowed=(4, 9))
    assert told.min() >= 4 and told.max() < 9
    for at in range(3):
        logits = model.classify(model.hidden([parts[0], told[:, :at]])[:, -1])[:, 4:9]
        assert torch.equal(logits.argmax(1) + 4, told[:, at])
    vectors = model.write(parts[:1], 2)
    torch.testing.assert_close(vectors[:, 1], model.regress(model.hidden([parts[0], vectors[:, :1]])[:, -1]))


def test_every_number_of_a_vocabulary_has_one_owner():
    words = Ranges({"text": 3, "motion": 5})
    assert words.of("text") == (0, 3) and words.of("motion") == (3, 8) and words.size == 10
    assert words.tag("motion", 2).tolist() == [[9], [9]]
    with pytest.raises(KeyError):
        words.of("sound")


# ---------------------------------------------------------------------------------------------------------------
# Gestures


@pytest.mark.parametrize("way", gesture_codes.WAYS)
def test_windows_hold_all_motion_and_as_many_numbers_either_way(way):
    felt = gestures.felt("exam")
    rows = gesture_codes.windows(felt, way)
    assert rows.shape == (20, 10, 100)
    torch.testing.assert_close(gesture_codes.unwound(rows, way), felt)
    assert len(gesture_codes.entries(way)) == 2 * gesture_codes.CODES
    with pytest.raises(ValueError, match="way must be one of"):
        gesture_codes.windows(felt, "no hand")


def test_each_hand_has_tokens_of_its_own_which_the_other_does_not_change():
    felt = gestures.felt("exam")
    codes = gesture_codes.encode(felt, "each hand")
    assert codes[:, :5].max() < gesture_codes.CODES <= codes[:, 5:].min()
    other = felt.clone()
    other[:, 1] = felt[:, 1].flip(0)
    assert torch.equal(gesture_codes.encode(other, "each hand")[:, :5], codes[:, :5])
    assert torch.equal(gesture_codes.encode(other, "each hand")[:, 5:], codes[:, 5:].flip(0))


@pytest.mark.parametrize("way", gesture_codes.WAYS)
def test_soft_motion_of_sure_tokens_is_that_of_the_tokens_and_gradients_pass(way):
    codes = gesture_codes.encode(gestures.felt("exam"), way)
    logits = (50.0 * torch.nn.functional.one_hot(codes, 2 * gesture_codes.CODES)).requires_grad_()
    torch.testing.assert_close(
        gesture_codes.soft_motion(logits, way).detach(), gesture_codes.decode(codes, way), atol=1e-4, rtol=1e-4
    )
    (gesture_codes.soft_motion(0.1 * logits, way) - gestures.felt("exam")).square().mean().backward()
    assert logits.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in gesture_codes.smoother(way).parameters())


def test_words_and_attributes_tell_the_same_and_a_word_of_another_kind_is_never_right():
    told = gestures.attributes("exam")
    words = gestures.as_words(told)
    assert torch.equal(gestures.as_attributes(words), told)
    wrong = gestures.as_attributes(words.flip(1))
    assert not ((wrong == told)[..., [0, 2]]).any()
    assert gesture_lessons.right(told, ("shape", "motion")).values == [1.0] * 80


def test_the_judge_knows_true_gestures_and_a_sound_tells_no_motion():
    assert torch.equal(gesture_codes.judge(gestures.felt("train")), gestures.attributes("train"))
    heard, told = gestures.heard("train"), gestures.attributes("train")
    same = (told[:, None, :, :2] == told[None, :, :, :2]).flatten(2).all(2)
    one, other = next((i, j) for i, j in same.triu(1).nonzero().tolist() if (told[i] != told[j]).any())
    apart = torch.cdist(heard.flatten(1), heard.flatten(1))
    assert apart[one, other] < apart[one].median()


def test_the_raw_loss_comes_on_top_of_that_of_tokens():
    torch.manual_seed(0)
    model, chosen = MixedWriter(gesture_lessons.vocabulary().size), torch.arange(8)
    given = gesture_lessons.row("text", "motion", "train", "each hand", chosen)
    asked = gesture_lessons.tokens("motion", "train", "each hand")[chosen]
    felt = gestures.felt("train")[chosen]
    plain = model.loss([*given, asked], given=3)
    values = [gesture_lessons._with_raw(model, given, asked, felt, "each hand", weight) for weight in (0.0, 1.0, 2.0)]
    torch.testing.assert_close(values[0], plain)
    torch.testing.assert_close(values[2] - values[1], values[1] - values[0])
    assert values[1] > values[0]


def test_few_pairs_are_the_first_scenes_and_no_others(monkeypatch):
    met = []
    tokens = gesture_lessons.tokens
    monkeypatch.setattr(gesture_lessons, "row", lambda *args: met.append(args[-1]) or _row(tokens, args[-1]))
    lesson = gesture_lessons.Lesson((gesture_lessons.Direction("text", "motion", 12),), 6)
    gesture_lessons._teach(MixedWriter(gesture_lessons.vocabulary().size), lesson, "each hand", 0)
    assert torch.cat(met).max() < 12


def _row(tokens, chosen):
    words = gesture_lessons.vocabulary()
    text = tokens("text", "train", "each hand")[chosen]
    return [words.tag("text", len(chosen)), text, words.tag("motion", len(chosen))]


# ---------------------------------------------------------------------------------------------------------------
# Pictures, and rendered text


def test_vectors_and_codes_are_of_the_same_pictures_and_texts():
    vectors, codes = (seen_vectors.rows("exam", way) for way in seen_vectors.WAYS)
    assert torch.equal(vectors.text, codes.text) and vectors.picture.shape == (20, 9, 128)
    assert torch.equal(
        codes.picture - seen_vectors.vocabulary().start["picture"], seen_vectors.book().encode(vectors.picture)
    )
    assert seen_vectors.writes(0, "vectors", true=True).values == [1.0] * 20
    with pytest.raises(ValueError, match="way must be one of"):
        seen_vectors.rows("exam", "pixels")


def test_rendered_sentences_are_ink_on_paper_and_differ_where_words_do():
    one, other = rendered_text.render("the red star"), rendered_text.render("the red ring")
    assert one.shape == (rendered_text.PATCHES, 132) and set(one.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(one[:4], other[:4]) and not torch.equal(one[4:6], other[4:6])
    assert one[6:].sum() == 0
    with pytest.raises(ValueError, match="at most"):
        rendered_text.render("a" * 63)


def test_a_mix_goes_on_with_what_it_names_and_labels_are_of_other_sentences():
    assert not set(rendered_text.scenes("lessons")) & set(rendered_text.scenes("train"))
    before = MixedWriter(len(rendered_text.lexicon()), 132)
    torch.manual_seed(0)
    fresh = rendered_text.pretrain(0, "nothing")
    assert not torch.equal(fresh.classify.weight, before.classify.weight)
    pixels = rendered_text.pretrain(0, "pixels")
    still = [name for name, weight in pixels.state_dict().items() if torch.equal(weight, fresh.state_dict()[name])]
    assert {"words.weight"} <= set(still) and "regress.weight" not in still
    text = rendered_text.sentences("exam")[0].split()
    named = [list(rendered_text.COLOURS).index(word) for word in text if word in rendered_text.COLOURS]
    assert rendered_text.colours("exam")[0].tolist() == named


# ---------------------------------------------------------------------------------------------------------------
# Films


@pytest.mark.parametrize("side", [6, 12])
def test_patches_of_films_go_back_to_their_places(side):
    film = small_films.films("exam")
    torch.testing.assert_close(film_codes.together(film_codes.patches(film, side), side), film)


def test_block_matching_finds_what_has_moved_and_moves_it_again():
    generator = torch.Generator().manual_seed(0)
    key = torch.rand(2, 3, 24, 24, generator=generator)
    film = torch.stack([key.roll((i // 2, -(i // 3)), (2, 3)) for i in range(8)], 1)
    found = film_codes.moves(film)
    inner = [5, 6, 9, 10]  # blocks that come from within the key frame
    for at in range(1, 8):
        assert (found[:, at - 1, inner] == torch.tensor([-(at // 3), at // 2])).all()
    again = film_codes.moved(key, found.float())
    torch.testing.assert_close(again[..., 6:18, 6:18], film[..., 6:18, 6:18])
    assert torch.equal(film_codes.moved(key, torch.zeros(2, 7, 16, 2)), key[:, None].expand(-1, 8, -1, -1, -1))


def test_both_ways_have_as_many_entries_and_the_key_frame_no_more_tokens():
    sizes = {way: (film_codes.size(way), film_codes.encode(way, "exam").shape[1]) for way in film_codes.WAYS}
    assert sizes == {"key frame": (36, 30), "frames": (36, 32)}
    codes = film_codes.encode("key frame", "exam")
    made = film_codes.decode("key frame", codes)
    assert made.shape == (20, 8, 3, 24, 24)
    other = codes.clone()
    other[:, 16:] = codes[:, 16:].flip(0)
    assert torch.equal(film_codes.decode("key frame", other)[:, 0], made[:, 0])  # motion leaves the key frame alone
    with pytest.raises(ValueError, match="way must be one of"):
        film_codes.books("tubelets")


@pytest.mark.parametrize("way", lookup_free.WAYS)
def test_tokens_without_a_code_book_hold_the_whole_film(way):
    film = small_films.films("exam")
    rows = lookup_free.rows_of(film, way)
    assert rows.shape == (20, 32, 432)
    assert torch.equal(lookup_free.film_of(rows, way), film)
    with pytest.raises(ValueError, match="way must be one of"):
        lookup_free.rows_of(film, "frames")


def test_a_token_spans_time_or_one_frame():
    film = small_films.films("exam")[:1].clone()
    later = film.clone()
    later[:, 7] += 1
    changed = {way: (lookup_free.rows_of(film, way) != lookup_free.rows_of(later, way)).any(2).sum().item()
               for way in lookup_free.WAYS}  # fmt: skip
    assert changed == {"tubelets": 16, "by frame": 4}


def test_a_number_is_the_signs_that_it_spells():
    torch.manual_seed(0)
    network = LookupFree(torch.ones(6), 4)
    rows = torch.randn(50, 6)
    codes = network.encode(rows)
    assert codes.min() >= 0 and codes.max() < 16
    signs = torch.where(network.encoder(rows - 1) > 0, 1.0, -1.0)
    torch.testing.assert_close(network.decode(codes), network.decoder(signs) + 1)
    network.loss(rows).backward()
    assert network.encoder[0].weight.grad.abs().sum() > 0  # straight through the signs


def test_what_is_masked_is_not_read_and_what_was_kept_stays(monkeypatch):
    torch.manual_seed(0)
    model = MaskedFilms().eval()
    told, codes = torch.zeros(2, 4, dtype=torch.long), torch.randint(1024, (2, 32))
    masked = torch.rand(2, 32) < 0.5
    other = torch.where(masked, 7, codes)
    torch.testing.assert_close(model(told, codes, masked), model(told, other, masked))
    states = []
    forward = model.forward
    monkeypatch.setattr(
        model, "forward", lambda *args: states.append([one.clone() for one in args[1:]]) or forward(*args)
    )
    made = model.make(told, draw=0)
    states.append([made, torch.zeros(2, 32, dtype=torch.bool)])
    for (before, hidden), (after, _) in zip(states, states[1:], strict=False):
        assert torch.equal(before[~hidden], after[~hidden])
    counts = [hidden.sum(1).tolist() for _, hidden in states]
    assert counts[0] == [32, 32] and counts[-2][0] > 0 and counts == sorted(counts, reverse=True)
    assert torch.equal(made, model.make(told, draw=0))


def test_the_control_holds_what_was_told_of_another_film_against_each_truth():
    told = small_films.attributes("exam")
    assert small_films.right(told, ("motion",)).values == [1.0] * 20
    rolled = torch.stack([told.roll(by, 0)[:, 3] == told[:, 3] for by in (1, 2, 3, 4)]).float().mean(0)
    assert small_films.right(told, ("motion",), another=True).values == rolled.tolist()


def test_one_cheap_run_of_every_arm():
    for claim in motion_codes.claims():
        assert set(every_arm(claim, least=20)) == set(claim.arms)
