"""What stands in for an absent sense, before a network that learned with all senses there and stays as it is.

zeros      nothing                                              mean    what is usual of that sense
prompt     one learned vector for each sense                    labels
pool       the learned vectors that fit what is there best      labels    PTUnifier, https://arxiv.org/abs/2302.08958
predicted  what a prompt reads off the senses that are there    no labels https://arxiv.org/abs/2407.12616

Prompts take the place of the absent sense's row; only they learn, from the labels of lessons some senses of which are
taken away. The predictor learns VICReg's loss (https://arxiv.org/abs/2105.04906) against the row that was taken away.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, mse_loss, relu

from labs.systems.parts.fused import KINDS, SENSES, drop
from labs.systems.parts.learn import batches, learn

WIDTH, HEADS = 64, 4
STEPS, BATCH, RATE = 300, 128, 2e-3
STAND_STEPS, STAND_RATE = 300, 1e-2
POOL, CHOSEN = 32, 4  # prompts for each sense, and how many of them are chosen for a scene
NAMES = ("zeros", "mean", "prompt", "pool", "predicted")


def layer() -> nn.TransformerEncoderLayer:
    """One layer of attention, without dropout."""
    return nn.TransformerEncoderLayer(WIDTH, HEADS, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)


class Together(nn.Module):
    """Rows of all senses look at each other; their mean tells the kind."""

    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(len(SENSES), WIDTH))  # which sense a row is of
        self.layer, self.norm, self.head = layer(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, KINDS)

    def forward(self, rows: Float[Tensor, "n senses 64"]) -> Float[Tensor, "n kinds"]:
        """Logits."""
        return self.head(self.joint(rows))

    def joint(self, rows: Float[Tensor, "n senses 64"]) -> Float[Tensor, "n 64"]:
        """What is understood of all senses together."""
        return self.norm(self.layer(rows + self.place).mean(1))


def train(rows: Float[Tensor, "n senses 64"], kinds: Int[Tensor, " n"], seed: int) -> Together:
    """The network that has learned with all senses there, frozen."""
    torch.manual_seed(seed)
    network, at = Together(), batches(len(kinds), BATCH, seed)
    learn(network.parameters(), lambda step: cross_entropy(network(rows[at(step)]), kinds[at(step)]), STEPS, RATE)
    return network.eval().requires_grad_(False)


class StandIn(nn.Module):
    """Rows for absent senses; those of senses that are there are left as they are."""

    def __init__(self, name: str, nothing: Float[Tensor, "senses 64"]):
        super().__init__()
        if name not in NAMES:
            raise ValueError(f"name must be one of {', '.join(NAMES)}, not {name!r}")
        self.name = name
        self.register_buffer("nothing", nothing if name == "zeros" else torch.zeros_like(nothing))
        if name == "prompt":
            self.prompt = nn.Parameter(torch.zeros(len(SENSES), WIDTH))
        elif name == "pool":
            self.pool = nn.Parameter(0.5 * torch.randn(len(SENSES), POOL, WIDTH))
            self.keys = nn.Parameter(torch.randn(len(SENSES), POOL, WIDTH))
        elif name == "predicted":
            self.place, self.ask = (nn.Parameter(torch.randn(len(SENSES), WIDTH)) for _ in range(2))
            self.layer, self.tell = layer(), nn.Linear(WIDTH, WIDTH)

    def forward(
        self, rows: Float[Tensor, "n senses 64"], there: Float[Tensor, "n senses"]
    ) -> Float[Tensor, "n senses 64"]:
        """All rows; of those not `there` nothing is read."""
        return torch.where(there[..., None] > 0, rows, self.absent(rows * there[..., None], there))

    def absent(self, known: Float[Tensor, "n senses 64"], there: Float[Tensor, "n senses"]) -> Tensor:
        """What stands in for each sense, (n or 1, senses, 64). Absent rows of `known` are zero."""
        if self.name == "prompt":
            return self.prompt[None]
        if self.name == "pool":
            return self._from_pool(known.sum(1) / there.sum(1, keepdim=True))
        return self._predict(known, there) if self.name == "predicted" else self.nothing[None]

    def _from_pool(self, asked: Float[Tensor, "n 64"]) -> Float[Tensor, "n senses 64"]:
        """The mean of the prompts whose keys lie nearest, weighed by how near, so that keys learn too."""
        near, which = cosine_similarity(asked[:, None, None], self.keys[None], dim=-1).topk(CHOSEN, dim=-1)
        chosen = self.pool[torch.arange(len(SENSES))[None, :, None], which]  # (n, senses, chosen, 64)
        return ((10 * near).softmax(-1)[..., None] * chosen).sum(2)

    def _predict(self, known: Float[Tensor, "n senses 64"], there: Float[Tensor, "n senses"]) -> Tensor:
        """Prompts look at the senses that are there, and these do not look at prompts: they are read-only."""
        count = len(SENSES)
        read = torch.cat([known + self.place, self.ask.expand(len(known), -1, -1)], dim=1)
        hidden = torch.cat([there == 0, torch.ones_like(there, dtype=torch.bool)], dim=1)  # from everybody
        hidden = hidden[:, None].repeat(1, 2 * count, 1) & ~torch.eye(2 * count, dtype=torch.bool)
        return self.tell(self.layer(read, src_mask=hidden.repeat_interleave(HEADS, 0))[:, count:])


def vicreg(told: Float[Tensor, "n 64"], true: Float[Tensor, "n 64"]) -> Float[Tensor, ""]:
    """Near the true row; as varied; its numbers not copies of each other. Weights 25, 25 and 1, as in the paper."""
    centred = told - told.mean(0)
    covariance = centred.T @ centred / (len(told) - 1)
    apart = (covariance**2).sum() - (covariance.diagonal() ** 2).sum()
    spread = relu(1 - (covariance.diagonal() + 1e-4).sqrt()).mean()
    return 25 * mse_loss(told, true) + 25 * spread + apart / told.shape[1]


def fit(
    name: str,
    network: Together,
    rows: Float[Tensor, "n senses 64"],
    kinds: Int[Tensor, " n"],
    nothing: Float[Tensor, "senses 64"],
    seed: int,
) -> StandIn:
    """A stand-in that has learned before the frozen `network`; `nothing` is what rows of zeros are in its units."""
    torch.manual_seed(seed)
    stand_in, at = StandIn(name, nothing), batches(len(kinds), BATCH, seed)
    generator = torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        now, there = at(step), drop(len(SENSES), BATCH, generator).T
        if name == "predicted":
            told = stand_in.absent(rows[now] * there[..., None], there)
            return sum(vicreg(told[away, i], rows[now][away, i]) for i, away in enumerate((there == 0).T))
        return cross_entropy(network(stand_in(rows[now], there)), kinds[now])

    if any(True for _ in stand_in.parameters()):
        learn(stand_in.parameters(), loss, STAND_STEPS, STAND_RATE)
    return stand_in.eval().requires_grad_(False)
