"""The label mask with the processors that people tune: exact tokens, as many placeholders as features, honest cuts.

Processors that read videos too need torchvision, which must stay out of .venv: they are tested by running this file
and test_sharing.py once more in a process of its own, with .cache/torchvision (made by scripts/test.sh) on its path.
"""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import standins
import torch
import transformers as hf
from transformers.utils import is_torchvision_available

import labs
from labs.data.records import DataError
from labs.models.conversation import picture_token, write
from labs.models.pictures import open_picture
from labs.tuning.agreement import check_agreement, count_features
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.mask import encode
from labs.tuning.mask_view import explain
from labs.tuning.packing import IGNORE

READ_VIDEOS_TOO = ["smolvlm", "qwen2_vl", "qwen2_5_vl"]
FAMILIES = ["llava", "llava_next", "idefics3", "paligemma", "blip_2", "instructblip"]
FAMILIES += READ_VIDEOS_TOO if is_torchvision_available() else []
NAME = "data.json, record 3"
BESIDE = labs.home() / ".cache" / "torchvision"

COLOUR, WHICH = ("What colour is the star?", "red"), ("Which two?", "42 stars")
CONVERSATIONS = {  # (question, answer, pictures shown before the question)
    "one turn": [(*COLOUR, 0)],
    "two turns": [(*COLOUR, 0), WHICH],
    "two pictures": [(*WHICH, 0, 1)],
}
CASES = [(family, name) for family in FAMILIES for name in CONVERSATIONS]


def tiles(rows: int, columns: int) -> str:
    """How Idefics3 and SmolVLM write a picture: its tiles row by row, then the whole."""
    mark, four = "<fake_token_around_image>", "<image>*4"
    split = "".join("".join(f"{mark}<row_{row}_col_{column}>{four}" for column in range(1, columns + 1)) + "\n"
                    for row in range(1, rows + 1))  # fmt: skip
    return f"{split}\n{mark}<global-img>{four}{mark}"


def qwen(*turns: str) -> str:
    first = "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    return first + "".join(f"<|im_start|>{turn}\n" for turn in turns)


def looked_at(tokens: int) -> str:
    return f"<|vision_start|><|image_pad|>*{tokens}<|vision_end|>"


QWEN = [
    qwen(f"user\n{looked_at(16)}{COLOUR[0]}<|im_end|>", "assistant\n«re»«d»«<|im_end|>»"),
    qwen(f"user\n{looked_at(16)}{COLOUR[0]}<|im_end|>", "assistant\n«re»«d»«<|im_end|>»",
         "user\nWhich two?<|im_end|>", "assistant\n«4»«2»« star»«s»«<|im_end|>»"),
    qwen(f"user\n{looked_at(16)}{looked_at(12)}Which two?<|im_end|>", "assistant\n«4»«2»« star»«s»«<|im_end|>»"),
]  # fmt: skip
RED, STARS = "Assistant:« red»«<end_of_utterance>»\n", "Assistant:« »«4»«2»« star»«s»«<end_of_utterance>»\n"
IDEFICS3 = [
    f"User:{tiles(2, 2)}{COLOUR[0]}<end_of_utterance>\n{RED}",
    f"User:{tiles(2, 2)}{COLOUR[0]}<end_of_utterance>\n{RED}User: Which two?<end_of_utterance>\n{STARS}",
    f"User:{tiles(2, 2)}{tiles(1, 2)}Which two?<end_of_utterance>\n{STARS}",
]
# All the tokens of the three conversations, «» around each one that is to be learned; or the sentence that refuses.
EXPECTED = {
    "llava": [
        "<s> USER: <image>*9\nWhat colour is the star? ASSISTANT:« red»«</s>» ",
        "<s> USER: <image>*9\nWhat colour is the star? ASSISTANT:« red»«</s>» "
        "USER: Which two? ASSISTANT:« »«4»«2»« star»«s»«</s>» ",
        "<s> USER: <image>*9\n<image>*9\nWhich two? ASSISTANT:« »«4»«2»« star»«s»«</s>» ",
    ],
    "llava_next": [
        "<s> [INST] <image>*51\nWhat colour is the star? [/INST]« red»«</s>» ",
        "<s> [INST] <image>*51\nWhat colour is the star? [/INST]« red»«</s>» "
        "[INST] Which two? [/INST]« »«4»«2»« star»«s»«</s>» ",
        "<s> [INST] <image>*51\n<image>*30\nWhich two? [/INST]« »«4»«2»« star»«s»«</s>» ",
    ],
    "idefics3": ["<|begin_of_text|>" + text for text in IDEFICS3],
    "smolvlm": ["<|im_start|>" + text for text in IDEFICS3],
    "qwen2_vl": QWEN,
    "qwen2_5_vl": QWEN,
    "paligemma": [
        "<image>*9<bos>What colour is the star?\n«re»«d»«<eos>»",
        "!PaliGemma reads one question and its answer, not 2: write one record for each question",
        "<image>*18<bos>Which two?\n«4»«2»« star»«s»«<eos>»",
    ],
    "blip_2": [
        "<image>*4</s>Question: What colour is the star? Answer:« red»«</s>»",
        "<image>*4</s>Question: What colour is the star? Answer:« red»«</s>» "
        "Question: Which two? Answer:« »«4»«2»« star»«s»«</s>»",
        "!BLIP-2 reads one picture, not 2: write one record for each",
    ],
    "instructblip": [
        "<image>*4</s> What colour is the star?« red»«</s>»",
        "!InstructBLIP reads one question and its answer, not 2: write one record for each question",
        "!InstructBLIP reads one picture, not 2: write one record for each",
    ],
}


