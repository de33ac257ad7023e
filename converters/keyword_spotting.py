"""Keyword spotting: eight spoken words, silence, and every other word, from one second of sound.

``edgeq convert converters/keyword_spotting.py`` reads the well-known names (converters/README.md says what each
means). ``python converters/keyword_spotting.py --train`` speaks the words with espeak-ng, trains the network and
writes what lies in the folder beside this script: the weights, the words of the test and of the calibration, and
the facts in training.json. preprocess.json there says how sound becomes the network's input.

The network is the small DS-CNN of Zhang et al. 2017, "Hello Edge" (arXiv:1711.07128): a
convolution, four depthwise-separable blocks of 64 channels, average pooling and one dense layer. It sees
log-mel energies in place of the paper's MFCC, from the same frames.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import command_line
import numpy as np
import numpy.typing as npt
import training_loop
from keyword_clips import (
    LENGTH,
    OTHERS,
    OTHERS_IN_TEST,
    SILENCE,
    UNKNOWN,
    VOICES,
    VOICES_IN_TEST,
    WORDS,
    Wave,
    in_noise,
    restored,
    speak,
    stored,
    synthesizer,
    write_clip,
)
from training_files import cached_folder, import_keras, write_training, zip_bytes

if TYPE_CHECKING:
    import keras

Clips = tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]
"""Clips int16[N, 16000] and class numbers int64[N]."""

FOLDER = Path(__file__).parent / "keyword_spotting"
SEED = 0
EPOCHS = 20
BATCH = 64
LEARNING_RATE = 2e-3
TRAINING_CLIPS_PER_CLASS = 400
TRAINING_CLIPS_UNKNOWN = 1200  # with 400, two in five unknown words of the test were taken for keywords
TEST_CLIPS_PER_CLASS = 200  # that training.json reports; the first of them ship
SHIPPED_CLIPS_PER_CLASS = 25
CALIBRATION_CLIPS_PER_CLASS = 10

NOISE_SEEDS = {"calibration": 2, "test": 3}  # of the clips that ship

# The files' log-mel energies; the network begins with its own normalization of them.
preprocess = "keyword_spotting/preprocess.json"

SOUND = json.loads((FOLDER / "preprocess.json").read_text(encoding="utf-8"))["audio"]
FRAMES = 1 + (LENGTH - SOUND["frame_length"]) // SOUND["frame_step"]

labels = [SILENCE, UNKNOWN, *WORDS]


def model() -> keras.Model:
    """The trained network: log-mel float32[N, 49, 40, 1] to class float32[N, 10], probabilities."""
    return import_keras().saving.load_model(FOLDER / "model.keras", compile=False)


def data() -> Path:
    """A folder of 250 WAV files with a folder a class: voices and other words that training did not hear."""
    return _clips_folder() / "test"


def calibration() -> Path:
    """A folder of 100 WAV files with a folder a class, spoken by the voices of the training."""
    return _clips_folder() / "calibration"


def _clips_folder() -> Path:
    """The shipped words in noise, in the user's cache."""
    script = Path(__file__)
    sources = FOLDER / "words.zip", script, script.with_name("keyword_clips.py")
    return cached_folder("keyword-spotting", sources, _write_clips)


def _write_clips(folder: Path) -> None:
    for part in NOISE_SEEDS:
        for number, (clip, index) in enumerate(zip(*shipped_clips(part), strict=True)):
            write_clip(folder / part / labels[index] / f"{number:03d}.wav", clip)


# The clips. Words lie in dictionaries by class; silence has none.


def spoken(
    count: int, voices: Sequence[str], others: Sequence[str], count_others: int, seed: int
) -> dict[str, list[Wave]]:
    """Words of each class but silence.

    Args:
        count: how often each keyword is spoken.
        voices: that speak them.
        others: words of the class "unknown".
        count_others: how often these are spoken, all together.
        seed: draws how the words are spoken.
    """
    rng = np.random.default_rng(seed)
    words = {word: speak(word, count, voices, rng) for word in WORDS}
    shares = [len(part) for part in np.array_split(np.arange(count_others), len(others))]
    unknown = [speak(word, share, voices, rng) for word, share in zip(others, shares, strict=True)]
    flat = [wave for waves in unknown for wave in waves]
    return {UNKNOWN: [flat[position] for position in rng.permutation(count_others)], **words}


def noisy(words: Mapping[str, list[Wave]], rng: np.random.Generator) -> Clips:
    """Each word in noise, and as many clips of silence as there are of a keyword."""
    waves: dict[str, list[Wave | None]] = {SILENCE: [None] * len(words[WORDS[0]])}
    waves.update({name: list(spoken) for name, spoken in words.items()})
    clips = [in_noise(wave, rng) for label in labels for wave in waves[label]]
    return np.stack(clips), np.repeat(np.arange(len(labels)), [len(waves[label]) for label in labels])


def shipped_clips(part: str) -> Clips:
    """The clips of the test or of the calibration, from the words that ship."""
    return noisy(read_words(FOLDER / "words.zip", part), np.random.default_rng(NOISE_SEEDS[part]))


def first(words: Mapping[str, list[Wave]], count: int) -> dict[str, list[Wave]]:
    """The first words of each class."""
    return {name: waves[:count] for name, waves in words.items()}


