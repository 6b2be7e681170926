"""Scene -> stereo sound: the things sound one after the other, in reading order. And words -> spoken tones.

shape   timbre: which overtones, and how strong
colour  pitch: a pentatonic scale from red, the lowest, to pink, the highest
size    loudness
x       place between the two loudspeakers
y       attack: high up a thing strikes like a bell, low down it swells
"""

import hashlib
import io
import re
import wave
from pathlib import Path

import numpy as np

from labs.world.scene import Scene, Thing
from labs.world.vocabulary import COLOURS

RATE = 16_000  # samples a second
SECONDS = 0.25  # each thing
PITCHES = dict(zip(COLOURS, (330, 392, 440, 523, 587, 659, 784, 880), strict=True))  # Hz
LOUDNESS = {"small": 0.05, "big": 0.16}  # root mean square over both channels; 1 is full scale
# Multiple of the pitch -> amplitude. The pitch itself is always the strongest.
TIMBRES: dict[str, dict[float, float]] = {
    "circle": {1: 1},
    "square": {1: 1, 3: 0.6, 5: 0.5, 7: 0.4},
    "triangle": {1: 1, 4: 0.8},
    "star": {1: 1, 5: 0.5, 6: 0.6, 7: 0.7, 8: 0.6},
    "cross": {1: 1, 2: 0.8},
    "heart": {1: 1, 2: 0.7, 3: 0.5, 4: 0.35, 5: 0.25},
    "ring": {1: 1, 2.76: 0.7, 5.4: 0.6},  # the first modes of a ringing bar
    "moon": {1: 1, 3: 0.8},
}
# Speech: every word is three syllables, every syllable one of 16 low tones with one of 16 high ones, like the keys
# of a telephone. Which ones is decided by the word's own letters.
SYLLABLES = 3
SYLLABLE_SECONDS = 0.07
PAUSE_SECONDS = 0.04  # after each word
LOW_TONES = np.geomspace(300, 1200, 16)  # Hz
HIGH_TONES = np.geomspace(1500, 4500, 16)  # Hz


def play(scene: Scene) -> np.ndarray:
    """Let the scene sound: float32 (2, samples), left and right in [-1, 1], at `RATE`, 0.25 s a thing."""
    voices = [_voice(thing) for thing in scene.things]
    return np.concatenate([np.zeros((2, 0)), *voices], axis=1).astype(np.float32)


def say(words: str) -> np.ndarray:
    """Speak a text: float32 (2, samples) at `RATE`, 0.25 s a word; case and punctuation are not heard."""
    spoken = re.findall(r"\w+", words)
    if not spoken:
        raise ValueError(f"words must hold at least one letter or digit, not {words!r}")
    voice = np.concatenate([_speak(word) for word in spoken])
    return np.stack([voice, voice]).astype(np.float32)


def syllables(word: str) -> list[tuple[float, float]]:
    """The low and the high tone of each syllable of a word, in Hz."""
    digest = hashlib.sha256(word.lower().encode()).digest()[:SYLLABLES]
    return [(float(LOW_TONES[byte % 16]), float(HIGH_TONES[byte // 16])) for byte in digest]


def write_wave(path: str | Path, sound: np.ndarray) -> None:
    """Write (channels, samples) in [-1, 1] as a 16-bit WAV file; what is louder is cut off."""
    Path(path).write_bytes(as_wave(sound))


def as_wave(sound: np.ndarray) -> bytes:
    """The bytes of such a file."""
    samples, buffer = np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2"), io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(len(sound))
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.T.tobytes())
    return buffer.getvalue()


def read_wave(path: str | Path) -> np.ndarray:
    """Read a 16-bit WAV file of `RATE`: float32 (channels, samples) in [-1, 1]. Raises ValueError for any other."""
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getsampwidth()) != (RATE, 2):
            got = f"{file.getframerate()} samples a second of {8 * file.getsampwidth()} bits"
            raise ValueError(f"the file must have {RATE} samples a second of 16 bits, not {got}")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return (samples.reshape(-1, file.getnchannels()).T / 32767).astype(np.float32)


def _voice(thing: Thing) -> np.ndarray:
    time = np.arange(round(SECONDS * RATE)) / RATE
    pitch = PITCHES[thing.colour]
    tone = sum(part * np.sin(2 * np.pi * pitch * step * time) for step, part in TIMBRES[thing.shape].items())
    attack = 0.01 + 0.17 * thing.y  # seconds
    swell, decay = time / attack, np.exp((attack - time) / 0.07)
    tone = tone * np.minimum(swell, decay) * np.minimum(1, (SECONDS - time) / 0.01)
    tone = tone * LOUDNESS[thing.size] / np.sqrt(np.mean(tone**2))
    angle = thing.x * np.pi / 2  # equal power wherever it stands
    return np.stack([np.cos(angle) * tone, np.sin(angle) * tone])


def _speak(word: str) -> np.ndarray:
    time = np.arange(round(SYLLABLE_SECONDS * RATE)) / RATE
    window = np.sin(np.pi * time / SYLLABLE_SECONDS)
    tones = [0.2 * window * (np.sin(2 * np.pi * low * time) + np.sin(2 * np.pi * high * time))
             for low, high in syllables(word)]  # fmt: skip
    return np.concatenate([*tones, np.zeros(round(PAUSE_SECONDS * RATE))])
