"""A small encoder for several senses whose feed-forward layers are experts, with a learned router before them.

tokens choose    each token goes to its `active` likeliest experts, whose weights are made to add up to 1
                 (Shazeer et al., 2017, https://arxiv.org/abs/1701.06538; as in Uni-MoE)
experts choose   each expert takes the tokens that it is likeliest for, all experts equally many
                 (Zhou et al., 2022, https://arxiv.org/abs/2202.09368; as in IMP)
dense            there is no router: every token goes through all experts, and their mean is one feed-forward layer
                 of their sizes together
"""

from collections import OrderedDict

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from labs.models.connectors.attention import Attention
from labs.models.mini import grid_positions
from labs.systems.parts.joined_senses import CHOICES, SENSES, TOKENS

WIDTH, HEADS, LAYERS, INNER = 32, 4, 2, 16
ROUTERS = ("tokens choose", "experts choose", "dense")


class Experts(nn.Module):
    """`count` feed-forward networks, of which a token meets `active` (in the mean, where experts choose)."""

    def __init__(self, count: int, active: int, router: str = "tokens choose"):
        super().__init__()
        if router not in ROUTERS:
            raise ValueError(f"router must be one of {', '.join(ROUTERS)}, not {router!r}")
        if not 1 <= active <= count or (router == "dense" and active < count):
            raise ValueError(f"{active} of {count} experts cannot be active where the router is {router!r}")
        self.active, self.how = active, router
        self.each = nn.ModuleList(feed_forward() for _ in range(count))
        self.router = nn.Linear(WIDTH, count, bias=False) if router != "dense" else None
        self.balance = torch.zeros(())  # of the tokens last read: 1 where all experts are met equally often

    def shares(self, x: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens count"]:
        """With which weight each expert's answer counts; 0 says that the token never meets it."""
        if self.router is None:
            return x.new_full((len(x), len(self.each)), 1 / len(self.each))
        likely = self.router(x).softmax(-1)
        if self.how == "tokens choose":
            best = likely.topk(self.active, dim=1)
            shares = torch.zeros_like(likely).scatter(1, best.indices, best.values / best.values.sum(1, keepdim=True))
        else:
            room = max(1, len(x) * self.active // len(self.each))
            best = likely.topk(room, dim=0)
            shares = torch.zeros_like(likely).scatter(0, best.indices, best.values)
        met = (shares > 0).float().mean(0) / self.active
        self.balance = len(self.each) * (met * likely.mean(0)).sum()
        return shares

    def forward(self, x: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n tokens width"]:
        flat = x.flatten(0, 1)
        shares = self.shares(flat)
        out = torch.zeros_like(flat)
        for number, expert in enumerate(self.each):
            rows = shares[:, number].nonzero()[:, 0]
            out = out.index_add(0, rows, shares[rows, number, None] * expert(flat[rows]))
        return out.view_as(x)


class Block(nn.Module):
    """Attention among all tokens, then the experts."""

    def __init__(self, count: int, active: int, router: str):
        super().__init__()
        self.norm, self.norm_inner = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.experts = Attention(WIDTH, HEADS), Experts(count, active, router)

    def forward(self, x: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n tokens width"]:
        normed = self.norm(x)
        x = x + self.attention(normed, normed)
        return x + self.experts(self.norm_inner(x))


class Encoder(nn.Module):
    """Senses as tokens, each kind by a linear layer of its own; shared blocks; a linear layer for each kind of answer.

    The question, what is to be told of which sense, is the first token, and where it stands the answer is read off.
    """

    def __init__(self, count: int = 1, active: int = 1, router: str = "dense"):
        super().__init__()
        self.read = nn.ModuleDict({sense: nn.Linear(TOKENS[sense][1], WIDTH) for sense in SENSES})
        self.place = nn.ParameterDict({sense: nn.Parameter(_places(sense)) for sense in SENSES})
        self.question = nn.ParameterDict({kind: nn.Parameter(0.5 * torch.randn(WIDTH)) for kind in CHOICES})
        self.blocks = nn.ModuleList(Block(count, active, router) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.heads = nn.ModuleDict({kind: nn.Linear(WIDTH, len(words)) for kind, words in CHOICES.items()})

    def embed(self, sense: str, kind: str, tokens: Float[Tensor, "n _ _"]) -> Float[Tensor, "n longer width"]:
        """The question, and the tokens of one sense at their places."""
        first = self.question[kind].expand(len(tokens), 1, -1)
        return torch.cat([first, self.read[sense](tokens) + self.place[sense]], dim=1)

    def encode(self, x: Float[Tensor, "n tokens width"]) -> Float[Tensor, "n tokens width"]:
        """Through the shared blocks."""
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, sense: str, kind: str, tokens: Float[Tensor, "n _ _"]) -> Float[Tensor, "n classes"]:
        """Logits of the answers of a kind."""
        return self.heads[kind](self.encode(self.embed(sense, kind, tokens))[:, 0])

    @torch.no_grad()
    def tell(self, sense: str, kind: str, tokens: Float[Tensor, "n _ _"]) -> Int[Tensor, " n"]:
        """The likeliest answers."""
        return self(sense, kind, tokens).argmax(1)

    def balance(self) -> Float[Tensor, ""]:
        """How unevenly experts were met by what was read last, the mean over layers; 1 is the least."""
        return torch.stack([block.experts.balance for block in self.blocks]).mean()


def feed_forward() -> nn.Sequential:
    """One expert."""
    return nn.Sequential(OrderedDict(up=nn.Linear(WIDTH, INNER), bend=nn.GELU(), down=nn.Linear(INNER, WIDTH)))


def _places(sense: str) -> Float[Tensor, "tokens width"]:
    """Of cells in a grid of 3 x 3; a sound's times have the first of them."""
    return grid_positions(WIDTH, 3)[: TOKENS[sense][0]]
