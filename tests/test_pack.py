"""A pack holds all that its computer needs, survives interruptions and damage, and installs with the network closed."""

import errno
import hashlib
import http.server
import json
import os
import shutil
import site
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import bootstrap
import pack
import package_lists
import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packing import checkpoints, repository, wheels
from packing.folder import UNFINISHED, PackFolder

from labs.models import catalog

pytestmark = pytest.mark.skipif(not shutil.which("git"), reason="packs are made with git")
ROOT = Path(__file__).resolve().parent.parent
HERE = bootstrap.python_running()
CONSTRAINTS = """\
# a comment
alpha==1.0
torch==2.0
# only on Windows
beta-two==1.5
# only on Linux with an NVIDIA GPU: what the CUDA build of torch brings
nvidia==3
# only on Python 3.13
later==1
"""
GROUPS = "runtime", "notebooks", "demo", "book", "test"  # of requirements.txt
CLOSED = "http://127.0.0.1:9"  # where nothing listens


def wheel(folder, name, version, tag="py3-none-any"):
    """A wheel that pip takes for one."""
    info, file = f"{name}-{version}.dist-info", folder / f"{name}-{version}-{tag}.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def commit(folder):
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a few lists, and a folder of wheels where pip looks instead of in the network."""
    folder, shelf = tmp_path / "checkout", tmp_path / "shelf"
    (folder / "tests").mkdir(parents=True)
    shelf.mkdir()
    (folder / "constraints.txt").write_text(CONSTRAINTS)
    (folder / "tests/torchvision.txt").write_text("gamma==0.1  # for the tests\n")
    commit(folder)
    tag = f"cp{HERE.replace('.', '')}-cp{HERE.replace('.', '')}"
    for made in ("torch 2.0+cpu manylinux_2_28_x86_64", "torch 2.0 macosx_11_0_arm64", "torch 2.0 win_amd64"):
        wheel(shelf, *made.split()[:2], f"{tag}-{made.split()[2]}")
    for made in ("alpha 1.0", "beta_two 1.5", "gamma 0.1"):
        wheel(shelf, *made.split())
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    for name, value in {"NO_INDEX": "1", "FIND_LINKS": str(shelf), "CONFIG_FILE": os.devnull, "RETRIES": "0"}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setattr(bootstrap, "ROOT", folder)
    monkeypatch.setattr(bootstrap, "answers", lambda address: False)
    return folder


@pytest.fixture
def make(checkout, tmp_path):
    """Makes a pack as a user does; returns the exit code."""

    def call(*more, platform="linux", to="pack"):
        return pack.main(["--platform", platform, "--to", str(tmp_path / to), *more])

    return call


@pytest.fixture
def fetched(monkeypatch):
    """What pip was asked to fetch, call by call."""
    asked, really = [], wheels.pip_download

    def pip_download(arguments):
        asked.append([part for part in arguments if "==" in str(part)])
        return really(arguments)

    monkeypatch.setattr(wheels, "pip_download", pip_download)
    return asked


def stopped(capsys, said, title="Packing stopped: "):
    """The one sentence of an error."""
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(title) and said in line and line.endswith("."), line
    return True


@pytest.mark.parametrize(
    "platform, torch, more",
    [("linux", "2.0+cpu", []), ("mac", "2.0", []), ("windows", "2.0", ["beta_two-1.5-py3-none-any.whl"])],
)
def test_a_pack_holds_what_its_computer_needs_and_nothing_else(make, tmp_path, capsys, platform, torch, more):
    assert make(platform=platform) == 0
    folder = tmp_path / "pack"
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert {name.split("/")[1] for name in found if name.startswith("wheels/torch")} == {
        next(file.name for file in (folder / "wheels").glob(f"torch-{torch}-*"))
    }
    names = {name.split("/")[1] for name in found if name.startswith("wheels/") and "torch" not in name}
    assert names == {"alpha-1.0-py3-none-any.whl", "gamma-0.1-py3-none-any.whl", *more}
    noted = json.loads((folder / "pack.json").read_text())
    assert noted["sha256"].keys() == found - {"pack.json"}
    assert all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == sum for name, sum in noted["sha256"].items())
    assert (noted["platform"], noted["python"], noted["profile"]) == (platform, HERE, "mini")
    assert "labs/constraints.txt" in zipfile.ZipFile(folder / "labs.zip").namelist()
    told, page = capsys.readouterr().out, (folder / "READ_ME.txt").read_text()
    command = f"-m zipfile -e labs.zip . && {'py -' if platform == 'windows' else 'python'}{HERE}"
    assert command in page and command in told and f"{len(found) - 1} files, 0 MB" in told
    assert "hub" not in page


def test_interrupted_it_goes_on_where_it_was(make, tmp_path, monkeypatch, fetched):
    counted = wheels.pip_download

    def interrupted(arguments):
        if len(fetched) == 2:
            (tmp_path / "pack/wheels/gamma-0.1-py3-none-any.whl").write_bytes(b"half of it")
            raise KeyboardInterrupt
        return counted(arguments)

    monkeypatch.setattr(wheels, "TOGETHER", 1)
    monkeypatch.setattr(wheels, "pip_download", interrupted)
    assert make() == 130
    assert (tmp_path / "pack" / UNFINISHED).exists() and not (tmp_path / "pack/pack.json").exists()
    monkeypatch.setattr(wheels, "pip_download", counted)
    assert make() == 0
    assert fetched == [["torch==2.0+cpu"], ["alpha==1.0"], ["gamma==0.1"]]
    assert pack.main(["--check", str(tmp_path / "pack")]) == 0
    assert not (tmp_path / "pack" / UNFINISHED).exists()


def test_of_a_finished_pack_only_what_is_damaged_is_fetched_again(make, tmp_path, fetched, capsys):
    assert make() == 0
    listed = (tmp_path / "pack/pack.json").read_text()
    fetched.clear()
    assert make() == 0 and fetched == []
    (tmp_path / "pack/wheels/alpha-1.0-py3-none-any.whl").write_bytes(b"bit rot")
    capsys.readouterr()
    assert pack.main(["--check", str(tmp_path / "pack")]) == 2
    assert stopped(capsys, "alpha-1.0-py3-none-any.whl is damaged: copy it again")
    assert make() == 0 and fetched == [["alpha==1.0"]]
    assert (tmp_path / "pack/pack.json").read_text() == listed


def test_wheels_of_an_earlier_list_go(make, checkout, tmp_path):
    assert make() == 0
    (checkout / "tests/torchvision.txt").write_text("")
    commit(checkout)
    assert make() == 0
    assert not list((tmp_path / "pack/wheels").glob("gamma*"))


def test_what_is_not_committed_stays_out(make, checkout, tmp_path):
    (checkout / "constraints.txt").write_text("absent==1.0\n")
    assert make() == 0
    assert zipfile.ZipFile(tmp_path / "pack/labs.zip").read("labs/constraints.txt").decode() == CONSTRAINTS


def test_with_cuda_come_its_libraries_and_the_usual_build(checkout):
    assert set(wheels.pins("linux", "3.11")) == {"alpha==1.0", "torch==2.0+cpu", "gamma==0.1"}
    assert set(wheels.pins("linux", "3.11", cuda=True)) == {"alpha==1.0", "torch==2.0", "gamma==0.1", "nvidia==3"}


def test_what_only_one_python_needs_comes_for_that_one(checkout):
    assert set(wheels.pins("mac", "3.13")) - set(wheels.pins("mac", "3.12")) == {"later==1"}


def test_all_that_is_asked_for_is_in_the_pack_of_every_computer():
    """Sections of constraints.txt that lost their lines would leave a pack almost empty."""
    asked = {canonicalize_name(name) for group in GROUPS for name in package_lists.asked(group)}
    for platform in bootstrap.COMPUTERS:
        given = {canonicalize_name(pin.split("==")[0]) for pin in wheels.pins(platform, HERE)}
        assert len(asked) > 30 and not asked - given and len(given) > 2 * len(asked)
        assert ("appnope" in given, "pywinpty" in given) == (platform == "mac", platform == "windows")
        assert not [name for name in given if name.startswith("nvidia")]


def test_torch_for_the_cpu_is_looked_for_where_pytorch_keeps_it(make, monkeypatch):
    asked = []
    monkeypatch.setattr(bootstrap, "answers", lambda address: address.startswith(bootstrap.CPU_WHEELS))
    monkeypatch.setattr(wheels, "pip_download", lambda arguments: asked.append(arguments) or "")
    make()
    assert [bootstrap.CPU_WHEELS in arguments for arguments in asked] == [True, False]
    assert all("--no-deps" in arguments and "--only-binary=:all:" in arguments for arguments in asked)


@pytest.mark.parametrize("platform, said", [("mac", "no wheel of torch==2.0 for mac (arm64)"), ("linux", "--cuda")])
def test_a_wheel_that_does_not_exist_is_named(make, tmp_path, capsys, platform, said):
    other = "3.13" if HERE != "3.13" else "3.12"
    assert make("--python", other, platform=platform) == 2
    assert stopped(capsys, said) and not (tmp_path / "pack/pack.json").exists()


def test_a_network_that_does_not_answer(make, monkeypatch, capsys):
    for name, value in {"PIP_NO_INDEX": "0", "PIP_INDEX" + "_URL": CLOSED}.items():
        monkeypatch.setenv(name, value)
    assert make("--python", "3.13" if HERE != "3.13" else "3.12") == 2
    assert stopped(capsys, "the network did not answer")


def test_a_full_disk_under_pip_and_under_the_list(make, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert make() == 0
    listed = (tmp_path / "pack/pack.json").read_bytes()
    (tmp_path / "pack/wheels/alpha-1.0-py3-none-any.whl").unlink()
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(wheels, "pip_download", lambda _: "OSError: [Errno 28] No space left on device\n")
        assert make() == 2 and stopped(capsys, "the disk is full")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        assert make() == 2 and stopped(capsys, "the disk is full")
    assert (tmp_path / "pack/pack.json").read_bytes() == listed
    assert make() == 0


def test_it_is_made_from_a_git_checkout(make, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    assert make() == 2 and stopped(capsys, "is no git checkout")


def test_git_that_fails_says_why(checkout):
    with pytest.raises(bootstrap.Stop, match=r"git failed: mend what it names .*absent"):
        repository.git("show", "HEAD:absent")


def test_a_folder_that_is_something_else(make, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert make(to="file") == 2 and stopped(capsys, "cannot be written")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/letter.txt").touch()
    assert make(to="other") == 2 and stopped(capsys, "holds something else")
    PackFolder(tmp_path / "pack", "mac", "3.12")
    assert make() == 2 and stopped(capsys, "holds a pack for mac and Python 3.12")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--platform", "amiga", "--to", "x"], "'amiga'"),
        (["--platform", "linux"], "--platform and --to are needed"),
        (["--platform", "linux", "--to", "x", "--profile", "huge"], "'huge'"),
        (["--platform", "linux", "--to", "x", "--python", "3.9"], "'3.9'"),
        (["--platform", "mac", "--to", "x", "--cuda"], "--cuda is for --platform linux"),
        (["--check", "/absent"], "/absent holds no finished pack"),
    ],
)
def test_bad_calls_get_one_sentence(capsys, arguments, said):
    assert pack.main(arguments) == 2 and stopped(capsys, said)


def test_the_profiles_are_those_of_the_catalogue():
    assert set(pack.PROFILES) == set(catalog.PROFILES)


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as a download needs: one checkpoint, all its files in `files`."""

    files, asked, commit = {}, [], "0123456789abcdef0123456789abcdef01234567"

    def answer(self):
        self.asked.append(f"{self.command} {self.path}")
        name = self.path.rpartition(f"/resolve/{self.commit}/")[2]
        listing = [{"type": "file", "path": k, "size": len(v), "oid": k} for k, v in self.files.items()]
        kind, body = "application/json", json.dumps({"id": "lab/tiny", "sha": self.commit, "siblings": []}).encode()
        if "/tree/" in self.path:
            body = json.dumps(listing).encode()
        elif name in self.files:
            kind, body = "application/octet-stream", self.files[name]
        self.send_response(200)
        sums = {"ETag": f'"{hashlib.sha1(body).hexdigest()}"', "X-Repo-Commit": self.commit}
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body)), **sums}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(tmp_path):
    """A Hub on this machine with the same small files as checkpoint and data set, in a pack by a process of its own."""
    weights = b"\2\0\0\0\0\0\0\0{}"  # an empty safetensors file
    Hub.files = {"model.safetensors": weights, "config.json": b"{}", "pytorch_model.bin": b"pickle", "a/b.txt": b"b",
                 "data/test-0.parquet": b"rows", "data/train-0.parquet": b"more rows"}  # fmt: skip
    Hub.asked.clear()
    program = (
        "import sys; from pathlib import Path; import bootstrap; from labs.models import catalog\n"
        "from labs.models.entry import Entry; from packing import checkpoints, folder\n"
        "from labs.data import catalog as d\n"
        "catalog.PROFILES['colab'] = {'multimodal': Entry('lab/tiny', 'AutoModel')}\n"
        "d.REAL['colab'] = {'vqa': d.DataEntry('lab/rows', 'data/test-*.parquet', 1, '')}\n"
        f"made = folder.PackFolder(Path({str(tmp_path / 'pack')!r}), 'linux', '3.11')\n"
        "try: checkpoints.fetch_checkpoints(made, 'colab')\n"
        "except bootstrap.Stop as stop: sys.exit(f'{stop}')\n"
        "made.finish(profile='colab')\n"
    )
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

        def fetch(address=f"http://127.0.0.1:{server.server_port}", **more):
            environment = os.environ | {"HF_ENDPOINT": address, "HF_HUB_OFFLINE": "0", "no_proxy": "127.0.0.1", **more}
            environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "scripts"), str(ROOT)])
            call = [sys.executable, "-c", program]
            return subprocess.run(call, env=environment, capture_output=True, text=True, timeout=120)

        yield fetch
        server.shutdown()


