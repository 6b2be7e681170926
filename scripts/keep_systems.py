"""python scripts/keep_systems.py

Train what notebooks 02_2 and 02_3 show for longer than the claims do, some ten minutes on a core, and keep it in
data/finished: the promptable segmenter with its ear (labs.systems.seem), and the model that tells one sense from others
(labs.systems.masked_modelling).
"""

from pathlib import Path

from labs.systems import masked_modelling, seem
from labs.systems.parts.bound_sound import bind
from labs.systems.parts.shipped import keep

FINISHED = Path(__file__).resolve().parents[1] / "data" / "finished"
SEED = 0


def main() -> None:
    teller = masked_modelling.train(SEED, times=masked_modelling.LONGER)
    keep(FINISHED / "02_3" / "teller.safetensors", {"teller": teller})
    segmenter = seem.train(SEED, times=seem.LONGER)
    keep(FINISHED / "02_2" / "segmenter.safetensors", {"segmenter": segmenter, "ear": bind(SEED)})


if __name__ == "__main__":
    main()
