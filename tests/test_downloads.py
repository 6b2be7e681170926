"""What is taken from the Hub: recorded, obeyed, compared with its checksums; and every way in which it can fail."""

import errno
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import hub
import pytest
import standins
import torch
from huggingface_hub import constants

from labs.models import downloads
from labs.models.catalog import CatalogError, load, load_from
from labs.models.downloads import RECORD, DownloadError, pinned, record
from labs.models.entry import Entry
from labs.models.real import COLAB, SYSTEMS
from labs.models.why_not import why_not

ENTRY = COLAB["generative"]
LATER = "f" * 40


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A Hub cache with a stand-in for one checkpoint. Its folder."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return hub.put(tmp_path, ENTRY.name, standins.git())


def newer(cache):
    """Another commit of the checkpoint, with other weights, to which `main` has moved."""
    other = standins.git()
    with torch.no_grad():
        next(other.model.parameters()).add_(1)
    moved = cache.with_name("moved")
    cache.rename(moved)
    hub.put(cache.parents[1], ENTRY.name, other)
    (cache / "snapshots" / hub.COMMIT).rename(cache / "snapshots" / LATER)
    (moved / "snapshots" / hub.COMMIT).rename(cache / "snapshots" / hub.COMMIT)
    for blob in (moved / "blobs").iterdir():
        blob.rename(cache / "blobs" / blob.name)
    (cache / "refs" / "main").write_text(LATER)


def weights(loaded):
    return next(loaded.model.parameters())


def open_it(run=None):
    return load_from(ENTRY.name, ENTRY, run, cache_dir=constants.HF_HUB_CACHE)


@pytest.fixture(autouse=True)
def processors_look_there_too(monkeypatch):
    """The processor of a model is looked for where its weights are; `cache_dir` is the tests' own."""
    import transformers

    whole = transformers.AutoProcessor.from_pretrained
    monkeypatch.setattr(
        transformers.AutoProcessor, "from_pretrained",
        lambda path, **options: whole(path, cache_dir=constants.HF_HUB_CACHE, **options),
    )  # fmt: skip


def test_what_was_taken_is_recorded(cache, tmp_path):
    run = tmp_path / "run"
    open_it(run)
    (found,) = json.loads((run / RECORD).read_text())["models"].values()
    assert found["commit"] == hub.COMMIT and found["licence"] == ENTRY.licence
    assert "model.safetensors" in found["files"] and found["gigabytes"] > 0
    assert downloads.gigabytes(run) == found["gigabytes"]
    assert pinned(run, ENTRY.name) == hub.COMMIT and pinned(run, "another/model") is None
    assert pinned(None, ENTRY.name) is None


def test_a_record_is_obeyed_when_main_has_moved(cache, tmp_path):
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    before = weights(open_it(run)).clone()
    newer(cache)
    assert torch.equal(weights(open_it(run)), before)
    assert not torch.equal(weights(open_it(fresh)), before)
    assert pinned(fresh, ENTRY.name) == LATER and pinned(run, ENTRY.name) == hub.COMMIT


def test_a_recorded_commit_that_is_not_there_is_named_with_its_remedy(cache, tmp_path):
    (tmp_path / RECORD).write_text(json.dumps({"models": {ENTRY.name: {"commit": "a" * 40}}}))
    with pytest.raises(CatalogError, match=f"{RECORD} names a commit of it, so open the network, or delete that file"):
        open_it(tmp_path)


def test_the_licence_is_the_one_of_the_page_where_that_was_downloaded(cache, tmp_path):
    (cache / "snapshots" / hub.COMMIT / "README.md").write_text("---\nlicense: apache-2.0\n---\nA model.\n")
    assert record(tmp_path, ENTRY.name, "mit")["licence"] == "apache-2.0"


def test_a_file_that_has_changed_is_named(cache, tmp_path):
    file = cache / "snapshots" / hub.COMMIT / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.resolve().write_bytes(bytes(content))
    with pytest.raises(DownloadError, match=r"model.safetensors of microsoft/git-base-vqav2 is not as the Hub has it"):
        open_it(tmp_path / "run")
    assert not (tmp_path / "run" / RECORD).exists()


def test_pickled_weights_are_never_opened(cache):
    snapshot = cache / "snapshots" / hub.COMMIT
    torch.save({}, snapshot / "pytorch_model.bin")
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(CatalogError, match="git-base-vqav2 cannot be opened"):
        open_it()
    with pytest.raises(CatalogError, match="cannot be opened"):
        load_from(str(snapshot), ENTRY)  # nor from a folder


def test_a_file_cut_short_is_refused(cache, tmp_path):
    file = cache / "snapshots" / hub.COMMIT / "model.safetensors"
    file.resolve().write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CatalogError, match="cannot be opened"):
        open_it()


def test_half_a_download_goes_on_with_the_network(cache):
    (cache / "blobs" / "abc.incomplete").write_bytes(b"half")
    (cache / "snapshots" / hub.COMMIT / "model.safetensors").unlink()
    with pytest.raises(CatalogError, match="only half of it was downloaded, so open the network and run this again"):
        open_it()


def test_a_second_tokenizer_that_is_not_whole_is_not_replaced_by_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    entry = SYSTEMS["instructblip"]
    shutil.rmtree(hub.put(tmp_path, entry.name, standins.instructblip()) / ".no_exist")
    with pytest.raises(CatalogError, match="the Q-Former's own tokenizer is not whole in the cache"):
        load_from(entry.name, entry, cache_dir=constants.HF_HUB_CACHE)


def test_a_damaged_record_is_refused(cache, tmp_path):
    (tmp_path / RECORD).write_text("{")
    with pytest.raises(DownloadError, match=r"downloads.json is damaged: delete it"):
        open_it(tmp_path)


def test_what_is_not_in_the_cache_is_not_recorded(cache, tmp_path):
    with pytest.raises(DownloadError, match="nobody/nothing is not in the cache .*: open the network"):
        record(tmp_path, "nobody/nothing", "mit")


def test_a_full_disk_says_where_to_go():
    error = OSError(errno.ENOSPC, "No space left on device")
    assert "the disk is full, free some space or set HF_HOME" in why_not("a/b", error)
    wrapped = ValueError("cannot write")
    wrapped.__cause__ = error
    assert "the disk is full" in why_not("a/b", wrapped)


def test_a_missing_package_is_named():
    error = ImportError("\nSmolVLMProcessor requires the num2words library\n")
    assert "pip install torchvision num2words" in why_not("a/b", error) and "num2words library" in why_not("a/b", error)


def test_mini_models_need_no_record(tmp_path):
    load("generative", "mini", run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


class Gate(BaseHTTPRequestHandler):
    """A Hub on which everything is gated."""

    def do_HEAD(self):
        self.send_response(401)
        self.send_header("X-Error-Code", "GatedRepo")
        self.send_header("X-Error-Message", "Access to this model is restricted: you must be authenticated.")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


def test_a_gated_model_without_a_token_says_where_to_accept_its_terms(tmp_path, monkeypatch):
    with HTTPServer(("127.0.0.1", 0), Gate) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        for name, value in (
            ("ENDPOINT", address),
            ("HF_HUB_OFFLINE", False),
            ("HF_HUB_CACHE", str(tmp_path)),
            ("HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}"),
        ):
            monkeypatch.setattr(constants, name, value)  # fmt: skip
        gated = Entry("someone/gated", "GitForCausalLM")
        sentence = "accept its terms on https://huggingface.co/someone/gated and log in with `hf auth login`"
        with pytest.raises(CatalogError, match=sentence):
            load_from(gated.name, gated, cache_dir=tmp_path)
        server.shutdown()
