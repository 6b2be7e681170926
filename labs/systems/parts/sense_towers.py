"""Small encoders of the senses: stock classes of the library, sized to be trained in half a minute on one core.

| sense          | class         | tokens                                                    |
|----------------|---------------|-----------------------------------------------------------|
| sound          | ASTModel      | 32: patches of 4 x 4, one of eight frames by one of 64 mels |
| depth, thermal | ViTModel      | 36: patches of 12 x 12 pixels, one channel                |
| motion         | PatchTSTModel | 30: five patches of 0.2 seconds in each of six channels   |
"""

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import ASTConfig, ASTModel, PatchTSTConfig, PatchTSTModel, ViTConfig, ViTModel

from labs.models.mini import PATCH, grid_positions
from labs.world.picture import SIZE

WIDTH, LAYERS = 64, 2
FRAMES, MELS, SPOT = 8, 64, 4  # of a sound, and the side of its patches
STEPS, CHANNELS, STRETCH = 100, 6, 20  # of motion, and the length of its patches
TOWERS = ("sound", "depth", "thermal", "motion")
_SHAPE = {
    "hidden_size": WIDTH, "intermediate_size": 4 * WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": 2,
    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip


class Tower(torch.nn.Module):
    """One sense -> one vector a scene: the mean over all tokens, for motion beside one another for each channel."""

    def __init__(self, sense: str):
        super().__init__()
        if sense not in TOWERS:
            raise ValueError(f"sense must be one of {', '.join(TOWERS)}, not {sense!r}")
        self.sense, self.width = sense, WIDTH * (CHANNELS if sense == "motion" else 1)
        self.encoder = {"sound": listener, "motion": mover}.get(sense, looker)()

    def forward(self, perceived: Float[Tensor, "scenes ..."]) -> Float[Tensor, "scenes width"]:
        """What `prepare` makes of `senses.perceive`."""
        hidden = self.encoder(perceived).last_hidden_state
        return hidden.mean(-2).flatten(1)


def prepare(sense: str, perceived: Float[Tensor, "scenes ..."]) -> Float[Tensor, "scenes ..."]:
    """Every third frame of a sound, for its window is six frames long; maps brought to mean 0 and variance 1."""
    if sense == "sound":
        return perceived[:, 1::3][:, :FRAMES]
    if sense == "motion":
        return perceived
    spread, mean = torch.std_mean(perceived, dim=(1, 2, 3), keepdim=True)
    return (perceived - mean) / spread


def listener() -> ASTModel:
    """The audio spectrogram transformer."""
    patches = {"patch_size": SPOT, "frequency_stride": SPOT, "time_stride": SPOT}
    model = ASTModel(ASTConfig(**_SHAPE, **patches, max_length=FRAMES, num_mel_bins=MELS))
    with torch.no_grad():  # they start at zero, and it would hear what sounds, but not how high
        model.embeddings.position_embeddings[0, 2:] += 0.4 * sound_positions(WIDTH)
    return model


def looker() -> ViTModel:
    """A vision transformer for maps of one channel."""
    config = ViTConfig(**_SHAPE, image_size=SIZE, patch_size=PATCH, num_channels=1)
    model = ViTModel(config, add_pooling_layer=False)
    with torch.no_grad():  # as in labs.models.mini
        model.embeddings.position_embeddings[0, 1:] += 0.4 * grid_positions(WIDTH)
    return model


def mover(masked: bool = False) -> PatchTSTModel:
    """The patch transformer for time series, whose channels attend to one another; `masked` hides patches at random."""
    return PatchTSTModel(series_config(masked))


def series_config(masked: bool) -> PatchTSTConfig:
    """For one thing's second of motion. Values are left as they are: how strong a push is matters."""
    return PatchTSTConfig(
        num_input_channels=CHANNELS, context_length=STEPS, patch_length=STRETCH, patch_stride=STRETCH, d_model=WIDTH,
        ffn_dim=4 * WIDTH, num_hidden_layers=LAYERS, num_attention_heads=2, channel_attention=True, scaling=None,
        norm_type="layernorm", do_mask_input=masked,
    )  # fmt: skip


def sound_positions(width: int) -> Float[Tensor, "patches width"]:
    """Sines and cosines of frequency and time, in the order of the patches of AST: frequency by frequency."""
    frequencies = torch.pi * 2.0 ** torch.linspace(-1, 3, width // 4)

    def line(size: int) -> Tensor:
        angles = ((torch.arange(size) + 0.5) / size)[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)  # (size, width / 2)

    high, late = line(MELS // SPOT), line(FRAMES // SPOT)
    rows = high[:, None].expand(-1, len(late), -1)
    return torch.cat([rows, late[None].expand(len(high), -1, -1)], dim=-1).flatten(0, 1)
