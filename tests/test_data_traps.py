"""What notebook 02_1 shows of data: records in the formats of real sets, priors, noise, doubles, facts in captions."""

import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from labs.evaluation.exam import Item
from labs.systems.parts import doubles, facts, noise, priors
from labs.teaching import formats
from labs.teaching.boxes import corners, iou, with_boxes
from labs.teaching.noise_view import histogram
from labs.teaching.sensor_view import sensors
from labs.world import regions, splits
from labs.world.captions import STYLES, caption
from labs.world.picture import draw
from labs.world.questions import ask
from labs.world.scene import Scene, Thing

SCENES = [splits.sample(random.Random(seed), count=1 + seed % 4) for seed in range(24)]


# ---------------------------------------------------------------------------------------------------------------
# Records


def test_boxes_of_a_record_are_those_of_the_world_whichever_way_they_are_written():
    for scene in SCENES:
        records = formats.regions(scene, 200)
        assert [corners(one) for one in records] == [tuple(box) for box in regions.boxes(scene, 200).tolist()]


def test_overlap_of_boxes():
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (20, 20, 30, 30)) == 0
    assert iou((0, 0, 10, 10), (8, 8, 3, 3)) == 0  # an empty box: its corners are the wrong way round


def test_most_of_ten_people_say_what_is_true():
    records = [formats.question(scene, random.Random(0), "existence") for scene in SCENES]
    true = [ask(scene, random.Random(0), "existence").answer for scene in SCENES]
    assert [one["multiple_choice_answer"] for one in records] == true
    said = [[answer["answer"] for answer in one["answers"]] for one in records]
    assert all(len(people) == formats.PEOPLE for people in said) and any(len(set(people)) == 2 for people in said)


def test_a_question_that_a_scene_does_not_offer_is_refused():
    with pytest.raises(ValueError, match="offers no question about 'relation'"):
        formats.question(SCENES[0], random.Random(0), "relation")


def test_each_picture_of_a_page_stands_beside_its_nearest_sentence():
    page = formats.page(["one", "two", "three"], np.array([[0.1, 0.9, 0.2], [0.3, 0.1, 0.4]]))
    assert [image["matched_text_index"] for image in page["image_info"]] == [1, 2]
    assert page["image_info"][0]["matched_sim"] == 0.9


def test_other_senses_have_a_label_or_words_for_each_thing():
    scene = SCENES[3]
    assert len(formats.sound(scene)["caption_1"].split(", then ")) == len(scene.things)
    felt = formats.motion(scene)
    assert felt["windows"].shape == (len(scene.things), 100, 6)
    assert felt["labels"] == [thing.motion for thing in scene.things]
    assert formats.points(scene, 64)["cloud"].shape == (64, 6)


def test_the_figures_are_drawn():
    scene = SCENES[3]
    felt, cloud = formats.motion(scene), formats.points(scene, 64)
    for figure in (with_boxes(scene, formats.regions(scene, 200)), histogram([0.9, 0.8], [0.1], 0.5),
                   sensors(felt["windows"][0], felt["labels"][0], cloud["cloud"])):  # fmt: skip
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()


def test_the_histogram_counts_what_passes():
    assert histogram([0.9], [0.1, 0.6, 0.7], 0.5).axes[0].get_title(loc="left").startswith("2 of 3")


# ---------------------------------------------------------------------------------------------------------------
# Priors


def items(*answers, kind="existence"):
    return [Item(number, kind, f"question {number}", answer) for number, answer in enumerate(answers)]


def test_the_most_frequent_answer_is_taken_of_each_type():
    known = items("yes", "no", "yes") + items("left", "top", "left", kind="place")
    assert priors.most_frequent(known, [known[1], known[4]]) == ["yes", "left"]


def test_words_that_decide_the_answer_are_learned_and_unknown_ones_do_no_harm():
    known = [Item(i, "any", f"Is it {word} now?", answer) for i in range(20)
             for word, answer in (("warm", "yes"), ("cold", "no"))]  # fmt: skip
    asked = [Item(0, "any", "Is it cold, at all?", "no"), Item(1, "any", "Warm now?", "yes")]
    assert priors.bag_of_words(known, asked) == ["no", "yes"]


def test_the_nearest_picture_answers_only_a_question_that_was_asked_about_it():
    known = [Item(0, "colour", "What colour?", "red"), Item(1, "colour", "What colour?", "blue"),
             Item(2, "colour", "Which hue?", "green"), Item(2, "colour", "Which tint?", "green")]  # fmt: skip
    alike = torch.tensor([[0.2, 0.9, 0.99]])
    asked = [Item(0, "colour", "What colour?", "blue"), Item(0, "colour", "Never asked?", "red")]
    assert priors.nearest_double(alike, known, asked) == ["blue", "green"]


def test_balancing_leaves_each_answer_equally_often_and_skewing_leaves_the_usual_one():
    many = items(*["yes"] * 8, *["no"] * 3)
    assert sorted(item.answer for item in priors.balanced(many, random.Random(0))) == ["no"] * 3 + ["yes"] * 3
    assert {item.answer for item in priors.skewed(many, 0.0, random.Random(0))} == {"yes"}
    assert len(priors.skewed(many, 1.0, random.Random(0))) == 11


