"""Tuning: the mask token by token, what trains and what does not, interruptions, and every bad input's sentence.

The model is an untrained mini-llava: what is tested here holds for any weights.
"""

import errno
import json
import random
import re
import resource
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
import torch
import typer
from bitsandbytes.functional import dequantize_4bit, dequantize_blockwise, quantize_4bit
from bitsandbytes.nn import Linear4bit, Params4bit
from peft import PeftModel
from PIL import Image
from recipes.prefix_loss import exact_matches, prefix_loss
from safetensors.torch import load_file
from typer.testing import CliRunner

from labs.cli.tune import tune
from labs.data import heldout
from labs.data.records import DataError, Record, read
from labs.errors import LabsError
from labs.models import catalog
from labs.tuning import fit as fitting
from labs.tuning import mask, mask_view
from labs.tuning import score as scoring
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.footprint import bytes_of, trainable_table
from labs.tuning.four_bit import FourBitError, nf4, repair_on_cpu
from labs.tuning.lora import LoraSpec, add_lora, load_adapter, target_modules
from labs.tuning.packing import IGNORE, Row, pack, question_answer, visible
from labs.tuning.parts import part_of
from labs.tuning.run_folder import RunError, checkpoints, is_full_disk
from labs.tuning.score import score
from labs.world import splits
from labs.world.picture import draw

SAMPLES = [("What colour is the star?", "red"), ("Where is it?", "top left"), ("Is there a moon?", "no")]


@pytest.fixture
def loaded(folder) -> catalog.Loaded:
    return catalog.load_from(str(folder), catalog.MINI["multimodal"])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pictures")
    for number in range(12):
        draw(splits.sample(random.Random(number))).save(path / f"{number}.png")
    return path


def turns(*pairs: tuple[str, str], shown: int = 1) -> list[dict]:
    """A LLaVA conversation that shows its pictures at the beginning."""
    said = [{"from": who, "value": text} for pair in pairs for who, text in zip(("human", "gpt"), pair, strict=True)]
    said[0]["value"] = "<image>\n" * shown + said[0]["value"]
    return said


def entry(number: int = 0, *pairs, **changes) -> dict:
    return {"id": str(number), "image": f"{number}.png", "conversations": turns(*(pairs or SAMPLES[:1]))} | changes


@pytest.fixture
def write(tmp_path, pictures):
    """Write entries (or a text) as a data file and read it."""

    def write_and_read(content, images=pictures) -> list[Record]:
        file = tmp_path / "data.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return read(file, images)

    return write_and_read


@pytest.fixture
def twelve(write) -> list[Record]:
    return write([entry(number, SAMPLES[number % 3], SAMPLES[(number + 1) % 3]) for number in range(12)])


# ---------------------------------------------------------------------------------------------------------------
# Records


