"""Each shipped checkpoint opens with the library alone, is what its card says, and does what its card says."""

import hashlib
import json
import random
import re

import pytest
import torch
from transformers import AutoConfig, AutoProcessor, AutoTokenizer

import labs
from labs.evaluation import heldout
from labs.evaluation.answering import answers
from labs.evaluation.metrics import exact_match, told_events
from labs.models import catalog, chat
from labs.models.pixels import to_pixels
from labs.world import splits
from labs.world.grammar import phrase
from labs.world.picture import draw
from labs.world.vocabulary import COLOURS, SHAPES

DATA = labs.home() / "data"
CARDS = json.loads((DATA / "cards.json").read_text())
SLACK = 0.10  # a sample of a card's items may be so much below the card


@pytest.fixture(scope="module", params=["generative", "multimodal"])
def answering(request):
    return request.param, catalog.load(request.param)


def test_there_is_a_card_for_every_role():
    assert set(CARDS) == set(catalog.MINI)


def test_all_checkpoints_and_finished_runs_together_are_small():
    files = [file for folder in ("checkpoints", "finished") for file in (DATA / folder).rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 25e6


@pytest.mark.parametrize("role", sorted(catalog.MINI))
def test_the_library_alone_opens_it(role):
    folder = DATA / "checkpoints" / catalog.find(role).name
    assert AutoConfig.from_pretrained(folder).architectures == [catalog.find(role).model_class]
    opener = AutoTokenizer if role == "language" else AutoProcessor
    assert opener.from_pretrained(folder) is not None
    assert not list(folder.glob("*.py")) and not list(folder.glob("*.bin"))


def test_the_page_about_the_data_has_the_true_checksums():
    text = (DATA / "README.md").read_text(encoding="utf-8")
    files = sorted((DATA / "checkpoints").rglob("*.safetensors"))
    assert len(files) == len(CARDS)
    for file in files:
        assert hashlib.sha256(file.read_bytes()).hexdigest() in text, file


def test_the_dual_encoder_names_held_out_things():
    loaded = catalog.load("dual_encoder")
    rng = random.Random("held-out singles")
    scenes = [splits.sample(rng, "heldout", count=1) for _ in range(100)]
    names = [(c, s) for c in COLOURS for s in SHAPES]
    texts = [phrase("en", shape, colour, article="a") for colour, shape in names]
    inputs = loaded.processor(text=texts, images=[draw(s) for s in scenes], return_tensors="pt", padding=True)
    with torch.no_grad():
        best = loaded.model(**inputs).logits_per_image.argmax(1).tolist()
    truth = [names.index((scene.things[0].colour, scene.things[0].shape)) for scene in scenes]
    right = sum(a == b for a, b in zip(best, truth, strict=True)) / len(scenes)
    assert right > CARDS["dual_encoder"]["zero_shot"]["mean"] - SLACK


def test_it_reaches_its_card_on_a_sample_and_needs_the_picture(answering):
    role, loaded = answering
    scenes, items = heldout.questions(30 if role == "multimodal" else 10, seed=3)
    pictures = [draw(scene) for scene in scenes]
    scores = {}
    for name, seen in (("right", pictures), ("blank", heldout.blank(pictures))):
        told = answers(loaded, [[seen[item.picture]] for item in items], [item.question for item in items])
        scores[name] = sum(exact_match(a, item.answer) for a, item in zip(told, items, strict=True)) / len(items)
    card = CARDS[role]
    assert scores["right"] > card["right"]["mean"] - SLACK
    # the card says what the pictures are worth; a sample must show half of it
    gap = card["right"]["mean"] - card["blank"]["mean"]
    assert scores["right"] - scores["blank"] > min(gap / 2, gap - 0.05)


def test_it_tells_stories_as_its_card_says(answering):
    role, loaded = answering
    stories = heldout.stories(8, seed=3)
    pictures = [[draw(scene) for scene in story.scenes] for story in stories]
    told = answers(loaded, pictures, ["Tell the story."] * len(stories), batch=8, max_new_tokens=80)
    scores = [told_events(text, story.sentences()) for text, story in zip(told, stories, strict=True)]
    assert sum(scores) / len(scores) > CARDS[role]["story_events"]["mean"] - 0.2


def test_batched_answers_equal_single_ones():
    loaded = catalog.load("multimodal")
    scenes, items = heldout.questions(4, seed=5)
    pictures = [draw(scene) for scene in scenes]
    batched = answers(loaded, [[pictures[i.picture]] for i in items], [item.question for item in items])
    single = [chat.answer(loaded, [pictures[i.picture]], i.question, max_new_tokens=12) for i in items]
    assert batched == single


def test_quick_pixels_equal_the_processors():
    loaded = catalog.load("multimodal")
    pictures = [draw(scene) for scene in heldout.questions(3)[0]]
    theirs = loaded.processor.image_processor(pictures, return_tensors="pt")["pixel_values"]
    assert torch.allclose(to_pixels(pictures), theirs, atol=1e-6)


def test_a_second_turn_knows_the_first():
    loaded = catalog.load("multimodal")
    picture = draw(heldout.questions(1)[0][0])
    history = [chat.message("Is there a star?"), {"role": "assistant", "content": [{"type": "text", "text": "yes"}]}]
    text = chat.answer(loaded, [picture], "What colour is it?", history=history)
    assert re.fullmatch(r"[a-z ]+", text), text
