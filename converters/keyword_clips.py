"""Clips of one second with a spoken word in noise, for keyword_spotting.py.

The words come from the speech synthesizer eSpeak NG (github.com/espeak-ng/espeak-ng), each with many of its
voices, accents, speeds and pitches. Everything else is drawn here: where in the second the word lies, how loud
it is, and the noise around it.
"""

from __future__ import annotations

import io
import subprocess
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeq.errors import DataError

Wave = npt.NDArray[np.float32]
"""Samples float32[T] at 16 kHz, -1..1."""

RATE = 16_000
LENGTH = RATE  # samples of a clip: one second
LONGEST = int(0.9 * RATE)  # of a word; what is longer is cut, so that every word leaves room to be moved

WORDS = ("yes", "no", "up", "down", "left", "right", "stop", "go")
SILENCE, UNKNOWN = "silence", "unknown"

# fmt: off
# The words of the class "unknown" in training, many of them close to a keyword; the others appear in the test only.
OTHERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "bird", "cat",
    "dog", "house", "tree", "happy", "seat", "lamp", "paper", "rain", "cup", "not", "so", "rate", "late",
    "town", "light", "set", "yet", "less", "guess", "yellow", "east", "red", "bed", "bread", "nose", "snow",
    "low", "row", "throw", "slow", "nothing", "cut", "us", "of", "love", "bus", "brown", "sound", "gone",
    "done", "round", "noun", "crown", "dark", "door", "let", "leg", "lest", "deaf", "soft", "gift", "laugh",
    "lemon", "ride", "white", "night", "fight", "rice", "bright", "read", "road", "step", "top", "stock",
    "star", "start", "spot", "shot", "stone", "drop", "hop", "goat", "ghost", "god", "coat", "girl", "toe",
    "Monday", "table", "open", "window", "finger", "river", "child", "summer", "winter", "black", "wheel",
    "sleep", "jump", "walk", "school", "bottle", "engine", "machine", "kitchen", "money", "number", "under",
    "over", "after", "before", "question", "answer", "hand", "foot", "knee", "hello", "please", "thanks",
    "marvin", "orange",
)
OTHERS_IN_TEST = (
    "blue", "garden", "phone", "music", "flower", "apple", "water", "camera", "pencil", "bridge", "mother",
    "circle", "forest", "note", "lift", "shop",
)

ACCENTS = ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")

# Voices that differ from another only a little (edward2, klatt3, …) are on the same side. Robots, echoes,
# whispers and copies (caleb and klatt6 are klatt) are on neither.
VOICES = (
    "m1", "m2", "m3", "m4", "m5", "m6", "f1", "f2", "f3", "Alex", "Alicia", "Andy", "AnxiousAndy", "Annie",
    "Denis", "Diogo", "Gene", "Gene2", "Henrique", "Jacky", "Lee", "Mario", "Michael", "adam", "belinda",
    "benjamin", "boris", "david", "ed", "edward", "edward2", "iven", "iven2", "iven3", "john", "norbert",
    "klatt", "klatt2", "klatt3", "linda", "max", "rob", "robert", "marcelo", "travis", "victor", "aunty",
    "antonio",
)
VOICES_IN_TEST = (
    "m7", "m8", "f4", "f5", "Andrea", "Hugo", "Mike", "Nguyen", "grandma", "grandpa", "michel", "miguel",
    "pablo", "quincy", "sandro", "shelby", "steph", "zac", "paul", "gustave",
)
# fmt: on


def speak(word: str, count: int, voices: Sequence[str], rng: np.random.Generator) -> list[Wave]:
    """A word spoken ``count`` times, each time with another voice, accent, speed and pitch.

    Args:
        word: what is said.
        count: how often; the voices are used equally often, as far as that goes.
        voices: of eSpeak NG, its folder ``voices/!v``.
        rng: draws accents, 120 to 200 words a minute, and pitches of 25 to 75 of 99.

    Raises:
        DataError: espeak-ng is not installed, or fails.
    """
    order = rng.permutation(count) % len(voices)
    return [
        _spoken(
            word,
            f"{ACCENTS[int(rng.integers(len(ACCENTS)))]}+{voices[int(voice)]}",
            speed=int(rng.integers(120, 201)),
            pitch=int(rng.integers(25, 76)),
        )
        for voice in order
    ]