def test_a_record_becomes_messages(write, pictures):
    said = turns(("Compare <image>\nand\n<image>.", "same"), ("<image>\nAnd this?", "other"), shown=0)
    (record,) = write([{"id": 5, "image": ["1.png", "2.png", "3.png"], "conversations": said}])
    paths = [{"type": "image", "path": str(pictures / f"{n}.png")} for n in (1, 2, 3)]
    assert record.messages == [
        {"role": "user", "content": [{"type": "text", "text": "Compare "}, paths[0], {"type": "text", "text": "and"},
                                     paths[1], {"type": "text", "text": "."}]},
        {"role": "assistant", "content": [{"type": "text", "text": "same"}]},
        {"role": "user", "content": [paths[2], {"type": "text", "text": "And this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "other"}]},
    ]  # fmt: skip
    assert record.pictures == [pictures / f"{n}.png" for n in (1, 2, 3)]


def test_text_alone_is_a_record(write):
    (record,) = write([{"conversations": turns(SAMPLES[0], shown=0)}])
    assert record.pictures == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty"),
        ("{oops", "is not JSON (line 1"),
        ("{}", "a JSON dict, not a list"),
        ("[]", "an empty list"),
        (["x"], "record 0 is a str"),
        ([entry(), {"id": "b", "image": "1.png"}], "record 1 (id 'b') has no `conversations`"),
        ([entry(conversations=[])], "has no `conversations`"),
        ([entry(conversations=[{"from": "human"}])], "turn 0 has no text"),
        ([entry(conversations=turns(SAMPLES[0])[::-1])], "turn 0 is from 'gpt', not 'human'"),
        ([entry(conversations=turns(SAMPLES[0])[:1])], "no answer to its last question"),
        ([entry(0, ("What?", " \n"))], "turn 1 is an empty answer"),
        ([entry(0, ("What?", "<image>"))], "turn 1 has <image> in an answer"),
        ([entry(conversations=turns(SAMPLES[0], shown=0))], "has 0 <image> in its questions and 1 pictures"),
        ([entry(image=None)], "has 1 <image> in its questions and 0 pictures"),
        ([entry(image=["0.png", "1.png"])], "has 1 <image> in its questions and 2 pictures"),
        ([entry(image=7)], "neither a file name nor a list"),
    ],
)
def test_bad_records_are_refused(write, content, sentence):
    with pytest.raises(DataError) as caught:
        write(content)
    assert sentence in str(caught.value) and "data.json" in str(caught.value)
    assert isinstance(caught.value, LabsError) and "\n" not in str(caught.value)


def test_bad_files_and_folders_are_refused(tmp_path, write):
    with pytest.raises(DataError, match="there is no data file"):
        read(tmp_path / "nothing.json")
    with pytest.raises(DataError, match="is a folder: name the JSON file"):
        read(tmp_path)
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no UTF-8 text"):
        read(tmp_path / "binary.json")
    with pytest.raises(DataError, match="--images .* is not a folder"):
        write([entry()], images=tmp_path / "nowhere")


def test_all_missing_pictures_are_counted_and_five_named(write):
    with pytest.raises(DataError, match="7 of 8 pictures .* are missing, first ") as caught:
        write([entry(0), *(entry(number) for number in range(20, 27))])
    named = [number for number in range(20, 27) if f"{number}.png" in str(caught.value)]
    assert named == [20, 21, 22, 23, 24]


def test_all_unreadable_pictures_are_counted(write, tmp_path, pictures):
    whole = (pictures / "0.png").read_bytes()
    (tmp_path / "0.png").write_bytes(whole)
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.png").write_bytes(b"no picture")
    draw(splits.sample(random.Random(0)), 400).save(tmp_path / "whole.jpg")
    (tmp_path / "4.png").write_bytes((tmp_path / "whole.jpg").read_bytes()[:-2000])
    with pytest.raises(DataError, match="4 of 5 pictures .* are unreadable.*1.png, .*2.png, .*3.png, .*4.png"):
        write([entry(number) for number in range(5)], images=tmp_path)


# ---------------------------------------------------------------------------------------------------------------
# The mask


def ids_of(processor, text: str) -> list[int]:
    return processor.tokenizer(text, add_special_tokens=False)["input_ids"]


def test_supervised_ids_of_one_turn(loaded, write):
    (record,) = write([entry()])
    encoded = mask.encode(loaded.processor, record)
    head = ids_of(loaded.processor, "<user>" + "<image>" * 36 + "What colour is the star?<assistant>")
    answer = ids_of(loaded.processor, "red</s>")
    assert encoded.input_ids == head + answer
    assert encoded.labels == [IGNORE] * len(head) + answer
    assert encoded.inputs["pixel_values"].shape == (1, 3, 72, 72)


def test_supervised_ids_of_two_turns(loaded, write):
    (record,) = write([entry(0, *SAMPLES[:2])])
    encoded, image = mask.encode(loaded.processor, record), "<image>" * 36
    pieces = [
        f"<user>{image}What colour is the star?<assistant>",
        "red</s>",
        "<user>Where is it?<assistant>",
        "top left</s>",
    ]
    first, red, second, left = (ids_of(loaded.processor, piece) for piece in pieces)
    assert encoded.input_ids == first + red + second + left
    assert encoded.labels == [IGNORE] * len(first) + red + [IGNORE] * len(second) + left


def test_supervised_ids_with_a_second_picture_in_the_second_turn(loaded, write):
    said = turns(("What is it?", "a star"), ("<image>\nAnd here?", "a star"))
    (record,) = write([{"image": ["0.png", "1.png"], "conversations": said}])
    encoded, image = mask.encode(loaded.processor, record), "<image>" * 36
    pieces = [
        f"<user>1:{image}What is it?<assistant>",
        "a star</s>",
        f"<user>2:{image}And here?<assistant>",
        "a star</s>",
    ]
    first, answer, second, again = (ids_of(loaded.processor, piece) for piece in pieces)
    assert encoded.input_ids == first + answer + second + again
    assert encoded.labels == [IGNORE] * len(first) + answer + [IGNORE] * len(second) + again
    assert encoded.inputs["pixel_values"].shape == (2, 3, 72, 72)


def test_the_mask_is_that_of_the_template_s_own_marks(loaded, write):
    """Where the text has no picture, `{% generation %}` can be asked directly."""
    answers = ("¿cuál?", "0", "0x0", "the star. 4", "red </user>")
    (record,) = write([{"conversations": turns(*((f"q{n}", answer) for n, answer in enumerate(answers)), shown=0)}])
    own = loaded.processor.tokenizer.apply_chat_template(
        record.messages, return_assistant_tokens_mask=True, return_dict=True
    )
    encoded = mask.encode(loaded.processor, record)
    assert encoded.input_ids == own["input_ids"]
    assert encoded.supervised == [bool(value) for value in own["assistant_masks"]]


def test_answers_that_the_template_leaves_open_are_closed(loaded, write):
    loaded.processor.chat_template = (
        "{% for message in messages %}{{ message['role'] }}: {{ message['content'][0]['text'] }} {% endfor %}"
    )
    (record,) = write([{"conversations": turns(*SAMPLES[:2], shown=0)}])
    encoded = mask.encode(loaded.processor, record)
    learned = loaded.processor.decode([token for token in encoded.labels if token != IGNORE])
    assert learned == " red</s> top left</s>"


def test_nothing_and_everything_supervised_are_refused(loaded, write):
    (record,) = write([{"conversations": turns(SAMPLES[0], shown=0)}])
    for template, what in (("none", "nothing"), ("{{ messages[1]['content'][0]['text'] }}", "everything")):
        loaded.processor.chat_template = template
        with pytest.raises(DataError, match=f"record 0: {what} would be supervised"):
            mask.encode(loaded.processor, record)
    loaded.processor.chat_template = None
    with pytest.raises(DataError, match="no chat template"):
        mask.encode(loaded.processor, record)


def test_the_view_shows_and_counts_every_token(loaded, write):
    batch = [mask.encode(loaded.processor, record) for record in write([entry(0, *SAMPLES[:2]), entry(1)])]
    inputs = Collator(loaded.processor.tokenizer.pad_token_id)(batch)
    ids, labels = inputs["input_ids"][1].tolist(), inputs["labels"][1].tolist()
    counts = mask_view.count(loaded.processor, ids, labels)
    padding = len(batch[0].input_ids) - len(batch[1].input_ids)
    assert counts == {"prompt": len(ids) - 38 - padding, "picture": 36, "supervised": 2, "padding": padding}
    view = mask_view.explain(loaded.processor, ids, labels).__rich__()
    assert "<image>*36What colour is the star?<assistant>red</s>" in view.plain
    assert f"supervised 2  padding {padding}" in view.plain
    assert any(span.style == "bold green" and view.plain[span.start : span.end] == "red" for span in view.spans)


def test_the_view_for_notebooks_says_the_same(loaded, write):
    encoded = mask.encode(loaded.processor, write([entry(0, ("Is 1 < 2?", "yes & no"))])[0])
    view = mask_view.explain(loaded.processor, encoded.input_ids, encoded.labels)
    html = view._repr_html_()
    assert "&lt;" in html and "&amp;" in html and "<image>" not in html
    spans = re.findall(r'<span style="(.*?)">(.*?)</span>', html, re.DOTALL)
    colours = {look: kind for kind, (_, look) in mask_view.LOOKS.items()}
    tokens, legend = spans[:-4], spans[-4:]
    assert [(unescape(text), colours[look]) for look, text in tokens] == view.runs()
    assert [text for _, text in legend] == [f"{kind} {number}" for kind, number in view.counts.items()]
    assert "".join(unescape(text) for _, text in tokens) == view.__rich__().plain.partition("\n")[0]


def test_a_batch_is_padded_and_its_pictures_follow_one_another(loaded, write):
    two = {"image": ["0.png", "1.png"], "conversations": turns(SAMPLES[1], shown=2)}
    data = Examples(loaded.processor, write([entry(), two, {"conversations": turns(SAMPLES[2], shown=0)}]))
    batch = Collator(0)([data[0], data[1], data[2]])
    assert batch["pixel_values"].shape == (3, 3, 72, 72)
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape
    assert batch["attention_mask"].sum(1).tolist() == [len(data[i].input_ids) for i in range(3)]
    assert (batch["labels"][batch["attention_mask"] == 0] == IGNORE).all()
    assert (
        data[0].supervised == mask.encode(loaded.processor, data.records[0]).supervised
    )  # the second time as the first


# ---------------------------------------------------------------------------------------------------------------
# Held-out records


def test_no_picture_is_on_both_sides(write):
    shared = [entry(number, SAMPLES[0], image=f"{number // 2}.png") for number in range(24)]
    train, kept = heldout.split(write(shared), seed=3)
    assert len(train) + len(kept) == 24 and len(kept) >= 3
    assert not {p for r in train for p in r.pictures} & {p for r in kept for p in r.pictures}
    assert heldout.split(write(shared), seed=3) == (train, kept)
    assert heldout.split(write(shared[:9])) == (write(shared[:9]), [])
    tied = [entry(0) for _ in range(12)]
    assert heldout.split(write(tied)) == (write(tied), [])


def test_the_score_is_that_of_greedy_decoding(loaded, write):
    """Answers that the model itself writes are exact matches, others are not."""
    (record,) = write([{"conversations": turns(SAMPLES[0], shown=0)}])
    assert score(loaded.model, loaded.processor, [record]).exact == 0
    encoded = mask.encode(loaded.processor, record)
    batch = Collator(0)([encoded])
    loss = loaded.model(**batch).loss.item()
    assert score(loaded.model, loaded.processor, [record]).loss == pytest.approx(loss, rel=1e-5)


def test_an_answer_is_exact_if_all_its_tokens_are(loaded, write, monkeypatch):
    """Of two answers the second one is wrong in its last token alone."""

    def logits(model, targets, inputs):
        told = targets[targets != IGNORE].clone()
        told[-1] += 1
        return 1000 * torch.nn.functional.one_hot(told, 5000).float()

    monkeypatch.setattr(scoring, "supervised_logits", logits)
    found = score(loaded.model, loaded.processor, write([entry(0, *SAMPLES[:2])]))
    assert (found.exact, found.answers) == (0.5, 2)


# ---------------------------------------------------------------------------------------------------------------
# LoRA and NF4


@pytest.fixture
def batch(loaded, twelve) -> dict[str, torch.Tensor]:
    examples = Examples(loaded.processor, twelve)
    return Collator(0)([examples[i] for i in range(4)])


def fill_b(model: PeftModel) -> None:
    """Make the adapters do something: B is zero at first."""
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)


