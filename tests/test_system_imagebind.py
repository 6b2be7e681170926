"""ImageBind: binding to pictures alone, what is asked afterwards, and triples of which no two things are related."""

import pytest
import torch
from small_runs import Shown, every_arm, small
from torch.nn.functional import cross_entropy, normalize

from labs.systems import imagebind
from labs.systems.parts import bound, eyes, joint_space, sense_towers, senses, triples
from labs.systems.parts.company import company
from labs.systems.parts.contrastive import contrastive_loss
from labs.systems.parts.joint_space import read, see
from labs.world.captions import caption
from labs.world.picture import draw
from labs.world.splits import HELD_OUT_PAIRS, has_held_out_pair
from labs.world.vocabulary import COLOURS

CACHED = [
    *(getattr(bound, name) for name in ("bind", "perceive", "partners")),
    *(getattr(imagebind, name) for name in ("embed", "every_name", "_shown")),
    triples.of_scenes,
]


@pytest.fixture
def cheap():
    """A few steps on a few scenes; what was trained so is forgotten afterwards."""
    sizes = {"TRAIN": 48, "STEPS": 2, "BATCH": 16}
    own = {"TRAIN": 48, "HELDOUT": 24, "EACH": 1}
    with small(CACHED, {bound: sizes, imagebind: own, triples: {"STEPS": 2, "BATCH": 16}}):
        yield


def codes(count: int) -> triples.Triples:
    """Pictures and sounds that are nothing but their codes."""
    seen, heard = torch.randint(triples.CODES, (2, count), generator=torch.Generator().manual_seed(0))
    return triples.join(torch.eye(triples.CODES)[seen], torch.eye(triples.CODES)[heard], seen, heard)


def units(count: int, seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [normalize(torch.randn(count, 8, generator=generator), dim=-1) for _ in range(3)]


@pytest.mark.parametrize("sense", sense_towers.TOWERS)
def test_every_sense_enters_the_space_of_pictures_and_text(sense):
    scenes = eyes.scenes("train", 4)
    vectors = bound.build(sense).eval().embed(scenes)
    assert vectors.shape == imagebind.see(scenes).shape == imagebind.read(["a red star"] * 4).shape
    torch.testing.assert_close(vectors.norm(dim=-1), torch.ones(4))


def test_scenes_are_their_pictures_and_parts_make_no_difference_in_the_joint_space(monkeypatch):
    scenes = eyes.scenes("train", 5)
    texts = [caption(scene) for scene in scenes]
    pictures, words = see([draw(scene) for scene in scenes]), read(texts)
    monkeypatch.setattr(joint_space, "BATCH", 2)
    torch.testing.assert_close(see(scenes), pictures)
    torch.testing.assert_close(read(texts), words)
    torch.testing.assert_close(torch.cat([pictures, words]).norm(dim=-1), torch.ones(10))
    assert (pictures @ words.T).argmax(1).tolist() == list(range(5)) and not pictures.requires_grad


def test_a_sense_or_target_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="sense must be one of sound, depth, thermal, motion, not 'smell'"):
        bound.build("smell")
    with pytest.raises(ValueError, match="target must be one of"):
        imagebind.bind("sound", 0, "smells")


def test_binding_reads_no_word_and_leaves_the_hub_as_it_is(cheap, monkeypatch):
    def refuse(texts):
        raise AssertionError("a text was read")

    before = {name: weight.clone() for name, weight in eyes.dual_encoder().model.state_dict().items()}
    monkeypatch.setattr(bound, "read", refuse)
    learned = imagebind.bind("sound")
    assert not torch.equal(learned.head.weight, bound.build("sound").head.weight)
    after = eyes.dual_encoder().model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_only_the_control_pairs_scenes_with_others_pictures_and_anew_each_time(cheap, monkeypatch):
    sounds, pictures = Shown(bound.perceive("sound")), Shown(bound.partners())
    monkeypatch.setattr(bound, "perceive", lambda sense: sounds)
    monkeypatch.setattr(bound, "partners", lambda words: pictures)
    imagebind.bind.__wrapped__("sound", 0)
    assert all(torch.equal(*pair) for pair in zip(sounds.rows, pictures.rows, strict=True))
    sounds.rows, pictures.rows = [], []
    imagebind.bind.__wrapped__("sound", 0, "shuffled")
    assert all((one == other).float().mean() < 0.3 for one, other in zip(sounds.rows, pictures.rows, strict=True))
    offsets = [one - other for one, other in zip(sounds.rows, pictures.rows, strict=True)]
    assert not torch.equal(offsets[0], offsets[1])


