"""The cell that opens every notebook, on a pretended Colab and Kaggle: a bare Python whose pip only notes its calls."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
import venv
import zipfile
from pathlib import Path

import badges
import bootstrap
import fake_pip
import hosted
import nbformat
import package_lists
import pytest
import setup_cell
from packing.wheels import TAGS

import labs

ROOT = labs.home()
ADDRESS = "https://github.com/someone/multimodal-labs"
COLAB, KAGGLE = {"COLAB_RELEASE_TAG": "release"}, {"KAGGLE_KERNEL_RUN_TYPE": "Interactive"}
PRELOADED = package_lists.exact(ROOT / "tests" / "colab.txt")
MISSING = {"bitsandbytes", "jaxtyping", "sacrebleu"}  # of the runtime list, on Colab
SOURCES = pytest.mark.parametrize("found", [None, ADDRESS], ids=["zip", "address"])


def repository():
    """What of the repository the cell makes use of: path and content. Looking at the machine is left to other tests."""
    files = [*(ROOT / "labs").rglob("*.py"), *(ROOT / "scripts").rglob("*.py"), *ROOT.glob("*.txt")]
    content = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    content["labs/preflight/notebook.py"] = "def start():\n    print('started')\n"
    return {**content, "data/README.md": "# Data\n"}


def zip_repository(file, top=""):
    file.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in repository().items():
            archive.writestr(top + name, text)


def make_host(tmp_path, with_pip=False):
    """A bare Python with Colab's packages, which are only names and versions, and a working directory `content`."""
    if os.name == "nt":
        pytest.skip("Colab and Kaggle run Linux")
    venv.create(tmp_path / "host", with_pip=with_pip)
    (packages,) = tmp_path.glob("host/lib/python3*/site-packages")
    for name, version in PRELOADED.items():
        if name not in ("pip", "setuptools"):
            fake_pip.record(packages, name, f"{version}+cu128" if name == "torch" else version)
    (tmp_path / "content").mkdir()
    (tmp_path / "input").mkdir()
    return packages


@pytest.fixture
def host(tmp_path):
    """Such a Python, with a pip that only notes what it is asked."""
    packages = make_host(tmp_path)
    (packages / "pip").mkdir()
    shutil.copy(fake_pip.__file__, packages / "pip" / "__main__.py")
    return packages


