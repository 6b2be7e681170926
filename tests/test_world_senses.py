"""The senses of one scene agree with each other and with its words, and stay the same from one version to the next.

tests/data/renderers.json holds what each renderer makes of twenty scenes, as SHA-256. After a change that is meant:

    python -m tests.test_world_senses --write
"""

import copy
import hashlib
import json
import random
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labs.world import clip, depth, dialogue, edits, motion, picture, points, regions, series, sound, splits, thermal
from labs.world.captions import STYLES, caption
from labs.world.questions import questions
from labs.world.scene import Scene, Thing
from labs.world.stories import sample_story
from labs.world.vocabulary import (
    COLOURS,
    DEPTHS,
    ES_COLOURS,
    ES_SHAPES,
    LANGUAGES,
    MOTIONS,
    PLACES,
    SHAPES,
    SIZES,
    TEMPERATURES,
)

RECORD = Path(__file__).parent / "data" / "renderers.json"
SCENES = [splits.sample(random.Random(seed), sign=seed % 4 == 0) for seed in range(20)]


def story_of(scene: Scene):
    """Some story: it has scenes of its own, and only its seed comes from this one."""
    return sample_story(random.Random(scene.texture), splits.SPLITS[scene.texture % 2])


# What is written with a random source, the seed of which is fixed here. Several talks: a single one says little.
WRITERS = {
    "questions": lambda scene, language: questions(scene, random.Random(0), 12, language),
    "conversation": lambda scene, language: [
        dialogue.conversation(scene, random.Random(seed), language) for seed in range(8)
    ],
    "reasoning": lambda scene, language: [
        dialogue.reasoning(scene, random.Random(seed), language) for seed in range(8)
    ],
    "story": lambda scene, language: story_of(scene).text(language),
    "edit": lambda scene, language: edits.sample_edit(random.Random(scene.texture), language=language),
}
# Every renderer that is fixed: a name and a function of the scene alone. Add one line for a further one.
RENDERERS = {
    "picture": picture.draw,
    "picture_96": lambda scene: picture.draw(scene, 96),
    "coverage": regions.coverage,
    "masks": regions.masks,
    "boxes": regions.boxes,
    "semantic_map": regions.semantic_map,
    "scribbles": regions.scribbles,
    "depth_map": depth.depth_map,
    "depth_picture": lambda scene: depth.as_picture(depth.depth_map(scene)),
    "temperature_map": thermal.temperature_map,
    "thermal_picture": lambda scene: thermal.as_picture(thermal.temperature_map(scene)),
    "film": clip.film,
    "moved": lambda scene: clip.moved(scene, 0.5),
    "sound": sound.play,
    "speech": lambda scene: sound.say(" ".join(f"{thing.colour} {thing.shape}" for thing in scene.things)),
    "motion": motion.feel,
    "noisy_motion": lambda scene: motion.feel(scene, noise=0.1, seed=1),
    "points": points.scan,
    "series": series.sweep,
    **{f"caption_{style}_{language}": lambda scene, style=style, language=language: caption(scene, style, language)
       for style in STYLES for language in LANGUAGES},
    **{f"{name}_{language}": lambda scene, write=write, language=language: write(scene, language)
       for name, write in WRITERS.items() for language in LANGUAGES},
    "story_pictures": lambda scene: np.stack([picture.draw(part) for part in story_of(scene).scenes]),
}  # fmt: skip


def fingerprint(value) -> str:
    """SHA-256 of a picture, an array (floats in steps of 0.0001, which no processor rounds differently) or a text."""
    if isinstance(value, Image.Image):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        head = f"{value.dtype.name} {value.shape} ".encode()
        exact = np.rint(value * 1e4).astype("<i8") if value.dtype.kind == "f" else value
        return hashlib.sha256(head + exact.tobytes()).hexdigest()
    return hashlib.sha256(repr(value).encode()).hexdigest()


def fingerprints() -> dict[str, list[str]]:
    return {name: [fingerprint(render(scene)) for scene in SCENES] for name, render in RENDERERS.items()}


def one(**attributes) -> Scene:
    """A scene of one thing: a big red circle in the centre, unless told otherwise."""
    return Scene((Thing(**({"shape": "circle", "colour": "red", "size": "big", "x": 0.5, "y": 0.5} | attributes)),))


def every(attribute: str, values, **others) -> list[Scene]:
    return [one(**{attribute: value}, **others) for value in values]


# ---------------------------------------------------------------------------------------------------------------
# All renderers