def test_checkpoints_come_without_pickles_and_links_and_only_once(hub, tmp_path):
    done = hub()
    assert done.returncode == 0, done.stderr
    kept = tmp_path / "pack/hub/models--lab--tiny"
    snapshot = kept / "snapshots" / Hub.commit
    found = {file.relative_to(snapshot).as_posix() for file in snapshot.rglob("*") if file.is_file()}
    assert found == {"model.safetensors", "config.json", "a/b.txt"}
    assert not [file for file in kept.rglob("*") if file.is_symlink()]
    noted = json.loads((tmp_path / "pack/pack.json").read_text())["sha256"]
    wanted = {f"hub/models--lab--tiny/{name}" for name in ("refs/main", f"snapshots/{Hub.commit}/config.json")}
    assert wanted | {f"hub/datasets--lab--rows/snapshots/{Hub.commit}/data/test-0.parquet"} <= set(noted)
    assert not any("train-0" in name for name in noted)  # only the files that the catalogue names
    Hub.asked.clear()
    assert hub().returncode == 0 and Hub.asked == []
    (snapshot / "config.json").write_text("rotten")
    assert hub().returncode == 0
    assert (snapshot / "config.json").read_text() == "{}"
    assert not [line for line in Hub.asked if line.startswith("GET") and "safetensors" in line]


