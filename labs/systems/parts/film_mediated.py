"""Motion found by words, with films between the two: LAVIMO (Yin et al., 2024, https://arxiv.org/abs/2403.00691).

    text ----------------------------> vector --.   .-- asks
    film: frames by frozen eyes -----> tokens ---> attention -> text as the film shows it, motion as the film shows it
    motion --------------------------> vector --'   '-- asks

Words and motion are each brought to what they draw from the film of the same scene, and to one another. Nobody sees a
film when motion is sought. What words say of scenes differs: few tell all that a film shows.
"""

import math
import random
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.models.connectors.attention import Attention
from labs.systems.claim import Scores
from labs.systems.parts import eyes, senses, unimodal
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.learn import batches, learn
from labs.world.clip import moved
from labs.world.picture import draw
from labs.world.scene import Scene

COUNT, EXAM, GALLERY, NOISE = 512, 400, 50, 0.5  # scenes to learn from; of the exam; to be told apart; of motion
SEEN, READ, FELT, WIDTH, INNER, HEADS = 256, 128, 600, 64, 256, 4
STEPS, BATCH, RATE = 300, 64, 3e-3
WAYS = ("films in between", "films beside", "text and motion alone")


@cache
def scenes(split: str) -> tuple[Scene, ...]:
    """Of one thing: to learn from, the "exam", or held-out ones on which settings were chosen."""
    if split == "train":
        return eyes.scenes("train", COUNT, seed=7)
    return eyes.scenes("heldout", EXAM, seed={"exam": 8, "choice": 9}[split])


def tell(scene: Scene, rng: random.Random) -> str:
    """A sentence about a thing and its motion; now and then colour, size or place is left out."""
    thing = scene.things[0]
    size, colour = (word if rng.random() < 0.7 else "" for word in (thing.size, thing.colour))
    way = "stays where it is" if thing.motion == "still" else f"goes {thing.motion}"
    place = f" at the {thing.place}" if rng.random() < 0.7 else ""
    return " ".join(f"a {size} {colour} {thing.shape}{place} {way}".split())


@cache
def read(split: str) -> Float[Tensor, "scenes 128"]:
    """The sentences through the frozen encoder of texts."""
    rng = random.Random(f"films {split}")
    return unimodal.read_all([tell(scene, rng) for scene in scenes(split)])


@cache
def felt(split: str) -> Float[Tensor, "scenes 600"]:
    """Head motion, noisy: 100 steps of 6 channels one after another."""
    clean = senses.perceive("motion", scenes(split)).flatten(1)
    generator = torch.Generator().manual_seed(sum(map(ord, split)))
    return clean + NOISE * torch.randn(clean.shape, generator=generator)


@cache
def seen(split: str) -> Float[Tensor, "scenes patches 256"]:
    """Of each patch of a film's first frame what frozen eyes make of it, and how much that has changed by the last."""
    first, last = (eyes.look([draw(moved(scene, end)) for scene in scenes(split)])[:, 1:] for end in (0.0, 1.0))
    return torch.cat([first, last - first], dim=-1)


class Towers(nn.Module):
    """Text, motion and films -> one space; `log_scale` is learned, as in CLIP. Inputs are brought to deviation 1."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.motion = (
            nn.Sequential(nn.LayerNorm(size), nn.Linear(size, INNER), nn.GELU(), nn.Linear(INNER, WIDTH))
            for size in (READ, FELT)
        )
        self.film = nn.Sequential(nn.LayerNorm(SEEN), nn.Linear(SEEN, WIDTH))
        self.draw = Attention(WIDTH, HEADS)
        self.log_scale = nn.Parameter(torch.tensor(math.log(14.0)))

    def embed(self, sense: str, given: Float[Tensor, "n numbers"]) -> Float[Tensor, "n 64"]:
        """Texts ("text") or motion ("motion"), of length 1."""
        return normalize({"text": self.text, "motion": self.motion}[sense](given), dim=-1)

    def drawn(self, asking: Float[Tensor, "n 64"], tokens: Float[Tensor, "n patches 64"]) -> Float[Tensor, "n 64"]:
        """What each draws from its film by attention, and nothing of itself; of length 1."""
        return normalize(self.draw(asking[:, None], tokens)[:, 0], dim=-1)

    def contrast(self, one: Float[Tensor, "n 64"], other: Float[Tensor, "n 64"]) -> Float[Tensor, ""]:
        """Each is to find its partner."""
        return contrastive_loss(one @ other.T * self.log_scale.exp().clamp(max=100), torch.eye(len(one)))


@cache
def train(seed: int, way: str, shuffled: bool = False) -> Towers:
    """Towers that have learned in one of `WAYS`; if `shuffled`, motion and film are of other scenes, a control.

    Raises ValueError for an unknown way.
    """
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    towers, generator = Towers(), torch.Generator().manual_seed(seed)
    at = batches(COUNT, min(BATCH, COUNT), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        others = rows[torch.randperm(len(rows), generator=generator)] if shuffled else rows
        text, motion = towers.embed("text", read("train")[rows]), towers.embed("motion", felt("train")[others])
        losses = [towers.contrast(text, motion)]
        if way == "films in between":
            tokens = towers.film(seen("train")[others])
            losses += [towers.contrast(towers.drawn(text, tokens), motion)]
            losses += [towers.contrast(text, towers.drawn(motion, tokens))]
        elif way == "films beside":
            film = normalize(towers.film(seen("train")[others]).mean(1), dim=-1)
            losses += [towers.contrast(text, film), towers.contrast(motion, film)]
        return torch.stack(losses).mean()

    learn(towers.parameters(), loss, STEPS, RATE)
    return towers.eval().requires_grad_(False)


def finds(seed: int, way: str, shuffled: bool = False, split: str = "exam") -> Scores:
    """Is the motion of its own scene the first of `GALLERY` for a text, and the text for a motion? No film is seen."""
    towers, right, numbers = train(seed, way, shuffled), [], []
    text, motion = towers.embed("text", read(split)), towers.embed("motion", felt(split))
    for part in torch.arange(len(text)).split(GALLERY):
        near = text[part] @ motion[part].T
        for table in (near, near.T):
            right += (table.argmax(1) == torch.arange(len(part))).float().tolist()
            numbers += part.tolist()
    return Scores(right, numbers)
