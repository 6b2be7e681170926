"""Make .venv, install what the labs need, then run the tour or the tests. Standard library only.

python scripts/bootstrap.py run [arguments of `python -m labs tour`]
python scripts/bootstrap.py test [arguments of pytest; paths count from the checkout]
python scripts/bootstrap.py test --all [arguments of pytest]   also long tests, and the oldest and newest versions
python scripts/bootstrap.py install
Each takes --from DIR: with the network closed, from a folder that scripts/pack.py made.
"""

# Has to parse and start under old Pythons (3.8 syntax), so that they can be told which one is needed.
import contextlib
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP, LOG = VENV / "installed.sha256", VENV / "pip.log"
OLDEST, NEWEST = (3, 11), (3, 13)
IS_SUITABLE = f"import sys; sys.exit(not {OLDEST} <= sys.version_info[:2] <= {NEWEST})"
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"
MANIFEST = "pack.json"  # what a pack was made for, and the checksum of each file in it
COMPUTERS = {"linux": ("linux", "x86_64"), "mac": ("darwin", "arm64"), "windows": ("win32", "amd64")}
ENVIRONMENT = {
    "GOMP_SPINCOUNT": "1000",  # threads that wait longer made a step 30 times slower beside another busy process
    "TOKENIZERS_PARALLELISM": "false",  # forked workers otherwise print a warning each
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONUTF8": "1",  # Windows would read our text files in its own code page
}


class Stop(Exception):
    """What is missing and what to do about it, in one sentence."""


@contextlib.contextmanager
def step(title):
    """Say what starts, and how long it took."""
    print(f"[set-up] {title} ...", flush=True)
    start = time.monotonic()
    yield
    print(f"[set-up]   {time.monotonic() - start:.0f} s", flush=True)


