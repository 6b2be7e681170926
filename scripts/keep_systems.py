"""python scripts/keep_systems.py [FILE...]        (by default all: 02_2/segmenter, 02_3/teller, 03_1/talkers ...)

Train what is trained once for all and keep it in data/finished: the promptable segmenter with its ear
(labs.systems.seem) and the model that tells one sense from others (labs.systems.masked_modelling), which notebooks show
and which learned for longer than the claims do, five minutes each on a core; and the two language models of section 3,
which have read and never seen (labs.systems.parts.school), half an hour. Those of the claims' own length are kept so
that no notebook has to wait for them, two minutes each at most: a connector that lets the stronger language model see
(labs.systems.parts.connected), one for films (labs.systems.parts.taught_branches), and a model that reads and writes
text, pictures and sounds (labs.systems.parts.any_model).
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from torch.nn import Module

from labs.systems import masked_modelling, seem
from labs.systems.parts import any_model, connected, school, talker, taught_branches
from labs.systems.parts.bound_sound import bind
from labs.systems.parts.shipped import keep

FINISHED = Path(__file__).resolve().parents[1] / "data" / "finished"
SEED = 0


def segmenter() -> Mapping[str, Module]:
    return {"segmenter": seem.train(SEED, times=seem.LONGER), "ear": bind(SEED)}


def teller() -> Mapping[str, Module]:
    return {"teller": masked_modelling.train(SEED, times=masked_modelling.LONGER)}


def talkers() -> Mapping[str, Module]:
    return {size: school.train(size, SEED) for size in talker.SIZES}


def q_former() -> Mapping[str, Module]:
    return {"connector": connected.connected("Q-Former", 16, SEED).connector}


def watcher() -> Mapping[str, Module]:
    return {"watcher": taught_branches.watcher(SEED, taught_branches.FRAMES, True)}


def speaker() -> Mapping[str, Module]:
    return {"speaker": any_model.train(SEED)}


RECIPES = {
    "02_2/segmenter": segmenter, "02_3/teller": teller, "03_1/talkers": talkers, "03_1/q_former": q_former,
    "03_2/watcher": watcher, "03_2/speaker": speaker,
}  # fmt: skip


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    files = parser.parse_args(arguments).files
    if unknown := set(files) - set(RECIPES):
        parser.error(f"there is no file {', '.join(sorted(unknown))}: choose of {', '.join(RECIPES)}")
    for name in files or RECIPES:
        keep(FINISHED / f"{name}.safetensors", RECIPES[name]())


if __name__ == "__main__":
    main()
