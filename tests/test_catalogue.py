"""Every real checkpoint of the catalogue, by a stand-in in a Hub cache: it opens, and does what its role is for.

The network is closed. Checkpoints that need torchvision or diffusers are tested by running this file once more in
processes of their own, with .cache/torchvision (made by scripts/test.sh) on the path.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import hub
import huggingface_hub.constants
import pytest
import standins_all
import torch
import use_answers
import use_editing
import use_encoders
from standins_editing import BESIDE, diffusers_fits
from torch import nn
from transformers import PreTrainedTokenizerBase
from transformers.models.smolvlm import processing_smolvlm
from transformers.utils import is_torchvision_available

import labs
from labs.models import catalog, downloads
from labs.models.catalog import CatalogError
from labs.models.real import COLAB, FULL, GLIGEN, SYSTEMS

ENTRIES = {entry.name: entry for table in (COLAB, FULL, SYSTEMS) for entry in table.values()}
READ_VIDEOS = [name for name, entry in ENTRIES.items() if entry.torchvision]
PIPELINES = [name for name, entry in ENTRIES.items() if entry.library == "diffusers"]
PLAIN = [name for name in ENTRIES if name not in READ_VIDEOS and name not in PIPELINES]
ITS_OWN = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # diffusers' schedulers
HERE = [*(READ_VIDEOS if is_torchvision_available() else PLAIN),
        *(pytest.param(name, marks=ITS_OWN) for name in PIPELINES if diffusers_fits())]  # fmt: skip
needs_diffusers = pytest.mark.skipif(not diffusers_fits(), reason="diffusers is not here: this is tested below")
USES = {
    "google/siglip2-base-patch16-224": use_encoders.compare_with_padded_texts,
    "openai/clip-vit-large-patch14": use_encoders.compare_pictures,
    "microsoft/git-base-vqav2": use_answers.answer_as_git,
    "microsoft/git-large-coco": use_answers.answer_as_git,
    "Salesforce/blip-vqa-base": use_answers.answer_as_blip,
    "Salesforce/blip2-opt-2.7b": use_answers.answer_question,
    "Salesforce/instructblip-vicuna-7b": use_answers.answer_with_two_readers,
    "llava-hf/llava-1.5-7b-hf": use_answers.answer_question,
    "llava-hf/llava-v1.6-mistral-7b-hf": use_answers.answer_question,
    "HuggingFaceM4/idefics-9b-instruct": use_answers.answer_as_idefics,
    "HuggingFaceM4/idefics2-8b": use_answers.answer_question,
    "HuggingFaceTB/SmolVLM-500M-Instruct": use_answers.answer_question,
    "HuggingFaceTB/SmolVLM-256M-Instruct": use_answers.answer_question,
    "Qwen/Qwen2-VL-2B-Instruct": use_answers.answer_clip_and_picture,
    "HuggingFaceTB/SmolVLM2-500M-Video-Instruct": use_answers.answer_clip_and_picture,
    "LanguageBind/Video-LLaVA-7B-hf": use_answers.answer_as_video_llava,
    "lkhl/VideoLLaMA3-2B-Image-HF": use_answers.answer_clip_and_picture,
    "laion/clap-htsat-fused": use_encoders.compare_sound,
    "MIT/ast-finetuned-audioset-10-10-0.4593": use_encoders.label_sound,
    "Qwen/Qwen2-Audio-7B-Instruct": use_answers.answer_sound,
    "microsoft/xclip-base-patch32": use_encoders.compare_clip,
    "ibm-granite/granite-timeseries-patchtst": use_encoders.forecast_channels,
    "google/timesfm-2.0-500m-pytorch": use_encoders.forecast_series,
    "facebook/sam-vit-base": use_encoders.mask_point,
    "CIDAS/clipseg-rd64-refined": use_encoders.mask_word,
    "HuggingFaceTB/SmolLM2-135M-Instruct": use_answers.chat,
    "Qwen/Qwen3-0.6B": use_answers.chat_without_thinking,
    "timbrooks/instruct-pix2pix": use_editing.edit_picture,
    "masterful/gligen-1-4-generation-text-box": use_editing.draw_into_box,
}


def networks(model) -> dict[str, nn.Module]:
    """What a pipeline is made of; a model is one network."""
    parts = {"": model} if isinstance(model, nn.Module) else model.components
    return {name: part for name, part in parts.items() if isinstance(part, nn.Module)}


def weights(model) -> dict[str, torch.Tensor]:
    return {f"{name}.{key}": weight for name, part in networks(model).items()
            for key, weight in part.state_dict().items()}  # fmt: skip


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Puts the stand-in of a checkpoint into a Hub cache, and opens it there by its id."""

    def put_and_open(name: str, run: Path | None = None, **options):
        standin, home, entry = standins_all.BUILDERS[name](), tmp_path_factory.mktemp("hub"), ENTRIES[name]
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(home / "hub"))  # it is looked up at every call
        hub.put(home, name, standin, entry.revision)
        return standin, catalog.load_from(name, entry, run, **options)

    with pytest.MonkeyPatch.context() as patch:
        yield put_and_open


