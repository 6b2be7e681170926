"""python scripts/versions.py [arguments of pytest]        (scripts/test.sh --all runs it)

Run the tests twice more: with the oldest versions that requirements.txt allows, and with the newest that pip finds.

Each set has an environment in .cache/versions. torch is the exception: its floor, Colab's version, would be one more
large download, so both share one CPU build at the version of constraints.txt. It lies in a folder of its own beside
them, where their pip finds it installed and can neither exchange nor remove it.
"""

import hashlib
import subprocess
import sys
import venv

import bootstrap
from package_lists import asked, exact, floor

ROOT = bootstrap.ROOT
FOLDER = ROOT / ".cache" / "versions"
# Of Colab's list, what belongs to its own torch and Jupyter, and what plugs itself into our newer pytest.
NOT_FROM_COLAB = {"setuptools", "ipython", "pip", "anyio"}
# Before 5.18 transformers asks for torchvision wherever the code of a processor names this, be it in a docstring.
NAMED, FAMILIES = "TorchvisionBackend", ("idefics2", "idefics3", "smolvlm")
OPTIONS = {
    "oldest": [
        # matplotlib 3.10.0 calls names that pyparsing 3.3 calls old; Colab has both, and there nobody sees the warning.
        "-W=ignore::pyparsing.warnings.PyparsingDeprecationWarning",
        # With the network closed, transformers 5.15 takes another tokenizer for InstructBLIP's second one.
        *(
            f"--deselect=tests/test_catalogue.py::{test}[Salesforce/instructblip-vicuna-7b]"
            for test in ("test_it_opens_from_a_cache_and_does_what_it_is_for", "test_it_reads_texts_as_what_was_saved")
        ),
    ]
}
SHOW = "import importlib.metadata as m, sys; print(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"


def torch_alone():
    return {"torch": exact(ROOT / "constraints.txt")["torch"]}


def oldest():
    """Every floor; what those need, as Colab has it; Jupyter and pytest as everywhere, for they are not in question."""
    floors = {name: floor(bounds) for name, bounds in asked("runtime").items()}
    tools = {*asked("notebooks"), *asked("demo"), *asked("book"), *asked("test")}
    colab = {name: version for name, version in exact(ROOT / "tests" / "colab.txt").items()
             if name not in {*tools, *NOT_FROM_COLAB}}  # fmt: skip
    pins = {name: version for name, version in exact(ROOT / "constraints.txt").items() if name in tools}
    return {**colab, **pins, **floors, **torch_alone()}


SETS = {"oldest": oldest, "newest": torch_alone}


def python_in(folder):
    return folder / bootstrap.VENV_PYTHON.relative_to(bootstrap.VENV)


def stop_if(failed):
    if failed:
        raise bootstrap.Stop(f"{failed}.")


def install_torch():
    """One torch for both, beside them: 200 MB from pip's cache or the index of CPU builds."""
    torch, folder = "torch=={torch}".format(**torch_alone()), FOLDER / "torch"
    stamp, current = folder / "installed.txt", f"{torch}, Python {bootstrap.python_running()}"
    if stamp.exists() and stamp.read_text() == current:
        return
    target = ["--no-deps", "--target", folder, "--upgrade", torch]
    index = bootstrap.torch_index(gpu=lambda: False)
    failed = bootstrap.pip_install(f"installing {torch} for both sets of versions", *target, *index)
    if failed and index:
        failed = bootstrap.pip_install("that failed, so installing it as pip finds it", *target)
    stop_if(failed)
    stamp.write_text(current)


def make(name):
    """The Python of an environment with this set of versions; the newest are looked up anew every time."""
    folder, constraints = FOLDER / name, FOLDER / f"{name}.txt"
    stamp, current = folder / "installed.sha256", fingerprint(name)
    unchanged = stamp.exists() and stamp.read_text() == current
    if unchanged and name == "oldest":
        return python_in(folder)
    if not unchanged:
        venv.create(folder, with_pip=True, clear=True, symlinks=sys.platform != "win32")
        bootstrap.link_labs(folder, FOLDER / "torch")
    constraints.write_text("".join(f"{key}=={version}\n" for key, version in SETS[name]().items()), encoding="utf-8")
    upgrade = ["--upgrade", "--upgrade-strategy", "eager"] if name == "newest" else []
    packages = ["-r", ROOT / "requirements.txt", "-c", constraints]
    failed = bootstrap.pip_install(f"installing the {name} versions", *upgrade, *packages, python=python_in(folder))
    stop_if(failed)
    if name == "oldest":
        open_processors(folder)
    stamp.write_text(current)
    return python_in(folder)


def open_processors(folder):
    """Colab has torchvision, so what only asks for it opens there; here it opens once the docstring is quiet."""
    for family in FAMILIES:
        for file in folder.rglob(f"transformers/models/{family}/image_processing_pil_{family}.py"):
            file.write_text(file.read_text(encoding="utf-8").replace(NAMED, "torchvision's"), encoding="utf-8")


def fingerprint(name):
    """Changes with the lists, the Python of .venv and the place of the checkout."""
    parts = [repr(SETS[name]()), bootstrap.fingerprint()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def run_tests(name, arguments):
    python = make(name)
    show = subprocess.run([python, "-c", SHOW, *asked("runtime")], stdout=subprocess.PIPE, text=True)
    print(f"[versions] the {name}: {show.stdout.strip()}", flush=True)
    command = [python, "-m", "pytest", *OPTIONS.get(name, []), *arguments]
    return bootstrap.run_child(command, cwd=str(ROOT), OMP_NUM_THREADS="1")


def main(arguments):
    return bootstrap.ended("Stopped", lambda: run_all(arguments))


def run_all(arguments):
    FOLDER.mkdir(parents=True, exist_ok=True)
    install_torch()
    codes = {name: run_tests(name, arguments) for name in SETS}
    for name, code in codes.items():
        print(f"[versions] with the {name}: {'failed' if code else 'passed'}")
    return max(codes.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
