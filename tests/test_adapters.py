"""Adapters after tuning: loaded, switched, merged; and a model tuned whole."""

import pytest
import standins
import torch

from labs.models import catalog
from labs.tuning.adapters import AdapterError, load_adapters, merge, using
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.fit import fit
from labs.tuning.four_bit import nf4
from labs.tuning.lora import LoraSpec, add_lora


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> dict:
    """Two adapters that differ, their B matrices not zero."""
    folders = {}
    for seed, name in enumerate(("thermal", "spanish")):
        model = add_lora(standins.llava().model, LoraSpec(r=2 + seed), seed)
        torch.manual_seed(seed)
        with torch.no_grad():
            for weight in (p for n, p in model.named_parameters() if "lora_B" in n):
                weight.normal_(std=0.2)
        folders[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(folders[name])
    return folders


@pytest.fixture
def logits(record):
    """Of one record, by a model."""
    processor = standins.llava().processor
    example = Examples(processor, [record(("What colour is the star?", "red", 0))])[0]
    inputs = Collator(0)([example])
    inputs.pop("labels")

    @torch.no_grad()
    def compute(model):
        return model.eval()(**inputs).logits

    return compute


def test_each_adapter_is_itself_beside_the_others(saved, logits):
    alone = {name: logits(load_adapters(standins.llava().model, {name: folder})) for name, folder in saved.items()}
    base = standins.llava().model
    bare = logits(base)
    model = load_adapters(base, saved)
    assert torch.equal(logits(model), alone["thermal"])
    with using(model, "spanish"):
        assert torch.equal(logits(model), alone["spanish"])
    assert torch.equal(logits(model), alone["thermal"])
    with using(model, None):
        assert torch.equal(logits(model), bare)
    assert torch.equal(logits(model), alone["thermal"])
    assert not torch.allclose(alone["thermal"], alone["spanish"], atol=1e-3)


@pytest.mark.parametrize("name", ["thermal", "spanish"])
def test_merging_changes_nothing_but_the_class(saved, logits, tmp_path, name):
    model = load_adapters(standins.llava().model, saved)
    with using(model, name):
        before = logits(model)
    plain = merge(model, name)
    assert type(plain) is type(standins.llava().model)
    assert torch.allclose(logits(plain), before, atol=1e-5)
    plain.save_pretrained(tmp_path)
    assert torch.allclose(logits(type(plain).from_pretrained(tmp_path)), before, atol=1e-5)


def test_what_cannot_be_done_is_refused(saved, folder, tmp_path):
    with pytest.raises(AdapterError, match="no adapter to load"):
        load_adapters(standins.llava().model, {})
    with pytest.raises(AdapterError, match=r"no adapter 'mine' in .*: name the folder `adapter` of a finished run"):
        load_adapters(standins.llava().model, {"mine": tmp_path})
    model = load_adapters(standins.llava().model, saved)
    with pytest.raises(AdapterError, match="'french': choose one of thermal, spanish"):
        merge(model, "french")
    loaded = catalog.load_from(str(folder), catalog.MINI["multimodal"], quantization_config=nf4())
    with pytest.raises(AdapterError, match="the base is in 4 bits"):
        merge(add_lora(loaded.model), "default")


def test_full_tuning_learns_with_every_weight_and_saves_the_model(record, tmp_path, logits):
    records = [record(("What colour is the star?", "red", n % 3)) for n in range(6)]
    model, processor = standins.llava()
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    fitted = fit(model, processor, records, records, tmp_path / "run", steps=6, batch=6, learning_rate=1e-2,
                 progress=False)  # fmt: skip
    assert fitted.losses[-1] < fitted.losses[0]
    parts = {name.split(".")[1] for name, weight in model.state_dict().items() if not torch.equal(weight, before[name])}
    assert {"vision_tower", "multi_modal_projector", "language_model"} <= parts
    again = type(model).from_pretrained(tmp_path / "run" / "model")
    assert torch.allclose(logits(again), logits(model), atol=1e-6)