def test_every_checkpoint_has_a_stand_in_and_a_use():
    assert set(standins_all.BUILDERS) == set(USES) == set(ENTRIES)


@pytest.mark.parametrize("name", HERE)
def test_it_opens_from_a_cache_and_does_what_it_is_for(opened, name):
    assert huggingface_hub.constants.is_offline_mode()
    standin, loaded = opened(name)
    found, theirs = weights(loaded.model), weights(standin.model)
    assert found.keys() == theirs.keys() and all(torch.equal(found[key], theirs[key]) for key in found)
    assert not any(part.training for part in networks(loaded.model).values())
    assert type(loaded.processor) is type(standin.processor)
    with torch.no_grad():
        first, again = USES[name](loaded), USES[name](loaded)
    assert torch.equal(first, again) and first.isfinite().all()


@pytest.mark.parametrize("name", HERE)
def test_it_reads_texts_as_what_was_saved(opened, name):
    """Which class opens a tokenizer is decided by the model's kind, at times by the Hub id."""
    standin, loaded = opened(name)
    saved, found = (getattr(one.processor or one.model, "tokenizer", one.processor) for one in (standin, loaded))
    if isinstance(saved, PreTrainedTokenizerBase):
        assert found("USER: What is it? 42 <image>")["input_ids"] == saved("USER: What is it? 42 <image>")["input_ids"]


# ---------------------------------------------------------------------------------------------------------------
# Those that read videos


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision is here")
@pytest.mark.parametrize("name", READ_VIDEOS)
def test_without_torchvision_its_processor_cannot_be_made(name):
    with pytest.raises(ImportError, match="VideoProcessor requires the Torchvision library"):
        standins_all.BUILDERS[name]()


def test_smolvlm2_needs_num2words_and_says_so(monkeypatch):
    monkeypatch.setattr(processing_smolvlm, "num2words", None)  # as where the package is not installed
    tokenizer = standins_all.BUILDERS["HuggingFaceTB/SmolVLM-500M-Instruct"]().processor.tokenizer
    with pytest.raises(ImportError, match="Package `num2words` is required to run SmolVLM processor"):
        processing_smolvlm.SmolVLMProcessor(None, tokenizer, None)


@pytest.mark.skipif(is_torchvision_available(), reason="torchvision is here, so that these are tested above")
def test_those_that_read_videos():
    assert run_beside(READ_VIDEOS, __file__) >= 2 * len(READ_VIDEOS)


