"""The first cell of every notebook: look at the machine, choose, say what was chosen and what to mend.

choice = start()                           LABS_PROFILE=colab asks for a profile
folder = run_folder("06_2", drive=True)    where this notebook's runs lie, and go on after a lost session
"""

import os
import shutil
from pathlib import Path
from typing import Any

import labs
from labs.errors import LabsError
from labs.models.catalog import profile
from labs.preflight import costs, minutes
from labs.preflight import machine as looking
from labs.preflight.decide import DECIDES, Choice, decide
from labs.preflight.problems import problems

UNASKED = 3.0  # gigabytes that a notebook may download without having been asked for a profile
DRIVE = Path("/content/drive")


def start(**asked: Any) -> Choice:
    """Choose and print what is run here; `asked` overrides any decision, as LABS_PROFILE does the profile.

    With the mini models the network is closed. Raises LabsError if something would stop the labs.
    """
    if "LABS_PROFILE" in os.environ:
        asked = {"profile": os.environ["LABS_PROFILE"]} | asked
    if asked.get("profile") == "mini":
        labs.offline()  # or the Hub would be asked whether it answers
    machine = looking.look()
    choice = decide(machine, (DECIDES,), UNASKED, **asked)
    if choice.profile == "mini":
        labs.offline()
    os.environ["LABS_PROFILE"] = choice.profile  # what the catalogue opens
    found = problems(machine, choice)
    print(in_words(choice))
    for problem in found:
        if not problem.stops:
            print(f"note: {problem.what}: {problem.mend}.")
    if stops := [problem for problem in found if problem.stops]:
        raise LabsError(f"{stops[0].what}: {stops[0].mend}, then run this cell again.")
    return choice


def in_words(choice: Choice) -> str:
    """What was chosen, in a line or two."""
    weights = "4 bits a weight" if choice.four_bit else choice.numbers
    said = f"profile {choice.profile} ({choice.reasons['profile']}) | {choice.device}, {weights} | seed 0"
    if choice.profile == "mini":
        return f"{said} | no network needed"
    twice = ", activations computed twice" if choice.checkpointing else ""
    return (
        f"{said}, {choice.attention} attention{twice} | predicted: {choice.download:.1f} GB to download, "
        f"{choice.memory:.0f} GB of memory and {minutes.in_words(choice.minutes)} to tune"
    )


def run_folder(name: str, drive: bool = False) -> Path:
    """Where the runs of a notebook lie; an interrupted run in it goes on, a finished one is opened.

    On Colab it is lost with the session unless `drive` lets your own Drive hold it (Colab asks you); on Kaggle it is
    what the notebook saves as its output; elsewhere a folder of the repository that git leaves alone. LABS_RUNS says
    another place. Raises LabsError if the folder cannot be written.
    """
    folder = runs(drive) / name / profile()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabsError(f"{folder} cannot be made ({error.strerror}): set LABS_RUNS to a folder of your own.") from None
    begun = sorted(part.name for part in folder.iterdir() if part.is_dir())
    here = folder.relative_to(labs.home()) if folder.is_relative_to(labs.home()) else folder
    print(f"runs in {here}: {', '.join(begun) + ' from before' if begun else 'none yet'}")
    print(costs.of_lab(name, profile(), costs.this_device(profile())))
    return folder


def take_finished(name: str, folder: Path) -> None:
    """Put the finished runs of the mini profile, which come with the labs, where `run_folder` has said.

    So whoever lost a session goes on with the next section. Raises LabsError where there are none, or runs of your own.
    """
    source = labs.home() / "data" / "finished" / name
    if not source.is_dir() or profile() != "mini":
        raise LabsError(f"there are no finished runs of {name} in profile {profile()}: run its training cells.")
    for run in sorted(part for part in source.iterdir() if part.is_dir()):
        if (folder / run.name).exists():
            raise LabsError(f"{folder / run.name} holds a run of your own: move it away, or go on with it.")
    shutil.copytree(source, folder, dirs_exist_ok=True)


def runs(drive: bool = False) -> Path:
    """Where all runs lie on this machine; LABS_RUNS says another place."""
    if os.environ.get("LABS_RUNS"):
        return Path(os.environ["LABS_RUNS"])
    place = looking.place()
    if place == "colab" and drive:
        from google.colab import drive as google_drive  # there is one nowhere else

        google_drive.mount(str(DRIVE))
        return DRIVE / "MyDrive" / "multimodal-labs"
    return {"colab": Path("/content/runs"), "kaggle": Path("/kaggle/working/runs")}.get(place, labs.home() / "runs")