def words_bytes(parts: Mapping[str, Mapping[str, list[Wave]]]) -> bytes:
    """The zip archive that ships: ``test/yes/00.wav`` and so on, without noise."""
    return zip_bytes(
        {
            f"{part}/{label}/{number:02d}.wav": stored(wave)
            for part, words in parts.items()
            for label, waves in words.items()
            for number, wave in enumerate(waves)
        }
    )


def read_words(path: Path, part: str) -> dict[str, list[Wave]]:
    """One part of what `words_bytes` wrote."""
    words: dict[str, list[Wave]] = {}
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            folder, label, _ = name.split("/")
            if folder == part:
                words.setdefault(label, []).append(restored(archive.read(name)))
    return words


# The network and its training.


def log_mel(clips: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Features float32[N, 49, 40, 1] of clips int16[N, 16000], as preprocess.json says, with ``tf.signal``.

    On a device edgeq computes them, with code of its own.
    """
    import tensorflow as tf

    bins = SOUND["fft_length"] // 2 + 1
    matrix = tf.signal.linear_to_mel_weight_matrix(
        SOUND["mel_bins"], bins, SOUND["sample_rate"], SOUND["low_hz"], SOUND["high_hz"]
    )
    parts = []
    for start in range(0, len(clips), 500):
        waves = tf.cast(clips[start : start + 500], tf.float32) / 32768.0
        frames = tf.signal.stft(waves, SOUND["frame_length"], SOUND["frame_step"], SOUND["fft_length"])
        energies = tf.abs(frames) @ matrix
        parts.append(tf.math.log(energies + SOUND["log_offset"]).numpy()[..., np.newaxis])
    return np.concatenate(parts)


def network(keras: Any) -> keras.Model:
    """The network with fresh weights."""
    layers = keras.layers

    def activated(x: Any, name: str) -> Any:
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        return layers.ReLU(name=f"{name}_relu")(x)

    features = keras.Input((FRAMES, SOUND["mel_bins"], 1), name="log_mel")
    x = layers.BatchNormalization(center=False, scale=False, name="normalize")(features)
    x = layers.Conv2D(64, (10, 4), 2, padding="same", use_bias=False, name="stem")(x)
    x = activated(x, "stem")
    for number in range(1, 5):
        depthwise, pointwise = f"block{number}_depthwise", f"block{number}_pointwise"
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=depthwise)(x)
        x = activated(x, depthwise)
        x = layers.Conv2D(64, 1, use_bias=False, name=pointwise)(x)
        x = activated(x, pointwise)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(len(labels), name="logits")(x)
    return keras.Model(features, layers.Softmax(name="word")(x), name="keyword_spotting")


def train(words: Mapping[str, list[Wave]], epochs: int = EPOCHS) -> keras.Model:
    """Trains the network on the words, in every epoch with other noise."""
    clips = sum(map(len, words.values())) + len(words[WORDS[0]])
    recipe = training_loop.Recipe(SEED, epochs, BATCH, LEARNING_RATE)
    return training_loop.train(network, recipe, clips, _epochs_of_features(words, epochs))


def _epochs_of_features(
    words: Mapping[str, list[Wave]], epochs: int
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        clips, classes = noisy(words, rng)
        order = rng.permutation(len(clips))
        yield log_mel(clips[order]), classes[order]


def count_correct(trained: keras.Model, clips: npt.NDArray[np.int16], classes: npt.NDArray[np.int64]) -> int:
    """For how many clips the most probable class is the right one."""
    probabilities = trained.predict(log_mel(clips), batch_size=500, verbose=0)
    return int(np.sum(np.argmax(probabilities, axis=1) == classes))


def main() -> None:
    """Trains, evaluates and writes what ships."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--train", action="store_true", help="speak the words with espeak-ng and train anew")
    options = parser.parse_args()
    if not options.train:
        print(f"test clips: {data()}\ncalibration clips: {calibration()}")
        return
    words = spoken(TRAINING_CLIPS_PER_CLASS, VOICES, OTHERS, TRAINING_CLIPS_UNKNOWN, SEED)
    test_words = spoken(TEST_CLIPS_PER_CLASS, VOICES_IN_TEST, OTHERS_IN_TEST, TEST_CLIPS_PER_CLASS, SEED + 1)
    parts = {
        "calibration": first(words, CALIBRATION_CLIPS_PER_CLASS),
        "test": first(test_words, SHIPPED_CLIPS_PER_CLASS),
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "words.zip").write_bytes(words_bytes(parts))
    trained = train(words)
    measured = {
        "test": noisy(test_words, np.random.default_rng(NOISE_SEEDS["test"])),
        "shipped": shipped_clips("test"),
    }
    facts: dict[str, Any] = {"seed": SEED, "epochs": EPOCHS, "speech": synthesizer()}
    for name, (clips, classes) in measured.items():
        facts[name] = {"correct": count_correct(trained, clips, classes), "n": len(clips)}
        print(f"{name}: top-1 {100 * facts[name]['correct'] / len(clips):.2f} % (n = {len(clips)})")
    write_training(FOLDER, trained, facts)


if __name__ == "__main__":
    command_line.run(main)
