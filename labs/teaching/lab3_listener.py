"""The sensor language model of worksheet 3: patches of each sensor, a small transformer, four words to be read.

    sound   (20 frames, 40 bands)  -> 40 patches -> transformer -> vector -> 4 words |
    motion  (100 steps, 6 axes)    -> 30 patches -> transformer -> vector -> 4 words | What colour is the thing? -> red

How a sensor is cut into patches, and how its words come among the others, are functions that the model is given: the
learner's own. The language model, that of section 3, has read of scenes and is frozen: towers and projections learn.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from labs.errors import LabsError
from labs.systems.parts.describe import tell_from
from labs.systems.parts.learn import batches, learn
from labs.systems.parts.lexicon import MASK
from labs.systems.parts.talk import lay_out, pair, see
from labs.systems.parts.talker import talker
from labs.tuning.label_logits import supervised_logits
from labs.tuning.packing import IGNORE, Batch, Branch, Row

# steps of a window, channels, and the length of a patch; patches lie side by side
SENSORS = {"sound": (20, 40, 20), "motion": (100, 6, 20)}
WIDTH, TOKENS = 64, 4  # of a tower; words that a window of one sensor becomes
STEPS, BATCH, RATE = 250, 32, 2e-3  # windows a step
AT_ONCE = 100  # windows of an exam


class Tower(nn.Module):
    """Patches of all channels attend to one another (Nie et al., 2023, https://arxiv.org/abs/2211.14730, there each
    channel by itself); mean and largest of what comes out are one vector, every number about as large."""

    def __init__(self, sensor: str, patches: Callable):
        super().__init__()
        steps, channels, self.length = SENSORS[sensor]
        self.patches = patches
        self.embed = nn.Linear(self.length, WIDTH)
        self.channel = nn.Parameter(0.5 * torch.randn(channels, 1, WIDTH))
        self.place = nn.Parameter(0.5 * torch.randn(steps // self.length, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 2 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(2 * WIDTH)

    def forward(self, windows: Float[Tensor, "windows steps channels"]) -> Float[Tensor, "windows vector"]:
        cut = self.patches(windows, self.length, self.length)  # (windows, channels, patches, length)
        hidden = self.encoder((self.embed(cut) + self.channel + self.place).flatten(1, 2))
        return self.norm(torch.cat([hidden.mean(1), hidden.amax(1)], dim=1))


class Listener(nn.Module):
    """Sensors, and a frozen language model that is told what they sense."""

    def __init__(self, patches: Callable, splice: Callable, seed: int = 0):
        super().__init__()
        self.language, self.splice = talker(), splice
        torch.manual_seed(seed)
        self.towers = nn.ModuleDict({sensor: Tower(sensor, patches) for sensor in SENSORS})
        width, loud = self.language.config.hidden_size, self.language.get_input_embeddings().weight.std().item()
        self.projections = nn.ModuleDict({sensor: nn.Linear(2 * WIDTH, TOKENS * width) for sensor in SENSORS})
        for projection in self.projections.values():  # as loud as words: much louder, and words drown
            nn.init.normal_(projection.weight, std=loud / (2 * WIDTH) ** 0.5)
            nn.init.zeros_(projection.bias)

    def words(self, sensor: str, vectors: Float[Tensor, "windows vector"]) -> Float[Tensor, "windows tokens width"]:
        """What the language model reads in the place of a sensor's words."""
        return self.projections[sensor](vectors).unflatten(1, (TOKENS, -1))

    def sense(self, windows: Mapping[str, Tensor]) -> Float[Tensor, "windows tokens width"]:
        """The words of both sensors, sound first. `windows` are standardised: log-mel frames, and steps of motion."""
        return torch.cat([self.words(sensor, self.towers[sensor](windows[sensor])) for sensor in SENSORS], dim=1)

    def logits(self, batch: Batch, sensed: Float[Tensor, "windows tokens width"]) -> Float[Tensor, "labels vocabulary"]:
        """Logits of every word that is to be told, row by row."""
        words = self.language.get_input_embeddings()(batch.input_ids)
        mixed = self.splice(words, batch.input_ids == MASK, sensed.flatten(0, 1))
        inputs = {"position_ids": batch.position_ids, "attention_mask": batch.attention_mask}
        return supervised_logits(self.language, batch.labels, inputs | {"inputs_embeds": mixed})

    def loss(
        self, sensed: Float[Tensor, "windows tokens width"], asked: Sequence[Sequence[Branch]]
    ) -> Float[Tensor, ""]:
        """Cross-entropy of the words of all answers."""
        batch = lay_out([Row(see(sensed.shape[1]), list(some)) for some in asked])
        return cross_entropy(self.logits(batch, sensed), batch.labels[batch.labels != IGNORE])

    @torch.no_grad()
    def right(
        self, sensed: Float[Tensor, "windows tokens width"], records: Sequence[Sequence[dict]]
    ) -> Float[Tensor, " questions"]:
        """1 where the whole answer would be told, left to itself; question after question, window after window."""
        asked, found = branches(records), []
        for at in range(0, len(asked), AT_ONCE):
            part = sensed[at : at + AT_ONCE]
            batch = lay_out([Row(see(part.shape[1]), list(some)) for some in asked[at : at + AT_ONCE]])
            told = self.logits(batch, part).argmax(-1) == batch.labels[batch.labels != IGNORE]
            rows, places = (batch.labels != IGNORE).nonzero(as_tuple=True)
            number = rows * (batch.branch.max() + 1) + batch.branch[rows, places]  # grows with rows and questions
            which, of = number.unique(return_inverse=True)
            found.append(torch.ones(len(which)).scatter_reduce(0, of, told.float(), "amin"))
        return torch.cat(found)

    def say(self, sensed: Float[Tensor, "windows tokens width"], question: str) -> list[str]:
        """What it answers about each window, in its own words."""
        return tell_from(self.language, sensed, question)

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Trained and all parameters of each part."""
        parts = {"language model": self.language, "towers": self.towers, "projections": self.projections}
        counted = {name: [(p.numel(), p.requires_grad) for p in part.parameters()] for name, part in parts.items()}
        return {name: (sum(n for n, on in some if on), sum(n for n, _ in some)) for name, some in counted.items()}


def branches(records: Sequence[Sequence[dict]]) -> list[list[Branch]]:
    """The records of each window as pairs to learn. Raises LabsError for a word that the language model never read."""
    try:
        return [[pair(*(said["content"] for said in one["messages"])) for one in some] for some in records]
    except KeyError as error:
        raise LabsError(f"the small language model has never read the word {error}: use those of `QUESTIONS`, and of "
                        "the tables in labs.world.vocabulary.") from None  # fmt: skip


def train(
    model: Listener, windows: Mapping[str, Tensor], records: Sequence[Sequence[dict]], steps: int = STEPS,
    seed: int = 0, hide: float = 0.0, watch: Callable[[int], None] | None = None,
) -> list[float]:  # fmt: skip
    """Learn towers and projections from the records of each window; returns the losses.

    With `hide`, so large a share of windows comes without sound and as many without motion: all zeros, the mean.
    `watch` is called after every hundred steps.
    """
    if not 0 <= hide <= 0.5:
        raise ValueError(f"hide must be from 0 to 0.5, so that no window loses both sensors, not {hide}")
    asked, at, generator = branches(records), batches(len(records), BATCH, seed), torch.Generator().manual_seed(seed)

    def loss(step: int) -> Tensor:
        if watch is not None and step and step % 100 == 0:
            watch(step)
        chosen = at(step)
        luck = torch.rand(len(chosen), generator=generator)[:, None, None]
        kept = {"sound": luck >= hide, "motion": luck < 1 - hide}
        shown = {sensor: windows[sensor][chosen] * kept[sensor] for sensor in SENSORS}
        return model.loss(model.sense(shown), [asked[i] for i in chosen.tolist()])

    losses = learn(model.parameters(), loss, steps, RATE)
    if watch is not None:
        watch(steps)
    return losses
