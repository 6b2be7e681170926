"""Pictures and dialogues made together of one written prompt: StableLLaVA (Li et al., 2023,
https://arxiv.org/abs/2308.10253).

    prompt "a big red star at the top" --text-to-picture model--> picture, as far as it does as it is told
                                      `--questions-------------> colour? red. shape? star. place? top.

Who writes the dialogue reads the prompt and never the picture. Who answers looks at ten tokens of frozen eyes. All
pictures are small ones, enlarged and grainy.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from labs.systems.claim import Scores
from labs.systems.parts import eyes, text_to_picture
from labs.systems.parts.film_reader import WIDTH, Reader, teach
from labs.systems.parts.heard_scenes import LOUD
from labs.systems.parts.regions import cells
from labs.systems.parts.small_pictures import draw_small
from labs.systems.parts.sound_films import ANSWERS
from labs.world.captions import caption
from labs.world.picture import SIZE
from labs.world.scene import Scene

REAL, PAINTED, ASKED = 96, 320, 160  # pictures
SEEDS = {"choice": 0, "exam": 5}  # of the data
EXAM = "exam"  # the split that is asked
KINDS = ("colour", "shape", "place")
LOOKS, SCALE, GRAIN = 5, 2.0, 0.3  # steps of the painter, its guidance; noise of pictures in -1..1
STEPS, RATE = 300, 2e-3
WAYS = ("real", "real and painted", "painted alone", "as much real")


@cache
def painter() -> nn.Module:
    """The shipped text-to-picture model."""
    return text_to_picture.shipped()


def prompts(seed: int) -> tuple[Scene, ...]:
    """What is written down to be painted, as a scene that nobody draws."""
    return eyes.scenes("train", PAINTED, seed=100 + seed)


@cache
def painted(seed: int) -> Float[Tensor, "n 3 36 36"]:
    """What becomes of the prompts."""
    texts = [caption(scene, "places") for scene in prompts(seed)]
    return text_to_picture.paint(painter(), texts, text_to_picture.noise(len(texts), seed), SCALE, LOOKS)


def enlarge(pictures: Float[Tensor, "n 3 36 36"], seed: int) -> Float[Tensor, "n 3 72 72"]:
    """As the eyes take them, with grain."""
    large = interpolate(pictures, size=(SIZE, SIZE))
    return large + GRAIN * torch.randn(large.shape, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def tokens(pictures: Float[Tensor, "n 3 36 36"], seed: int) -> Float[Tensor, "n 10 128"]:
    """The picture as a whole, then its nine regions."""
    tower = eyes.dual_encoder().model.vision_model
    parts = enlarge(pictures, seed).split(eyes.BATCH)
    states = torch.cat([tower(pixel_values=part).last_hidden_state for part in parts])
    return torch.cat([states[:, :1], cells(states[:, 1:])], 1) / LOUD


def dialogue(scenes: tuple[Scene, ...]) -> dict[str, Int[Tensor, " scenes"]]:
    """The answers to what is asked of each, by number, from what is written down."""
    return {kind: torch.tensor([ANSWERS[kind].index(getattr(s.things[0], kind)) for s in scenes]) for kind in KINDS}


class Answerer(nn.Module):
    """Tokens of a picture -> answers."""

    def __init__(self):
        super().__init__()
        self.enter, self.reader = nn.Linear(128, WIDTH), Reader(KINDS)
        self.places = nn.Parameter(torch.randn(10, WIDTH))

    def forward(self, given: Float[Tensor, "n 10 128"]) -> dict[str, Tensor]:
        """Logits, (n, answers) a kind."""
        return self.reader(self.enter(given) + self.places)


@cache
def real(count: int) -> tuple[Float[Tensor, "n 10 128"], dict[str, Tensor]]:
    """True pictures and what people ask and answer of them."""
    scenes = eyes.scenes("train", count, seed=7)
    return tokens(draw_small(scenes), 70), dialogue(scenes)


@cache
def made(seed: int) -> tuple[Float[Tensor, "n 10 128"], dict[str, Tensor]]:
    """Painted pictures and the dialogues that were written with them."""
    return tokens(painted(seed), 80 + seed), dialogue(prompts(seed))


@cache
def tuned(seed: int, way: str, shuffled: bool = False) -> Answerer:
    """After lessons of one of `WAYS`, or from dialogues of `shuffled` pictures; raises KeyError for another way."""
    parts = {
        "real": lambda: [real(REAL)], "painted alone": lambda: [made(seed)],
        "real and painted": lambda: [real(REAL), made(seed)], "as much real": lambda: [real(REAL + PAINTED)],
    }[way]()  # fmt: skip
    given = torch.cat([part for part, _ in parts])
    truth = {kind: torch.cat([answers[kind] for _, answers in parts]) for kind in KINDS}
    given = given.roll(len(given) // 3, 0) if shuffled else given
    torch.manual_seed(seed)
    network = Answerer()
    return teach(network, lambda now, step: network(given[now]), truth, STEPS, seed, RATE)


@cache
def asked(split: str) -> tuple[Float[Tensor, "n 10 128"], dict[str, Tensor]]:
    """Held-out true pictures, and the answers."""
    scenes = eyes.scenes("heldout", ASKED, seed=SEEDS[split])
    return tokens(draw_small(scenes), 90 + SEEDS[split]), dialogue(scenes)


def right(seed: int, way: str, shuffled: bool = False) -> Scores:
    """1 for each right answer about true pictures."""
    given, truth = asked(EXAM)
    told = tuned(seed, way, shuffled)(given)
    values = [float(hit) for kind in KINDS for hit in told[kind].argmax(1) == truth[kind]]
    return Scores(values, [*range(len(given))] * len(KINDS))
