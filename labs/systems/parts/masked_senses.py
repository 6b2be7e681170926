"""Encoders that learn without labels: part of what a sense perceives is hidden and to be told from the rest.

| sense  | class                   | after                                             | hidden                        |
|--------|-------------------------|---------------------------------------------------|-------------------------------|
| sound  | ASTModel                | SSAST, https://arxiv.org/abs/2110.09784           | half of the patches           |
| series | PatchTSTForPretraining  | PatchTST, https://arxiv.org/abs/2211.14730        | half of the patches           |
| video  | VideoMAEForPreTraining  | VideoMAE, https://arxiv.org/abs/2203.12602        | the later half of the clip    |
| points | written here            | Point-MAE, https://arxiv.org/abs/2203.06604       | 14 of 24 groups of points     |

Each has `loss`, of a batch with parts hidden, and `tokens`, of scenes that are perceived as a whole.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from transformers import PatchTSTForPretraining, VideoMAEConfig, VideoMAEForPreTraining

from labs.systems.parts.sense_towers import FRAMES, MELS, SPOT, WIDTH, listener, series_config

VIDEO = {"image_size": 24, "patch_size": 4, "num_frames": 4, "tubelet_size": 2}
GROUPS, NEAR, HIDDEN = 24, 16, 14  # groups of points, points in each, groups hidden


class MaskedSound(torch.nn.Module):
    """Half of the patches are silenced; a linear layer tells them from the tokens in their places."""

    def __init__(self):
        super().__init__()
        self.encoder, self.head = listener(), torch.nn.Linear(WIDTH, SPOT * SPOT)

    def loss(self, heard: Float[Tensor, "n frames mels"]) -> Float[Tensor, ""]:
        hidden = torch.rand(len(heard), FRAMES // SPOT, MELS // SPOT) < 0.5  # (n, late, high)
        spots = hidden.repeat_interleave(SPOT, 1).repeat_interleave(SPOT, 2)
        told = self.head(self.tokens(heard.masked_fill(spots, 0.0))).unflatten(1, (MELS // SPOT, FRAMES // SPOT))
        return ((told - self.patches(heard)) ** 2).mean(-1)[hidden.transpose(1, 2)].mean()

    def patches(self, heard: Float[Tensor, "n frames mels"]) -> Float[Tensor, "n high late values"]:
        """In the order of the library's tokens, and each mel by mel."""
        parts = heard.unflatten(2, (-1, SPOT)).unflatten(1, (-1, SPOT))  # (n, late, frame, high, mel)
        return parts.permute(0, 3, 1, 4, 2).flatten(3)

    def tokens(self, heard: Float[Tensor, "n frames mels"]) -> Float[Tensor, "n patches width"]:
        return self.encoder(heard).last_hidden_state[:, 2:]


class MaskedSeries(torch.nn.Module):
    """The library's class hides patches of each channel by itself."""

    def __init__(self):
        super().__init__()
        self.model = PatchTSTForPretraining(series_config(masked=True))

    def loss(self, felt: Float[Tensor, "n steps channels"]) -> Float[Tensor, ""]:
        return self.model(past_values=felt).loss

    def tokens(self, felt: Float[Tensor, "n steps channels"]) -> Float[Tensor, "n patches width"]:
        inner = self.model.model
        hidden = inner.encoder(patch_input=inner.patchifier(felt)).last_hidden_state
        return hidden.transpose(1, 2).flatten(2)  # (n, patches, channels * width)


