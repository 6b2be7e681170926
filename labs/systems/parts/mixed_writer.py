"""One decoder of rows in which words and vectors stand in any order: the next word is classified, the next vector
regressed.

Emu (Sun et al., 2023, https://arxiv.org/abs/2307.05222) has this objective for words and embeddings of pictures,
DualGPT (Chai et al., 2024, https://arxiv.org/abs/2404.10710) for words and patches of rendered text. The decoder, a
stock one, knows nothing of modalities. Part by part a row is whole numbers (n, some) or vectors (n, some, size).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import GPT2Config, GPT2Model

WIDTH, LAYERS, HEADS = 64, 3, 4
LONGEST = 160  # tokens of a row


class MixedWriter(nn.Module):
    """Of `words` tokens, and of vectors of `size` numbers if there are any."""

    def __init__(self, words: int, size: int = 0, width: int = WIDTH, layers: int = LAYERS):
        super().__init__()
        self.words, self.size = nn.Embedding(words, width), size
        nn.init.normal_(self.words.weight, std=0.1)
        self.decoder = GPT2Model(GPT2Config(
            vocab_size=1, n_positions=LONGEST, n_embd=width, n_layer=layers, n_head=HEADS, n_inner=2 * width,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, initializer_range=0.05, bos_token_id=None,
            eos_token_id=None,
        ))  # fmt: skip
        self.classify = nn.Linear(width, words, bias=False)
        if size:
            self.read_vectors, self.regress = nn.Linear(size, width), nn.Linear(width, size)

    def embed(self, part: Tensor) -> Float[Tensor, "n some width"]:
        """Words or vectors as the decoder reads them."""
        return self.read_vectors(part) if part.is_floating_point() else self.words(part)

    def hidden(self, parts: Sequence[Tensor]) -> Float[Tensor, "n length width"]:
        """What the decoder makes of each place of a row, from that place and those before it."""
        return self.decoder(inputs_embeds=torch.cat([self.embed(part) for part in parts], 1)).last_hidden_state

    def loss(self, parts: Sequence[Tensor], given: int = 1) -> Float[Tensor, ""]:
        """Cross-entropy of words and squared error of vectors, both a place, over all but the first `given` parts."""
        hidden = self.hidden(parts)
        at, told = sum(part.shape[1] for part in parts[:given]), []
        for part in parts[given:]:
            told.append(self.wrong(hidden[:, at - 1 : at - 1 + part.shape[1]], part))
            at += part.shape[1]
        return torch.cat(told, 1).mean()

    def wrong(self, before: Float[Tensor, "n some width"], part: Tensor) -> Float[Tensor, "n some"]:
        """How wrong the next word or vector is told, place by place, from what is understood before it."""
        if part.is_floating_point():
            return (self.regress(before) - part).square().mean(-1)
        return cross_entropy(self.classify(before).flatten(0, 1), part.flatten(), reduction="none").view(part.shape)

    @torch.no_grad()
    def write(
        self, parts: Sequence[Tensor], count: int, allowed: tuple[int, int] | None = None, draw: int | None = None
    ) -> Tensor:
        """What follows: `count` words of the range `allowed`, or vectors without one, each read before the next.

        `draw`, a seed, draws words as likely as they are; else the likeliest is taken.
        """
        read, past, told = torch.cat([self.embed(part) for part in parts], 1), None, []
        generator = torch.Generator().manual_seed(draw or 0)
        for _ in range(count):
            out = self.decoder(inputs_embeds=read, past_key_values=past, use_cache=True)
            past, last = out.past_key_values, out.last_hidden_state[:, -1:]
            told.append(self.next(last, allowed, generator if draw is not None else None))
            read = self.embed(told[-1])
        return torch.cat(told, 1)

    def next(
        self, last: Float[Tensor, "n 1 width"], allowed: tuple[int, int] | None, generator: torch.Generator | None
    ) -> Int[Tensor, "n 1"] | Float[Tensor, "n 1 size"]:
        """The next word of a range, or the next vector."""
        if allowed is None:
            return self.regress(last)
        chances = self.classify(last)[:, 0, slice(*allowed)].softmax(-1)
        if generator is None:
            return chances.argmax(-1, keepdim=True) + allowed[0]
        return torch.multinomial(chances, 1, generator=generator) + allowed[0]