def synthesizer() -> str:
    """Name and version of the synthesizer, without the path of its voices."""
    return _espeak("--version").decode().split("  ")[0]


def _spoken(word: str, voice: str, speed: int, pitch: int) -> Wave:
    content = _espeak("-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", word)
    # A pipe has no length to write into the header: all that follows its 44 bytes is samples.
    rate = int.from_bytes(content[24:28], "little")
    return _trimmed(_resampled(np.frombuffer(content[44:], "<i2").astype(np.float32), rate))


def _espeak(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["espeak-ng", *arguments], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise DataError(
            "speaking the words needs espeak-ng, which is not installed here: apt-get install espeak-ng"
        ) from error
    if done.returncode != 0 or done.stderr:
        reason = " ".join(done.stderr.decode(errors="replace").split()) or "no reason given"
        raise DataError(
            f"espeak-ng {' '.join(arguments)} failed ({reason}): expected eSpeak NG 1.51 with all its voices"
        )
    return done.stdout


def _resampled(samples: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float64]:
    """The samples at 16 kHz: their spectrum, cut off where the new rate ends."""
    length = round(len(samples) * RATE / rate)
    spectrum = np.fft.rfft(samples)[: length // 2 + 1]
    return np.fft.irfft(spectrum, length) * (length / len(samples))


def _trimmed(samples: npt.NDArray[np.float64]) -> Wave:
    """Without the silence around the word, and its loudest sample at 1."""
    loud = np.abs(samples) / np.abs(samples).max()
    heard = np.flatnonzero(loud > 0.01)
    word = samples[heard[0] : heard[-1] + 1][:LONGEST].astype(np.float32)
    word /= np.abs(word).max()
    return word


def in_noise(word: Wave | None, rng: np.random.Generator) -> npt.NDArray[np.int16]:
    """A clip int16[16000]: the word somewhere near its middle, in noise of some colour.

    The peak of the word is between -20 and -1 dB of full scale, and the word 5 to 25 dB above the noise.

    Args:
        word: what is heard; None for noise alone, of -60 to -20 dB.
        rng: draws everything.
    """
    noise = _noise(rng)
    if word is None:
        clip = noise * _amplitude(rng.uniform(-60, -20))
    else:
        spoken = word * _amplitude(rng.uniform(-20, -1))
        loudness = float(np.sqrt(np.mean(np.square(spoken))))
        clip = noise * (loudness / _amplitude(rng.uniform(5, 25)))
        middle = (LENGTH - len(spoken)) // 2
        furthest = min(middle, RATE // 5)
        start = middle + int(rng.integers(-furthest, furthest + 1))
        clip[start : start + len(spoken)] += spoken
    return np.clip(np.rint(clip * 32768), -32768, 32767).astype(np.int16)


def _noise(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """One second of noise whose power falls with a random power of the frequency, from white to brown; RMS 1."""
    spectrum = np.fft.rfft(rng.standard_normal(LENGTH))
    frequency = np.arange(len(spectrum))
    spectrum[0] = 0
    spectrum[1:] *= np.maximum(frequency[1:], 20.0) ** (-rng.uniform(0, 1))
    noise = np.fft.irfft(spectrum, LENGTH)
    noise /= np.sqrt(np.mean(np.square(noise)))
    return noise


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def stored(word: Wave) -> bytes:
    """The word as a WAV file of 8 bits: 48 dB are enough below the noise that will be added."""
    return _wav((np.rint(word * 127) + 128).astype(np.uint8).tobytes(), 1)


def restored(content: bytes) -> Wave:
    """The word that `stored` wrote."""
    with wave.open(io.BytesIO(content)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.uint8)
    return (samples.astype(np.float32) - np.float32(128)) / np.float32(127)


def write_clip(path: Path, clip: npt.NDArray[np.int16]) -> None:
    """Writes a clip as a WAV file of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_wav(clip.astype("<i2").tobytes(), 2))


def _wav(content: bytes, width: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(RATE)
        file.writeframes(content)
    return buffer.getvalue()