def test_lora_changes_nothing_at_first_and_merging_changes_nothing_later(loaded, batch):
    with torch.no_grad():
        base = loaded.model(**batch).logits
        model = add_lora(loaded.model).eval()
        assert torch.equal(model(**batch).logits, base)
        torch.manual_seed(0)
        fill_b(model)
        tuned = model(**batch).logits
        assert (tuned - base).abs().max() > 1e-3
        merged = model.merge_and_unload()(**batch).logits
    assert (merged - tuned).abs().max() < 1e-5


@pytest.mark.parametrize("parts", [("language",), ("projector",), ("vision",), ("language", "projector")])
def test_only_the_chosen_parts_train(loaded, batch, parts):
    spec = LoraSpec(r=2, **{part: part in parts for part in ("language", "projector", "vision")})
    assert not any("lm_head" in name for name in target_modules(loaded.model, spec))
    model = add_lora(loaded.model, spec)
    fill_b(model)
    model(**batch).loss.backward()
    trained = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert {part_of(name) for name in trained} == set(parts) and all("lora_" in name for name in trained)
    table = {row.part: row for row in trainable_table(model)}
    assert {part for part, row in table.items() if row.trainable} == {*parts, "all"}
    assert table["all"].trainable == model.get_nb_trainable_parameters()[0]