def run(host, tmp_path, program, environment=COLAB, **others):
    """What a new kernel says and its exit code, having run the program in `content`."""
    python = tmp_path / "host" / "bin" / "python"
    dropped = ("COLAB", "KAGGLE", "LABS", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    done = subprocess.run([python, "-c", program], cwd=tmp_path / "content", env={**kept, **environment, **others},
                          capture_output=True, text=True, timeout=300)  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def cell(tmp_path, found=None):
    """The cell's text, with another folder for Kaggle's inputs."""
    return setup_cell.source(found).replace("/kaggle/input", str(tmp_path / "input"))


def asked(host):
    """What pip was asked so far: the arguments and what held it, call by call."""
    file = host / "asked.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_on_colab_the_cell_unpacks_installs_and_starts(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    program = f"{cell(tmp_path)}\nprint(labs.home() if (labs := __import__('labs')) else '', os.environ['LABS_HOME'])"
    code, said = run(host, tmp_path, program)
    home = (tmp_path / "content" / "multimodal-labs").resolve()
    assert code == 0, said
    assert "started" in said and f"{home} {home}" in said
    assert "installing bitsandbytes, jaxtyping, sacrebleu: about 44 MB" in said
    assert "torchao 0.10.0 removed" in said
    assert [call["arguments"][0] for call in asked(host)] == ["install", "uninstall"]
    assert set(asked(host)[0]["arguments"][-3:]) == {"bitsandbytes>=0.50", "jaxtyping>=0.3", "sacrebleu>=2.4"}


def test_a_second_execution_does_nothing(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    twice = f"{cell(tmp_path)}\nprint('once more')\n{cell(tmp_path)}"
    code, said = run(host, tmp_path, twice)
    assert code == 0 and said.split("once more")[1].split() == ["started"], said
    mine = tmp_path / "content" / "multimodal-labs" / "labs" / "mine.txt"
    mine.write_text("what a learner has written")
    begun = time.monotonic()
    code, said = run(host, tmp_path, cell(tmp_path))  # another kernel on the same machine
    assert code == 0 and said.split() == ["started"], said
    assert len(asked(host)) == 2 and mine.exists()
    assert time.monotonic() - begun < 5


def test_what_a_kernel_starts_finds_the_labs_too(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    child = "import subprocess; print(subprocess.call([sys.executable, '-c', 'import labs; labs.home()'], cwd='/'))"
    code, said = run(host, tmp_path, f"{cell(tmp_path)}\n{child}")
    assert code == 0 and said.split()[-1] == "0", said


@pytest.mark.parametrize("place", ["content/labs (1).zip", "input/my-data/labs.zip"])
def test_a_zip_may_have_a_folder_inside_and_lie_among_kaggles_inputs(host, tmp_path, place):
    zip_repository(tmp_path / place, top="multimodal-labs-main/")
    code, said = run(host, tmp_path, cell(tmp_path), KAGGLE)
    assert code == 0 and said.split()[-1] == "started", said
    assert len(asked(host)) == 2


def test_what_kaggle_has_unpacked_already_is_used_where_it_lies(host, tmp_path):
    for name, text in repository().items():
        file = tmp_path / "input" / "labs-data" / "labs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    code, said = run(host, tmp_path, f"{cell(tmp_path)}\nprint(os.environ['LABS_HOME'])", KAGGLE)
    assert code == 0 and said.split()[-1] == str((tmp_path / "input" / "labs-data" / "labs").resolve()), said
    assert not list((tmp_path / "content").iterdir())


def test_without_the_repository_the_cell_says_what_to_upload(host, tmp_path):
    with zipfile.ZipFile(tmp_path / "content" / "photographs.zip", "w") as archive:
        archive.writestr("cat.txt", "a cat")
    code, said = run(host, tmp_path, cell(tmp_path))
    assert code == 1 and not asked(host)
    assert "AssertionError: The labs are not here: upload labs.zip beside this notebook, or choose" in said
    assert [file.name for file in (tmp_path / "content").iterdir()] == ["photographs.zip"]


def test_a_zip_that_is_not_there_as_a_whole_is_refused(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    content = (tmp_path / "content" / "labs.zip").read_bytes()
    (tmp_path / "content" / "labs.zip").write_bytes(content[: len(content) // 2])
    code, said = run(host, tmp_path, cell(tmp_path))
    assert code == 1 and "labs.zip is not a zip file" in said


@SOURCES
def test_where_labs_can_be_imported_the_cell_fetches_and_installs_nothing(tmp_path, monkeypatch, found):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLAB_RELEASE_TAG", "release")
    zip_repository(tmp_path / "labs.zip")
    monkeypatch.setattr(subprocess, "getstatusoutput", lambda command: pytest.fail(command))
    exec(setup_cell.source(found).removesuffix(setup_cell.START), {})
    assert [file.name for file in tmp_path.iterdir()] == ["labs.zip"]


def write_git(tmp_path, answer):
    """A `git` that answers like this, in a folder for PATH."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\n{answer}\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    return f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"


def test_with_an_address_the_cell_clones(host, tmp_path):
    zip_repository(tmp_path / "there.zip")
    unpack = f'{sys.executable} -m zipfile -e {tmp_path}/there.zip "$last"'
    path = write_git(tmp_path, f'echo "$@" >> {tmp_path}/cloned; for last; do :; done; {unpack}')
    twice = f"{cell(tmp_path, ADDRESS)}\n{cell(tmp_path, ADDRESS)}"
    code, said = run(host, tmp_path, twice, PATH=path)
    assert code == 0 and said.split()[-2:] == ["started", "started"], said
    home = (tmp_path / "content" / "multimodal-labs").resolve()
    assert (tmp_path / "cloned").read_text().splitlines() == [f"clone --quiet --depth 1 {ADDRESS} {home}"]
    assert len(asked(host)) == 2


def test_without_internet_the_cell_says_where_to_turn_it_on(host, tmp_path):
    path = write_git(tmp_path, "echo fatal: could not resolve host >&2; exit 128")
    code, said = run(host, tmp_path, cell(tmp_path, ADDRESS), KAGGLE, PATH=path)
    assert code == 1 and "choose Settings > Internet > On: fatal: could not resolve host" in said


def test_with_an_address_nothing_is_cloned_elsewhere(host, tmp_path):
    path = write_git(tmp_path, f"touch {tmp_path}/cloned")
    code, said = run(host, tmp_path, cell(tmp_path, ADDRESS), {}, PATH=path)
    assert code == 1 and "AssertionError: The labs are not here: choose a checkout's .venv" in said
    assert not (tmp_path / "cloned").exists()


def test_elsewhere_than_on_the_hosts_nothing_is_installed(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    code, said = run(host, tmp_path, cell(tmp_path), {})
    assert code == 1 and not asked(host)
    assert re.search(r"Set-up stopped: this is for Colab and Kaggle; here, run .* as the notebook's kernel\.$", said)


@pytest.mark.parametrize("environment, remedy", [(KAGGLE, "choose Settings > Internet > On"), (COLAB, "look at the")])
def test_a_pip_without_network_becomes_one_sentence(host, tmp_path, environment, remedy):
    zip_repository(tmp_path / "content" / "labs.zip")
    says = "WARNING: Retrying after connection broken by 'NewConnectionError'"
    code, said = run(host, tmp_path, cell(tmp_path), environment, FAKE_PIP_SAYS=says)
    assert code == 1 and "started" not in said
    assert f"Set-up stopped: bitsandbytes, jaxtyping, sacrebleu cannot be downloaded: {remedy}" in said


def test_a_conflict_that_pip_finds_becomes_one_sentence(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    code, said = run(host, tmp_path, cell(tmp_path), FAKE_PIP_SAYS="ERROR: ResolutionImpossible: numpy==2.1.3")
    assert code == 1 and "Set-up stopped: pip failed: mend what it names" in said and "numpy==2.1.3" in said


def test_a_preloaded_package_that_is_too_old_is_refused_and_not_moved(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    next(host.glob("transformers-*")).rename(host / "transformers-5.1.0.dist-info")
    file = host / "transformers-5.1.0.dist-info" / "METADATA"
    file.write_text(file.read_text().replace("5.15.0", "5.1.0"))
    code, said = run(host, tmp_path, cell(tmp_path), KAGGLE)
    assert code == 1 and not asked(host)
    wanted = "transformers 5.1.0 is loaded here, and the labs run with >=5.15: choose Settings > Environment >"
    assert f"Set-up stopped: {wanted} Always use latest environment." in said


def test_pip_is_held_to_every_installed_version(host, tmp_path):
    zip_repository(tmp_path / "content" / "labs.zip")
    fake_pip.record(host, "someones-own", "2004d")  # pip refuses to read such a version in a list
    run(host, tmp_path, cell(tmp_path))
    held = asked(host)[0]["held"]
    here = {package_lists.canonical(name): version for name, version in PRELOADED.items()}
    here["torch"] += "+cu128"
    assert {name: held[name] for name in here if name not in ("pip", "setuptools")}.items() <= here.items()
    assert "someones-own" not in held
    pins = package_lists.exact(ROOT / "constraints.txt")
    assert {name: held[name] for name in MISSING} == {name: pins[name] for name in MISSING}


def test_of_two_versions_the_one_that_is_imported_holds(monkeypatch, tmp_path):
    fake_pip.record(tmp_path / "first", "somelib", "2.0")
    fake_pip.record(tmp_path / "second", "somelib", "1.0")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "first"), str(tmp_path / "second")])
    assert "somelib==2.0" in hosted.constraints([]) and "somelib==1.0" not in hosted.constraints([])


def test_a_small_package_that_is_too_old_may_move(monkeypatch):
    here = {**PRELOADED, "bitsandbytes": "0.50.0", "jaxtyping": "0.3.11", "sacrebleu": "1.5"}
    monkeypatch.setattr(hosted, "version", here.get)
    assert hosted.missing() == {"sacrebleu": ">=2.4"}
    pins = package_lists.exact(ROOT / "constraints.txt")
    assert f"sacrebleu=={pins['sacrebleu']}" in hosted.constraints({"sacrebleu": ">=2.4"})


@pytest.mark.parametrize("version, removed", [(None, 0), ("0.10.0", 1), ("0.15.9", 1), ("0.16.0", 0), ("0.17.0+g", 0)])
def test_torchao_goes_where_peft_refuses_it(monkeypatch, capsys, version, removed):
    calls = []
    monkeypatch.setattr(hosted, "version", lambda name: version)
    monkeypatch.setattr(hosted.subprocess, "call", lambda command, **_: calls.append(command[-1]))
    hosted.remove_torchao()
    assert calls == ["torchao"] * removed
    assert bool(capsys.readouterr().out) == bool(removed)


def test_torchao_that_stays_is_said(monkeypatch):
    monkeypatch.setattr(hosted, "version", lambda name: "0.10.0")
    monkeypatch.setattr(hosted.subprocess, "call", lambda command, **_: 1)
    with pytest.raises(bootstrap.Stop, match=r"torchao 0\.10\.0 cannot be removed, and peft refuses to add LoRA"):
        hosted.remove_torchao()


def test_both_places_agree_on_torchao():
    from labs.preflight import problems

    assert hosted.TORCHAO == problems.TORCHAO


@pytest.mark.parametrize(
    "version, specifier, does",
    [
        ("5.15.0", ">=5.15", True),
        ("2.11.0+cu128", ">=2.11", True),
        ("0.9", ">=0.20", False),
        ("12.3.0", ">=11.3,<13", True),
        ("13.0.0", ">=11.3,<13", False),
        ("0", ">=1", False),
    ],
)
def test_a_version_fits_or_does_not(version, specifier, does):
    assert package_lists.fits(version, specifier) == does


def test_the_lists_are_read_as_pip_reads_them():
    from packaging.requirements import Requirement

    for group in ("runtime", "notebooks", "test"):
        for name, specifier in package_lists.asked(group).items():
            assert Requirement(name + specifier).name == name
            assert package_lists.fits(package_lists.floor(specifier), specifier)
    assert package_lists.asked("runtime")["pillow"] == ">=11.3,<13"
    assert set(hosted.MEGABYTES) == MISSING == set(package_lists.asked("runtime")) - set(PRELOADED)


@SOURCES
def test_the_cell_is_short_and_clean(found):
    text = setup_cell.source(found)
    assert len(text.splitlines()) <= 20 and not re.search(r"^\s*[!%]", text, re.MULTILINE)
    book = json.dumps({**nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text)])})
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(ROOT / "notebooks" / "cell.ipynb"), "-"]
        done = subprocess.run(ruff, input=book, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr


def new_notebook(tmp_path, *cells):
    """A file notebooks/one.ipynb; cells are (type, text, tags)."""
    made = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    book = nbformat.v4.new_notebook(cells=[made[kind](text, metadata={"tags": tags}) for kind, text, tags in cells])
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.update(execution_count=1, outputs=[nbformat.v4.new_output("stream", text="said\n")])
    path = tmp_path / "notebooks" / "one.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(book, path)
    return path


@SOURCES
def test_a_notebook_gets_the_cell_once_and_keeps_all_else(tmp_path, found):
    title, mine = ("markdown", "# Why?", []), ("code", "print(1)", ["mine"])
    path = new_notebook(tmp_path, title, ("code", "import labs", ["setup"]), ("markdown", "Words", []), mine)
    before = nbformat.read(path, as_version=4)
    assert setup_cell.write(path, found)
    after = nbformat.read(path, as_version=4)
    assert after.cells[1].source == setup_cell.source(found)
    assert (after.cells[1].outputs, after.cells[1].execution_count) == ([], None)
    assert after.cells[1].id == before.cells[1].id and after.cells[2:] == before.cells[2:]
    assert after.metadata == before.metadata
    written = path.read_bytes()
    assert not setup_cell.write(path, found) and path.read_bytes() == written


def test_an_executed_cell_keeps_its_output(tmp_path):
    path = new_notebook(tmp_path, ("markdown", "# Why?", []), ("code", setup_cell.source(None), ["setup"]))
    before = path.read_bytes()
    assert not setup_cell.write(path, None) and path.read_bytes() == before


def test_a_notebook_without_the_cell_gets_it_before_all_code(tmp_path):
    path = new_notebook(tmp_path, ("markdown", "# Why?", []), ("markdown", "Words", []), ("code", "print(1)", []))
    setup_cell.write(path, None)
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "markdown", "code", "code"]
    assert cells[2].metadata.tags == ["setup"] and cells[3].outputs
    assert not setup_cell.write(path, None)


def test_another_cell_with_the_tag_is_refused(tmp_path, capsys):
    path = new_notebook(tmp_path, ("code", "print(1)", []), ("code", "import labs", ["setup"]))
    before = path.read_bytes()
    assert setup_cell.main([str(path)]) == 2
    assert "the cell tagged setup has to be the first code cell" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", [None, "no notebook"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, capsys, text):
    if text:
        (tmp_path / "one.ipynb").write_text(text)
    assert setup_cell.main([str(tmp_path / "one.ipynb")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("path", badges.notebooks(), ids=lambda path: path.stem)
def test_a_notebook_has_the_cell_and_its_badges(path):
    book = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    before = nbformat.writes(book)
    after = nbformat.writes(setup_cell.written(book, path, badges.address()))
    assert after == before, "run: python scripts/setup_cell.py"


def resolved_for_colab(tmp_path):
    """What pip would install on Colab, had it nothing: name to version and address. It asks the real index."""
    wanted, held, report = (tmp_path / name for name in ("wanted.txt", "held.txt", "report.json"))
    wanted.write_text("\n".join(name + bounds for name, bounds in package_lists.asked("runtime").items()))
    held.write_text("\n".join(f"{name}=={version}" for name, version in PRELOADED.items()))
    computer = [part for tag in TAGS["linux"] for part in ("--platform", tag)]
    computer += ["--python-version", "3.13", "--only-binary=:all:", "--target", tmp_path / "target"]
    command = ["install", "--dry-run", "--ignore-installed", *computer, "--report", report, "-r", wanted, "-c", held]
    done = subprocess.run([sys.executable, "-m", "pip", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = {}
    for item in json.loads(report.read_text())["install"]:
        name = package_lists.canonical(item["metadata"]["name"])
        found[name] = item["metadata"]["version"], item["download_info"]["url"]
    return found


def size(address):
    """Bytes to download."""
    if address.startswith("file:"):
        return Path(urllib.request.url2pathname(address.removeprefix("file://"))).stat().st_size
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=30) as answer:
        return int(answer.headers["Content-Length"])


@pytest.mark.long
def test_on_colab_pip_moves_nothing_and_downloads_little(tmp_path):
    found = resolved_for_colab(tmp_path)
    here = {package_lists.canonical(name): version for name, version in PRELOADED.items()}
    assert {name: version for name, (version, _) in found.items() if name in here and version != here[name]} == {}
    cuda = re.compile(r"nvidia-|cuda-|triton")  # torch's own, of which Colab has those of its build
    new = {name: address for name, (_, address) in found.items() if name not in here and not cuda.match(name)}
    assert set(new) == MISSING | {"colorama", "portalocker"}
    megabytes = sum(size(address) for address in new.values()) / 1e6
    assert megabytes == pytest.approx(sum(hosted.MEGABYTES.values()), abs=3)


@pytest.mark.long
def test_with_the_real_pip_the_cell_takes_less_than_two_minutes(tmp_path):
    packages = make_host(tmp_path, with_pip=True)
    zip_repository(tmp_path / "content" / "labs.zip")
    listed = "import importlib.metadata as m; print('now', *(f'{d.name}=={d.version}' for d in m.distributions()))"
    begun = time.monotonic()
    code, said = run(packages, tmp_path, f"{cell(tmp_path)}\n{listed}")
    assert code == 0 and "started" in said and time.monotonic() - begun < 120, said
    now = {package_lists.canonical(line.split("==")[0]): line.split("==")[1] for line in said.split("now ")[1].split()}
    pins = package_lists.exact(ROOT / "constraints.txt")
    new = {name: pins[name] for name in (*MISSING, "colorama", "portalocker")}
    old = {package_lists.canonical(name): version for name, version in PRELOADED.items()}
    old["torch"] += "+cu128"
    stay = {name: version for name, version in old.items() if name not in ("torchao", "pip", "setuptools")}
    assert {**stay, **new}.items() <= now.items()
    assert "torchao" not in now
