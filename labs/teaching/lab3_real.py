"""What real checkpoints make of a recording: labels of a sound, texts that fit it, answers about it, a forecast."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from labs.models.entry import Loaded
from labs.world.sound import RATE


def labels_of(loaded: Loaded, samples: Float[Tensor, " samples"], count: int = 3) -> dict[str, float]:
    """The labels of AudioSet that an audio encoder finds likeliest, each with its probability by itself (AST)."""
    inputs = loaded.processor(samples.numpy(), sampling_rate=RATE, return_tensors="pt")
    chances = _run(loaded, inputs).logits[0].float().sigmoid()
    best = chances.topk(count).indices.tolist()
    return {loaded.model.config.id2label[number]: chances[number].item() for number in best}


def fits(loaded: Loaded, samples: Float[Tensor, " samples"], texts: Sequence[str]) -> dict[str, float]:
    """How well each text fits a sound beside the others, 1 in all (CLAP, which hears at 48 kHz)."""
    rate = loaded.processor.feature_extractor.sampling_rate
    heard = interpolate(samples[None, None], size=len(samples) * rate // RATE, mode="linear")[0, 0].numpy()
    inputs = loaded.processor(text=list(texts), audio=heard, sampling_rate=rate, return_tensors="pt", padding=True)
    return dict(zip(texts, _run(loaded, inputs).logits_per_audio[0].float().softmax(0).tolist(), strict=True))


def answer(loaded: Loaded, samples: Float[Tensor, " samples"], question: str) -> str:
    """What a language model that listens answers (Qwen2-Audio; its processor makes Whisper's log-mel frames)."""
    content = [{"type": "audio"}, {"type": "text", "text": question}]
    text = loaded.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    inputs = loaded.processor(text=[text], audio=[samples.numpy()], sampling_rate=RATE, return_tensors="pt")
    ready = _there(loaded, inputs)
    with torch.no_grad():
        told = loaded.model.generate(**ready, do_sample=False, max_new_tokens=30)
    return loaded.processor.batch_decode(told[:, ready["input_ids"].shape[1] :], skip_special_tokens=True)[0].strip()


def forecast(loaded: Loaded, felt: Float[Tensor, "steps 6"]) -> dict[str, float]:
    """Mean error of what comes next in all channels, in spreads of each, and that of "it stays as it is".

    The seventh channel, as PatchTST was trained with seven, is the size of the acceleration.
    """
    series = torch.cat([felt, felt[:, :3].norm(dim=1, keepdim=True)], dim=1)
    config = loaded.model.config
    ahead = getattr(config, "prediction_length", None) or config.horizon_length
    if len(felt) < config.context_length + ahead:
        raise ValueError(f"a forecast needs {config.context_length + ahead} steps, the recording has {len(felt)}")
    past, true = series[-config.context_length - ahead : -ahead], series[-ahead:]
    inputs = {"past_values": past[None]}
    if not hasattr(config, "prediction_length"):  # TimesFM: one series each, of frequency class 0
        inputs = {"past_values": list(past.T), "freq": [0] * past.shape[1]}
    out = _run(loaded, inputs)
    found = out.prediction_outputs[0] if "prediction_outputs" in out else out.mean_predictions.T
    spread = series.std(0).clamp(min=1e-4)
    errors = {"forecast": found.float().cpu()[:ahead] - true, "stays as it is": past[-1] - true}
    return {name: (error.abs() / spread).mean().item() for name, error in errors.items()}


def _there(loaded: Loaded, inputs: Mapping) -> dict:
    """On the model's device, and broken numbers in its precision."""
    model = loaded.model

    def moved(value: object) -> object:
        if isinstance(value, list):
            return [moved(one) for one in value]
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(value)
        if not isinstance(value, Tensor):
            return value
        return value.to(model.device, model.dtype) if value.is_floating_point() else value.to(model.device)

    return {name: moved(value) for name, value in inputs.items()}


def _run(loaded: Loaded, inputs: Mapping) -> Mapping:
    with torch.no_grad():
        return loaded.model(**_there(loaded, inputs))