def run_beside(names: list[str], *files: str | Path) -> int:
    """Run what these files test of some checkpoints with .cache/torchvision on the path. How many tests passed."""
    if not (BESIDE / "installed.sha256").exists():
        pytest.skip("torchvision is not in .cache/torchvision: run scripts/test.sh with a network once")
    path = os.pathsep.join([str(BESIDE), str(Path(__file__).parent)])
    options = ["-n0", "-q", "-p", "torchvision_operators", "-p", "no:cacheprovider", "-k", " or ".join(names)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files], env=os.environ | {"PYTHONPATH": path}, cwd=labs.home(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.search(r"(\d+) passed", done.stdout).group(1))


# ---------------------------------------------------------------------------------------------------------------
# Those that open through diffusers, and from another revision than `main`


@pytest.mark.parametrize("name", PIPELINES)
def test_without_diffusers_a_sentence_says_so(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "diffusers", None)  # as where the package is not installed
    with pytest.raises(CatalogError, match=f"^{name} cannot be opened: it opens .*, so pip install diffusers "):
        catalog.load_from(name, ENTRIES[name])


def test_a_diffusers_that_has_given_up_a_pipeline_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", SimpleNamespace(__version__="9.0"))
    with pytest.raises(CatalogError, match=r"\(diffusers 9.0 has no StableDiffusionGLIGENPipeline, other"):
        catalog.load_from(GLIGEN.name, GLIGEN)


@ITS_OWN
@needs_diffusers
@pytest.mark.parametrize("name", PIPELINES)
def test_a_pipeline_opens_in_16_bits_and_is_recorded(opened, tmp_path, name):
    loaded = opened(name, tmp_path, dtype="float16")[1]
    assert {part.dtype for part in networks(loaded.model).values()} == {torch.float16}
    (record,) = json.loads((tmp_path / downloads.RECORD).read_text())["models"].values()
    assert record["commit"] == hub.COMMIT and len([file for file in record["files"] if "safetensors" in file]) == 4


@ITS_OWN
@needs_diffusers
@pytest.mark.parametrize("name", PIPELINES)
def test_pickled_weights_of_a_pipeline_are_refused(tmp_path, name):
    standins_all.BUILDERS[name]().model.save_pretrained(tmp_path, safe_serialization=False)
    with pytest.raises(CatalogError, match="cannot be opened"):
        catalog.load_from(str(tmp_path), ENTRIES[name])


@needs_diffusers
@pytest.mark.parametrize("name", [GLIGEN.name])
def test_it_opens_from_its_smaller_weights_and_without_its_safety_checker(tmp_path, name):
    standins_all.BUILDERS[name]().model.save_pretrained(tmp_path, variant="fp16")
    loaded = catalog.load_from(str(tmp_path), GLIGEN, variant="fp16", safety_checker=None)
    assert networks(loaded.model).keys() == {"vae", "text_encoder", "unet"} and not loaded.model.safety_checker


def test_another_revision_is_opened_recorded_and_obeyed(tmp_path, monkeypatch):
    """Where main has nothing; and the record's commit, where the revision has gone."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    entry = replace(COLAB["language"], revision="refs/pr/2")
    folder = hub.put(tmp_path, entry.name, standins_all.BUILDERS[entry.name](), entry.revision)
    catalog.load_from(entry.name, entry, tmp_path)
    assert downloads.pinned(tmp_path, entry.name) == hub.COMMIT
    (folder / "refs" / "refs" / "pr" / "2").unlink()
    catalog.load_from(entry.name, entry, tmp_path)
    with pytest.raises(CatalogError, match="check the name and the network"):
        catalog.load_from(entry.name, entry)


@pytest.mark.skipif(diffusers_fits(), reason="diffusers is here, so that these are tested above")
def test_those_that_open_through_diffusers():
    if not (BESIDE / "diffusers").exists():
        pytest.skip("diffusers is not in .cache/torchvision: run scripts/test.sh with a network once")
    if not diffusers_fits(str(BESIDE)):
        pytest.skip("the diffusers in .cache/torchvision asks for a newer huggingface_hub than is tested here")
    assert run_beside(PIPELINES, __file__, Path(__file__).with_name("test_true_shapes.py")) >= 10 * len(PIPELINES)
