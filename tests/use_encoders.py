"""What checkpoints are for that compare, label, mask or forecast: one call each, and what must hold of its numbers."""

import random

import numpy as np
import torch

from labs.models.entry import Loaded
from labs.world import clip, series, sound, splits
from labs.world.picture import draw
from labs.world.scene import Scene, Thing

MOVING = Scene((Thing("star", "red", "big", 0.5, 0.5, motion="right"), Thing("moon", "blue", "big", 0.2, 0.2)))
SCENES = [MOVING, splits.sample(random.Random(1), count=4)]
PICTURES = [draw(scene) for scene in SCENES]
TEXTS = ["a red star", "a blue moon"]


def compare_pictures(loaded: Loaded, **padding) -> torch.Tensor:
    """How well each of two pictures goes with each of two texts."""

    def similarity(pictures, texts):
        inputs = loaded.processor(images=pictures, text=texts, return_tensors="pt", **({"padding": True} | padding))
        return loaded.model(**inputs).logits_per_image

    both = similarity(PICTURES, TEXTS)
    assert both.shape == (2, 2) and len(both.unique()) == 4
    torch.testing.assert_close(similarity(PICTURES[1:], TEXTS[::-1]), both[1:].flip(1))  # each pair by itself
    return both


def compare_with_padded_texts(loaded: Loaded) -> torch.Tensor:
    """SigLIP looks at the last of 64 places; its second tokenizer leaves lower case and padding to the caller."""
    red = loaded.processor(text=["red"])["input_ids"]
    assert len(red[0]) < 64 and loaded.processor(text=["Red"])["input_ids"] != red
    return compare_pictures(loaded, padding="max_length", max_length=64)


def compare_clip(loaded: Loaded) -> torch.Tensor:
    """How well a clip of eight frames goes with each of two texts; which frame comes first counts."""
    frames = clip.as_pictures(clip.film(MOVING))

    def similarity(frames, texts):
        inputs = loaded.processor(text=texts, videos=frames, return_tensors="pt", padding=True)
        return loaded.model(**inputs).logits_per_video

    out = similarity(frames, TEXTS)
    assert out.shape == (1, 2) and len(frames) == loaded.model.config.vision_config.num_frames == 8
    torch.testing.assert_close(similarity(frames, TEXTS[::-1]), out.flip(1))
    assert not torch.equal(similarity(frames[::-1], TEXTS), out)
    return out


def compare_sound(loaded: Loaded) -> torch.Tensor:
    """How well a sound, at 48 kHz, goes with each of two texts."""
    rate = loaded.processor.feature_extractor.sampling_rate
    texts = [f"This is a sound of {text}" for text in TEXTS]

    def similarity(scene, texts):
        samples = sound.play(scene).mean(axis=0).repeat(rate // sound.RATE)
        inputs = loaded.processor(text=texts, audio=samples, sampling_rate=rate, return_tensors="pt", padding=True)
        return loaded.model(**inputs).logits_per_audio

    out = similarity(SCENES[0], texts)
    assert out.shape == (1, 2) and rate == 48_000
    torch.testing.assert_close(similarity(SCENES[0], texts[::-1]), out.flip(1))
    assert not torch.equal(similarity(SCENES[1], texts), out)
    return out


def label_sound(loaded: Loaded) -> torch.Tensor:
    """A score for each of AudioSet's 527 labels, of a sound at 16 kHz."""

    def scores(scene):
        samples = sound.play(scene).mean(axis=0)
        return loaded.model(**loaded.processor(samples, sampling_rate=sound.RATE, return_tensors="pt")).logits

    out = scores(SCENES[0])
    assert out.shape == (1, 527) and not torch.equal(scores(SCENES[1]), out)
    return out


def mask_word(loaded: Loaded) -> torch.Tensor:
    """A mask for each of two texts, as large as what is looked at; the picture goes in once for each."""

    def masks(texts):
        inputs = loaded.processor(images=[PICTURES[0]] * 2, text=texts, return_tensors="pt", padding=True)
        return loaded.model(**inputs).logits

    side, out = loaded.processor.image_processor.size["height"], masks(TEXTS)
    assert out.shape == (2, side, side) and not torch.equal(*out)
    torch.testing.assert_close(masks(TEXTS[::-1]), out.flip(0))
    return out


def mask_point(loaded: Loaded) -> torch.Tensor:
    """Three masks for a point, or for a box, in the picture's own pixels, and as large as it."""
    picture = PICTURES[0]
    (star,) = (thing for thing in MOVING.things if thing.shape == "star")
    x, y, r = (part * picture.width for part in (star.x, star.y, star.radius))

    def masks(**where):
        inputs = loaded.processor(picture, return_tensors="pt", **where)
        out = loaded.model(**inputs)
        sizes = inputs["original_sizes"], inputs["reshaped_input_sizes"]
        (large,) = loaded.processor.post_process_masks(out.pred_masks, *sizes, binarize=False)
        assert large.shape == (1, 3, *picture.size) and out.iou_scores.shape == (1, 1, 3)
        return large

    point = masks(input_points=[[[x, y]]])
    assert not torch.equal(point, masks(input_boxes=[[[x - r, y - r, x + r, y + r]]]))
    assert not torch.equal(point, masks(input_points=[[[x / 3, y / 3]]]))
    return point


def forecast_channels(loaded: Loaded) -> torch.Tensor:
    """Each of seven channels by itself, whatever its unit."""
    config = loaded.model.config
    swept = np.concatenate([series.sweep(scene, config.context_length) for scene in SCENES], axis=1)
    past = torch.from_numpy(swept)[None, :, :7]

    def forecast(past):
        return loaded.model(past_values=past).prediction_outputs

    out = forecast(past)
    assert out.shape == (1, config.prediction_length, 7)
    turned = torch.cat([past[..., :1].flip(1), past[..., 1:]], dim=-1)
    torch.testing.assert_close(forecast(turned)[..., 1:], out[..., 1:])
    assert not torch.allclose(forecast(turned)[..., 0], out[..., 0])
    torch.testing.assert_close(forecast(3 * past + 5), 3 * out + 5, rtol=1e-3, atol=1e-3)
    return out


def forecast_series(loaded: Loaded) -> torch.Tensor:
    """Series of any lengths together, each with its frequency class: a forecast, and nine quantiles."""
    long, short = (torch.from_numpy(series.sweep(scene)[:, 0]) for scene in SCENES)
    short = short[:40]
    out = loaded.model(past_values=[long, short], freq=[0, 1]).full_predictions
    alone, other = (loaded.model(past_values=[short], freq=[kind]).full_predictions[0] for kind in (1, 2))
    assert out.shape == (2, loaded.model.config.horizon_length, 10)
    torch.testing.assert_close(alone, out[1])
    assert not torch.equal(other, alone)
    return out
