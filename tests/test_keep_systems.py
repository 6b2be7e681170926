"""scripts/keep_systems.py: what it writes is what the notebooks open, and it was trained for longer than the claims."""

import json

import keep_systems
import pytest
import torch
from safetensors.torch import load_file
from standins_diffusion import untaught
from torch.nn import ModuleList

import labs
from labs.models.catalog import Loaded
from labs.systems import masked_modelling, seem
from labs.systems.parts import (
    any_model,
    base_model,
    captioner,
    connected,
    domain_adapters,
    first_stage,
    grounded,
    school,
    shipped_adapters,
    shipped_in_four_bits,
    shipped_preference,
    shown_segmenter,
    talker,
    taught_branches,
    taught_edits,
    taught_tasks,
    text_to_picture,
)  # fmt: skip
from labs.systems.parts.bound_sound import Ear
from labs.systems.parts.branches import VideoBranch
from labs.systems.parts.connected import Connected, Connector
from labs.systems.parts.instructed import Aware, InstructedQFormer
from labs.tuning.adapters import using
from labs.tuning.lora import LoraSpec, add_lora
from labs.tuning.rows import draw_anew
from labs.world.domains import NAMES


@pytest.fixture
def asked(monkeypatch):
    """Instead of a training its untrained module, and how many times the usual steps were asked for."""
    times = {}

    def untrained(system):
        return lambda seed, **how: times.update({system: how["times"]}) or system.build(seed)

    for system in (masked_modelling, seem):
        monkeypatch.setattr(system, "train", untrained(system))
    monkeypatch.setattr(keep_systems, "bind", _ear)
    monkeypatch.setattr(school, "train", talker.build)
    monkeypatch.setattr(connected, "connected", _connected)
    monkeypatch.setattr(taught_branches, "watcher", lambda seed, frames, positions: _watcher())
    monkeypatch.setattr(any_model, "train", any_model.build)
    monkeypatch.setattr(taught_tasks, "aware", lambda seed, tokens, misled: _instructed())
    monkeypatch.setattr(base_model, "train", base_model.build)
    monkeypatch.setattr(captioner, "align", captioner.build)
    monkeypatch.setattr(shipped_preference, "adapters", lambda seed: _preference())
    monkeypatch.setattr(first_stage, "train", untaught)
    monkeypatch.setattr(text_to_picture, "train", text_to_picture.build)
    monkeypatch.setattr(taught_edits, "teach", lambda model, seed, longer: model.requires_grad_(False))
    monkeypatch.setattr(grounded, "teach", lambda model, tuned, seed, longer: model.requires_grad_(False))
    monkeypatch.setattr(domain_adapters, "taught", lambda domain, seed, way: _adapter(domain, seed))
    return times


def _ear(seed: int) -> Ear:
    torch.manual_seed(seed)
    return Ear()


def _watcher() -> VideoBranch:
    torch.manual_seed(keep_systems.SEED)
    return VideoBranch(taught_branches.FRAMES)


def _adapter(domain: str, seed: int) -> Loaded:
    """Untrained, but unlike the others: each brings a row of its own."""
    loaded = domain_adapters.fresh_base()
    row = (NAMES.index(domain) + 5,)
    model = add_lora(loaded.model, LoraSpec(r=1, rows=row), seed)
    draw_anew(model, seed)
    return Loaded(loaded.entry, model, loaded.processor)


def _connected(kind: str, tokens: int, seed: int) -> Connected:
    torch.manual_seed(seed)
    language = talker.build()
    return Connected(language, Connector(kind, language.config.hidden_size, tokens))


def _instructed() -> Aware:
    torch.manual_seed(keep_systems.SEED)
    language = talker.build()
    words = language.get_input_embeddings().weight
    return Aware(language, InstructedQFormer(words, taught_tasks.TOKENS))


