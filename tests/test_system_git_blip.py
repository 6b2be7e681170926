"""GIT and BLIP: what is told and what is labelled, the library's own losses and generation, the web and its filter."""

import random
from collections import Counter

import pytest
import torch
from small_runs import every_arm, small

from labs.models.tokens import ASSISTANT, END, USER
from labs.systems import git_blip
from labs.systems.parts import capfilt, web
from labs.systems.parts.git_text import mini_git, text_logits, told_exactly, write
from labs.systems.parts.lexicon import CLS, DECODE, PAD
from labs.systems.parts.lexicon import END as ENDED
from labs.systems.parts.med import NUCLEUS, Med, draw
from labs.systems.parts.objectives import IGNORE, next_word
from labs.systems.parts.web import true_pairs, words_right
from labs.world import thermal_camera

SEED = 6  # of scenes that no claim asks about
SMALL = {"web": 96, "people": 16, "heldout": 12}
CACHED = (
    git_blip.exam, git_blip.readings, git_blip.tuned, git_blip.read_thermal,
    capfilt.captioner_and_filter, capfilt.bootstrapped, capfilt.describe, web.true_pairs,
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def cheap():
    """Few pictures and few steps."""
    tasks = {"captions": 4, "questions": 3, "stories": 5}
    few = {
        git_blip: {"TASKS": tasks, "READINGS": 8, "TESTED": 6, "TUNING": 2, "READ_AT_ONCE": 4},
        web: {"COUNTS": SMALL},
        capfilt: {"STEPS": 3, "FINE_STEPS": 2, "BATCH": 8},
    }
    with small(CACHED, few):
        yield


@pytest.fixture(scope="module")
def untrained():
    torch.manual_seed(0)
    return Med(web.lexicon()).eval()


# ---------------------------------------------------------------------------------------------------------------
# The claims


def test_an_arm_of_every_claim_measures_the_same_items():
    for claim in git_blip.claims():
        assert all(0 <= value <= 1 for one in every_arm(claim).values() for value in one.values)


def test_a_seed_draws_the_same_held_out_scenes_again_and_another_seed_others():
    shown = {seed: git_blip.exam("captions", seed)[0] for seed in (0, 1)}
    git_blip.exam.cache_clear()
    assert torch.equal(shown[0], git_blip.exam("captions", 0)[0]) and not torch.equal(shown[0], shown[1])


# ---------------------------------------------------------------------------------------------------------------
# Text after pictures


@pytest.mark.parametrize("start", git_blip.STARTS)
def test_a_start_has_just_the_weights_that_it_names(start):
    weights, trained = git_blip.build(start, 0).state_dict(), mini_git().model.state_dict()
    same = {name for name in trained if torch.equal(weights[name], trained[name])}
    eyes = {name for name in trained if name.startswith("git.image_encoder.")}
    if start == "mini-git":
        assert same == set(trained) and weights.keys() == trained.keys()
    else:
        assert (eyes <= same) == (start == "mini-git's eyes") and "git.embeddings.word_embeddings.weight" not in same
    assert git_blip.build(start, 0) is not mini_git().model


def test_the_seed_draws_all_that_is_not_pre_trained():
    one, same, other = (git_blip.build("nothing", seed).output.weight for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
    with pytest.raises(ValueError, match="start must be one of"):
        git_blip.build("everything", 0)


def test_only_answers_are_labelled():
    tokenizer = mini_git().processor.tokenizer
    ids, labels = write([[("where is it?", "top left"), ("which colour?", "red")], [("how many?", "two")]])
    assert tokenizer.decode(ids[0]) == (
        f"{USER}where is it?{ASSISTANT}top left{END}{USER}which colour?{ASSISTANT}red{END}"
    )
    assert tokenizer.decode(labels[0][labels[0] != IGNORE]) == f"top left{END}red{END}"
    assert tokenizer.decode(labels[1][labels[1] != IGNORE]) == f"two{END}"
    assert (ids[1] == tokenizer.pad_token_id).sum() == ids.shape[1] - len(
        tokenizer("<user>how many?<assistant>two</s>")["input_ids"]
    )
    assert torch.equal(ids[labels != IGNORE], labels[labels != IGNORE])


@pytest.fixture(scope="module")
def shown():
    """Pictures and the texts about them, of five pictures each and of one."""
    return {
        task: (pixels[about], text) for task in git_blip.TASKS for pixels, about, text in [git_blip.exam(task, SEED)]
    }


@pytest.mark.parametrize("task", ["captions", "stories"])
def test_no_token_sees_what_follows_nor_what_fills_up(shown, task):
    pixels, (ids, _) = shown[task]
    half, other = ids.shape[1] // 2, ids.clone()
    other[:, half:] = mini_git().processor.tokenizer.pad_token_id
    with torch.no_grad():
        logits = text_logits(mini_git().model, pixels, ids)
        torch.testing.assert_close(text_logits(mini_git().model, pixels, other)[:, :half], logits[:, :half])
        shorter = text_logits(mini_git().model, pixels, ids[:, :half])
        turned = text_logits(mini_git().model, pixels.roll(1, 0), ids)
    torch.testing.assert_close(shorter, logits[:, :half], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(turned, logits, atol=0.1)


@pytest.mark.parametrize("task", ["captions", "questions", "stories"])
def test_told_exactly_is_what_the_library_generates(shown, task):
    """With the true pictures and with others, so that both answers occur."""
    tokenizer, model, found = mini_git().processor.tokenizer, mini_git().model, []
    pixels, text = shown[task]
    for seen in (pixels, pixels.roll(1, 0)):
        for i, told in enumerate(told_exactly(model, seen, text).tolist()):
            answer = text.labels[i][text.labels[i] != IGNORE]
            question = text.ids[i, : int((text.labels[i] != IGNORE).nonzero()[0])]
            made = model.generate(
                input_ids=question[None],
                pixel_values=seen[i : i + 1],
                max_new_tokens=len(answer),
                do_sample=False,
                use_cache=task == "stories",  # the library's cache takes every text for one about five pictures
            )[0, len(question) :]
            assert told == (made.tolist() == answer.tolist()), tokenizer.decode(made)
            found.append(told)
    assert True in found and False in found


def test_the_loss_is_the_librarys_for_five_pictures_but_not_for_one(shown):
    model = mini_git().model
    with torch.no_grad():
        pixels, (ids, labels) = shown["stories"]
        ours = next_word(text_logits(model, pixels, ids), labels)
        assert ours.item() == pytest.approx(model(ids, pixel_values=pixels, labels=labels).loss.item(), rel=1e-4)
        pixels, (ids, labels) = shown["captions"]
        with pytest.raises(ValueError, match="batch_size"):  # five pictures' tokens are cut off where there is one's
            model(ids, pixel_values=pixels, labels=labels)


# ---------------------------------------------------------------------------------------------------------------
# Reading a thermal camera


@pytest.mark.parametrize("blind", [False, True])
def test_the_blind_are_shown_other_scenes_and_all_others_their_own(blind, monkeypatch):
    asked, pixels_shown = [], []

    def note(model, pixels, ids):
        pixels_shown.append(pixels)
        return text_logits(model, pixels, ids)

    monkeypatch.setattr(git_blip, "write", lambda turns: asked.append(turns) or write(turns))
    monkeypatch.setattr(git_blip, "text_logits", note)
    git_blip.tuned.__wrapped__("nothing", 0, blind)
    pixels, found = git_blip.readings("train", git_blip.READINGS)
    for turns, seen in zip(asked, pixels_shown, strict=True):
        for conversation, picture in zip(turns, seen, strict=True):
            own = [i for i, one in enumerate(found) if set(conversation) <= set(one.asked.values())]
            assert any(torch.equal(picture, pixels[i]) for i in own) != blind
            assert len(conversation) == len(set(conversation)) == 2


def test_no_place_is_right_more_often_than_chance(monkeypatch):
    """So that whoever does not look reads at chance; pictures take long to draw."""
    monkeypatch.setattr(thermal_camera.thermal, "temperature_map", lambda scene, size: None)
    monkeypatch.setattr(thermal_camera.thermal, "as_picture", lambda degrees: None)
    rng = random.Random(0)
    found = [thermal_camera.sample_reading(rng, "heldout") for _ in range(1000)]
    answers = Counter(one.asked[kind][1] for one in found for kind in git_blip.TUNED_FOR)
    assert len(answers) == 9 and max(answers.values()) / answers.total() < 1 / 9 + 0.03


# ---------------------------------------------------------------------------------------------------------------
# MED


def test_reading_sees_all_words_and_writing_those_before(untrained):
    regions, captions = true_pairs("heldout")
    other = captions.clone()
    other[:, -2] = captions[:, -2].roll(1)
    changed = (other != captions).any(1)
    with torch.no_grad():
        hidden = [
            untrained.text.bert(input_ids=words, encoder_hidden_states=regions, is_decoder=False).last_hidden_state
            for words in (captions, other)
        ]
        read = [untrained.read(regions, words) for words in (captions, other)]
        written = [untrained.follow(regions, words) for words in (captions, other)]
    assert changed.any()
    assert ((hidden[0] - hidden[1])[changed, 1].abs().amax(-1) > 1e-4).all()
    assert ((read[0] - read[1])[changed].abs().amax(-1) > 1e-6).all()
    torch.testing.assert_close(written[0][:, :-2], written[1][:, :-2])
    assert not torch.allclose(written[0][changed, -2:], written[1][changed, -2:])


def test_both_see_the_regions_and_neither_what_fills_up(untrained):
    regions, captions = true_pairs("heldout")
    longer = torch.cat([captions, torch.full((len(captions), 3), PAD)], dim=1)
    with torch.no_grad():
        for seen, length in ((untrained.read, None), (untrained.follow, captions.shape[1])):
            torch.testing.assert_close(seen(regions, longer)[:, :length], seen(regions, captions), rtol=1e-4, atol=1e-5)
            assert not torch.allclose(seen(regions.roll(1, 0), captions), seen(regions, captions), atol=1e-5)


def test_the_loss_of_writing_is_that_of_blip(untrained):
    regions, captions = true_pairs("heldout")
    captions = torch.cat([captions, torch.full((len(captions), 2), PAD)], dim=1)
    told = captions.masked_fill(captions == CLS, DECODE)
    with torch.no_grad():
        theirs = untrained.text(
            input_ids=told, attention_mask=(told != PAD).long(), encoder_hidden_states=regions,
            labels=told.masked_fill(told == PAD, IGNORE), reduction="mean",
        ).loss  # fmt: skip
        ours = untrained.writing_loss(regions, captions)
    assert untrained.text.label_smoothing == 0 and ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_reading_asks_of_half_the_pairs_whether_they_fit(untrained, monkeypatch):
    asked = []
    monkeypatch.setattr(
        untrained, "read", lambda regions, captions: asked.append(captions) or torch.zeros(len(captions), 2)
    )
    regions, captions = true_pairs("web")
    loss = untrained.reading_loss(regions, captions, torch.Generator().manual_seed(0))
    own = (asked[0] == captions).all(1)
    assert 0.3 < own.float().mean() < 0.7 and loss.item() == pytest.approx(torch.tensor(2.0).log().item())


def test_what_is_written_stops_at_its_end(untrained, monkeypatch):
    regions, vocabulary = true_pairs("heldout").regions, len(web.lexicon())

    def follow(regions, told):  # the first picture's caption ends after two words, the others' never
        logits = torch.zeros(*told.shape, vocabulary)
        logits[..., 7] = 1.0
        logits[0, 2:, ENDED] = 2.0
        return logits

    monkeypatch.setattr(untrained, "follow", follow)
    told = untrained.write(regions, 7)
    assert told[0].tolist() == [CLS, 7, 7, ENDED, PAD, PAD, PAD]
    assert (told[1:] == torch.tensor([CLS] + 6 * [7])).all()


def test_words_are_drawn_from_the_nucleus_alone():
    chances = torch.tensor([0.05, 0.5, 0.06, 0.35, 0.04])  # 0.85 of the likelier two, so that a third is needed
    drawn = draw(chances.log().expand(4000, -1), torch.Generator().manual_seed(0))
    shares = drawn.bincount(minlength=5) / 4000
    torch.testing.assert_close(shares, chances * torch.tensor([0.0, 1, 1, 1, 0]) / 0.91, rtol=0, atol=0.03)
    assert NUCLEUS == 0.9 and (shares[[0, 4]] == 0).all()
    sure = draw(torch.tensor([[0.0, 9.0, 0.0]]).expand(50, -1), torch.Generator().manual_seed(0))
    assert (sure == 1).all()


# ---------------------------------------------------------------------------------------------------------------
# The web and its filter


def test_a_web_has_as_many_wrong_captions_as_it_is_told():
    regions, captions = true_pairs("web")
    assert torch.equal(web.web(0, share=0.0).captions, captions) and not web.wrong_on_web(0, share=0.0).any()
    found, wrong = web.web(0), web.wrong_on_web(0)
    assert torch.equal(found.regions, regions) and 0.3 < wrong.float().mean() < 0.7
    assert torch.equal(found.captions[~wrong], captions[~wrong])
    differs = (found.captions != captions).any(1)
    assert differs[wrong].float().mean() > 0.9  # two pictures may have one caption
    for one in (found, web.web(0, share=1.0)):  # nothing but the pairing is noisy
        assert sorted(one.captions.tolist()) == sorted(captions.tolist())
    assert web.wrong_on_web(0, share=1.0).all() and not torch.equal(wrong, web.wrong_on_web(1))


def test_wrong_captions_tell_by_chance_what_is_there(monkeypatch):
    monkeypatch.setattr(web, "COUNTS", SMALL | {"web": 300})
    web.true_pairs.cache_clear()
    lucky = words_right(web.web(0, share=1.0).captions, true_pairs("web").captions)
    web.true_pairs.cache_clear()
    assert lucky.mean().item() == pytest.approx(1 / 8, abs=0.04)


def test_words_right_counts_colours_and_shapes_in_their_places():
    true = web.lexicon().write(["a red circle and a blue star"])
    told = {
        "a red circle and a blue star": 1.0, "a red star and a blue circle": 0.5, "a blue star and a red circle": 0.0,
        "an red circle a a blue star": 1.0, "a red circle": 0.5, "a red red and a star star": 0.5,
    }  # fmt: skip
    for text, right in told.items():
        row = web.lexicon().write([text])
        row = torch.nn.functional.pad(row, (0, true.shape[1] - row.shape[1]), value=PAD)
        assert words_right(row, true).item() == right, text


def test_held_out_pictures_are_not_among_those_learned_from():
    sets = [{tuple(row) for row in true_pairs(name).captions.tolist()} for name in ("web", "people", "heldout")]
    assert not (sets[0] | sets[1]) & sets[2] and all(len(true_pairs(name).captions) == SMALL[name] for name in SMALL)


class Judge(Med):
    """Finds that a pair fits if the number of its first colour is even."""

    def __init__(self):
        super().__init__(web.lexicon())

    def read(self, regions, captions):
        fits = (captions[:, 2] % 2 == 0).float()
        return torch.stack([1 - fits, fits], dim=1)


def test_what_fits_is_what_the_judge_says():
    pairs = web.web(0)
    kept, even = capfilt.fitting(Judge(), pairs), pairs.captions[:, 2] % 2 == 0
    assert torch.equal(kept.captions, pairs.captions[even]) and torch.equal(kept.regions, pairs.regions[even])
    assert 0 < len(kept.captions) < len(pairs.captions)


def test_rewriting_adds_a_caption_to_every_picture_and_filtering_takes_some_away(monkeypatch):
    found = web.web(0)
    rewritten = capfilt.bootstrapped(0, rewritten=True, filtered=False)
    count = len(found.captions)
    assert torch.equal(rewritten.captions[:count], found.captions) and len(rewritten.captions) == 2 * count
    assert torch.equal(rewritten.regions[:count], rewritten.regions[count:])
    monkeypatch.setattr(capfilt, "captioner_and_filter", lambda seed: (None, Judge()))
    capfilt.bootstrapped.cache_clear()
    filtered = capfilt.bootstrapped(0, rewritten=False, filtered=True)
    capfilt.bootstrapped.cache_clear()
    assert torch.equal(filtered.captions, capfilt.fitting(Judge(), found).captions)


def test_fine_tuning_leaves_its_start_as_it_was_and_trains_only_what_it_is_asked_to(untrained):
    before = {name: value.clone() for name, value in untrained.state_dict().items()}
    writer = capfilt.train_med(true_pairs("people"), 0, 2, start=untrained)
    assert all(torch.equal(before[name], value) for name, value in untrained.state_dict().items())
    reader = capfilt.train_med(true_pairs("people"), 0, 2, reads=True, writes=False, start=untrained)
    assert torch.equal(writer.head.weight, untrained.head.weight)
    assert not torch.equal(reader.head.weight, untrained.head.weight)
    assert not torch.equal(
        writer.text.bert.embeddings.word_embeddings.weight, before["text.bert.embeddings.word_embeddings.weight"]
    )


def test_shapes_are_enforced(untrained):
    pairs = true_pairs("people")
    with pytest.raises(Exception, match="text_logits"):
        text_logits(mini_git().model, torch.zeros(1, 3, 64, 64), torch.zeros(1, 4, dtype=torch.long))
    with pytest.raises(Exception, match="read"):
        untrained.read(torch.zeros(2, 9, 128), pairs.captions[:2])
    with pytest.raises(Exception, match="words_right"):
        words_right(pairs.captions.float(), pairs.captions)