class MaskedVideo(torch.nn.Module):
    """What happens next? With patches hidden at random a few hundred steps teach colours, but not motion."""

    def __init__(self):
        super().__init__()
        config = VideoMAEConfig(
            **VIDEO, hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=2, num_attention_heads=2,
            decoder_hidden_size=WIDTH, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
            decoder_intermediate_size=2 * WIDTH, norm_pix_loss=False, use_mean_pooling=False, initializer_range=0.06,
        )  # fmt: skip
        self.model = VideoMAEForPreTraining(config)
        # The library counts patches in one long row; these know rows, columns and time, so that neighbours are alike.
        self.model.videomae.embeddings.position_embeddings = self.model.position_embeddings = clip_positions(WIDTH)

    def loss(self, seen: Float[Tensor, "n frames 3 side side"]) -> Float[Tensor, ""]:
        return self.model(pixel_values=seen, bool_masked_pos=self.later_half(len(seen))).loss

    def tokens(self, seen: Float[Tensor, "n frames 3 side side"]) -> Float[Tensor, "n patches width"]:
        return self.model.videomae(pixel_values=seen).last_hidden_state

    def later_half(self, scenes: int) -> Bool[Tensor, "scenes patches"]:
        """True where hidden."""
        count = self.model.videomae.embeddings.num_patches
        return (torch.arange(count) >= count // 2).expand(scenes, -1)


class MaskedPoints(torch.nn.Module):
    """Groups of near points are the tokens; where hidden groups lie is known, what they hold is to be told.

    A group is told by a maximum over its points, so their order makes no difference, nor does that of the groups.
    """

    def __init__(self):
        super().__init__()
        self.shape, self.place, self.goal = (
            torch.nn.Sequential(torch.nn.Linear(3, WIDTH), torch.nn.GELU(), torch.nn.Linear(WIDTH, WIDTH))
            for _ in range(3)
        )
        self.layers = torch.nn.Sequential(_layer(), _layer(), torch.nn.LayerNorm(WIDTH))
        self.decoder = torch.nn.Sequential(_layer(), torch.nn.LayerNorm(WIDTH), torch.nn.Linear(WIDTH, 3 * NEAR))

    def loss(self, groups: Float[Tensor, "n groups points 3"]) -> Float[Tensor, ""]:
        order = torch.rand(groups.shape[:2]).argsort(1)
        rows, seen, hidden = torch.arange(len(groups))[:, None], order[:, HIDDEN:], order[:, :HIDDEN]
        wanted = self.goal(groups[rows, hidden, 0])
        known = self.tokens(groups[rows, seen]) + self.goal(groups[rows, seen, 0])
        told = self.decoder(torch.cat([known, wanted], 1))[:, -HIDDEN:].unflatten(2, (NEAR, 3))
        return chamfer(told.flatten(0, 1), 4 * groups[rows, hidden, 1:].flatten(0, 1))

    def tokens(self, groups: Float[Tensor, "n groups points 3"]) -> Float[Tensor, "n groups width"]:
        return self.layers(self.shape(4 * groups[:, :, 1:]).amax(2) + self.place(groups[:, :, 0]))


def chamfer(one: Float[Tensor, "n a 3"], other: Float[Tensor, "n b 3"]) -> Float[Tensor, ""]:
    """Mean squared distance of each point to the nearest of the other cloud, in both directions."""
    apart = ((one[:, :, None] - other[:, None]) ** 2).sum(-1)
    return apart.amin(1).mean() + apart.amin(2).mean()


def group(points: Float[Tensor, "n points 3"]) -> Float[Tensor, "n groups points_and_centre 3"]:
    """Centres as far as possible from one another, each followed by its nearest points as seen from it."""
    rows, chosen = torch.arange(len(points)), points.norm(dim=-1).argmax(1)
    apart, centres = torch.full(points.shape[:2], torch.inf), []
    for _ in range(GROUPS):
        centres.append(points[rows, chosen])
        apart = torch.minimum(apart, ((points - centres[-1][:, None]) ** 2).sum(-1))
        chosen = apart.argmax(1)
    centre = torch.stack(centres, 1)
    near = torch.cdist(centre, points).topk(NEAR, largest=False).indices
    return torch.cat([centre[:, :, None], points[rows[:, None, None], near] - centre[:, :, None]], 2)


def clip_positions(width: int) -> Float[Tensor, "1 patches width"]:
    """Sines and cosines of time, row and column."""
    side, times = VIDEO["image_size"] // VIDEO["patch_size"], VIDEO["num_frames"] // VIDEO["tubelet_size"]
    part = 3 * width // 8

    def line(size: int, width: int) -> Tensor:
        angles = torch.arange(size)[:, None] * (torch.pi / size * 2.0 ** torch.linspace(-1, 1, width // 2))
        return torch.cat([angles.sin(), angles.cos()], dim=1)

    time, row, column = line(times, width - 2 * part)[:, None, None], line(side, part)[:, None], line(side, part)
    parts = [one.expand(times, side, side, -1) for one in (time, row, column)]
    return torch.cat(parts, dim=-1).flatten(0, 2)[None]


def _layer() -> torch.nn.TransformerEncoderLayer:
    return torch.nn.TransformerEncoderLayer(WIDTH, 2, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