def _preference() -> dict[str, shipped_preference.Adapter]:
    """Two that were drawn and have not learned."""
    ranks = {"supervised": shipped_preference.LORA, "facts": shipped_preference.RANK}
    return {name: shipped_preference.Adapter(add_lora(captioner.build(base_model.build()), LoraSpec(rank, 2 * rank)))
            for name, rank in ranks.items()}  # fmt: skip


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A home with the bundled checkpoints and nothing finished."""
    checkpoints = labs.home() / "data" / "checkpoints"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "checkpoints").symlink_to(checkpoints)
    monkeypatch.setattr(labs, "home", lambda: tmp_path)
    monkeypatch.setattr(keep_systems, "FINISHED", tmp_path / "data" / "finished")


def test_what_is_written_is_opened_by_name_in_16_bits_and_frozen(asked, elsewhere):
    keep_systems.main([name for name in keep_systems.RECIPES if name not in keep_systems.IN_FOUR_BITS])
    made = masked_modelling.build(keep_systems.SEED), seem.build(keep_systems.SEED), _ear(keep_systems.SEED)
    made += tuple(talker.build(size, keep_systems.SEED) for size in talker.SIZES)
    made += (_connected("Q-Former", 16, keep_systems.SEED).connector,)
    opened = masked_modelling.shipped(), *shown_segmenter.shipped(), *map(talker.talker, talker.SIZES)
    made += (_watcher(), any_model.build(keep_systems.SEED))
    opened += (connected.shipped().connector, taught_branches.shipped(), any_model.shipped())
    made, opened = (*made, _instructed().connector), (*opened, taught_tasks.shipped().connector)
    made += (captioner.build(base_model.build(keep_systems.SEED), keep_systems.SEED),)
    opened += (captioner.load().model,)
    made += (_preference()["facts"], untaught(0))
    opened += (shipped_preference.Adapter(shipped_preference.shipped().after.model), first_stage.shipped.__wrapped__())
    for before, after in zip(made, opened, strict=True):
        weights = after.state_dict()
        assert weights.keys() == before.state_dict().keys() and not any(p.requires_grad for p in after.parameters())
        for name, weight in before.state_dict().items():
            torch.testing.assert_close(weights[name], weight.half().float() if weight.is_floating_point() else weight)
    assert asked == {masked_modelling: masked_modelling.LONGER, seem: seem.LONGER}


def test_the_larger_ones_are_written_in_four_bits(asked, elsewhere):
    keep_systems.main(list(keep_systems.IN_FOUR_BITS))
    made = text_to_picture.build(keep_systems.SEED), taught_edits.build("pretrained", keep_systems.SEED)
    made += (ModuleList(grounded.new_parts(grounded.build(keep_systems.SEED))),)  # the base has a file of its own
    opened = text_to_picture.shipped(), taught_edits.shipped(), ModuleList(grounded.new_parts(grounded.shipped()))
    for before, after, name in zip(made, opened, keep_systems.IN_FOUR_BITS, strict=True):
        weights = after.state_dict()
        assert weights.keys() == before.state_dict().keys() and not any(p.requires_grad for p in after.parameters())
        for key, weight in before.state_dict().items():
            torch.testing.assert_close(weights[key], shipped_in_four_bits.rounded(weight))
        numbers = sum(weight.numel() for weight in before.state_dict().values())
        assert (keep_systems.FINISHED / f"{name}.safetensors").stat().st_size < 0.6 * numbers


def test_four_bits_are_near_and_small_or_thin_weights_are_kept_in_16():
    draw = torch.Generator().manual_seed(0)
    large, thin = torch.randn(200, 200, generator=draw), torch.randn(20_000, generator=draw)
    for weight in (thin, large[:20]):
        torch.testing.assert_close(shipped_in_four_bits.rounded(weight), weight.half().float())
    apart = (shipped_in_four_bits.rounded(large) - large).norm() / large.norm()
    assert 0.05 < apart < 0.12  # 18 to 26 dB; NF4 makes 20.7


def test_adapters_are_folders_that_go_onto_one_base(asked, elsewhere, tmp_path):
    keep_systems.main(list(keep_systems.ADAPTERS))
    found = {str(file.relative_to(tmp_path / "data" / "finished")) for file in tmp_path.rglob("adapter_*")}
    assert found == {f"04_2/{name}/adapter_{part}" for name in NAMES for part in ("config.json", "model.safetensors")}
    for name, folder in shipped_adapters.folders().items():
        settings = json.loads((folder / "adapter_config.json").read_text())
        assert settings["base_model_name_or_path"] == "data/checkpoints/mini-llava"
        assert {weight.dtype for weight in load_file(folder / "adapter_model.safetensors").values()} == {torch.float16}
        assert settings["trainable_token_indices"]["model.language_model.embed_tokens"] == [NAMES.index(name) + 5]
    model = shipped_adapters.shipped().model
    rows = {}
    for name in NAMES:
        with using(model, name):
            rows[name] = model.get_input_embeddings().weight[NAMES.index(name) + 5].detach()
        true = _adapter(name, keep_systems.SEED).model.get_input_embeddings().weight[NAMES.index(name) + 5]
        torch.testing.assert_close(rows[name], true.detach().half().float())


def test_only_what_is_named_is_made(asked, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(keep_systems, "FINISHED", tmp_path)
    keep_systems.main(["03_1/talkers"])
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.*")] == [talker.FILE] and not asked
    with pytest.raises(SystemExit, match="2"):
        keep_systems.main(["03_1/walkers"])
    assert "there is no file 03_1/walkers: choose of 02_2/segmenter" in capsys.readouterr().err