def test_lora_targets_are_all_linear_layers_of_the_chosen_parts(loaded):
    language = loaded.model.config.text_config.num_hidden_layers * 7
    eyes = loaded.model.config.vision_config.num_hidden_layers * 6
    assert len(target_modules(loaded.model, LoraSpec())) == language + 2
    assert len(target_modules(loaded.model, LoraSpec(vision=True))) == language + 2 + eyes


def test_the_seed_decides_the_adapters_and_leaves_no_trace(folder):
    state = torch.get_rng_state()
    models = [add_lora(catalog.load_from(str(folder), catalog.MINI["multimodal"]).model, seed=s) for s in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    one, same, other = (dict(model.named_parameters()) for model in models)
    names = [name for name in one if "lora_A" in name]
    assert all(torch.equal(one[name], same[name]) for name in names)
    assert not any(torch.equal(one[name], other[name]) for name in names)


@pytest.mark.parametrize(
    "wrong", [{"r": 0}, {"lora_alpha": 0}, {"lora_dropout": 1.0}, {"language": False, "projector": False}]
)
def test_contradictory_specs_are_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        replace(LoraSpec(), **wrong)


@pytest.mark.parametrize("shape", [(160, 160), (448, 160), (160, 448), (64, 96)])
@pytest.mark.parametrize("double", [False, True])
def test_rows_that_are_not_whole_blocks_are_read_right(shape, double):
    """Against the codes and scales read by hand."""
    layer = Linear4bit(shape[1], shape[0], quant_type="nf4", compress_statistics=double)
    torch.manual_seed(0)
    weight = torch.randn(shape)
    codes, state = quantize_4bit(weight, quant_type="nf4", compress_statistics=double)
    scales = dequantize_blockwise(state.absmax, state.state2) + state.offset if double else state.absmax.clone()
    both = torch.stack([codes.flatten() >> 4, codes.flatten() & 15], 1).flatten().int()
    true = (state.code[both].view(-1, 64) * scales[:, None]).view(shape)
    layer.weight = Params4bit(codes, quant_state=state, requires_grad=False, bnb_quantized=True)
    repair_on_cpu(layer)
    repair_on_cpu(layer)
    assert torch.allclose(dequantize_4bit(codes, layer.weight.quant_state), true, atol=1e-6)


def test_rows_that_cannot_be_read_in_4_bits_are_refused():
    codes, state = quantize_4bit(torch.ones(64, 80), quant_type="nf4")
    layer = Linear4bit(80, 64, quant_type="nf4")
    layer.weight = Params4bit(codes, quant_state=state, requires_grad=False, bnb_quantized=True)
    with pytest.raises(FourBitError, match="a layer is 80 wide, no multiple of 32"):
        repair_on_cpu(layer)


def test_nf4_runs_forward_and_backward_on_the_cpu(folder, loaded, batch):
    quantised = catalog.load_from(str(folder), loaded.entry, quantization_config=nf4()).model
    repair_on_cpu(quantised)
    small = [name for name, module in quantised.named_modules() if type(module).__name__ == "Linear4bit"]
    assert len(small) == loaded.model.config.text_config.num_hidden_layers * 7
    assert all(part_of(name) == "language" for name in small)
    full = sum(loaded.model.get_submodule(name).weight.numel() * 4 for name in small)
    assert bytes_of(loaded.model) - bytes_of(quantised) > 0.85 * full  # 4 bits and a little for the scales, of 32
    assert trainable_table(quantised)[-1].total == trainable_table(loaded.model)[-1].total
    with torch.no_grad():
        before = quantised(**batch).logits
    exact = dict(loaded.model.named_modules())
    for name in small:  # normal weights keep about nine tenths of themselves in 4 bits
        weight, stored = exact[name].weight, quantised.get_submodule(name).weight
        error = (dequantize_4bit(stored.data, stored.quant_state) - weight).norm() / weight.norm()
        assert 0.05 < error < 0.12
    model = add_lora(quantised)
    model(**batch).loss.backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert trained and all(torch.isfinite(parameter.grad).all() for parameter in trained)
    with torch.no_grad():  # evaluating left the frozen weights as they were
        assert torch.equal(model.eval()(**batch).logits, before)


# ---------------------------------------------------------------------------------------------------------------
# Shared prefixes


def test_who_sees_whom():
    mask_ = visible(torch.tensor([[0, 0, 1, 1, 2, 2, -1]]))[0, 0]
    for query, seen in enumerate(([0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 4], [0, 1, 4, 5], [0, 1, 6])):
        assert mask_[query].nonzero().flatten().tolist() == seen


@pytest.mark.parametrize("multiple", [1, 16])
def test_shared_prefixes_equal_the_separate_samples(loaded, pictures, multiple):
    processor, model = loaded.processor, loaded.model
    prefix = ids_of(processor, "<user>" + "<image>" * 36)
    pairs = [(ids_of(processor, q + "<assistant>"), ids_of(processor, a + "</s>")) for q, a in SAMPLES]
    pixels = processor.image_processor([Image.open(pictures / f"{n}.png") for n in (0, 1)], return_tensors="pt")
    pixels = pixels["pixel_values"]
    branches = [question_answer(*pair) for pair in pairs]
    together = pack([Row(prefix, branches), Row(prefix, branches[:1])], 0, multiple)
    loss = prefix_loss(model, together, pixels)
    loss.backward()
    shared = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    total, tokens = 0.0, sum(len(answer) for _, answer in [*pairs, pairs[0]])
    for picture, (prompt, answer) in [*((0, pair) for pair in pairs), (1, pairs[0])]:
        head = prefix + prompt
        labels = torch.tensor([[IGNORE] * len(head) + answer])
        out = model(input_ids=torch.tensor([head + answer]), pixel_values=pixels[picture : picture + 1], labels=labels)
        (out.loss * len(answer) / tokens).backward()
        total += out.loss.item() * len(answer) / tokens
    assert loss.item() == pytest.approx(total, abs=1e-5)
    alone = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert alone.keys() == shared.keys()
    assert max((alone[name] - shared[name]).abs().max().item() for name in alone) < 1e-5
    assert exact_matches(model, together, pixels).keys() == {(0, 1), (0, 2), (0, 3), (1, 1)}


# ---------------------------------------------------------------------------------------------------------------
# Runs


def run(folder, records_, out, **settings):
    """Four steps of LoRA on a fresh model."""
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"])
    model = add_lora(loaded.model, LoraSpec(r=2))
    options = {"steps": 4, "batch": 2, "save_every": 2, "progress": False} | settings
    return model, fit(model, loaded.processor, records_[:10], records_[10:], out, **options)


def adapter(out: Path) -> dict[str, torch.Tensor]:
    return load_file(out / "adapter" / "adapter_model.safetensors")


@pytest.fixture
def interrupted_at(monkeypatch):
    """Press Ctrl-C in the middle of a step; None takes it back."""

    def press(step: int | None, error: type[BaseException] = KeyboardInterrupt):
        original = fitting.Examples.__getitem__
        seen = [0]

        def getitem(self, index):
            seen[0] += 1
            if seen[0] > 3 + 2 * step:  # the first look, two records a step, one step ahead
                raise error
            return original(self, index)

        monkeypatch.setattr(fitting.Examples, "__getitem__", getitem)

    return press


def test_a_run_trains_the_adapter_and_nothing_else(folder, twelve, tmp_path):
    base = catalog.load_from(str(folder), catalog.MINI["multimodal"])
    model, fitted = run(folder, twelve, tmp_path / "run", learning_rate=1e-2)
    frozen = model.get_base_model().state_dict()
    for name, weight in base.model.state_dict().items():
        stem, kind = name.rsplit(".", 1)
        assert torch.equal(weight, frozen.get(name, frozen.get(f"{stem}.base_layer.{kind}")))
    assert len(fitted.losses) == 4 and fitted.losses[-1] < fitted.losses[0]
    assert fitted.heldout.answers == 4
    saved = {path.name for path in (tmp_path / "run").iterdir()}
    assert saved == {".lock", "config.json", "versions.json", "metrics.json", "checkpoints", "adapter"}
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["losses"] == fitted.losses
    again = load_adapter(base.model, tmp_path / "run" / "adapter")
    assert score(again, base.processor, twelve[10:]) == fitted.heldout


def test_after_an_interruption_the_adapter_is_the_same(folder, twelve, tmp_path, interrupted_at, monkeypatch):
    run(folder, twelve, tmp_path / "whole")
    with monkeypatch.context():
        interrupted_at(3)
        with pytest.raises(RunError, match="stopped at step 3: .*checkpoint-2 is the last good checkpoint"):
            run(folder, twelve, tmp_path / "cut")
    monkeypatch.undo()
    cut_short = tmp_path / "cut" / "checkpoints" / "checkpoint-3"  # what a kill in the middle of saving leaves
    cut_short.mkdir()
    (cut_short / "trainer_state.json").write_text("{")
    _, fitted = run(folder, twelve, tmp_path / "cut")
    whole, cut = adapter(tmp_path / "whole"), adapter(tmp_path / "cut")
    assert whole.keys() == cut.keys() and all(torch.equal(whole[name], cut[name]) for name in whole)
    assert fitted.losses == json.loads((tmp_path / "whole" / "metrics.json").read_text())["losses"]
    assert not cut_short.exists()


def test_folders_that_hold_something_else_are_refused(folder, twelve, tmp_path, interrupted_at, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(RunError, match="not empty and holds no run"):
        run(folder, twelve, tmp_path / "mine")
    with pytest.raises(RunError, match="is a file"):
        run(folder, twelve, tmp_path / "mine" / "thesis.txt")
    interrupted_at(1)
    with pytest.raises(RunError, match="stopped at step 1: there was no checkpoint yet"):
        run(folder, twelve, tmp_path / "run")
    monkeypatch.undo()
    with pytest.raises(RunError, match="unfinished run with another learning_rate, seed"):
        run(folder, twelve, tmp_path / "run", learning_rate=0.5, seed=1)
    run(folder, twelve, tmp_path / "run")
    with pytest.raises(RunError, match="already holds a finished run"):
        run(folder, twelve, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_with_the_step(folder, twelve, tmp_path):
    with pytest.raises(RunError, match=r"the loss of step \d is (nan|inf)"):
        run(folder, twelve, tmp_path / "run", learning_rate=1e30)
    assert not (tmp_path / "run" / "adapter").exists()


def test_a_full_disk_loses_no_checkpoint(folder, twelve, tmp_path, interrupted_at, monkeypatch):
    run(folder, twelve, tmp_path / "whole")
    interrupted_at(3)
    with pytest.raises(RunError, match="checkpoint-2"):
        run(folder, twelve, tmp_path / "cut")
    monkeypatch.undo()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(RunError, match="is full: free some space .*checkpoint-2 is the last good checkpoint"):
            run(folder, twelve, tmp_path / "cut")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in checkpoints(tmp_path / "cut")] == ["checkpoint-2"]
    run(folder, twelve, tmp_path / "cut")
    whole, cut = adapter(tmp_path / "whole"), adapter(tmp_path / "cut")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_what_counts_as_a_full_disk():
    assert is_full_disk(OSError(errno.ENOSPC, "No space left on device"))
    assert is_full_disk(RuntimeError("I/O error: No space left on device (os error 28)"))
    assert not is_full_disk(OSError(errno.EACCES, "Permission denied"))


def test_no_records_are_refused(folder, tmp_path):
    with pytest.raises(RunError, match="no records"):
        run(folder, [], tmp_path / "run")


# ---------------------------------------------------------------------------------------------------------------
# The command

app = typer.Typer()
app.command()(tune)


@pytest.mark.parametrize("method", ["LoRA", "QLoRA", "full tuning"])
def test_the_command_tunes_and_reports(folder, twelve, pictures, tmp_path, method):
    options = {"data": tmp_path / "data.json", "images": pictures, "out": tmp_path / "run", "model": folder,
               "steps": 2, "rank": 2, "json": tmp_path / "result.json"}  # fmt: skip
    arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    arguments += {"LoRA": [], "QLoRA": ["--qlora"], "full tuning": ["--full"]}[method]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0 and "held-out exact match" in done.output
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["method"] == method
    assert result["records"] + result["heldout_records"] == 12 and result["heldout_records"] >= 1
    assert result["before"]["answers"] == result["after"]["answers"] > 0
    assert (result["megabytes_before"] < 6) == (method == "QLoRA")
    saved = "model" if method == "full tuning" else "adapter_model"
    assert Path(result["saved"], f"{saved}.safetensors").exists()
    assert (result["trainable"] == result["total"]) == (method == "full tuning")
    assert result["proof"]["verdict"] in " ".join(done.output.split())
    assert ("random adapter" in result["proof"]["controls"]) == (method != "full tuning")


def test_the_command_refuses_a_model_that_is_none(twelve, pictures, tmp_path):
    arguments = ["--data", str(tmp_path / "data.json"), "--images", str(pictures), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(app, [*arguments, "--model", str(pictures)])
    assert isinstance(done.exception, LabsError) and "cannot be opened" in str(done.exception)
    assert not (tmp_path / "run").exists()