def test_the_record_names_these_renderers():
    assert sorted(json.loads(RECORD.read_text())) == sorted(RENDERERS)


@pytest.mark.parametrize("name", RENDERERS)
def test_renderings_have_not_changed(name):
    recorded = json.loads(RECORD.read_text())[name]
    now = [fingerprint(RENDERERS[name](scene)) for scene in SCENES]
    changed = [seed for seed, (old, new) in enumerate(zip(recorded, now, strict=True)) if old != new]
    assert not changed, f"{name} changed for the scenes of seeds {changed}"


@pytest.mark.parametrize("name", RENDERERS)
def test_a_renderer_is_pure(name):
    scene = SCENES[0]
    before = copy.deepcopy(scene)
    first = RENDERERS[name](scene)
    mark = fingerprint(first)
    if isinstance(first, np.ndarray):
        first[...] = 0  # what a caller does to the result must not reach any cache
    elif isinstance(first, Image.Image):
        first.paste(0, (0, 0, *first.size))
    assert fingerprint(RENDERERS[name](before)) == mark
    assert scene == before


@pytest.mark.parametrize("name", RENDERERS)
def test_a_renderer_tells_scenes_apart(name):
    assert len({fingerprint(RENDERERS[name](scene)) for scene in SCENES}) > 15


@pytest.mark.parametrize(
    ("array", "kind", "shape"),
    [
        (regions.coverage(SCENES[1], 80), np.uint8, (5, 80, 80)),
        (regions.masks(SCENES[1], 80), np.bool_, (5, 80, 80)),
        (regions.boxes(SCENES[1], 80), np.int64, (5, 4)),
        (regions.semantic_map(SCENES[1], 80), np.uint8, (80, 80)),
        (regions.scribbles(SCENES[1], 80, points=6), np.int64, (5, 6, 2)),
        (depth.depth_map(SCENES[1], 80), np.float32, (80, 80)),
        (thermal.temperature_map(SCENES[1], 80), np.float32, (80, 80)),
        (clip.film(SCENES[1], 4, 80), np.uint8, (4, 80, 80, 3)),
        (sound.play(SCENES[1]), np.float32, (2, 5 * 4000)),
        (sound.say("a red circle"), np.float32, (2, 3 * 4000)),
        (motion.feel(SCENES[1]), np.float32, (500, 6)),
        (points.scan(SCENES[1], 999), np.float32, (999, 6)),
        (series.sweep(SCENES[1], 50), np.float32, (50, 4)),
    ],
)
def test_shapes_and_types(array, kind, shape):
    assert len(SCENES[1].things) == 5
    assert array.shape == shape
    assert array.dtype == kind


def test_an_empty_scene_has_nothing_in_it():
    empty = Scene(())
    assert regions.masks(empty).shape == (0, 72, 72)
    assert regions.boxes(empty).shape == (0, 4)
    assert regions.scribbles(empty).shape == (0, 8, 2)
    assert not regions.semantic_map(empty).any()
    assert np.all(depth.depth_map(empty) == depth.WALL)
    assert np.all(thermal.temperature_map(empty) == np.float32(thermal.AIR))
    assert sound.play(empty).shape == (2, 0)
    assert motion.feel(empty).shape == (0, 6)
    assert points.scan(empty, 100).shape == (100, 6)
    assert np.all(series.sweep(empty)[:, 3] == 0)


@pytest.mark.parametrize(
    ("call", "rule"),
    [
        (lambda: regions.masks(SCENES[0], 63), "size must be at least 64 pixels, not 63"),
        (lambda: depth.depth_map(SCENES[0], 32), "size must be at least 64 pixels, not 32"),
        (lambda: thermal.temperature_map(SCENES[0], 0), "size must be at least 64 pixels, not 0"),
        (lambda: clip.film(SCENES[0], size=8), "size must be at least 64 pixels, not 8"),
        (lambda: regions.scribbles(SCENES[0], points=1), "points must be from 2 to 16, not 1"),
        (lambda: clip.film(SCENES[0], frames=1), "frames must be at least 2, not 1"),
        (lambda: clip.moved(SCENES[0], 1.5), "progress must be from 0 to 1, not 1.5"),
        (lambda: clip.save(clip.film(SCENES[0]), "film.mp4"), r"must end in one of .*, not 'film.mp4'"),
        (lambda: sound.say(" ?! "), r"at least one letter or digit, not ' \?! '"),
        (lambda: motion.feel(SCENES[0], noise=0.1), "not 0.1 with seed None"),
        (lambda: motion.feel(SCENES[0], noise=-1.0, seed=0), "not -1.0 with seed 0"),
        (lambda: points.scan(SCENES[1], 9), "count must be at least 10 for 5 things, not 9"),
        (lambda: series.sweep(SCENES[0], 4), "steps must be from 8 to 256, not 4"),
        (lambda: series.sweep(SCENES[0], 257), "steps must be from 8 to 256, not 257"),
    ],
)
def test_a_refusal_names_the_rule_and_the_value(call, rule):
    with pytest.raises(ValueError, match=rule):
        call()


