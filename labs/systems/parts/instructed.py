"""A Q-Former that is told what is asked before it looks, between frozen eyes and a frozen language model.

    blind   picture -> queries -> | room room | question one -> answer | question two -> answer
    aware   picture, question one -> queries  |                          room room question one -> answer
            picture, question two -> queries  |                          room room question two -> answer

An aware one makes other visual tokens for every question. These stand in the question's own branch of a row
(labs.tuning.packing), so that each is answered as if it stood alone, and rows get no longer than they have to.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from labs.models.connectors.qformer import QFormer
from labs.systems.parts.connected import Connected
from labs.systems.parts.lexicon import CLS, DECODE, MASK, PAD
from labs.systems.parts.lookout import WIDTH
from labs.systems.parts.talk import answer_loss, lay_out, told_rightly, write
from labs.systems.parts.told import lexicon
from labs.tuning.packing import Batch, Branch, Row

LONGEST = 16  # words of an instruction
IN_A_ROW, AT_ONCE = 8, 800  # questions; questions of an exam


class InstructedQFormer(nn.Module):
    """As InstructBLIP's (https://arxiv.org/abs/2305.06500): words and their places beside the queries.

    Its words begin as those of the language model that it writes for, as InstructBLIP's begin as BERT's.
    """

    def __init__(self, words: Float[Tensor, "vocabulary width"], tokens: int):
        super().__init__()
        self.tokens, width = tokens, words.shape[1]
        self.words = nn.Embedding.from_pretrained(words.detach().clone(), freeze=False)
        self.places = nn.Embedding(LONGEST, width)
        nn.init.normal_(self.places.weight, std=words.std().item())
        self.inner = nn.Sequential(QFormer(width, WIDTH, tokens), nn.Linear(width, width))

    def forward(
        self, seen: Float[Tensor, "n patches 128"], asked: Int[Tensor, "n words"]
    ) -> Float[Tensor, "n tokens width"]:
        """One instruction for each picture, with PAD behind shorter ones."""
        words = self.words(asked) + self.places.weight[: asked.shape[1]]
        return self.inner[1](self.inner[0](seen, words, asked != PAD))

    @torch.no_grad()
    def as_loud_as(
        self, words: Float[Tensor, "vocabulary width"], seen: Float[Tensor, "n patches 128"],
        asked: Int[Tensor, "n words"],
    ) -> None:  # fmt: skip
        """Scale the last layer so that what is seen comes in as large as words, as connectors do that are not told."""
        factor = words.std() / self(seen, asked).std()
        for parameter in self.inner[-1].parameters():
            parameter.mul_(factor)


class Aware(Connected):
    """As `Connected`, but that every question has visual tokens of its own."""

    def loss(self, seen: Float[Tensor, "scenes patches 128"], pairs: Sequence[Sequence[Branch]]) -> Float[Tensor, ""]:
        return answer_loss(self.language, *self.shown(*_flat(seen, pairs)))

    @torch.no_grad()
    def right(
        self, seen: Float[Tensor, "scenes patches 128"], pairs: Sequence[Sequence[Branch]],
        told: Sequence[Sequence[Branch]] | None = None,
    ) -> Bool[Tensor, " pairs"]:  # fmt: skip
        """As ever; the connector is told of the questions `told` instead if there are such."""
        seen, asked = _flat(seen, pairs)
        heard = [one for some in told for one in some] if told else asked
        parts = [slice(start, start + AT_ONCE) for start in range(0, len(asked), AT_ONCE)]
        return torch.cat([told_rightly(self.language, *self.shown(seen[at], asked[at], heard[at])) for at in parts])

    def shown(
        self, seen: Float[Tensor, "n patches 128"], asked: Sequence[Branch], told: Sequence[Branch] | None = None
    ) -> tuple[Batch, Float[Tensor, "n tokens width"]]:
        """What the language model reads of one picture for each question: some branches together in a row."""
        shown = self.connector(seen, instructions(told or asked))
        branches = [with_room(one, self.connector.tokens) for one in asked]
        return lay_out([Row([CLS], branches[at : at + IN_A_ROW]) for at in range(0, len(branches), IN_A_ROW)]), shown

    @torch.no_grad()
    def tell(self, seen: Float[Tensor, "n patches 128"], text: str) -> list[str]:
        """What it answers to the same question about each picture. Raises KeyError for a word it has never read."""
        words = torch.tensor([write(text)]).expand(len(seen), -1)
        embedding = self.language.get_input_embeddings()
        first, last = (embedding(torch.full((len(seen), 1), word)) for word in (CLS, DECODE))
        read = torch.cat([first, self.connector(seen, words), embedding(words), last], dim=1)
        found = self.language.generate(
            inputs_embeds=read, attention_mask=torch.ones(read.shape[:2]), max_new_tokens=LONGEST, do_sample=False
        )
        return [lexicon().read(row) for row in found]


class Misled(Aware):
    """As `Aware`, but told all the while what is asked half as many questions on, of another scene."""

    def shown(
        self, seen: Float[Tensor, "n patches 128"], asked: Sequence[Branch], told: Sequence[Branch] | None = None
    ) -> tuple[Batch, Float[Tensor, "n tokens width"]]:
        half = len(asked) // 2
        return super().shown(seen, asked, [*asked[half:], *asked[:half]])


def _flat(
    seen: Float[Tensor, "scenes patches 128"], pairs: Sequence[Sequence[Branch]]
) -> tuple[Float[Tensor, "n patches 128"], list[Branch]]:
    """The picture of each question, and the questions."""
    which = torch.tensor([number for number, some in enumerate(pairs) for _ in some])
    return seen[which], [one for some in pairs for one in some]


def instruction(pair: Branch) -> list[int]:
    """The words of a pair of question and answer that are not to be learned, without the sign to answer."""
    return pair.ids[: pair.supervised.index(True) - 1]


def instructions(pairs: Sequence[Branch]) -> Int[Tensor, "pairs words"]:
    """All of them, with PAD behind shorter ones."""
    found = [torch.tensor(instruction(one)) for one in pairs]
    return nn.utils.rnn.pad_sequence(found, batch_first=True, padding_value=PAD)


def with_room(pair: Branch, tokens: int) -> Branch:
    """The pair behind room for so many visual tokens."""
    return Branch([MASK] * tokens + pair.ids, [False] * tokens + pair.supervised)
