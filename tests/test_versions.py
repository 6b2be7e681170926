"""The oldest and the newest versions: which ones they are, how they are installed, and that torch stays out of it."""

import subprocess
import sys
import venv

import package_lists
import pytest
import versions
from packaging.specifiers import SpecifierSet

PINS = package_lists.exact(versions.ROOT / "constraints.txt")


@pytest.fixture
def workshop(tmp_path, monkeypatch):
    """scripts/versions.py with a folder of its own, and no pip but one that only notes what it is asked."""
    calls, create = [], venv.create

    def pip_install(what, *arguments, python=None):
        calls.append((what, [str(part) for part in arguments], python))
        (tmp_path / "versions" / "torch").mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(versions, "FOLDER", tmp_path / "versions")
    monkeypatch.setattr(versions.bootstrap, "pip_install", pip_install)
    monkeypatch.setattr(
        versions.venv, "create", lambda folder, **options: create(folder, **options | {"with_pip": False})
    )
    monkeypatch.setattr(versions.bootstrap, "torch_index", lambda gpu: [])
    monkeypatch.setattr(versions.bootstrap, "fingerprint", lambda: "these lists")
    (tmp_path / "versions").mkdir()
    return calls


def test_the_oldest_are_the_floors_and_torch_is_the_pinned_one():
    oldest, asked = versions.oldest(), package_lists.asked("runtime")
    floors = {name: package_lists.floor(bounds) for name, bounds in asked.items() if name != "torch"}
    assert {name: oldest[name] for name in floors} == floors
    assert all(SpecifierSet(bounds).contains(oldest[name]) for name, bounds in asked.items())
    assert oldest["torch"] == PINS["torch"] and versions.torch_alone() == {"torch": PINS["torch"]}


def test_beside_the_oldest_colabs_versions_and_our_own_tools():
    oldest, colab = versions.oldest(), package_lists.exact(versions.ROOT / "tests" / "colab.txt")
    assert (oldest["pandas"], oldest["pyarrow"]) == (colab["pandas"], colab["pyarrow"])
    assert {name: oldest[name] for name in ("pytest", "ipywidgets")} == {
        "pytest": PINS["pytest"],
        "ipywidgets": PINS["ipywidgets"],
    }
    assert not versions.NOT_FROM_COLAB & set(oldest)


def test_torch_is_installed_once_for_both_and_beside_them(workshop):
    versions.install_torch()
    versions.install_torch()
    ((_, arguments, python),) = workshop
    assert arguments == [
        "--no-deps",
        "--target",
        str(versions.FOLDER / "torch"),
        "--upgrade",
        f"torch=={PINS['torch']}",
    ]
    assert python is None


def test_the_oldest_stay_and_the_newest_are_looked_up_again(workshop):
    for name in ("oldest", "oldest", "newest", "newest"):
        python = versions.make(name)
        assert python.is_relative_to(versions.FOLDER / name) and python.exists()
    assert [what for what, *_ in workshop] == [
        "installing the oldest versions",
        *["installing the newest versions"] * 2,
    ]
    assert "--upgrade" in workshop[1][1] and "--upgrade" not in workshop[0][1]
    assert (versions.FOLDER / "newest.txt").read_text() == f"torch=={PINS['torch']}\n"


def test_other_lists_make_an_environment_anew(workshop, monkeypatch):
    versions.make("oldest")
    monkeypatch.setattr(versions.bootstrap, "fingerprint", lambda: "other lists")
    versions.make("oldest")
    assert len(workshop) == 2


def test_an_environment_finds_the_labs_and_the_torch_beside_it(workshop):
    (versions.FOLDER / "torch").mkdir()
    (versions.FOLDER / "torch" / "torch_or_so.py").touch()
    python = versions.make("oldest")
    code = "import torch_or_so, labs; print(labs.home())"
    told = subprocess.run([python, "-c", code], cwd=versions.FOLDER, capture_output=True, text=True)
    assert told.stdout.strip() == str(versions.ROOT), told.stderr


def test_processors_that_a_docstring_closes_are_opened(tmp_path):
    file = tmp_path / "lib/transformers/models/idefics3/image_processing_pil_idefics3.py"
    file.parent.mkdir(parents=True)
    file.write_text('"""Mirrors TorchvisionBackend.pad."""\n')
    versions.open_processors(tmp_path)
    assert file.read_text() == '"""Mirrors torchvision\'s.pad."""\n'


def test_each_set_is_tested_and_either_can_fail(workshop, monkeypatch, capsys):
    ran, codes = [], iter([1, 0])
    monkeypatch.setattr(versions.bootstrap, "run_child", lambda command, **_: ran.append(command[1:]) or next(codes))
    assert versions.main(["tests/test_ask.py"]) == 1
    assert ran == [
        ["-m", "pytest", *versions.OPTIONS["oldest"], "tests/test_ask.py"],
        ["-m", "pytest", "tests/test_ask.py"],
    ]
    said = capsys.readouterr().out
    assert "with the oldest: failed" in said and "with the newest: passed" in said


def test_without_a_network_it_stops_in_one_sentence(workshop, monkeypatch, capsys):
    refuse = "the network did not answer: check the connection or the proxy and run this again"
    monkeypatch.setattr(versions.bootstrap, "pip_install", lambda *_, **__: refuse)
    assert versions.main([]) == 2
    assert capsys.readouterr().err == f"Stopped: {refuse}.\n"


def test_the_script_starts_where_nothing_is_installed():
    code = "import sys; sys.path.insert(0, 'scripts'); import versions, hosted"
    assert subprocess.call([sys.executable, "-S", "-c", code], cwd=versions.ROOT) == 0