def allowed(family: str) -> list[str]:
    """The conversations that the family can read."""
    return [name for name, text in zip(CONVERSATIONS, EXPECTED[family], strict=True) if not text.startswith("!")]


# ---------------------------------------------------------------------------------------------------------------
# The mask


@pytest.mark.parametrize(("family", "name"), CASES)
def test_exactly_the_answers_are_supervised(standin, record, family, name):
    processor, expected = standin(family).processor, EXPECTED[family][list(CONVERSATIONS).index(name)]
    conversation = record(*CONVERSATIONS[name])
    if expected.startswith("!"):
        with pytest.raises(DataError, match=f"{NAME}: {expected[1:]}"):
            encode(processor, conversation)
        return
    encoded = encode(processor, conversation)
    view = explain(processor, encoded.input_ids, encoded.labels)
    shown = "".join(f"«{text}»" if kind == "supervised" else text for text, kind in view.runs())
    assert shown == expected
    space = "Ġ" if "Ġ" in processor.tokenizer.get_vocab() else "▁"
    tokens = [text.replace(" ", space) for text in re.findall("«(.*?)»", expected)]
    learned = [label for label in encoded.labels if label != IGNORE]
    assert learned == processor.tokenizer.convert_tokens_to_ids(tokens)
    assert picture_token(processor) not in learned


# What a sentence piece or a byte pair can begin and end with, and what the stand-ins for answers look like themselves.
ANSWERS = ["42", "7 stars", "and", "So", "the red", "d", "élan", "星", "⭐ 5", "so\nthe end", "(a)", "...", "0x0", "T."]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_learned_is_what_the_model_would_have_to_write(standin, record, family):
    """The tokens before the answer are those that the open question gives when the model is asked."""
    processor = standin(family).processor
    for answer in ANSWERS:
        conversation = record((COLOUR[0], answer, 1))
        encoded = encode(processor, conversation)
        start, learned = encoded.supervised.index(True), [i for i in encoded.labels if i != IGNORE]
        asked = write(processor, conversation.messages[:-1], [open_picture(conversation.pictures[0])])
        assert asked["input_ids"][0].tolist() == encoded.input_ids[:start], answer
        assert processor.tokenizer.decode(learned, skip_special_tokens=True).strip() == answer
        closing = processor.tokenizer.convert_ids_to_tokens(learned[-1])
        assert EXPECTED[family][0].rstrip().endswith(f"«{closing}»"), answer
        assert encoded.supervised == [start <= i < start + len(learned) for i in range(len(encoded.input_ids))]


@pytest.mark.parametrize("family", [family for family in FAMILIES if allowed(family) == list(CONVERSATIONS)])
def test_pictures_in_both_turns(standin, record, family):
    model, processor = standin(family)
    encoded = encode(processor, record((*COLOUR, 2), (*WHICH, 1, 0)))
    learned = [label for label in encoded.labels if label != IGNORE]
    assert learned == [i for i in encode(processor, record((*COLOUR, 2), WHICH)).labels if i != IGNORE]
    assert encoded.input_ids.count(picture_token(processor)) == count_features(model, encoded.inputs)


