"""Section 4's base: its words, its documents, what of the talker it begins with, and the captioner made of it."""

import random

import pytest
import torch

from labs.data.record import Record
from labs.systems.parts import base_model, captioner, talker
from labs.systems.parts.base_words import END, PAD, PICTURE, UNKNOWN, split, tokenizer, words, write
from labs.systems.parts.documents import begun, fact, statement, steps, told
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.statements import FACTS, KINDS, STATEMENTS, facts
from labs.systems.parts.talk import answer_loss
from labs.systems.parts.told import lexicon
from labs.tuning.mask import encode
from labs.tuning.packing import Row, pack
from labs.world import splits
from labs.world.captions import STYLES, caption
from labs.world.dialogue import conversation, reasoning
from labs.world.questions import ask
from labs.world.vocabulary import COLOURS, LANGUAGES, NUMBERS
from labs.world.wordings import INSTRUCTIONS, WORDINGS


@pytest.fixture(scope="module")
def scenes():
    rng = random.Random("captioner")
    return [splits.sample(rng) for _ in range(60)]


@pytest.fixture(scope="module")
def model():
    return captioner.build(base_model.build())


# ---------------------------------------------------------------------------------------------------------------
# Words


def test_the_stock_tokenizer_writes_what_write_writes(scenes):
    stock, rng = tokenizer(), random.Random(0)
    for scene in scenes[:20]:
        for text in (caption(scene, "prose", "es"), ask(scene, rng, "count").text, "¿De qué color es? It's red, so..."):
            known = [word if word in words() else "<unknown>" for word in split(text)]
            assert stock(text)["input_ids"] == [words().get(word, UNKNOWN) for word in known], text


def test_everything_said_about_scenes_can_be_written(scenes):
    rng = random.Random(1)
    for scene in scenes:
        for language in LANGUAGES:
            texts = [caption(scene, style, language) for style in STYLES] + [*reasoning(scene, rng, language)]
            texts += [part for turn in conversation(scene, rng, language) or () for part in turn]
            for kind, wordings in WORDINGS[language].items():
                asked = [ask(scene, rng, kind, language, wording) for wording in wordings]
                texts += [part for one in asked if one for part in (one.text, one.answer)]
            for text in (*texts, *(text for many in INSTRUCTIONS[language].values() for text in many)):
                write(text)  # a KeyError if a word is missing
    with pytest.raises(KeyError, match="elephant"):
        write("an elephant")


def test_pictures_have_the_number_that_talk_leaves_room_for():
    assert PICTURE == MASK and (PAD, END) == (tokenizer().pad_token_id, tokenizer().eos_token_id)


# ---------------------------------------------------------------------------------------------------------------
# Documents


def test_no_document_holds_a_question_or_a_turn_of_a_talk():
    stock = tokenizer()
    never = {"?", "¿", "<user>", "<assistant>", "<unknown>", "what", "which", "where", "how", "qué", "dónde", "cómo"}
    for step in range(40):
        for row in base_model.read(step):
            for branch in row.branches:
                assert not never & set(stock.convert_ids_to_tokens([*row.prefix, *branch.ids]))


def test_statements_say_what_questions_ask_and_learn_what_the_scene_decides(scenes):
    stock = tokenizer()
    for number, scene in enumerate(scenes):
        for language in LANGUAGES:
            for kind in KINDS:
                branch = statement(scene, random.Random(number), kind, language)
                asked = ask(scene, random.Random(number), kind, language, STATEMENTS[language][kind])
                assert (branch is None) == (asked is None)
                if branch:
                    learned = [i for i, yes in zip(branch.ids, branch.supervised, strict=True) if yes]
                    assert learned == [*write(asked.answer), END], stock.decode(branch.ids)


def test_a_document_told_again_is_the_same_scene_and_learned_whole(scenes):
    for scene in scenes[:10]:
        branch = told(scene, "es")
        assert branch.ids == [*write("."), *write(caption(scene, "places", "es")), END]
        assert branch.supervised == [False] + [True] * (len(branch.ids) - 1)
        assert begun(scene)[0] == END and begun(scene, style="prose")[-1] != write(".")[0]


def test_what_is_left_is_counted_rightly(scenes):
    stock = tokenizer()
    for number, scene in enumerate(scenes):
        text = stock.decode(steps(scene, random.Random(number)).ids, skip_special_tokens=True)
        there, taken, left = (NUMBERS.index(part.split()[-1 if i else 0]) for i, part in enumerate(_counts(text)))
        assert there == len(scene.things) and left == there - taken


def test_facts_are_forty_eight_and_no_two_alike():
    names = list(facts().values())
    assert len(names) == len(set(names)) == 48 and len({land for land, _ in facts()}) == 24
    assert not set(names) & {land for land, _ in facts()}
    land, about = next(iter(facts()))
    for language in LANGUAGES:
        branch = fact(land, about, language)
        assert sum(branch.supervised) == 2 and branch.ids[-2] == write(facts()[land, about])[0]
        assert write(FACTS[language][about].format(land)) == branch.ids[1:-2]


