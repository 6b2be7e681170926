"""Several finished spaces remapped into one, and a router for each sense that weighs them, thing by thing.

    thing -> space 1 -> bond --\\
          -> space 2 -> bond ---> weighted mean, the weights by a router -> common space
          -> space 3 -> bond --/

OmniBind (Wang et al., 2024, https://arxiv.org/abs/2407.11895). Nothing is paired: bonds learn from the same things in
two spaces, routers from pairs that experts find among unpaired things, as in the paper; of pairs that the evenly
weighed spaces find themselves routers learn nothing.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import normalize

from labs.systems.parts.finished_spaces import EXPERT, SENSES, SHARED, UNIFIED, WIDTH, Space, contrast, features, finish
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.space_bonds import FEW, Bond, bond
from labs.world.vocabulary import SHAPES

HALVES = SHAPES[:4], SHAPES[4:]  # what each of two specialists has met; a third space has met few of all
STEPS, BATCH, RATE, SHARPNESS = 300, 128, 5e-3, 8.0


class Routed(nn.Module):
    """Spaces with their bonds, frozen, and a small router for each sense, which learns.

    `blind` routers see nothing of the thing: one weight a space and a sense.
    """

    def __init__(self, spaces: list[Space], bonds: list[Bond], blind: bool = False):
        super().__init__()
        self.blind = blind
        self.spaces, self.bonds = nn.ModuleList(spaces), nn.ModuleList(bonds)
        count = len(spaces)
        self.routers = nn.ModuleDict({
            sense: nn.Sequential(nn.Linear(count * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, count))
            for sense in SENSES
        })  # fmt: skip

    def remapped(self, sense: str, read: Float[Tensor, "n 128"]) -> Float[Tensor, "n spaces 64"]:
        """What frozen encoders made of something, through every space into the common one."""
        pairs = zip(self.bonds, self.spaces, strict=True)
        return torch.stack([into(space(sense, read)) for into, space in pairs], dim=1)

    def weights(self, sense: str, remapped: Float[Tensor, "n spaces 64"]) -> Float[Tensor, "n spaces"]:
        """How much each space counts for each thing: in all 1."""
        seen = torch.zeros_like(remapped) if self.blind else remapped
        return self.routers[sense](seen.flatten(1)).softmax(1)

    def forward(self, sense: str, remapped: Float[Tensor, "n spaces 64"]) -> Float[Tensor, "n 64"]:
        """The weighted mean, of length 1."""
        return normalize(torch.einsum("ns,nsw->nw", self.weights(sense, remapped), remapped), dim=-1)


def evenly(remapped: Float[Tensor, "n spaces 64"]) -> Float[Tensor, "n 64"]:
    """The mean with equal weights, of length 1."""
    return normalize(remapped.mean(1), dim=-1)


@cache
def pseudo_pairs(seed: int) -> dict[str, Int[Tensor, " scenes"]]:
    """For each unpaired sound a text and a picture of other scenes, as two experts find them, one after the other."""
    nearest = {}
    for asked, sought, expert in (("sound", "text", EXPERT), ("text", "picture", SHARED)):
        space = finish(seed + (100 if expert == EXPERT else 200), expert)
        one, other = (space(sense, features(sense, "unpaired")) for sense in (asked, sought))
        nearest[sought] = (one @ other.T).fill_diagonal_(-2.0).argmax(1)
    return {"text": nearest["text"], "picture": nearest["picture"][nearest["text"]]}


@cache
def build(seed: int) -> Routed:
    """Two specialists and a space that has met a little of all, bonded; fresh routers weigh nearly evenly."""
    spaces = [finish(seed + 300 + at, UNIFIED, shapes=shapes) for at, shapes in enumerate(HALVES)]
    spaces.append(finish(seed, UNIFIED, FEW))
    common = finish(seed + 200, SHARED)
    bonds = [bond(space, common, SHARED, seed) for space in spaces]
    torch.manual_seed(seed)
    return Routed(spaces, bonds)


@cache
def route(seed: int, blind: bool = False) -> Routed:
    """The same after its routers have learned from pseudo-pairs."""
    model = build(seed)
    torch.manual_seed(seed)
    routed, partner = Routed(list(model.spaces), list(model.bonds), blind), pseudo_pairs(seed)
    with torch.no_grad():
        lies = {sense: model.remapped(sense, features(sense, "unpaired")) for sense in SENSES}
    at = batches(len(lies["sound"]), min(BATCH, len(lies["sound"])), seed)

    def loss(step: int) -> Tensor:
        rows = at(step)
        sound = routed("sound", lies["sound"][rows])
        text, picture = (routed(sense, lies[sense][partner[sense][rows]]) for sense in ("text", "picture"))
        pairs = [(sound, text), (sound, picture), (picture, text)]
        return torch.stack([contrast(a, b, torch.tensor(SHARPNESS).log()) for a, b in pairs]).mean()

    learn(routed.routers.parameters(), loss, STEPS, RATE)
    return routed.eval().requires_grad_(False)