def test_the_published_typo_in_an_end_token(standin, record):
    r"""The first template of llava-v1.6-mistral-7b-hf closed answers with the text "<\s>", which ends nothing."""
    processor = standins.llava_next().processor
    processor.chat_template = processor.chat_template.replace("</s> ", r"<\\s> ")
    encoded = encode(processor, record(*CONVERSATIONS["two turns"]))
    learned = processor.tokenizer.convert_ids_to_tokens([label for label in encoded.labels if label != IGNORE])
    assert learned == "▁red </s> ▁ 4 2 ▁star s </s>".split()


def test_paligemma_s_own_labels_and_its_suffix(standin, record):
    processor = standin("paligemma").processor
    conversation = record(*CONVERSATIONS["one turn"])
    encoded = encode(processor, conversation)
    picture = open_picture(conversation.pictures[0])
    own = processor(images=[picture], text="<image>" + COLOUR[0], suffix=COLOUR[1])
    assert encoded.input_ids == own["input_ids"][0]
    assert encoded.labels == own["labels"].tolist()[0]
    assert encoded.inputs["token_type_ids"][0].tolist() == encoded.supervised  # the rest sees itself both ways
    assert "labels" not in encoded.inputs


def test_the_q_former_reads_the_question_and_not_the_answer(standin, record):
    processor = standin("instructblip").processor
    encoded = encode(processor, record((COLOUR[0], "top left", 0)))
    read = processor.qformer_tokenizer.convert_ids_to_tokens(encoded.inputs["qformer_input_ids"][0])
    assert read == "[CLS] what colour is the star ? [SEP]".split()
    assert encoded.inputs["qformer_attention_mask"].shape == encoded.inputs["qformer_input_ids"].shape


# ---------------------------------------------------------------------------------------------------------------
# The model


