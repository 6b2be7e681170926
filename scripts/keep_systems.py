"""python scripts/keep_systems.py [FILE...]        (by default all: 02_2/segmenter, 02_3/teller, 03_1/talkers ...)

Train what is trained once for all and keep it in data/finished: the promptable segmenter with its ear
(labs.systems.seem) and the model that tells one sense from others (labs.systems.masked_modelling), which notebooks show
and which learned for longer than the claims do, five minutes each on a core; and the two language models of section 3,
which have read and never seen (labs.systems.parts.school), half an hour; and the aligned captioner that section 4 tunes
(labs.systems.parts.captioner), half an hour; the autoencoder and the small text-to-picture model that section 4 teaches
to edit and to follow boxes (labs.systems.parts.first_stage, text_to_picture), half an hour together, and what it
becomes after some minutes more (labs.systems.parts.taught_edits, grounded). Those of the claims' own length are kept
so that no notebook has to wait for them, two minutes each at most: a connector that lets the stronger language model
see (labs.systems.parts.connected), one for films (labs.systems.parts.taught_branches), a model that reads and writes
text, pictures and sounds (labs.systems.parts.any_model), a connector that is told what is asked
(labs.systems.parts.taught_tasks), two adapters before and after preferences
(labs.systems.parts.shipped_preference), and an adapter for each of six domains (labs.systems.parts.domain_adapters), a
folder each.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from torch.nn import Module

from labs.systems import masked_modelling, seem
from labs.systems.parts import (
    any_model,
    base_model,
    captioner,
    connected,
    domain_adapters,
    first_stage,
    grounded,
    school,
    shipped_in_four_bits,
    shipped_preference,
    talker,
    taught_branches,
    taught_edits,
    taught_tasks,
    text_to_picture,
)
from labs.systems.parts.bound_sound import bind
from labs.systems.parts.shipped import keep
from labs.systems.parts.shipped_adapters import SECTION, keep_adapter
from labs.world.domains import NAMES

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


def instructed() -> Mapping[str, Module]:
    return {"connector": taught_tasks.aware(SEED, taught_tasks.TOKENS, False).connector}


def aligned() -> Mapping[str, Module]:
    language = base_model.train(SEED)
    return {"language": language, "projector": captioner.align(language, SEED).model.multi_modal_projector}


def preference() -> Mapping[str, Module]:
    return shipped_preference.adapters(SEED)


def autoencoder() -> Mapping[str, Module]:
    return {"autoencoder": first_stage.train(SEED)}


def denoiser() -> Mapping[str, Module]:
    return {"denoiser": text_to_picture.train(SEED)}


def editor() -> Mapping[str, Module]:
    return {"editor": taught_edits.teach(taught_edits.build("pretrained", SEED), SEED, taught_edits.LONGER)}


def boxes() -> Mapping[str, Module]:
    return grounded.to_keep(grounded.teach(grounded.build(SEED), "gated", SEED, grounded.LONGER))


RECIPES = {
    "02_2/segmenter": segmenter, "02_3/teller": teller, "03_1/talkers": talkers, "03_1/q_former": q_former,
    "03_2/watcher": watcher, "03_2/speaker": speaker,
    "04_1/instructblip": instructed, "04_1/captioner": aligned, "04_1/preference": preference,
    "04_1/autoencoder": autoencoder, "04_1/denoiser": denoiser,  # what the next two start from
    "04_1/editor": editor, "04_1/boxes": boxes,
}  # fmt: skip
IN_FOUR_BITS = ("04_1/denoiser", "04_1/editor", "04_1/boxes")
ADAPTERS = {f"{SECTION}/{name}": name for name in NAMES}  # folders


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    files = parser.parse_args(arguments).files
    known = [*RECIPES, *ADAPTERS]
    if unknown := set(files) - set(known):
        parser.error(f"there is no file {', '.join(sorted(unknown))}: choose of {', '.join(known)}")
    for name in files or known:
        if name in ADAPTERS:
            keep_adapter(FINISHED / name, domain_adapters.taught(ADAPTERS[name], SEED, "usual").model)
        else:
            write = shipped_in_four_bits.keep if name in IN_FOUR_BITS else keep
            write(FINISHED / f"{name}.safetensors", RECIPES[name]())


if __name__ == "__main__":
    main()