def test_a_hub_that_does_not_answer_and_weights_that_are_pickled(hub):
    done = hub(address=CLOSED)
    assert done.returncode == 1 and "lab/tiny could not be fetched: check the connection" in done.stderr
    assert "Traceback" not in done.stderr
    del Hub.files["model.safetensors"]
    assert "lab/tiny has no weights as safetensors" in hub().stderr


def test_without_the_packages_a_mini_pack_can_still_be_made(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "labs.models.catalog", None)
    with pytest.raises(bootstrap.Stop, match="bootstrap.py install"):
        checkpoints.fetch_checkpoints(PackFolder(tmp_path / "pack", "linux", HERE), "colab")


@pytest.fixture
def receiver(checkout, make, tmp_path, monkeypatch):
    """bootstrap.py on a computer that the pack in `pack` fits, with a pip that only notes what it is asked."""

    def pip_install(what, *arguments, **_):
        asked.append(arguments)
        if "--target" in arguments:
            arguments[arguments.index("--target") + 1].mkdir(parents=True)

    assert make() == 0
    venv, asked = checkout / ".venv", []
    (venv / "lib/python3.11/site-packages").mkdir(parents=True)
    for name, value in {"VENV": venv, "VENV_PYTHON": venv / "python", "STAMP": venv / "installed.sha256"}.items():
        monkeypatch.setattr(bootstrap, name, value)
    (venv / "pyvenv.cfg").write_text(f"version = {HERE}.7\n")
    (venv / "python").touch()
    for name in ("requirements.txt", "pyproject.toml"):
        (checkout / name).touch()
    monkeypatch.setattr(bootstrap, "make_venv", lambda: None)
    monkeypatch.setattr(bootstrap, "COMPUTERS", {"linux": (sys.platform, bootstrap.platform.machine().lower())})
    monkeypatch.setattr(bootstrap, "pip_install", pip_install)
    monkeypatch.setattr(bootstrap, "torch_index", lambda: pytest.fail("a pack asks no index"))
    monkeypatch.setattr(bootstrap, "run_child", lambda command, **_: asked.append(tuple(command)) or 0)
    return asked


