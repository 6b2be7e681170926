"""The set-up files agree with each other, and bootstrap.py says in one sentence what is missing."""

import ast
import http.server
import importlib.util
import json
import re
import socket
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path

import package_lists
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
GROUPS = ("runtime", "notebooks", "demo", "book", "test")
COLAB = package_lists.exact(ROOT / "tests" / "colab.txt")
# Hosts in two parts, so that this file does not name them.
REGISTRIES = [
    f"{name}.{end}"
    for name, end in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("pypi", "python.org"),
        ("conda.anaconda", "org"),
        ("repo.anaconda", "com"),
        ("registry.npmjs", "org"),
        ("registry.yarnpkg", "com"),
    ]
]
INDEX = re.compile(r"(?:index-url|find-links|INDEX_URL|FIND_LINKS)[\"', =]+(\w+://[^\s\"',)]+)")


def load_bootstrap():
    spec = importlib.util.spec_from_file_location("bootstrap", ROOT / "scripts/bootstrap.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bootstrap(tmp_path, monkeypatch):
    """scripts/bootstrap.py on a checkout of its own, with a pip that only notes what it is asked."""
    module = load_bootstrap()
    packages = tmp_path / ".venv/lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (tmp_path / ".venv/pyvenv.cfg").write_text("version = 3.11.7\n")
    (tmp_path / ".venv/python").touch()
    for name in ("requirements.txt", "constraints.txt", "pyproject.toml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/torchvision.txt").write_bytes((ROOT / "tests/torchvision.txt").read_bytes())
    module.ROOT, module.VENV, module.VENV_PYTHON = tmp_path, tmp_path / ".venv", tmp_path / ".venv/python"
    module.STAMP, module.LOG = module.VENV / "installed.sha256", module.VENV / "pip.log"
    module.asked = []
    module.pip_install = lambda what, *arguments: module.asked.append(arguments)
    monkeypatch.setattr(module, "make_venv", lambda: None)
    monkeypatch.setattr(module, "torch_index", lambda: [])
    return module


def requirement_lines(group):
    """The lines of one group of requirements.txt, reasons included."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    block = re.search(rf"^# \[{group}\].*\n((?:[^#\n].*\n)+)", text, re.MULTILINE)
    return block.group(1).splitlines()


def requirements(group):
    return [line.partition("#")[0].strip() for line in requirement_lines(group)]


def in_pyproject(group):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["dependencies"] if group == "runtime" else project["optional-dependencies"][group]


def in_environment(group):
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    block = re.search(rf"^ +# \[{group}\]\n((?: +- .*\n)+)", text, re.MULTILINE)
    return [line.strip().removeprefix("- ") for line in block.group(1).splitlines()]


def pins():
    """Package name to exact version, from constraints.txt."""
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}


ALL = [Requirement(line) for group in GROUPS for line in requirements(group)]


@pytest.mark.parametrize("group", GROUPS)
def test_three_files_share_one_list(group):
    assert requirements(group) == in_pyproject(group) == in_environment(group)


def test_no_list_holds_more_than_the_groups():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line and not line.startswith("#")]) == len(ALL)
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert len(re.findall(r"^ +- .*>=.*$", text, re.MULTILINE)) == len(ALL) + 1  # and Python


@pytest.mark.parametrize("line", [line for group in GROUPS for line in requirement_lines(group)])
def test_every_requirement_has_a_floor_and_a_reason(line):
    requirement, _, reason = line.partition("#")
    assert ">=" in requirement
    assert len(reason.split()) >= 3, f"no reason given for {requirement}"


@pytest.mark.parametrize("requirement", ALL, ids=lambda requirement: requirement.name)
def test_floor_accepts_the_pin_and_colab(requirement):
    assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)])
    if requirement.name in COLAB:
        assert requirement.specifier.contains(COLAB[requirement.name])


def test_colab_gets_no_jupyter_and_every_listed_package_is_checked():
    runtime, notebooks = ({Requirement(line).name for line in requirements(group)} for group in GROUPS[:2])
    assert not runtime & {"jupyterlab", "ipykernel", "ipywidgets", "nbclient", "nbconvert", "notebook"}
    assert runtime - set(COLAB) == {"bitsandbytes", "jaxtyping", "sacrebleu"}


def test_the_extra_that_nobody_gets_unasked_has_a_floor_and_a_reason_and_is_tested():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (line,) = re.search(r"^editing = \[\n((?:    .*\n)+)\]", text, re.MULTILINE).group(1).splitlines()
    (requirement,), (_, _, reason) = map(Requirement, in_pyproject("editing")), line.partition("#")
    assert len(reason.split()) >= 3 and requirement.name not in {item.name for item in ALL}
    for version in (COLAB[requirement.name], beside()[requirement.name][0]):
        assert requirement.specifier.contains(version)
    assert f">={COLAB[requirement.name].rpartition('.')[0]}" == str(requirement.specifier)


def test_torch_is_pinned_without_a_build_suffix_and_without_its_siblings():
    assert re.fullmatch(r"\d+\.\d+\.\d+", pins()["torch"])
    assert not {"torchvision", "torchaudio", "torchcodec"} & (set(pins()) | {item.name for item in ALL})


def beside():
    """Package name to version and reason, from tests/torchvision.txt."""
    lines = (ROOT / "tests/torchvision.txt").read_text(encoding="utf-8").splitlines()
    parts = [re.fullmatch(r"(\w+)==(\S+) +# (.+)", line) for line in lines if not line.startswith("#")]
    return {part.group(1): part.groups()[1:] for part in parts}


def test_the_tests_own_torchvision_fits_torch_and_is_in_no_other_list():
    (version, _), torch = beside()["torchvision"], pins()["torch"].split(".")
    assert version == f"0.{int(torch[1]) + 15}.{torch[2]}" and torch[0] == "2"
    assert not set(beside()) & (set(pins()) | {item.name for item in ALL})
    assert all(len(reason.split()) >= 3 for _, reason in beside().values())


def test_torchvision_is_installed_once_beside_and_without_dependencies(bootstrap):
    def pip_install(what, *arguments):
        bootstrap.asked.append(arguments)
        folder.mkdir(parents=True)

    folder, bootstrap.pip_install = bootstrap.ROOT / ".cache/torchvision", pip_install
    bootstrap.install_torchvision()
    bootstrap.install_torchvision()
    assert bootstrap.asked == [("--no-deps", "--target", folder, "-r", bootstrap.ROOT / "tests/torchvision.txt")]
    (bootstrap.VENV / "pyvenv.cfg").write_text("version = 3.13.1\n")  # another Python needs another build
    bootstrap.install_torchvision()
    assert len(bootstrap.asked) == 2


def test_only_without_a_network_the_tests_go_on_without_torchvision(bootstrap, capsys):
    bootstrap.pip_install = lambda what, *arguments: "the network did not answer: check it and run this again"
    bootstrap.install_torchvision()
    assert "the network did not answer" in capsys.readouterr().out
    assert not (bootstrap.ROOT / ".cache/torchvision/installed.sha256").exists()
    bootstrap.pip_install = lambda what, *arguments: "the disk is full: free 3 GB and run this again"
    with pytest.raises(bootstrap.Stop, match="the disk is full"):
        bootstrap.install_torchvision()


@pytest.mark.parametrize("job, times", [("run", 0), ("install", 0), ("test", 1)])
def test_only_the_tests_install_torchvision(bootstrap, monkeypatch, job, times):
    called = []
    monkeypatch.setattr(bootstrap, "install", lambda: None)
    monkeypatch.setattr(bootstrap, "install_torchvision", lambda: called.append(job))
    monkeypatch.setattr(bootstrap, "run_child", lambda *_, **__: 0)
    assert bootstrap.main([job]) == 0
    assert len(called) == times


def test_the_python_range_is_stated_once(bootstrap):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    after_newest = f"{bootstrap.NEWEST[0]}.{bootstrap.NEWEST[1] + 1}"
    expected = f">={bootstrap.OLDEST[0]}.{bootstrap.OLDEST[1]},<{after_newest}"
    assert project["requires-python"] == expected
    assert f"- python{expected}\n" in (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_bootstrap_parses_under_old_pythons_and_imports_only_the_standard_library():
    tree = ast.parse((ROOT / "scripts/bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    nodes = list(ast.walk(tree))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    assert "subprocess" in imported
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("job", ["run", "test"])
def test_wrappers_only_start_bootstrap(job):
    text = (ROOT / f"scripts/{job}.sh").read_text(encoding="utf-8")
    assert f'bootstrap.py" {job} "$@"' in text
    assert len(text.splitlines()) <= 8


@pytest.mark.parametrize("version", [(3, 8, 18), (3, 10, 13), (3, 14, 0)])
def test_unsuitable_python_is_refused_in_one_sentence(bootstrap, monkeypatch, capsys, version):
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    monkeypatch.setattr(bootstrap, "another_python", lambda: None)
    assert bootstrap.main(["install"]) == 2
    said = capsys.readouterr().err
    assert f"Python {version[0]}.{version[1]} cannot run the labs" in said
    assert "install Python 3.11, 3.12 or 3.13" in said
    assert len(said.splitlines()) == 1
    assert not bootstrap.asked


def test_unsuitable_python_hands_over_to_a_suitable_one(bootstrap, monkeypatch):
    handed = []
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 0))
    monkeypatch.setattr(bootstrap, "another_python", lambda: ["python3.12"])
    monkeypatch.setattr(bootstrap, "run_child", lambda command: handed.append(command) or 7)
    assert bootstrap.main(["run", "--seed", "1"]) == 7
    assert handed == [["python3.12", bootstrap.__file__, "run", "--seed", "1"]]


def test_another_python_is_asked_before_it_is_believed(bootstrap):
    def call(command, **_):
        return 127 if command[0] == "python3.13" else 0  # a shim that leads nowhere

    assert bootstrap.another_python(lambda name: name, call) == ["python3.12"]
    assert bootstrap.another_python(lambda name: name if name == "py" else None, call) == ["py", "-3.13"]
    assert bootstrap.another_python(lambda name: None, call) is None


@pytest.mark.parametrize("version, code", [((3, 10), 1), ((3, 11), 0), ((3, 13), 0), ((3, 14), 1)])
def test_both_ways_to_judge_a_version_agree(bootstrap, version, code):
    program = bootstrap.IS_SUITABLE.replace("import sys;", f"import sys; sys.version_info = {(*version, 0)};")
    assert subprocess.call([sys.executable, "-S", "-c", program]) == code
    assert bootstrap.suitable((*version, 0)) == (code == 0)


@pytest.mark.parametrize(
    "platform, gpu, answers, cpu",
    [
        ("linux", False, True, True),
        ("linux", False, False, False),
        ("linux", True, True, False),
        ("darwin", False, True, False),
        ("win32", False, True, False),
    ],
)
def test_torch_comes_from_the_cpu_index_only_on_linux_without_gpu(platform, gpu, answers, cpu):
    bootstrap = load_bootstrap()
    chosen = bootstrap.torch_index(platform, lambda: gpu, lambda url: answers)
    assert chosen == (["--index-url", bootstrap.CPU_WHEELS] if cpu else [])


def test_an_index_has_to_answer_in_time(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    answers = load_bootstrap().answers
    start = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not answers(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as server:
        server.RequestHandlerClass.log_message = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert answers(f"http://127.0.0.1:{server.server_port}/")
        assert not answers(f"http://127.0.0.1:{server.server_port}/absent")
        server.shutdown()
    assert time.monotonic() - start < 2.5


def test_torch_is_installed_first_and_the_second_time_asks_nothing(bootstrap):
    bootstrap.install()
    torch, rest = bootstrap.asked
    assert torch == ("--no-deps", f"torch=={pins()['torch']}")
    assert rest == ("-r", "requirements.txt", "-c", "constraints.txt")
    bootstrap.install()
    assert len(bootstrap.asked) == 2


@pytest.mark.parametrize("changed", ["requirements.txt", "constraints.txt", "pyproject.toml", ".venv/pyvenv.cfg"])
def test_a_changed_list_or_python_installs_again(bootstrap, changed):
    bootstrap.install()
    with (bootstrap.ROOT / changed).open("a") as file:
        file.write("# another line\n")
    assert not bootstrap.is_current()
    bootstrap.install()
    assert len(bootstrap.asked) == 4
    assert bootstrap.is_current()


def test_a_venv_without_its_python_is_not_current(bootstrap):
    bootstrap.install()
    bootstrap.VENV_PYTHON.unlink()
    assert not bootstrap.is_current()


def test_a_moved_checkout_is_not_current(bootstrap):
    bootstrap.install()
    moved = bootstrap.ROOT.rename(bootstrap.ROOT.with_name("elsewhere"))
    bootstrap.ROOT, bootstrap.VENV = moved, moved / ".venv"
    bootstrap.STAMP, bootstrap.VENV_PYTHON = bootstrap.VENV / "installed.sha256", bootstrap.VENV / "python"
    assert bootstrap.STAMP.exists()
    assert not bootstrap.is_current()


def test_cpu_index_that_breaks_down_falls_back_to_what_pip_finds(bootstrap):
    asked = []

    def pip_install(what, *arguments):
        asked.append(arguments)
        return "broke down" if "--index-url" in arguments else None

    bootstrap.torch_index, bootstrap.pip_install = lambda: ["--index-url", bootstrap.CPU_WHEELS], pip_install
    bootstrap.install()
    torch = f"torch=={pins()['torch']}"
    assert asked[:2] == [("--no-deps", torch, "--index-url", bootstrap.CPU_WHEELS), ("--no-deps", torch)]
    assert bootstrap.is_current()


def test_a_failed_installation_stops_in_one_sentence_and_is_tried_again(bootstrap, capsys):
    bootstrap.pip_install = lambda what, *arguments: "the disk is full: free 3 GB and run this again"
    assert bootstrap.main(["run"]) == 2
    assert capsys.readouterr().err == "Set-up stopped: the disk is full: free 3 GB and run this again.\n"
    assert not bootstrap.is_current()


@pytest.mark.parametrize(
    "log, expected",
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnection'\nERROR: x", "the network did not"),
        ("2026-01-01T00:00:00,000 ERROR: No matching distribution found for x==9", "(ERROR: No matching"),
        ("2026-01-01T00:00:00,000 Collecting x\n2026-01-01T00:00:00,000 Killed", "(Collecting x / Killed;"),
        ("", "pip failed"),
    ],
)
def test_pip_log_becomes_a_reason(bootstrap, log, expected):
    reason = bootstrap.reason(log)
    assert expected in reason
    assert "run this again" in reason
    assert len(reason.splitlines()) == 1


def test_missing_venv_module_is_said_in_one_sentence(monkeypatch, tmp_path):
    bootstrap = load_bootstrap()
    bootstrap.VENV_PYTHON = tmp_path / "absent"
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    sentence = r"lacks its venv module: install it .*-venv\) and run this again\.$"
    with pytest.raises(bootstrap.Stop, match=sentence):
        bootstrap.make_venv()


def test_ctrl_c_leaves_no_traceback(bootstrap, capsys):
    def interrupted(what, *arguments):
        raise KeyboardInterrupt

    bootstrap.pip_install = interrupted
    assert bootstrap.main(["install"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_unknown_job_shows_how_to_call(bootstrap, capsys):
    assert bootstrap.main([]) == bootstrap.main(["instal"]) == 2
    assert "python scripts/bootstrap.py run" in capsys.readouterr().err


def test_children_get_our_environment_unless_it_is_set(monkeypatch, tmp_path):
    bootstrap = load_bootstrap()
    for name in bootstrap.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    seen = tmp_path / "seen.json"
    program = f"import json, os; json.dump(dict(os.environ), open({str(seen)!r}, 'w'))"
    assert bootstrap.run_child([sys.executable, "-c", program], OMP_NUM_THREADS="1") == 0
    environment = json.loads(seen.read_text())
    assert environment["GOMP_SPINCOUNT"] == "7"
    assert environment["TOKENIZERS_PARALLELISM"] == "false"
    assert environment["PYTHONUTF8"] == environment["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_lint_runs_before_pytest_and_either_can_fail(bootstrap):
    ran, codes = [], {"ruff": 1, "pytest": 0}

    def run_child(command, **_):
        ran.append(command[2])
        return codes[command[2]]

    bootstrap.run_child = run_child
    assert bootstrap.test(["-k", "world"]) == 1
    codes.update(ruff=0, pytest=5)
    assert bootstrap.test([]) == 5
    assert ran == ["ruff", "pytest", "ruff", "pytest"]


@pytest.mark.parametrize("long, versions, code", [(0, 0, 0), (5, 0, 0), (1, 0, 1), (0, 1, 1)])
def test_all_adds_the_long_tests_and_other_versions(bootstrap, long, versions, code):
    ran = []

    def run_child(command, **_):
        ran.append([str(part).rpartition("/")[2] for part in command[1:]])
        return long if ran[-1][-1] == "long" else versions if ran[-1][0] == "versions.py" else 0

    bootstrap.run_child = run_child
    assert bootstrap.test(["--all", "tests/test_ask.py"]) == code
    assert ran[1:] == [["-m", "pytest", "test_ask.py"], ["-m", "pytest", "test_ask.py", "-m", "long"],
                       ["versions.py", "test_ask.py"]]  # fmt: skip


def test_labs_is_found_from_any_folder_even_under_an_accented_path(bootstrap):
    bootstrap.ROOT = bootstrap.ROOT / "día 1"
    bootstrap.link_labs()
    (link,) = bootstrap.VENV.rglob("*.pth")
    assert link.read_bytes().isascii()
    program = "import site, sys; site.addsitedir(sys.argv[1]); sys.exit(sys.argv[2] not in sys.path)"
    assert subprocess.call([sys.executable, "-c", program, str(link.parent), str(bootstrap.ROOT)]) == 0


def forbidden_addresses(text):
    """Registry hosts and package indexes other than PyTorch's own."""
    indexes = [url for url in INDEX.findall(text) if not url.startswith("https://download.pytorch.org/whl")]
    return indexes + [host for host in REGISTRIES if host in text]


def test_forbidden_addresses_are_recognised():
    assert forbidden_addresses("pip install x --index-url " + "https://mirror.example/simple")
    assert forbidden_addresses("PIP_FIND_LINKS=" + "file:///opt/x")
    assert forbidden_addresses("see " + REGISTRIES[0])
    assert not forbidden_addresses("pip install torch --index-url https://download.pytorch.org/whl/cpu")


def test_no_text_file_names_a_package_registry():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.check_output(listed, cwd=ROOT, text=True, stderr=subprocess.DEVNULL).splitlines()
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    found = {}
    for file in (ROOT / name for name in names):
        if file.is_file() and file.stat().st_size < 5_000_000:
            found[file.name] = forbidden_addresses(file.read_text(encoding="utf-8", errors="ignore"))
    assert "bootstrap.py" in found
    assert {name: hosts for name, hosts in found.items() if hosts} == {}