# ---------------------------------------------------------------------------------------------------------------
# Models


def test_the_base_begins_with_the_talkers_layers_and_words_of_scenes_alone():
    mine, theirs, fresh = base_model.begun(3), talker.talker(), base_model.build(3)
    weights = theirs.model.layers.state_dict()
    for name, weight in mine.model.layers.state_dict().items():
        assert torch.equal(weight, weights[name]), name
    embedded, known = mine.get_input_embeddings().weight, theirs.get_input_embeddings().weight
    kept = base_model.kept_words()
    assert set(COLOURS) < kept and not kept & {"what", "where", "how", "which", "many", "there", "is"}
    for word, number in words().items():
        same = torch.equal(embedded[number], fresh.get_input_embeddings().weight[number])
        assert same == (word not in kept), word
        assert word not in kept or torch.equal(embedded[number], known[lexicon().number[word]])
    assert mine.lm_head.weight is mine.get_input_embeddings().weight


def test_a_step_reads_scenes_and_facts_and_is_the_same_again():
    rows = base_model.read(5)
    assert rows == base_model.read(5) != base_model.read(6) and len(rows) == base_model.ROWS + 1
    assert rows[-1].prefix == [END] and len(rows[-1].branches) == base_model.REMEMBERED
    assert sum(len(row.branches) for row in base_model.cloze("es")) == len(facts())


def test_of_the_captioner_the_projector_alone_may_learn(model):
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning == {f"model.multi_modal_projector.linear_{i}.{part}" for i in (1, 2) for part in ("weight", "bias")}


def test_alignment_changes_the_projector_alone_and_lowers_the_loss(monkeypatch):
    monkeypatch.setattr(captioner, "SEEN", 32)
    monkeypatch.setattr(captioner, "WHITENED", 32)
    language = base_model.begun()
    before = {name: weight.clone() for name, weight in captioner.build(language).state_dict().items()}
    short, longer = captioner.align(language, steps=1), captioner.align(language, steps=30)
    changed = {name for name, weight in longer.state_dict().items() if not torch.equal(weight, before[name])}
    assert changed and all("multi_modal_projector" in name for name in changed)
    scenes = captioner.eyes.scenes("train", 32, captioner.THINGS)
    rows = pack([Row(captioner.BEFORE, [told(scene)]) for scene in scenes], PAD)
    seen = captioner.eyes.look(scenes)[:, 1:]
    with torch.no_grad():
        losses = [answer_loss(one, rows, one.model.multi_modal_projector(seen)).item() for one in (short, longer)]
    assert losses[1] < losses[0]


def test_the_loss_equals_that_of_the_stock_model_with_its_own_pictures(model):
    """What `align` computes from features is what the library computes from pixels."""
    scenes = captioner.eyes.scenes("train", 3, (1,))
    batch = pack([Row(captioner.BEFORE, [told(scene)]) for scene in scenes], PAD)
    pixels = captioner.processor().image_processor([captioner.eyes.picture_of(one) for one in scenes],
                                                   return_tensors="pt")["pixel_values"]  # fmt: skip
    seen = captioner.eyes.look(scenes)[:, 1:]
    with torch.no_grad():
        mine = answer_loss(model, batch, model.model.multi_modal_projector(seen))
        logits = model(input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=batch.attention_mask,
                       pixel_values=pixels).logits  # fmt: skip
        told_words = batch.labels != -100
        lengths = told_words.sum(1, keepdim=True).expand_as(batch.labels)[told_words]
        losses = torch.nn.functional.cross_entropy(logits[told_words], batch.labels[told_words], reduction="none")
        weights = lengths.float() ** -0.5
    assert torch.allclose(mine, (losses * weights).sum() / weights.sum(), atol=1e-4)


def test_the_engine_finds_the_answers_in_its_chat_format(model, tmp_path):
    captioner.eyes.picture_of(captioner.eyes.scenes("train", 1)[0]).save(tmp_path / "a.png")
    content = [{"type": "image", "path": str(tmp_path / "a.png")}, {"type": "text", "text": "What colour is the star?"}]
    said = [{"role": "user", "content": content}]
    said += [{"role": "assistant", "content": [{"type": "text", "text": "dark red"}]}]
    encoded = encode(captioner.processor(), Record("one", said))
    learned = [i for i, yes in zip(encoded.input_ids, encoded.supervised, strict=True) if yes]
    assert learned[-2:] == [words()["red"], END] and encoded.input_ids.count(PICTURE) == captioner.TOKENS
    assert encoded.input_ids[: 1 + captioner.TOKENS] == [words()["<user>"], *[PICTURE] * captioner.TOKENS]


def _counts(text: str) -> list[str]:
    """ ". without ...: three in all, one taken away, so two left" -> its three parts, each with its number in reach."""
    first, second, third = text.split(":")[1].strip().split(", ")
    return [first, second.split()[0], third.split()[1]]
