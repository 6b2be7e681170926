"""A pre-trained vision-language model as the bridge to a language model, as in Muffin (Yu et al., 2023,
https://arxiv.org/abs/2310.00653).

    pre-training   regions | words, some hidden --all look at all, two blocks--> the hidden words     as BEiT-3 learned
    bridge         regions | learned tokens     --the same two blocks----------> prompts of a frozen language model

The learned tokens stand where words stood. A fresh connector has the same blocks, which have learned nothing yet.
"""

from functools import cache

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.systems.claim import Scores
from labs.systems.parts import objectives, told
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK, PAD
from labs.systems.parts.prompted_talker import LANGUAGE, PROMPTS, describes, descriptions, scenes, seen, teach
from labs.systems.parts.regions import REGIONS
from labs.systems.parts.regions import WIDTH as REGION_WIDTH
from labs.systems.parts.transformer_blocks import WIDTH, Block, Words

LONGEST, HIDDEN = 8, 0.4  # words of a description, and the share of them that is hidden
PRE_STEPS, STEPS, LONGER, BATCH, RATE = 300, 100, 300, 64, 2e-3
WAYS = ("pre-trained", "fresh", "pre-trained on others' words", "fresh, all pairs, longer")


class Bridge(nn.Module):
    """Regions beside words or beside learned tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.see, self.where = nn.Linear(REGION_WIDTH, WIDTH), nn.Parameter(0.02 * torch.randn(REGIONS, WIDTH))
        self.words = Words(told.lexicon(), LONGEST)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, len(told.lexicon())))
        self.tokens, self.out = nn.Parameter(0.5 * torch.randn(PROMPTS, WIDTH)), nn.Linear(WIDTH, LANGUAGE)
        self.norm = nn.LayerNorm(WIDTH)

    def beside(self, regions: Float[Tensor, "n 9 132"], rows: Float[Tensor, "n rows 64"]) -> Float[Tensor, "n rows 64"]:
        """What becomes of rows that look at the regions and at each other."""
        x = torch.cat([self.see(regions) + self.where, rows], dim=1)
        for block in self.blocks:
            x = block(x)
        return x[:, REGIONS:]

    def guess(self, regions: Float[Tensor, "n 9 132"], words: Int[Tensor, "n w"]) -> Float[Tensor, "n w vocabulary"]:
        """Which word stands in each place."""
        return self.head(self.beside(regions, self.words(words)))

    def forward(self, regions: Float[Tensor, "n 9 132"]) -> Float[Tensor, "n 4 96"]:
        """Prompts for the language model."""
        return self.prompt(self.beside(regions, self.tokens.expand(len(regions), -1, -1)))

    def prompt(self, rows: Float[Tensor, "n 4 64"]) -> Float[Tensor, "n 4 96"]:
        """About as large as the language model's words."""
        return 0.3 * self.out(self.norm(rows))


@cache
def pretrained(seed: int, shuffled: bool = False) -> dict[str, Tensor]:
    """The weights after hidden words of many pictures were guessed, or, `shuffled`, of another picture's words."""
    torch.manual_seed(seed)
    model, given, generator = Bridge(), seen("texts"), torch.Generator().manual_seed(seed)
    words = told.lexicon().write([told.tell(scene) for scene in scenes("texts")]).roll(int(shuffled), 0)
    at = batches(len(words), BATCH, seed)

    def loss(step: int) -> Tensor:
        now = at(step)
        hidden, labels = objectives.hide(words[now], words[now] != PAD, HIDDEN, MASK, generator)
        return objectives.masked(model.guess(given[now], hidden), labels)

    learn(model.parameters(), loss, PRE_STEPS, RATE)
    return model.state_dict()


@cache
def taught(seed: int, way: str) -> Bridge:
    """The bridge after lessons before the language model. Raises ValueError for a way that is none of `WAYS`."""
    if way not in WAYS:
        raise ValueError(f"way must be one of {', '.join(WAYS)}, not {way!r}")
    torch.manual_seed(seed)
    model = Bridge()
    if way.startswith("pre"):
        model.load_state_dict(pretrained(seed, way != "pre-trained"))
    split, steps = ("texts", LONGER) if way == "fresh, all pairs, longer" else ("pairs", STEPS)
    return teach(model, seen(split), descriptions(split), seed, steps)


def tells(seed: int, way: str, another: bool = False) -> Scores:
    """What is told rightly of held-out pictures."""
    return describes(taught(seed, way), another)