@pytest.mark.parametrize("family", FAMILIES)
def test_placeholders_are_as_many_as_features_and_a_batch_is_its_records(standin, record, family):
    model, processor = standin(family)
    records = [record(*CONVERSATIONS[name]) for name in allowed(family)] + [record((*WHICH, 2))]
    records += [record(WHICH)] if processor.chat_template else []  # text alone
    examples, collate = Examples(processor, records), Collator(processor.tokenizer.pad_token_id)
    total, learned = 0.0, 0
    for number, conversation in enumerate(records):
        encoded = examples[number]
        check_agreement(model, encoded, conversation.name)
        if conversation.pictures:
            assert encoded.input_ids.count(model.config.image_token_id) == count_features(model, encoded.inputs) > 0
        tokens = sum(encoded.supervised)
        with torch.no_grad():
            loss = model(**collate([encoded])).loss
        assert torch.isfinite(loss)
        total, learned = total + loss.item() * tokens, learned + tokens
    with torch.no_grad():
        together = model(**collate([examples[number] for number in range(len(records))])).loss
    assert together.item() == pytest.approx(total / learned, rel=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_placeholder_is_refused(standin, record, family):
    model, processor = standin(family)
    encoded = encode(processor, record(*CONVERSATIONS["one turn"]))
    gone = encoded.input_ids.index(picture_token(processor))
    ids, supervised = list(encoded.input_ids), list(encoded.supervised)
    del ids[gone], supervised[gone]
    inputs = encoded.inputs | {"input_ids": torch.tensor([ids])}
    right = count_features(model, encoded.inputs)
    sentence = f"{NAME}: the text has {right - 1} picture tokens and the model computes {right} picture "
    with pytest.raises(DataError, match=sentence + "features: use the processor that was saved with the model"):
        check_agreement(model, replace(encoded, input_ids=ids, supervised=supervised, inputs=inputs), NAME)


def test_blip_2_itself_says_nothing_of_a_missing_placeholder(standin, record):
    """Why the check is ours: the library fills the places there are and drops the rest."""
    model, processor = standin("blip_2")
    processor = hf.Blip2Processor(processor.image_processor, processor.tokenizer, standins.QUERIES - 1)
    processor.image_token = standin("blip_2").processor.image_token
    encoded = encode(processor, record(*CONVERSATIONS["one turn"]))
    with torch.no_grad():
        assert torch.isfinite(model(**Collator(1)([encoded])).loss)
    with pytest.raises(DataError, match="the text has 3 picture tokens and the model computes 4"):
        check_agreement(model, encoded, NAME)


def test_a_processor_that_was_set_up_wrongly_is_refused(record):
    """LLaVA's most frequent one: the class token of CLIP forgotten."""
    model, processor = standins.llava()
    processor.num_additional_image_tokens = 0
    with pytest.raises(DataError, match="the text has 8 picture tokens and the model computes 9"):
        check_agreement(model, encode(processor, record(*CONVERSATIONS["one turn"])), NAME)


@pytest.mark.parametrize("family", [family for family in FAMILIES if family not in ("paligemma", "instructblip")])
def test_a_template_without_the_pictures_is_refused(record, family):
    processor = getattr(standins, family)().processor
    if family == "blip_2":
        processor.num_query_tokens = None  # as in the first checkpoints on the Hub
    else:
        processor.chat_template = processor.chat_template.replace(processor.image_token, "")
    sentence = r"its pictures leave no token|the model's processor refuses it \(.*\): look whether the chat template"
    with pytest.raises(DataError, match=f"{NAME}: ({sentence})"):
        encode(processor, record(*CONVERSATIONS["one turn"]))


@pytest.mark.parametrize("family", ["paligemma", "blip_2", "instructblip"])
def test_text_alone_is_refused_where_the_family_cannot_read_it(standin, record, family):
    with pytest.raises(DataError, match="data.json, record 3: .* picture.*: (take|write)"):
        encode(standin(family).processor, record(WHICH))


def test_an_encoder_with_a_decoder_is_refused(standin, record):
    """BLIP-2 with Flan-T5 would be shown the answer by its encoder."""
    model = SimpleNamespace(config=hf.Blip2Config(text_config={"model_type": "t5"}))
    encoded = encode(standin("blip_2").processor, record(*CONVERSATIONS["one turn"]))
    with pytest.raises(DataError, match="data.json, record 3: .* shown the answers .* a decoder alone"):
        check_agreement(model, encoded, NAME)


# ---------------------------------------------------------------------------------------------------------------
# Cutting


@pytest.mark.parametrize("family", FAMILIES)
def test_text_is_cut_and_pictures_are_not(standin, record, family):
    model, processor = standin(family)
    conversation = record((COLOUR[0], "red star " * 9 + "red", 0))
    whole = encode(processor, conversation)
    start = whole.supervised.index(True)
    pictures = len(whole.input_ids) - whole.input_ids[::-1].index(picture_token(processor))
    examples = Examples(processor, [conversation], max_length=start + 2)
    for _ in range(2):  # the second time with the mask remembered
        cut = examples[0]
        assert cut.input_ids == whole.input_ids[: start + 2]
        assert cut.labels == [IGNORE] * start + whole.input_ids[start : start + 2]
    check_agreement(model, cut, conversation.name)
    with torch.no_grad():
        assert torch.isfinite(model(**Collator(0)([cut])).loss)
    assert encode(processor, conversation, max_length=len(whole.input_ids)).labels == whole.labels
    said = f"{NAME}: its pictures end at token {pictures}, .*: raise max_length to more than {pictures}, or"
    with pytest.raises(DataError, match=said):
        encode(processor, conversation, max_length=pictures - 1)
    said = f"{NAME}: its first answer begins after {start} tokens, .*: raise max_length to more than {start}"
    with pytest.raises(DataError, match=said):
        encode(processor, conversation, max_length=start)


def test_a_cut_before_a_later_picture_is_refused(standin, record):
    conversation = record((*COLOUR, 0), (*WHICH, 1))
    whole = encode(standin("llava").processor, conversation)
    second = [i for i, token in enumerate(whole.input_ids) if token == picture_token(standin("llava").processor)][9]
    with pytest.raises(DataError, match="would cut them"):
        encode(standin("llava").processor, conversation, max_length=second)


# ---------------------------------------------------------------------------------------------------------------
# The families that read videos too


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision is here, so that all families are tested above")
def test_families_that_read_videos_too():
    if not (BESIDE / "installed.sha256").exists():
        pytest.skip("torchvision is not in .cache/torchvision: run scripts/test.sh with a network once")
    path = os.pathsep.join([str(BESIDE), str(Path(__file__).parent)])
    options = ["-n0", "-q", "-p", "torchvision_operators", "-p", "no:cacheprovider", "-k", " or ".join(READ_VIDEOS_TOO)]
    files = [__file__, Path(__file__).with_name("test_sharing.py")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files], env=os.environ | {"PYTHONPATH": path}, cwd=labs.home(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert int(passed.group(1)) >= 12 * len(READ_VIDEOS_TOO) and "skipped" not in done.stdout, done.stdout