def from_pack(job, tmp_path, *more):
    return bootstrap.main([job, *more[:1], "--from", str(tmp_path / "pack"), *more[1:]])


def test_everything_is_installed_from_the_pack_and_nothing_else(receiver, tmp_path):
    assert from_pack("test", tmp_path, "-k", "world") == 0
    installed = [call for call in receiver if "pytest" not in call and "ruff" not in call]
    assert len(installed) == 3
    assert all(call[-3:] == ("--no-index", "--find-links", tmp_path / "pack/wheels") for call in installed)
    assert next(call for call in receiver if "pytest" in call)[-2:] == ("-k", "world")


def test_the_tour_gets_its_own_arguments_and_the_second_time_only_looks(receiver, tmp_path, capsys):
    assert from_pack("run", tmp_path, "--seed", "1") == 0
    assert receiver[-1][-3:] == ("tour", "--seed", "1")
    receiver.clear()
    assert from_pack("install", tmp_path) == 0 and receiver == []
    assert "checking 5 files" in capsys.readouterr().out


@pytest.mark.parametrize("how", ["damaged", "missing"])
def test_a_bad_copy_is_noticed_before_anything_is_installed(receiver, tmp_path, capsys, how):
    file = tmp_path / "pack/wheels/alpha-1.0-py3-none-any.whl"
    file.unlink() if how == "missing" else file.write_bytes(b"half")
    assert from_pack("run", tmp_path) == 2 and receiver == []
    assert stopped(capsys, f"{file} is {how}: copy it again", "Set-up stopped: ")