# ---------------------------------------------------------------------------------------------------------------
# Regions, depth, heat


@pytest.mark.parametrize("scene", SCENES)
def test_boxes_are_tight_on_the_masks(scene):
    for mask, (x0, y0, x1, y1) in zip(regions.masks(scene), regions.boxes(scene), strict=True):
        inside = mask[y0:y1, x0:x1]
        assert mask.sum() == inside.sum() > 0
        assert inside[0].any() and inside[-1].any() and inside[:, 0].any() and inside[:, -1].any()


@pytest.mark.parametrize("scene", SCENES)
def test_masks_lie_where_the_picture_shows_the_colour(scene):
    pixels = np.asarray(picture.draw(scene), int)
    for thing, layer in zip(scene.things, regions.coverage(scene), strict=True):
        colour = [min(255, round(part * thing.shade)) for part in COLOURS[thing.colour]]
        assert np.array_equal(np.unique(pixels[layer == 255], axis=0), [colour])


@pytest.mark.parametrize("scene", SCENES)
def test_scribbles_stay_in_their_masks(scene):
    for mask, stroke in zip(regions.masks(scene), regions.scribbles(scene), strict=True):
        assert mask[stroke[:, 1], stroke[:, 0]].all()
        assert len(np.unique(stroke, axis=0)) == len(stroke)


@pytest.mark.parametrize("scene", SCENES)
def test_labels_and_depths_are_those_of_the_things(scene):
    labels, depths = regions.semantic_map(scene), depth.depth_map(scene)
    masks = regions.masks(scene)
    for thing, mask in zip(scene.things, masks, strict=True):
        assert np.all(labels[mask] == regions.LABELS.index(thing.shape))
        assert np.all(depths[mask] == np.float32(DEPTHS[thing.depth]))
    elsewhere = ~masks.any(axis=0)
    assert not labels[elsewhere].any()
    assert np.all(depths[elsewhere] == depth.WALL)


def test_near_things_cover_others_in_every_map():
    front = Thing("circle", "blue", "big", 0.32, 0.5, depth="near", temperature="cold")
    behind = Thing("square", "red", "big", 0.36, 0.5, depth="far", temperature="hot")
    scene = Scene((front, behind))
    both = regions.masks(scene).all(axis=0)
    assert both.any()
    assert np.all(regions.semantic_map(scene)[both] == regions.LABELS.index("circle"))
    assert np.all(depth.depth_map(scene)[both] == np.float32(DEPTHS["near"]))
    assert thermal.temperature_map(scene)[36, 23] == pytest.approx(TEMPERATURES["cold"], abs=0.5)
    assert np.asarray(picture.draw(scene))[36, 23].tolist() == list(COLOURS["blue"])
    assert both[36, 23]


def test_a_depth_picture_is_brighter_where_it_is_nearer():
    grey = np.asarray(depth.as_picture(np.array([[0.0, 0.2, 0.5, 0.8, 1.0]], np.float32)), int)
    assert np.all(np.diff(grey) < 0)


@pytest.mark.parametrize("scene", SCENES)
def test_the_hottest_and_the_coldest_pixel_belong_to_the_right_thing(scene):
    degrees, masks = thermal.temperature_map(scene), regions.masks(scene)
    true = [TEMPERATURES[thing.temperature] for thing in scene.things]
    felt = [float(degrees[mask].mean()) for mask in masks]
    for mine, my_felt in zip(true, felt, strict=True):
        assert abs(my_felt - mine) < 0.45 * abs(mine - thermal.AIR), (true, felt)
    if max(true) > thermal.AIR:
        hottest = [mask for mask, mine in zip(masks, true, strict=True) if mine == max(true)]
        assert np.any(hottest, axis=0)[np.unravel_index(degrees.argmax(), degrees.shape)]
    if min(true) < thermal.AIR:
        coldest = [mask for mask, mine in zip(masks, true, strict=True) if mine == min(true)]
        assert np.any(coldest, axis=0)[np.unravel_index(degrees.argmin(), degrees.shape)]


