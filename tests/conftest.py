"""What every test stands on: no network, one thread, the checkout as home; and what several files share."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

import labs

labs.offline()  # before the fixtures import transformers
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A saved, untrained mini-llava."""
    import standins

    return standins.save_untrained(tmp_path_factory.mktemp("checkpoint") / "mini-llava")


@pytest.fixture(scope="module")
def standin():
    """Builds a family's stand-in, and each only once."""
    import standins

    built = {}
    return lambda family: built.setdefault(family, getattr(standins, family)())


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """Builds a record of turns (question, answer, *numbers of pictures shown)."""
    import standins

    pictures = standins.draw_pictures(tmp_path_factory.mktemp("pictures"))
    return lambda *turns: standins.record(pictures, turns)