def test_a_pack_that_is_none_or_does_not_fit(receiver, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "python_in_use", lambda: "3.99")
    assert from_pack("run", tmp_path) == 2
    assert stopped(capsys, f"is for Python {HERE} and not for 3.99: start it with Python {HERE}", "Set-up stopped: ")
    monkeypatch.setattr(bootstrap, "COMPUTERS", {"linux": ("beos", "ppc")})
    assert from_pack("run", tmp_path) == 2
    assert stopped(capsys, "this pack is for linux, and here is", "Set-up stopped: ")
    (tmp_path / "pack/pack.json").write_text('{"half')
    assert from_pack("run", tmp_path) == 2 and stopped(capsys, "holds no finished pack", "Set-up stopped: ")
    assert bootstrap.main(["run", "--from"]) == 2 and stopped(capsys, "--from wants the folder", "Set-up stopped: ")
    assert receiver == []


def test_a_pack_of_another_version_of_the_labs_says_so(receiver, tmp_path, monkeypatch, capsys):
    told = "pip failed: mend what it names (ERROR: No matching distribution found for alpha==9; all of it: pip.log)"
    monkeypatch.setattr(bootstrap, "pip_install", lambda *_: told)
    assert from_pack("run", tmp_path) == 2
    assert stopped(capsys, "unzip the labs.zip in it and run that", "Set-up stopped: ")


def test_the_python_in_use_is_that_of_venv(receiver, checkout):
    assert bootstrap.python_in_use() == HERE
    (checkout / ".venv/pyvenv.cfg").write_text("home = /usr\nversion_info = 3.12.1.final.0\n")
    assert bootstrap.python_in_use() == "3.12"
    (checkout / ".venv/pyvenv.cfg").unlink()
    assert bootstrap.python_in_use() == HERE


def test_later_commands_find_the_checkpoints_as_long_as_they_are_there(receiver, checkout, tmp_path, monkeypatch):
    hub = tmp_path / "pack" / "hub"
    hub.mkdir()
    assert from_pack("install", tmp_path) == 0
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    site.addsitedir(str(checkout / ".venv/lib/python3.11/site-packages"), set())
    assert os.environ["HF_HUB_CACHE"] == str(hub) and os.environ["HF_HUB_OFFLINE"] == "1"
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("HF_HUB_CACHE")
    hub.rmdir()
    site.addsitedir(str(checkout / ".venv/lib/python3.11/site-packages"), set())
    assert "HF_HUB_CACHE" not in os.environ and os.environ["HF_HUB_OFFLINE"] == "0"