def test_what_is_known_comes_from_training_scenes_and_accuracy_counts_the_chosen_pictures():
    scenes, known = priors.known_questions(20)
    assert not any(map(splits.is_held_out, scenes)) and {item.picture for item in known} == set(range(20))
    right = [item.answer for item in known]
    assert priors.accuracy(right, known).mean == 1
    right[0] = "nonsense"
    assert priors.accuracy(right, known, {known[0].picture}).mean < 1 == priors.accuracy(right, known, {19}).mean


# ---------------------------------------------------------------------------------------------------------------
# Noise


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 1.0])
def test_a_share_of_the_captions_is_exchanged_and_all_are_still_there(share):
    whose = noise.exchanged(50, share, random.Random(0))
    assert sorted(whose) == list(range(50))
    assert sum(place != other for place, other in enumerate(whose)) == round(50 * share)


def test_a_share_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="share must be from 0 to 1"):
        noise.exchanged(50, 1.2, random.Random(0))


def test_one_wrong_word_is_one_and_alt_texts_are_of_many_kinds():
    rng = random.Random(0)
    for scene in SCENES:
        words, wrong = caption(scene, "tags").split(), noise.one_word_wrong(scene, rng).split()
        assert sum(a != b for a, b in zip(words, wrong, strict=True)) == 1
    texts = [noise.alt_text(scene, rng) for scene in SCENES * 4]
    assert len({facts.frame(text) for text in texts}) > 10 and any("IMG" in text for text in texts)


def test_precision_and_recall_by_hand():
    kept, true = torch.tensor([True, True, False, False]), torch.tensor([True, False, True, True])
    assert noise.filtered(kept, true) == (1 / 2, 1 / 3)
    assert noise.filtered(torch.zeros(4, dtype=torch.bool), true) == (0, 0)


def test_mini_clip_finds_a_pictures_own_caption():
    scenes = [scene for scene in SCENES if len(scene.things) == 3]
    alike = noise.similarity(scenes, [caption(scene, "plain") for scene in scenes])
    assert (alike.argmax(1) == torch.arange(len(scenes))).all() and alike.abs().max() <= 1 + 1e-5
    scores, true = noise.paired(alike, 1.0, random.Random(0))
    assert not true.any() and (scores < alike.diagonal()).float().mean() > 0.9


# ---------------------------------------------------------------------------------------------------------------
# Doubles


def test_a_picture_that_is_saved_anew_differs_in_bytes_and_is_found_by_its_look():
    pictures = [draw(scene) for scene in SCENES]
    again = [doubles.saved_anew(picture, random.Random(i)) for i, picture in enumerate(pictures)]
    assert all(a.tobytes() != b.tobytes() and a.size == b.size for a, b in zip(pictures, again, strict=True))
    for compare in (doubles.vectors_alike, doubles.hashes_alike):
        alike = compare(again, pictures)
        assert (alike.argmax(1) == torch.arange(len(pictures))).float().mean() > 0.9


def test_a_picture_is_like_itself():
    pictures = [draw(scene) for scene in SCENES[:4]]
    for compare in (doubles.vectors_alike, doubles.hashes_alike):
        torch.testing.assert_close(compare(pictures, pictures).diagonal(), torch.ones(4))


def test_the_limit_leaves_out_each_pictures_likeness_with_itself():
    alike = torch.full((40, 40), 0.5).fill_diagonal_(1.0)
    assert doubles.nearest_among(alike) == 0.5


def test_doubles_bring_the_questions_of_their_picture_and_fresh_pictures_are_held_out():
    leaky = doubles.leaky_test(known=30, fresh=6, leaked=3)
    assert leaky.double_of[:6] == [None] * 6 and len(leaky.pictures) == len(leaky.double_of) == 9
    for number, place in list(enumerate(leaky.double_of))[6:]:
        theirs = [(item.question, item.answer) for item in leaky.known if item.picture == place]
        assert theirs == [(item.question, item.answer) for item in leaky.asked if item.picture == number]


# ---------------------------------------------------------------------------------------------------------------
# Facts


def test_every_style_of_caption_states_what_is_there():
    for scene in SCENES:
        assert all(facts.stated(caption(scene, style)) == facts.there(scene) for style in STYLES)


def test_a_summary_by_hand():
    thing = Thing("circle", "red", "big", 0.5, 0.5)
    scenes = [Scene((thing,)), Scene((thing, replace(thing, shape="star", x=0.1)))]
    found = facts.summed_up(["a red circle, hot", "blue star"], scenes)
    assert found == facts.Summary(true=0.5, told=0.5, frames=2, words=6, warmth=1)


def test_a_frame_has_no_facts_left():
    assert facts.frame("A big red circle is at the bottom left.") == "a <size> <colour> <shape> is at the <place>."
    assert facts.frame("IMG_1234.jpg") == facts.frame("IMG_77.jpg")
