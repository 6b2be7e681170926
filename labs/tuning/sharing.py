"""Records about the same pictures -> batches in which those pictures stand once, and whether a model can take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import torch
from torch.nn.functional import pad

from labs.models.conversation import ALONG_TOKENS
from labs.tuning.attention_in_parts import note_parts
from labs.tuning.collate import Collator
from labs.tuning.examples import Examples
from labs.tuning.label_logits import shifted, token_losses, unwrapped
from labs.tuning.mask import Encoded
from labs.tuning.packing import IGNORE, Branch, Row, pack
from labs.tuning.steps import same_pictures

TRIED = 2  # records of a group: enough to see whether the second is disturbed by the first
TOLERANCE = {torch.float32: 1e-4, torch.bfloat16: 0.1, torch.float16: 0.02}  # of one token's loss, in nats


@dataclass(frozen=True)
class Shared:
    """A row of a batch: records after one copy of their first `prefix` tokens. `first` brings the pictures."""

    records: list[Encoded]
    prefix: int
    first: Encoded

    def __len__(self) -> int:
        return self.prefix + sum(len(record.input_ids) - self.prefix for record in self.records)


@dataclass(frozen=True)
class SharedCollator:
    """Groups of encoded records, those of a group about the same pictures -> rows -> what `model_inputs` needs.

    input_ids, position_ids and branch (rows, tokens), see `packing.Batch`; labels (rows, tokens) in the library's way,
    each at its own token; pixel_values and the like of each row's pictures, once. Records that have no prefix with
    all the pictures in common get a row of their own.
    """

    pad_token_id: int
    picture_token: int | None

    def rows(self, groups: Sequence[Sequence[Encoded]], most: int | None = None) -> list[Shared]:
        """The rows of a step, of at most `most` records each."""
        rows = []
        for group in groups:
            prefix = self._prefix(group)
            for records in [group] if prefix is not None else [[record] for record in group]:
                start = prefix if prefix is not None else self._prefix(records) or 0
                size = most or len(records)
                parts = [records[place : place + size] for place in range(0, len(records), size)]
                # the others of a group may come without its pictures, which are the same
                rows += [Shared(part, start, group[0]) for part in parts]
        return rows

    def __call__(self, rows: Sequence[Shared]) -> dict[str, torch.Tensor]:
        packed = [
            Row(
                row.records[0].input_ids[: row.prefix],
                [Branch(r.input_ids[row.prefix :], r.supervised[row.prefix :]) for r in row.records],
            )
            for row in rows
        ]
        batch = pack(packed, self.pad_token_id)
        pictures = Collator(self.pad_token_id)([row.first for row in rows])
        pictures = {name: tensor for name, tensor in pictures.items() if name not in (*ALONG_TOKENS, "labels")}
        return pictures | batch._asdict() | {"labels": pad(batch.labels[:, :-1], (1, 0), value=IGNORE)}

    def _prefix(self, records: Sequence[Encoded]) -> int | None:
        """How many tokens the records share before anything is learned; None unless all pictures are among them."""
        ids = records[0].input_ids
        columns = zip(*(record.input_ids for record in records), strict=False)
        alike = takewhile(lambda column: len(set(column)) == 1, columns)
        # the token that predicts the first answer stays in the branch, for there may be several answers
        length = max(0, min([len(list(alike)), *(record.supervised.index(True) - 1 for record in records)]))
        pictures = {record.input_ids.count(self.picture_token) for record in records}
        return length if pictures == {ids[:length].count(self.picture_token)} else None


def model_inputs(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, dict[str, Any]]:
    """The token to predict at each position, and the model's inputs, of a batch from either collator."""
    inputs, base = dict(batch), unwrapped(model)
    targets, branch = shifted(inputs.pop("labels")), inputs.pop("branch", None)
    if branch is None:
        return targets, inputs
    if hasattr(base.base_model, "get_rope_index"):
        inputs["position_ids"] = _grid_positions(base, inputs, branch)
    if base.config._attn_implementation == "eager":  # which adds the mask instead of asking it
        least = torch.finfo(base.dtype).min
        inputs["attention_mask"] = torch.where(inputs["attention_mask"], 0.0, least).to(base.dtype)
    else:
        note_parts(inputs["attention_mask"], branch)
    return targets, inputs


def _grid_positions(base: torch.nn.Module, inputs: dict[str, torch.Tensor], branch: torch.Tensor) -> torch.Tensor:
    """Positions (3, rows, tokens) of models that number a picture's rows and columns (Qwen2-VL's M-RoPE).

    The prefix is numbered by the model itself; what follows it is text, one number after the other from there.
    """
    ids, in_prefix = inputs["input_ids"], branch == 0
    grids = {name: inputs[name] for name in ("image_grid_thw", "video_grid_thw") if name in inputs}
    kinds = (ids == base.config.image_token_id).int()
    known, _ = base.base_model.get_rope_index(ids, kinds, **grids, attention_mask=in_prefix.long())
    next_one = known.masked_fill(~in_prefix, -1).amax(dim=(0, 2)) + 1  # (rows,)
    after = inputs["position_ids"] - in_prefix.sum(1, keepdim=True) + next_one[:, None]
    return torch.where(in_prefix, known, after)


def why_separate(model: torch.nn.Module, examples: Examples, collate: SharedCollator) -> str | None:
    """Why these records cannot share their pictures in this model; None if they can."""
    group = next((group for group in same_pictures(examples.records) if len(group) > 1), None)
    if group is None:
        return "no two records are about the same pictures"
    return why_not(model, [examples[number] for number in group[:TRIED]], collate)


@torch.no_grad()
def why_not(model: torch.nn.Module, records: Sequence[Encoded], collate: SharedCollator) -> str | None:
    """Why records about the same pictures cannot share them in this model; None if they can.

    What is known of a family is said in words; whatever else there may be shows in the losses, which must be those of
    the records one by one.
    """
    known = _known(unwrapped(model), records)
    if known:
        return known
    was_training = model.training
    model.eval()
    try:
        together = token_losses(model, *model_inputs(model, _to(model, collate(collate.rows([records])))))
        alone = [_to(model, Collator(collate.pad_token_id)([record])) for record in records]
        separate = torch.cat([token_losses(model, *model_inputs(model, inputs), everywhere=True) for inputs in alone])
        off = (together - separate).abs().max().item()
    except (TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
        return f"the model refuses such a batch ({str(error).strip().partition(chr(10))[0][:120]})"
    finally:
        model.train(was_training)
    most = TOLERANCE.get(unwrapped(model).dtype, 0.1)
    return None if off <= most else f"the loss of a token would differ by {off:.2g}"


def _known(base: torch.nn.Module, records: Sequence[Encoded]) -> str | None:
    if "token_type_ids" in records[0].inputs:
        return "its pictures and question see one another in both directions, so no picture stands before the question"
    if any(name.startswith("qformer_") for name in records[0].inputs):
        return "its pictures are read together with the question"
    if "flash" in str(base.config._attn_implementation):
        return f"{base.config._attn_implementation} takes no mask of who sees whom: open it with sdpa"
    if "sliding_attention" in (getattr(base.config.get_text_config(), "layer_types", None) or ()):
        return "its tokens see only a window of those before them"
    return None


def _to(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.to(unwrapped(model).device) for name, tensor in batch.items()}