def fresh_clone(folder):
    """The working tree, committed."""
    names = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True).splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    commit(folder)


def closed_network():
    """An environment whose proxies refuse, and whose pip knows no address and no folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("PIP_", "HF_"))}
    proxies = {f"{kind}_proxy": CLOSED for kind in ("http", "https", "all")}
    return kept | proxies | {name.upper(): value for name, value in proxies.items()} | {"PIP_CONFIG_FILE": os.devnull}


@pytest.fixture
def roomy(tmp_path):
    """A folder for gigabytes, which pytest would keep."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="this pack is for Linux")
def test_a_real_pack_installs_with_the_network_closed_and_answers(roomy):
    fresh_clone(roomy / "clone")
    call = [sys.executable, "scripts/pack.py", "--platform", "linux", "--to", roomy / "pack"]
    subprocess.run(call, cwd=roomy / "clone", check=True)
    zipfile.ZipFile(roomy / "pack/labs.zip").extractall(roomy)
    labs, closed = roomy / "labs", closed_network()
    asked = [sys.executable, "-m", "pip", "download", "six", "--dest", roomy / "six", "--retries", "0"]
    assert subprocess.run(asked, env=closed, capture_output=True).returncode, "the network is not closed"
    python = Path(sys.base_prefix, "bin", f"python{HERE}")
    call = [python, "scripts/bootstrap.py", "install", "--from", roomy / "pack"]
    subprocess.run(call, cwd=labs, env=closed, check=True)
    question = ["-m", "labs", "ask", "data/samples/scene.png", "What colour is the star?"]
    told = subprocess.run([".venv/bin/python", *question], cwd=labs, env=closed, capture_output=True, text=True)
    print(told.stdout, told.stderr)
    truth = json.loads((ROOT / "data/samples/truth.json").read_text())["scene.png"]
    assert told.returncode == 0 and f"{told.stdout.strip().rstrip('.')} star" in truth


MARKERS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "mac": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
}


def unmet(found, environment):
    """Requirements, of the labs or of what they bring, that a list of wheels' metadata does not meet on a computer."""
    metadata = {canonicalize_name(one["metadata"]["name"]): one["metadata"] for one in found}
    lines = [line.partition("#")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()]
    waiting, seen, wrong = [(Requirement(line), "") for line in lines if line.strip()], set(), []
    while waiting:
        needed, extra = waiting.pop()
        if needed.marker and not needed.marker.evaluate(environment | {"extra": extra}):
            continue
        mine = metadata.get(canonicalize_name(needed.name))
        if not mine or not needed.specifier.contains(mine["version"]):
            wrong.append(str(needed))
        elif not SpecifierSet(mine.get("requires_python", "")).contains(environment["python_full_version"]):
            wrong.append(f"{needed} on Python {environment['python_full_version']}")
        elif (key := (mine["name"], *sorted(needed.extras))) not in seen:
            seen.add(key)
            more = map(Requirement, mine.get("requires_dist", []))
            waiting += [(one, of) for one in more for of in ("", *needed.extras)]
    return wrong


@pytest.mark.long
@pytest.mark.parametrize("python", pack.PYTHONS)
@pytest.mark.parametrize("platform", MARKERS)
def test_every_wheel_for_other_computers_exists_and_nothing_is_missing(tmp_path, platform, python):
    fresh = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-",
             "--ignore-requires-python"]  # pip would ask the Python that runs here; `unmet` asks the other  # fmt: skip
    wanted = wheels.pins(platform, python, cuda=platform == "linux")  # the build for the CPU is in the test above
    arguments = ["--target", tmp_path / "x", *wheels.target(platform, python), *wanted]
    done = subprocess.run([*fresh, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["install"]
    assert len(found) == len(wanted)
    versions = {"python_version": python, "python_full_version": f"{python}.0", "implementation_name": "cpython"}
    assert unmet(found, MARKERS[platform] | versions | {"platform_python_implementation": "CPython"}) == []