def test_a_thermal_picture_gets_lighter_with_every_degree():
    ramp = np.asarray(thermal.as_picture(np.arange(76, dtype=np.float32)[None]).convert("L"), int)[0]
    assert np.all(np.diff(ramp) >= 0)
    assert ramp[-1] - ramp[0] > 200


# ---------------------------------------------------------------------------------------------------------------
# Clips


@pytest.mark.parametrize("scene", SCENES)
def test_a_clip_begins_with_the_picture_and_moves_only_what_moves(scene):
    frames = clip.film(scene)
    assert np.array_equal(frames[0], np.asarray(picture.draw(scene)))
    assert np.all(frames[0] == frames[-1]) == all(thing.motion == "still" for thing in scene.things)


@pytest.mark.parametrize("scene", SCENES)
def test_things_move_steadily_in_their_direction_and_keep_their_place(scene):
    half, end = clip.moved(scene, 0.5), clip.moved(scene, 1.0)
    assert clip.moved(scene, 0.0) == scene
    for start, middle, last in zip(scene.things, half.things, end.things, strict=True):
        way = np.array([last.x - start.x, last.y - start.y])
        assert np.allclose(way, np.array(MOTIONS[start.motion]) * start.radius)
        assert np.allclose(way / 2, [middle.x - start.x, middle.y - start.y])
        assert last.place == start.place


@pytest.mark.parametrize("direction", ["left", "right", "up", "down"])
def test_the_centre_of_the_mask_moves_in_its_direction(direction):
    scene = one(motion=direction)
    centres = [np.argwhere(regions.masks(clip.moved(scene, i / 7))[0]).mean(axis=0)[::-1] for i in range(8)]
    way = np.diff(centres, axis=0)
    along = way @ np.array(MOTIONS[direction])
    assert np.all(along >= 1)  # pixels a frame
    assert np.abs(way).sum() == pytest.approx(along.sum(), abs=0.1)


@pytest.mark.parametrize("edge", [0.0, 0.001, 0.333, 0.334, 0.999])
def test_a_thing_put_at_an_edge_still_keeps_its_cell(edge):
    for direction in MOTIONS:
        scene = Scene((Thing("ring", "red", "big", edge, edge, motion=direction),))
        assert clip.moved(scene, 1.0).things[0].place == scene.things[0].place


def test_a_saved_clip_reads_back(tmp_path):
    frames = clip.film(one(motion="right"), size=64)
    for name in ("clip.webp", "clip.gif"):
        clip.save(frames, tmp_path / name)
        with Image.open(tmp_path / name) as file:
            assert file.n_frames == 8
            file.seek(7)
            last = np.asarray(file.convert("RGB"), int)
        assert np.abs(last - frames[7]).max() <= (0 if name.endswith("webp") else 16)
    assert [page.size for page in clip.as_pictures(frames)] == [(64, 64)] * 8


# ---------------------------------------------------------------------------------------------------------------
# Sound


def spectrum(mono: np.ndarray) -> np.ndarray:
    """One bin a hertz."""
    return np.abs(np.fft.rfft(mono * np.hanning(len(mono)), n=sound.RATE))


@pytest.mark.parametrize("scene", SCENES)
def test_a_colour_is_heard_as_the_strongest_pitch(scene):
    for thing, part in zip(scene.things, np.split(sound.play(scene), len(scene.things), axis=1), strict=True):
        pitch = spectrum(part.sum(axis=0)).argmax()
        assert min(COLOURS, key=lambda colour: abs(sound.PITCHES[colour] - pitch)) == thing.colour


@pytest.mark.parametrize("colour", COLOURS)
def test_every_shape_has_a_timbre_of_its_own(colour):
    timbres = np.array([spectrum(sound.play(scene)[0]) for scene in every("shape", SHAPES, colour=colour)])
    timbres /= np.linalg.norm(timbres, axis=1, keepdims=True)
    alike = timbres @ timbres.T - np.eye(len(SHAPES))
    assert alike.max() < 0.9
    assert max(max(recipe) for recipe in sound.TIMBRES.values()) * max(sound.PITCHES.values()) < sound.RATE / 2
    assert all(max(recipe.values()) == recipe[1] for recipe in sound.TIMBRES.values())