def test_unseen_names_are_asked_of_held_out_pairs_alone(cheap, monkeypatch):
    asked = []
    monkeypatch.setattr(imagebind, "see", lambda scenes: asked.extend(scenes) or see(scenes))
    imagebind.names(0, "picture", unseen=True)
    assert {imagebind.name_of(scene) for scene in asked} == HELD_OUT_PAIRS and len(asked) == 8 * imagebind.EACH


def test_training_shows_no_held_out_pair(cheap):
    assert not any(map(has_held_out_pair, eyes.scenes("train", 48)))
    assert all(map(has_held_out_pair, eyes.fresh("heldout", 24)))


def test_one_cheap_run_of_every_arm(cheap):
    for claim in imagebind.claims():
        asked = {tuple(one.scenes) for one in every_arm(claim).values()}
        if "shapes" in claim.metric:  # which are asked equally often
            assert 8 <= len(*asked) <= 24 and len(*asked) % 8 == 0
        else:
            count = 8 if "unseen" in claim.name else 64 if "names" in claim.metric else 24
            assert asked == {tuple(range(count))}, claim.name


def test_a_sense_finds_itself(cheap):
    assert sum(imagebind.finds(0, "picture", "picture").values) == 24


def test_an_untrained_sense_finds_and_names_by_chance(monkeypatch):
    scenes = eyes.fresh("heldout", 400)
    near = bound.build("sound").eval().embed(scenes) @ imagebind.see(scenes).T
    found = ((near >= near.diagonal()[:, None]).sum(1) <= 40).float().mean().item()
    assert found == pytest.approx(0.1, abs=0.06)


def test_only_the_first_of_four_shows_the_things_of_both(cheap):
    others, shown = company(eyes.fresh("heldout", 24))
    for i, (scene, other) in enumerate(zip(eyes.fresh("heldout", 24), others, strict=True)):
        four = shown[4 * i : 4 * i + 4]
        wanted = {(scene.things[0].colour, scene.things[0].shape), (other.things[0].colour, other.things[0].shape)}
        found = [len(wanted & {(thing.colour, thing.shape) for thing in one.things}) for one in four]
        assert found == [2, 1, 1, 0]
        assert {tuple(thing.cell for thing in one.things) for one in four} == {tuple(t.cell for t in four[0].things)}
        assert {(one.background, one.tone, one.texture) for one in four} == {
            (scene.background, scene.tone, scene.texture)
        }


def test_maps_have_mean_zero_and_variance_one_and_sounds_keep_their_loudness():
    depth = sense_towers.prepare("depth", senses.perceive("depth", eyes.scenes("train", 3)))
    torch.testing.assert_close(depth.flatten(1).var(1), torch.ones(3))
    assert depth.flatten(1).mean(1).abs().max() < 1e-5
    sound = senses.perceive("sound", eyes.scenes("train", 3))
    assert torch.equal(sense_towers.prepare("sound", sound)[:, 2], sound[:, 7])


def test_positions_of_a_sound_lie_in_the_order_of_the_librarys_patches():
    embed = sense_towers.listener().embeddings.patch_embeddings
    silent, loud = torch.zeros(1, 8, 64), torch.zeros(1, 8, 64)
    loud[0, 4:, 12:16] = 1.0  # the second half of the fourth band of four mels
    changed = (embed(loud) - embed(silent)).abs().sum(-1)[0].nonzero().flatten().tolist()
    table = sense_towers.sound_positions(64)
    assert changed == [7]
    assert torch.equal(table[7, :32], table[6, :32]) and torch.equal(table[7, 32:], table[1, 32:])


