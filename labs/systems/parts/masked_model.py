"""The masked autoencoder for several senses, written to be read: an encoder of what is given, a decoder of what is not.

given tokens -> one projection a sense, + place and sense -> encoder -> what was understood
place and sense of each token -> decoder, which looks at what was understood -> one projection a sense -> numbers
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from labs.models.mini import grid_positions
from labs.systems.parts.sense_tokens import SENSES, SIZES, TOKENS, of, owners

WIDTH, HEADS, LAYERS = 64, 4, 3


class MaskedModel(nn.Module):
    """For the senses that it is taught: it neither sees nor tells others."""

    def __init__(self, taught: Sequence[str]):
        super().__init__()
        self.taught = of(taught)
        self.read = nn.ModuleDict({sense: nn.Linear(SIZES[sense][1], WIDTH) for sense in SENSES})
        self.write = nn.ModuleDict({sense: nn.Linear(WIDTH, SIZES[sense][1]) for sense in SENSES})
        shape = {"nhead": HEADS, "dim_feedforward": 2 * WIDTH, "dropout": 0.0, "activation": "gelu",
                 "batch_first": True, "norm_first": True}  # fmt: skip
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(WIDTH, **shape), LAYERS, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(WIDTH, **shape), 1, nn.LayerNorm(WIDTH))
        self.sense = nn.Parameter(0.5 * torch.randn(2, len(SENSES), WIDTH))  # for the encoder, for the decoder
        self.place = nn.Parameter(_places())
        for weight in (weight for weight in self.encoder.parameters() if weight.dim() > 1):
            nn.init.xavier_uniform_(weight)  # torch copies one layer, so that all start alike

    def see(
        self, tokens: dict[str, Float[Tensor, "n _ _"]], given: Bool[Tensor, "n 128"]
    ) -> Float[Tensor, "n some width"]:
        """What is understood of the given tokens, equally many of each scene."""
        counts = given.sum(1).unique().tolist()
        if len(counts) != 1:
            raise ValueError(f"as many tokens of each scene must be given, not from {counts[0]} to {counts[-1]}")
        read = torch.cat([self.read[sense](tokens[sense]) for sense in SENSES], dim=1)
        where = self.sense[0][owners()] + self.place
        return self.encoder((read + where)[given].unflatten(0, (len(given), counts[0])))

    def tell(self, understood: Float[Tensor, "n some width"]) -> dict[str, Float[Tensor, "n _ _"]]:
        """All tokens of all senses from what was understood."""
        where = (self.sense[1][owners()] + self.place).expand(len(understood), -1, -1)
        parts = self.decoder(where, understood).split([count for count, _ in SIZES.values()], dim=1)
        return {sense: self.write[sense](part) for sense, part in zip(SENSES, parts, strict=True)}

    def loss(self, tokens: dict[str, Float[Tensor, "n _ _"]], given: Bool[Tensor, "n 128"]) -> Float[Tensor, ""]:
        """Squared error of what is taught but not given: over the numbers of a token, then over tokens, as in MAE."""
        told = self.tell(self.see(tokens, given))
        wrong = torch.cat([((told[sense] - tokens[sense]) ** 2).mean(-1) for sense in SENSES], dim=1)
        return wrong[self.taught & ~given].mean()


def share_out(
    taught: Bool[Tensor, " 128"], count: int, scenes: int, generator: torch.Generator
) -> Bool[Tensor, "{scenes} 128"]:
    """So many tokens of each scene, dealt out to the taught senses by symmetric Dirichlet shares, as in MultiMAE.

    Drawing without replacement and with weights: each token waits for a time, and the soonest are taken.
    """
    shares = -torch.rand(scenes, len(SENSES), generator=generator).log()  # in proportion to Dirichlet(1, ..., 1)
    wait = -torch.rand(scenes, TOKENS, generator=generator).log() / shares[:, owners()]
    soonest = wait.masked_fill(~taught, torch.inf).argsort(1)[:, :count]
    return torch.zeros(scenes, TOKENS, dtype=torch.bool).scatter_(1, soonest, True)


def _places() -> Float[Tensor, "128 width"]:
    """Maps share the places of their patches; the 5 x 4 tokens of a sound have their own."""
    grid = grid_positions(WIDTH, 6)
    return torch.cat([grid[:tokens] for tokens, _ in SIZES.values()])
