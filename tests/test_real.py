"""The real profiles, on stand-ins in a Hub cache: the commands as a user types them, the network closed."""

import json
import random
import subprocess
import sys

import hub
import pytest
import standins
import torch

import labs
from labs.evaluation.answering import answers
from labs.models.chat import answer
from labs.models.downloads import pinned
from labs.models.entry import Entry, Loaded
from labs.models.real import COLAB
from labs.preflight.machine import cached_ids
from labs.world import splits
from labs.world.picture import draw

SCENE = labs.home() / "data" / "samples" / "scene.png"
THERMAL = labs.home() / "data" / "samples" / "thermal"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of a Hub cache with the checkpoints of `colab` that answer questions."""
    folder = tmp_path_factory.mktemp("hub")
    hub.put(folder, COLAB["multimodal"].name, standins.idefics3())
    hub.put(folder, COLAB["generative"].name, standins.git())
    return folder


@pytest.fixture
def command(home):
    def run(*arguments):
        call = [sys.executable, "-m", "labs", *map(str, arguments)]
        return subprocess.run(call, env=hub.environment(home), capture_output=True, text=True, timeout=300)

    return run


def test_the_cache_is_laid_out_as_the_hub_s(home):
    assert cached_ids(home / "hub") == {COLAB["multimodal"].name, COLAB["generative"].name}


@pytest.mark.parametrize("role", ["multimodal", "generative"])
def test_the_real_profile_answers(command, tmp_path, role):
    done = command(
        "ask", SCENE, "Where is the star?", "--profile", "colab", "--role", role, "--json", tmp_path / "a.json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["model"] == COLAB[role].name and told["answer"] == done.stdout.strip()
    assert told["warnings"] == []  # a real model may know more than the micro-world


def test_a_git_that_reads_one_picture_says_so(command):
    done = command("ask", SCENE, SCENE, "Where is it?", "--profile", "colab", "--role", "generative")
    assert done.returncode == 2 and done.stderr.strip().endswith(
        "this GIT reads one picture, not 2: ask about each by itself"
    )


def test_what_is_not_in_the_cache_is_named(command):
    done = command("ask", SCENE, "Where is it?", "--profile", "full")
    assert (
        done.returncode == 2
        and "llava-v1.6-mistral-7b-hf cannot be opened: check the name and the network" in done.stderr
    )


def test_a_real_checkpoint_is_tuned_by_its_hub_id(command, tmp_path):
    options = {"data": THERMAL / "records.json", "images": THERMAL / "images", "out": tmp_path / "run",
               "model": COLAB["multimodal"].name, "steps": 3, "rank": 2, "asked": 3}  # fmt: skip
    done = command("tune", *(part for name, value in options.items() for part in (f"--{name}", value)))
    assert done.returncode == 0, done.stderr[-3000:]
    assert COLAB["multimodal"].name in done.stdout and (tmp_path / "run" / "adapter").is_dir()
    assert pinned(tmp_path / "run", COLAB["multimodal"].name) == hub.COMMIT


@pytest.mark.parametrize("numbers", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("family", ["idefics3", "llava", "llava_next", "git", "blip_2", "instructblip", "paligemma"])
def test_every_family_answers_in_the_numbers_of_a_gpu(family, numbers):
    """One by one and together: what goes into the model is float32 until it gets there."""
    standin = getattr(standins, family)()
    loaded = Loaded(Entry(family, type(standin.model).__name__), standin.model.to(numbers), standin.processor)
    picture = draw(splits.sample(random.Random(0)), 96)
    alone = answer(loaded, [picture], "Where is it?", max_new_tokens=4)
    assert answers(loaded, [picture] * 2, ["Where is it?"] * 2, max_new_tokens=4) == [alone, alone]