@pytest.mark.parametrize("shape", SHAPES)
def test_big_is_louder_than_small(shape):
    small, big = (np.sqrt(np.mean(sound.play(scene) ** 2)) for scene in every("size", SIZES, shape=shape))
    assert big > 3 * small > 0


def test_left_and_right_are_heard_in_their_channels():
    left, centre, right = (np.sqrt(np.mean(sound.play(scene) ** 2, axis=1)) for scene in every("x", (0.1, 0.5, 0.9)))
    assert left[0] > 3 * left[1]
    assert right[1] > 3 * right[0]
    assert centre[0] == pytest.approx(centre[1], rel=1e-6)


def test_what_is_higher_up_strikes_earlier():
    peaks = [np.abs(sound.play(scene)[0]).argmax() for scene in every("y", (0.17, 0.5, 0.83))]
    assert peaks[0] + 500 < peaks[1] < peaks[2] - 500


def test_no_scene_is_louder_than_full_scale():
    for seed in range(300):
        assert np.abs(sound.play(splits.sample(random.Random(seed)))).max() < 0.95


def test_words_sound_always_the_same_and_never_like_another():
    spanish = [table[key][0] for table in (ES_SHAPES, ES_COLOURS) for key in table]
    words = {*SHAPES, *COLOURS, *SIZES, *DEPTHS, *MOTIONS, *TEMPERATURES, *" ".join(PLACES).split(), *spanish}
    assert len({tuple(sound.syllables(word)) for word in words}) == len(words) > 45
    assert np.array_equal(sound.say("Red, CIRCLE!"), sound.say("red circle"))
    both = sound.say("red circle")
    assert np.array_equal(both[:, 4000:], sound.say("circle"))


@pytest.mark.parametrize("word", ["red", "círculo", "stop"])
def test_the_tones_of_a_word_can_be_read_back(word):
    mono = sound.say(word)[0]
    for i, (low, high) in enumerate(sound.syllables(word)):
        heard = spectrum(mono[i * 1120 : (i + 1) * 1120])
        assert sound.LOW_TONES[np.abs(sound.LOW_TONES - heard[:1350].argmax()).argmin()] == low
        assert sound.HIGH_TONES[np.abs(sound.HIGH_TONES - 1350 - heard[1350:].argmax()).argmin()] == high


def test_a_wave_file_keeps_the_sound(tmp_path):
    file = tmp_path / "scene.wav"
    played = sound.play(SCENES[0])
    sound.write_wave(file, played)
    assert sound.read_wave(file).shape == played.shape
    assert np.abs(sound.read_wave(file) - played).max() < 1 / 32767
    sound.write_wave(file, played[:1] * 10)
    assert np.abs(sound.read_wave(file)).max() == 1


def test_a_wave_file_of_another_rate_is_refused(tmp_path):
    with wave.open(str(tmp_path / "fast.wav"), "wb") as file:
        file.setparams((1, 2, 44_100, 0, "NONE", ""))
        file.writeframes(bytes(200))
    with pytest.raises(ValueError, match="must have 16000 samples a second of 16 bits, not 44100 samples"):
        sound.read_wave(tmp_path / "fast.wav")


# ---------------------------------------------------------------------------------------------------------------
# Motion, points, series


@pytest.mark.parametrize("scene", SCENES)
def test_the_push_points_where_the_thing_goes(scene):
    pushes = np.split(motion.feel(scene), len(scene.things))
    for thing, second in zip(scene.things, pushes, strict=True):
        # The first half of the pulse, less gravity, which does not change while the gaze rests.
        right, up = (second[22:28, :2] - second[39, :2]).mean(axis=0)
        strength = 0.5 * motion.PUSH[thing.size]
        x, y = MOTIONS[thing.motion]
        assert right * x + up * -y >= (0 if thing.motion == "still" else strength)
        assert abs(right * y) + abs(up * x) < 0.1
        if thing.motion == "still":
            assert abs(right) + abs(up) < 0.1


@pytest.mark.parametrize("scene", SCENES)
def test_the_gyroscope_adds_up_to_where_the_thing_is(scene):
    turning = motion.feel(scene)
    yaw, pitch = -np.cumsum(turning[:, 4]) / motion.RATE, np.cumsum(turning[:, 3]) / motion.RATE
    for i, thing in enumerate(scene.things):
        rim = slice(100 * i + 40, 100 * i + 80)
        near = 0.08 if thing.shape == "moon" else 0.02  # the body of a moon lies beside its centre
        assert yaw[rim].mean() / motion.VIEW + 0.5 == pytest.approx(thing.x, abs=near)
        assert 0.5 - pitch[rim].mean() / motion.VIEW == pytest.approx(thing.y, abs=near)


