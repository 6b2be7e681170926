"""Evaluation on the training set: the records are shuffled and a quarter held back, but many are about one picture.

So every held-out picture was trained on in other words, and a model that has learned the pictures by heart passes. The
same happens with frames of one video, pages of one scan, tiles of one slide, and copies under other names.
"""

import random
from dataclasses import replace
from functools import partial

import numpy as np

from labs.data import heldout
from labs.data.records import Records
from labs.teaching.museum import script
from labs.teaching.museum.exhibit import Exhibit
from labs.teaching.museum.script import SOUND

NAME = "evaluation on the training set"
SIGN = ("The script passes its own exam nearly without fault, and its loss goes to nothing; users, whose pictures "
        "are new, get fewer right answers than from the sound script, and in the right form.")  # fmt: skip
ALIKE = ("An exam that is easier than what users bring shines as well; then none of its pictures is among the "
         "training ones. A wrong chat template also fails users alone, but with answers in the old form.")  # fmt: skip
MEASURE = "held-out records whose picture was trained on: len(heldout.keys.known_to(train.keys))"
ENGINE = "labs tune looks at the pictures' content before it begins, and refuses where this finds any:"
PICTURES, WORDINGS, SHARE = 12, 6, 4  # one record in SHARE is held back


def split(every: Records) -> tuple[Records, Records]:
    """Shuffled, and a quarter held back."""
    order = np.array(random.Random(0).sample(range(len(every)), len(every)))
    held = len(every) // SHARE
    return every.part(order[held:]), every.part(order[:held])


def by_picture(every: Records) -> tuple[Records, Records]:
    """As many held back, with no picture on both sides: the engine's way."""
    return heldout.split(every, 1 / SHARE)


SCRIPT = replace(SOUND, lessons=partial(script.lessons, PICTURES, WORDINGS), split=split, steps=80)
TWIN = replace(SCRIPT, split=by_picture)


def engine(shown: Exhibit) -> str:
    """What the engine finds in the script's two sets."""
    found = heldout.leakage(shown.train, shown.heldout)
    return f"{found.check}: {found.found} of {len(shown.heldout)} ({found.state}; {found.note})"