# ---------------------------------------------------------------------------------------------------------------
# Triples


def test_a_triple_is_a_scenes_picture_the_next_ones_sound_and_both_colours():
    scenes = eyes.scenes("train", 4)
    made, colours = triples.of_scenes(scenes), [list(COLOURS).index(scene.things[0].colour) for scene in scenes]
    assert made.seen.tolist() == colours and made.heard.tolist() == colours[1:] + colours[:1]
    torch.testing.assert_close(made.picture, see(scenes))
    torch.testing.assert_close(made.sound[:-1], senses.perceive("sound", scenes).mean(1)[1:])


def test_the_loss_of_pairs_is_clips_for_each_pair():
    vectors, scale = units(12, 0), torch.tensor(5.0)
    logits = [scale * vectors[i] @ vectors[j].T for i, j in ((0, 1), (0, 2), (1, 2))]
    wanted = torch.stack([contrastive_loss(one, torch.eye(12)) for one in logits]).mean()
    torch.testing.assert_close(triples.pairwise_loss(vectors, scale, torch.Generator()), wanted)


def test_the_loss_of_triples_is_the_papers_written_out():
    vectors, scale = units(6, 1), torch.tensor(7.0)
    found = triples.symile_loss(vectors, scale, torch.Generator().manual_seed(3))
    generator, total = torch.Generator().manual_seed(3), 0.0
    for anchor, one, other in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        left, right = (torch.randperm(6, generator=generator).tolist() for _ in range(2))
        for i in range(6):
            chosen = [(i, i) if j == i else (left[j], right[j]) for j in range(6)]
            scores = [(vectors[anchor][i] * vectors[one][a] * vectors[other][b]).sum() for a, b in chosen]
            total += cross_entropy(scale * torch.stack(scores)[None], torch.tensor([i]))
    torch.testing.assert_close(found, total / 18)


def test_no_two_of_a_triple_are_related_and_all_three_are():
    made = codes(8000)
    assert torch.equal(made.seen ^ made.heard, made.word)
    for one, other in ((made.seen, made.word), (made.heard, made.word), (made.seen, made.heard)):
        table = torch.bincount(8 * one + other, minlength=64) / 8000
        assert (table - 1 / 64).abs().max() < 0.006


def test_triples_learn_what_pairs_cannot_and_pairs_learn_what_one_tells(monkeypatch):
    monkeypatch.setattr(triples, "STEPS", 250)
    monkeypatch.setattr(triples, "BATCH", 128)
    made = codes(2048)

    def share(loss: str, truth: torch.Tensor, **told: bool) -> float:
        return (triples.choose(triples.train(made, loss, 0, **told), made, loss) == truth).float().mean().item()

    assert share("triples", made.word) > 0.9
    assert share("pairs", made.word) < 0.3
    assert share("pairs", made.seen, redundant=True) > 0.9


def test_shapes_are_enforced():
    with pytest.raises(TypeError):
        triples.Encoders(8, 8)(torch.zeros(4, 8), torch.zeros(5, 8), torch.zeros(4, dtype=torch.long))


def test_whoever_always_says_the_same_shape_is_right_by_chance(monkeypatch):
    space = imagebind.read(["a star"])
    monkeypatch.setattr(imagebind, "embed", lambda *asked: space.expand(imagebind.HELDOUT, -1))
    found = imagebind.shapes(0, "depth")
    assert sum(found.values) / len(found.values) == 1 / 8 and len(set(found.scenes)) == len(found.scenes) > 300
    monkeypatch.setattr(imagebind, "see", lambda scenes: space.expand(len(scenes), -1))
    assert sum(imagebind.names(0, "picture").values) == imagebind.EACH