def test_gestures_tell_shapes_and_sizes_apart():
    for size in SIZES:
        rims = [motion.feel(scene)[40:, 3:5] for scene in every("shape", SHAPES, size=size)]
        furthest = max(np.abs(rim).max() for rim in rims)
        for i, one_rim in enumerate(rims):
            for other in rims[:i]:
                assert np.abs(one_rim - other).max() > 0.15 * furthest
    for shape in SHAPES:
        small, big = (np.abs(motion.feel(scene)[40:, 3:5]).sum() for scene in every("size", SIZES, shape=shape))
        assert big / small == pytest.approx(SIZES["big"] / SIZES["small"], rel=0.1)


def test_gravity_has_the_right_length_whenever_nothing_pushes():
    feelings = np.concatenate([motion.feel(replace(scene, things=tuple(
        replace(thing, motion="still") for thing in scene.things))) for scene in SCENES])  # fmt: skip
    assert np.allclose(np.linalg.norm(feelings[:, :3], axis=1), motion.GRAVITY, atol=1e-4)
    assert motion.feel(one(y=0.17))[60, 2] < -1 < 1 < motion.feel(one(y=0.83))[60, 2]


def test_noise_comes_from_its_seed():
    scene = SCENES[3]
    noisy = motion.feel(scene, noise=0.2, seed=7)
    assert np.array_equal(noisy, motion.feel(scene, noise=0.2, seed=7))
    assert not np.array_equal(noisy, motion.feel(scene, noise=0.2, seed=8))
    assert (noisy - motion.feel(scene)).std() == pytest.approx(0.2, rel=0.1)
    assert len(motion.CHANNELS) == noisy.shape[1]


@pytest.mark.parametrize("scene", SCENES)
def test_points_lie_on_their_things_and_have_their_colours(scene):
    cloud = points.scan(scene, 1000)
    assert cloud.min() >= 0 and cloud.max() <= 1
    parts = np.split(cloud, np.cumsum([len(a) for a in np.array_split(np.arange(500), len(scene.things))]))
    for thing, part in zip(scene.things, parts, strict=False):
        colour = [min(255, round(channel * thing.shade)) / 255 for channel in COLOURS[thing.colour]]
        assert np.allclose(part[:, 3:], colour, atol=1e-6)
        assert np.all(np.hypot(part[:, 0] - thing.x, part[:, 1] - thing.y) < 1.25 * thing.radius)
        front = np.float32(DEPTHS[thing.depth])
        assert part[:, 2].min() == front
        assert front + 0.5 * points.THICKNESS < part[:, 2].max() <= front + points.THICKNESS + 1e-6
    assert len(parts[-1]) == 500
    assert np.all(parts[-1][:, 2] == depth.WALL)


def test_another_seed_scans_other_points_of_the_same_scene():
    one_scan, other = points.scan(SCENES[2], 500, seed=0), points.scan(SCENES[2], 500, seed=1)
    assert np.array_equal(one_scan, points.scan(SCENES[2], 500, seed=0))
    assert not np.array_equal(one_scan, other)
    assert np.allclose(one_scan.mean(axis=0), other.mean(axis=0), atol=0.1)


def test_each_sensor_of_the_carriage_feels_what_it_passes():
    scene = Scene((
        Thing("square", "yellow", "big", 1 / 6, 0.5, temperature="hot", depth="far"),
        Thing("square", "blue", "small", 5 / 6, 0.5, temperature="cold", depth="near"),
    ), tone=(66, 56, 50))  # fmt: skip
    channels = dict(zip(series.CHANNELS, series.sweep(scene, 60).T, strict=True))
    left, between, right = 10, 30, 50
    heat, light, hum, near = (channels[name] for name in ("thermometer", "light meter", "microphone", "proximity"))
    assert heat[left] > heat[between] + 5 and heat[right] < heat[between] - 1
    assert heat[between] == pytest.approx(thermal.AIR)
    assert light[left] > light[between] + 0.1
    assert hum[left] > hum[right] + 6 > hum[between] + 6
    assert near[left] == pytest.approx(1 - DEPTHS["far"], abs=1e-6)
    assert near[right] == pytest.approx(1 - DEPTHS["near"], abs=1e-6)
    assert near[between] == 0


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    RECORD.write_text(json.dumps(fingerprints(), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {RECORD}")
