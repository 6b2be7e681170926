"""What worksheet 1 stands on: reading by hand, ten made-up people, stories, a folder to practise on."""

import random
from collections import Counter

import pytest
import standins
import torch
from PIL import Image

from labs.data import records
from labs.evaluation import heldout
from labs.evaluation.exam import Item
from labs.evaluation.vqa import NUMBERS, vqa_accuracy, written_alike
from labs.models import catalog
from labs.models.chat import answer, message
from labs.models.entry import Loaded
from labs.models.messages import ConversationError
from labs.teaching import lab1_exam, lab1_own, lab1_stories
from labs.teaching.exercises.lab1.greedy import greedy
from labs.teaching.exercises.lab1.story_order import story_order
from labs.teaching.lab1_reading import ends, generated, reading

STORY = heldout.stories(1, seed=3)[0]
FRAMES = [heldout.draw(scene) for scene in STORY.scenes]


@pytest.fixture(scope="module", params=["generative", "multimodal"])
def mini(request):
    return catalog.load(request.param, "mini")


def test_greedy_decoding_by_hand_is_what_the_library_does(mini):
    messages = [message("Tell the story.", 5)]
    ids, read = reading(mini, messages, FRAMES)
    new = greedy(read, ids, ends(mini), 60)
    assert new == generated(mini, messages, FRAMES, 60)
    assert new[-1] in ends(mini) and len(new) > 20
    assert mini.processor.decode(new, skip_special_tokens=True).startswith("Once there was a")


@pytest.mark.parametrize("family, key, pictures", [("idefics3", "multimodal", 5), ("llava_next", "multimodal", 2),
                                                   ("git", "generative", 1)])  # fmt: skip
def test_it_is_on_families_of_the_real_profiles(family, key, pictures):
    standin = getattr(standins, family)()
    profile = "full" if family == "llava_next" else "colab"
    loaded = Loaded(catalog.find(key, profile), standin.model, standin.processor)
    messages = [message("What colour is the star?", pictures)]
    ids, read = reading(loaded, messages, FRAMES[:pictures])
    assert read(ids).shape[0] == len(ids)
    assert greedy(read, ids, ends(loaded), 6) == generated(loaded, messages, FRAMES[:pictures], 6)


def test_reading_looks_at_the_pictures(mini):
    (ids, one), (_, other) = (reading(mini, [message("Where is it?")], [picture]) for picture in FRAMES[:2])
    assert not torch.allclose(one(ids)[-1], other(ids)[-1])


def test_ten_people_mostly_mean_the_truth_and_write_it_in_ways_of_their_own():
    rng = random.Random(0)
    said = [lab1_exam.ten_people("two", ["three", "one"], rng) for _ in range(300)]
    assert {len(people) for people in said} == {10}
    meant = Counter(written_alike(answer) for people in said for answer in people)
    assert 0.82 < meant[str(NUMBERS["two"])] / 3000 < 0.88 and set(meant) == {"1", "2", "3"}
    assert {"two", "2", "Two", "two."} <= {answer for people in said for answer in people}
    assert lab1_exam.ten_people("yes", [], rng)[0].lower().startswith("yes")


def test_the_exam_knows_nothing_of_the_questions_that_it_asks(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_PROFILE", "mini")
    exam = lab1_exam.asked(tmp_path, 72, count=10)
    again = lab1_exam.asked(tmp_path, 72, count=10)
    assert exam.items == again.items and len(exam.pictures) == 10
    assert all(len(item.accepted) == 10 and 0 <= item.picture < 10 for item in exam.items)
    assert {item.kind for item in exam.items} <= {kind for kind, _ in exam.known}
    assert lab1_exam.kind_of("How many stars are there?") == "how many"


def test_a_story_is_told_by_whom_can_and_captions_by_whom_cannot(monkeypatch):
    told = lab1_stories.tell_all(catalog.load("multimodal", "mini"), [FRAMES, FRAMES[:3]], 4)
    assert len(told) == 2 and len(told[0]) == 5 and told[0][0].startswith("Once")
    assert all(sentence.count(".") == 1 for one in told for sentence in one)  # of three pictures, too
    standin = standins.git()
    git = Loaded(catalog.find("generative", "colab"), standin.model, standin.processor)
    with pytest.raises(ConversationError):
        reading(git, [message("Tell the story.", 5)], FRAMES)
    monkeypatch.setattr(lab1_stories, "CAPTION", 3)
    assert [len(one) for one in lab1_stories.tell_all(git, [FRAMES], 4)] == [5]


def test_git_tells_stories_with_its_cache_as_it_does_without():
    loaded = catalog.load("generative", "mini")
    albums = [[heldout.draw(scene) for scene in one.scenes] for one in heldout.stories(3, seed=4)]
    albums[1] = albums[1][:4]
    alone = [answer(loaded, album, "Tell the story.", max_new_tokens=80) for album in albums]
    told = lab1_stories.tell_all(loaded, albums, 2)
    assert [" ".join(one) for one in told] == alone


def test_events_are_compared_word_for_word_only_where_the_wording_is_known(monkeypatch):
    for profile, free in (("mini", False), ("colab", True)):
        monkeypatch.setenv("LABS_PROFILE", profile)
        assert lab1_stories.same_event("it turned blue", "It turned blue.")
        assert lab1_stories.same_event("Then it all turned blue.", "It turned blue.") is free
        assert not lab1_stories.same_event("", "It turned blue.")
        assert not lab1_stories.same_event("It turned red.", "It turned blue.")
        assert not lab1_stories.same_event("The dog ran along.", "It ran along.")


@pytest.mark.parametrize("profile", ["mini", "colab"])
def test_what_is_taken_for_the_same_event_makes_no_order_where_there_is_none(profile, monkeypatch):
    monkeypatch.setenv("LABS_PROFILE", profile)
    rng, found = random.Random(0), []
    for story in heldout.stories(400, seed=9):
        told = rng.sample(story.sentences(), 5)
        found.append(story_order(told, story.sentences(), lab1_stories.same_event))
    assert all(one["named"] == 1 for one in found)
    assert abs(sum(one["ordered"] for one in found) / len(found) - 0.5) < 0.03


def test_a_person_is_judged_by_the_other_nine():
    item = Item(0, "", "", "red", ("red",) * 7 + ("pink", "blue"))
    assert lab1_exam.person(item, vqa_accuracy) == pytest.approx(0.8)


def test_shares_of_pairs_become_a_score_for_each_pair():
    assert lab1_stories.pairs_of([1.0, 0.3], 10) == ([1.0] * 13 + [0.0] * 7, [0] * 10 + [1] * 10)


def test_a_photograph_is_strange_and_a_scene_is_not():
    noise = Image.effect_noise((90, 90), 90).convert("RGB")
    assert lab1_own.strange([[FRAMES[0]], [lambda: noise], FRAMES[1]]) == 1


def test_an_interval_over_what_is_not_independent_holds_too_seldom():
    rng = random.Random(0)
    scores = [score for _ in range(200) for score in [float(rng.random() < 0.6)] * 10]
    stories = [place // 10 for place in range(2000)]
    assert lab1_stories.covered(scores, stories, stories, times=100) > 0.9
    assert lab1_stories.covered(scores, stories, list(range(2000)), times=100) < 0.6


def test_a_folder_to_practise_on_is_accepted_and_knows_its_copy(tmp_path):
    entries = lab1_own.example(tmp_path, 72)
    kept = records.read(lab1_own.save(entries, tmp_path))
    assert len(kept) == 15 and len(set(kept.keys.shown.tolist())) == 4
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "again.png").read_bytes()