def run_child(command, cwd=None, **defaults):
    """Run to the end in our environment; Ctrl-C reaches the child too, which decides how to stop."""
    environment = {**ENVIRONMENT, **defaults, **os.environ}
    child = subprocess.Popen([str(part) for part in command], cwd=cwd, env=environment)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def suitable(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST


def another_python(which=shutil.which, call=subprocess.call):
    """The command of a suitable Python on PATH, or None. Each is asked: shims can lead nowhere."""
    windows = [["py", "-3.13"], ["py", "-3.12"], ["py", "-3.11"]]
    for command in [["python3.13"], ["python3.12"], ["python3.11"], ["python3"], ["python"], *windows]:
        if which(command[0]) and call([*command, "-c", IS_SUITABLE], stderr=subprocess.DEVNULL) == 0:
            return command
    return None


def refusal(version):
    found = f"Python {version[0]}.{version[1]} cannot run the labs"
    return f"{found}: install Python 3.11, 3.12 or 3.13 and run this again."


def fingerprint():
    """Changes with the lists, the Python of .venv and the place of the checkout; empty without a .venv."""
    settings = VENV / "pyvenv.cfg"
    if not (settings.exists() and VENV_PYTHON.exists()):
        return ""
    lists = [ROOT / name for name in ("requirements.txt", "constraints.txt", "pyproject.toml")]
    parts = [file.read_bytes() for file in [*lists, settings]]
    return hashlib.sha256(b"\0".join([*parts, str(ROOT).encode()])).hexdigest()


def is_current():
    return STAMP.exists() and STAMP.read_text() == fingerprint()


def make_venv():
    """Keep a .venv that works; make it anew if its Python is gone, unsuitable or without pip."""
    works = [str(VENV_PYTHON), "-c", f"import pip; {IS_SUITABLE}"]
    if VENV_PYTHON.exists() and subprocess.call(works, stderr=subprocess.DEVNULL) == 0:
        return
    version = python_running()
    try:
        import ensurepip  # noqa: F401 - Debian packs it apart
        import venv
    except ImportError:
        raise Stop(
            f"Python {version} lacks its venv module: install it (Debian and Ubuntu: "
            f"sudo apt install python{version}-venv) and run this again."
        ) from None
    with step(f"making .venv with Python {version}"):
        try:
            venv.create(VENV, with_pip=True, clear=True, symlinks=os.name != "nt")
        except (OSError, subprocess.CalledProcessError) as error:
            raise Stop(
                f"{VENV} could not be made ({error}): give the folder write permission and "
                "3 GB of disk space and run this again."
            ) from None


def has_nvidia_gpu():
    tool = shutil.which("nvidia-smi") or shutil.which("/usr/lib/wsl/lib/nvidia-smi")
    if not tool:
        return False
    listing = subprocess.run([tool, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return b"GPU" in listing.stdout


def answers(url, seconds=3):
    """Does the address answer in time? In a thread, because a timeout does not cover looking up the name."""
    answered = []

    def ask():
        with contextlib.suppress(Exception):  # whatever goes wrong, the answer is no
            urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=seconds).close()
            answered.append(True)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answered)


def torch_index(platform=sys.platform, gpu=has_nvidia_gpu, answers=answers):
    """pip's arguments for torch. On Linux the usual build brings CUDA, several GB; no GPU, no need."""
    wanted = platform.startswith("linux") and not gpu() and answers(f"{CPU_WHEELS}/torch/")
    return ["--index-url", CPU_WHEELS] if wanted else []


def reason(log, file=None):
    """Why pip failed, from its log (and the file that keeps it)."""
    if "No space left on device" in log or "not enough space on the disk" in log:
        return "the disk is full: free 3 GB and run this again"
    if re.search("connection broken by|Failed to establish|Could not fetch URL|(Connect|Read)Timeout", log):
        return "the network did not answer: check the connection or the proxy and run this again"
    said = [line for line in log.splitlines() if "ERROR" in line] or log.strip().splitlines()
    tail = " / ".join(re.sub(r"^\S+T\S+\s+", "", line).strip()[:160] for line in said[-3:])
    return f"pip failed: mend what it names and run this again ({tail}; all of it: {file or LOG})"


def pip_install(what, *arguments, python=None):
    """Return None, or the reason why it failed. pip's own progress shows in a terminal only."""
    with contextlib.suppress(FileNotFoundError):
        LOG.unlink()
    command = [python or VENV_PYTHON, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--log", LOG]
    nothing = subprocess.DEVNULL
    streams = {"stdin": nothing, "stdout": None if sys.stdout.isatty() else nothing, "stderr": nothing}
    with step(what):
        code = subprocess.call([str(part) for part in [*command, *arguments]], cwd=str(ROOT), **streams)
    log = LOG.read_text(encoding="utf-8", errors="replace") if LOG.exists() else ""
    return reason(log) if code else None


def on_path(*folders):
    """What a .pth file says so that these folders are looked through last. Escaped: Pythons decode it differently."""
    return "".join(f"import sys; sys.path.append({ascii(str(folder))})\n" for folder in folders)


def link_labs(environment=None, *folders):
    """`import labs` works in .venv, or another environment, from any folder; so does what lies in `folders`."""
    environment = environment or VENV
    for packages in [*environment.glob("lib/python3*/site-packages"), *environment.glob("Lib/site-packages")]:
        (packages / "labs-checkout.pth").write_text(on_path(ROOT, *folders))


def sha256(file):
    """In blocks: checkpoints are larger than the memory of some computers."""
    digest = hashlib.sha256()
    with open(str(file), "rb") as content:
        for block in iter(lambda: content.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def read_pack(folder, name=MANIFEST):
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Stop(f"{folder} holds no finished pack, for its {name} cannot be read: copy all of it again.") from None


def check_files(folder, sums):
    """Stop at the first file of a pack that is not as it was when the pack was made."""
    with step(f"checking {len(sums)} files of {folder}"):
        for name, wanted in sums.items():
            file = folder / name
            if not file.is_file() or sha256(file) != wanted:
                raise Stop(f"{file} is {'damaged' if file.is_file() else 'missing'}: copy it again.")


def python_running():
    return "{}.{}".format(*sys.version_info)


def python_in_use():
    """Of the .venv that is there, otherwise of this Python, which would make it."""
    settings = VENV / "pyvenv.cfg"
    found = settings.exists() and re.search(r"^version\w* = (\d+\.\d+)", settings.read_text(), re.MULTILINE)
    return found.group(1) if found else python_running()


def check_computer(pack):
    """Stop if the wheels of a pack are for another computer or another Python."""
    asked, this = pack["platform"], (sys.platform, platform.machine().lower())
    if COMPUTERS.get(asked) != this:
        raise Stop(f"this pack is for {asked}, and here is {' '.join(this)}: ask for one that was packed for it.")
    if pack["python"] != python_in_use():
        raise Stop(
            f"this pack is for Python {pack['python']} and not for {python_in_use()}: start it with Python "
            f"{pack['python']}, after removing {VENV} if that is there, or ask for another pack."
        )


def link_checkpoints(hub):
    """Whatever .venv starts reads the pack's checkpoints, as long as they are there, and asks the Hub for nothing."""
    settings = "e.setdefault('HF_HUB_CACHE', hub), e.setdefault('HF_HUB_OFFLINE', '1')"
    line = f"import os; e, hub = os.environ, {ascii(str(hub))}; os.path.isdir(hub) and ({settings})\n"
    for packages in [*VENV.glob("lib/python3*/site-packages"), *VENV.glob("Lib/site-packages")]:
        (packages / "labs-checkpoints.pth").write_text(line)


def install(*source):
    """What requirements.txt asks, at the versions of constraints.txt; at once when nothing has changed.

    `source` is what tells pip to look into a pack instead of asking the network.
    """
    if is_current():
        return
    make_venv()
    torch = re.search(r"^torch==\S+", (ROOT / "constraints.txt").read_text(), re.MULTILINE).group()
    index = [] if source else torch_index()
    # Alone, so that what it depends on comes from the usual index at the versions of constraints.txt.
    failed = pip_install(f"installing {torch}{' for the CPU' if index else ''}", "--no-deps", torch, *index, *source)
    if failed and index:
        failed = pip_install(f"that failed, so installing {torch} as pip finds it", "--no-deps", torch)
    if not failed:
        failed = pip_install("installing the rest", "-r", "requirements.txt", "-c", "constraints.txt", *source)
    if failed and source and "No matching distribution" in failed:
        failed = "this pack belongs to other lists than this checkout has: unzip the labs.zip in it and run that"
    if failed:
        raise Stop(f"{failed}.")
    link_labs()
    STAMP.write_text(fingerprint())


def install_torchvision(*source):
    """What tests/torchvision.txt lists, beside .venv: in it, a torchvision of another build would break every model."""
    folder, wanted = ROOT / ".cache" / "torchvision", ROOT / "tests" / "torchvision.txt"
    stamp = folder / "installed.sha256"
    current = hashlib.sha256(wanted.read_bytes() + (VENV / "pyvenv.cfg").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == current:
        return
    shutil.rmtree(str(folder), ignore_errors=True)
    failed = pip_install("installing torchvision for the tests", "--no-deps", "--target", folder, "-r", wanted, *source)
    if failed and not failed.startswith("the network"):
        raise Stop(f"{failed}.")
    if failed:
        print(f"[set-up]   {failed}; the tests of processors that read videos too are skipped", flush=True)
        return
    stamp.write_text(current)


def prepare(job, pack):
    """Install what the job needs, from a pack if there is one."""
    source = ["--no-index", "--find-links", pack / "wheels"] if pack else []
    if pack:
        manifest = read_pack(pack)
        if not is_current():
            check_computer(manifest)
        check_files(pack, manifest["sha256"])
    install(*source)
    if pack and (pack / "hub").is_dir():
        link_checkpoints(pack / "hub")
    if job == "test":
        install_torchvision(*source)


def take_pack(arguments):
    """`--from DIR` and the other arguments apart. Without it the folder is None."""
    if "--from" not in arguments:
        return None, arguments
    at = arguments.index("--from")
    if at + 1 == len(arguments):
        raise Stop("--from wants the folder that scripts/pack.py made.")
    return Path(arguments[at + 1]).expanduser().resolve(), arguments[:at] + arguments[at + 2 :]


def run(arguments):
    # -P: a file named like a package in the working directory must not be imported instead of it.
    return run_child([VENV_PYTHON, "-P", "-m", "labs", "tour", *arguments])


def test(arguments):
    lint = run_child([VENV_PYTHON, "-m", "ruff", "check", "."], cwd=str(ROOT))
    arguments, everything = [part for part in arguments if part != "--all"], "--all" in arguments
    # Two workers with one thread each; the folder comes from testpaths in pyproject.toml.
    tests = run_child([VENV_PYTHON, "-m", "pytest", *arguments], cwd=str(ROOT), OMP_NUM_THREADS="1")
    return (test_more(arguments) if everything else 0) or tests or lint


def test_more(arguments):
    """What needs the network or minutes, then everything with the oldest and the newest versions."""
    # The last -m counts. 5: what was asked for holds no such test.
    long = run_child([VENV_PYTHON, "-m", "pytest", *arguments, "-m", "long"], cwd=str(ROOT), OMP_NUM_THREADS="1")
    versions = run_child([VENV_PYTHON, ROOT / "scripts" / "versions.py", *arguments])
    return versions or (0 if long == 5 else long)


def ended(what, job):
    """The exit code of a job; what stops it is said in one sentence."""
    try:
        return job()
    except (Stop, OSError) as problem:
        print(f"{what}: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130


def main(arguments):
    if not arguments or arguments[0] not in JOBS:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    return ended("Set-up stopped", lambda: set_up(*arguments))


def set_up(job, *arguments):
    """Install what a job needs, with a suitable Python, and do it."""
    if not (suitable(sys.version_info) or is_current()):
        other = another_python()
        if other is None:
            raise Stop(refusal(sys.version_info))
        return run_child([*other, __file__, job, *arguments])
    pack, others = take_pack(list(arguments))
    prepare(job, pack)
    return JOBS[job](others)


JOBS = {"run": run, "test": test, "install": lambda _: 0}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
