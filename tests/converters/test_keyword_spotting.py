from __future__ import annotations

import json
import subprocess
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.errors import DataError

ROOT = Path(__file__).parents[2]
CONVERTERS = ROOT / "converters"
SCRIPT = CONVERTERS / "keyword_spotting.py"
SHIPPED = CONVERTERS / "keyword_spotting"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CONVERTERS)
        import keyword_spotting

        yield keyword_spotting


@pytest.fixture(scope="module")
def speech(script):
    import keyword_clips

    return keyword_clips


@pytest.fixture(scope="module")
def facts():
    return json.loads((SHIPPED / "training.json").read_text())


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache folder of these tests' own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


def samples_of(path):
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def dominant_hz(signal, rate):
    return np.argmax(np.abs(np.fft.rfft(signal))) * rate / len(signal)


def test_importing_the_script_does_not_load_tensorflow():
    code = f"import runpy, sys; runpy.run_path({str(SCRIPT)!r}); sys.exit('tensorflow' in sys.modules)"
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(CONVERTERS)!r}); {code}"]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(("part", "count"), [("data", 25), ("calibration", 10)])
def test_each_class_has_as_many_clips_of_one_second(script, cache, part, count):
    folder = getattr(script, part)()
    assert folder.is_relative_to(cache)
    assert sorted(path.name for path in folder.iterdir()) == sorted(script.labels)
    for label in script.labels:
        clips = [samples_of(path) for path in sorted((folder / label).iterdir())]
        assert [len(clip) for clip in clips] == [16_000] * count


def test_no_clip_is_there_twice(script, cache):
    clips = [
        path.read_bytes() for folder in (script.data(), script.calibration()) for path in folder.glob("*/*")
    ]
    assert len(clips) == len(set(clips)) == 350


def test_the_clips_are_the_same_in_every_cache(script, cache, tmp_path, monkeypatch):
    first = script.data()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    second = script.data()
    assert second.is_relative_to(tmp_path)
    paths = sorted(path.relative_to(first) for path in first.glob("*/*"))
    assert [(first / path).read_bytes() for path in paths] == [(second / path).read_bytes() for path in paths]


def test_clips_that_are_in_the_cache_are_left_alone(script, cache):
    path = next((script.data() / "yes").iterdir())
    before = path.stat().st_mtime_ns
    script.data()
    assert path.stat().st_mtime_ns == before


def test_the_test_has_voices_and_other_words_that_the_training_has_not(speech):
    assert len(speech.VOICES) == len(set(speech.VOICES))
    assert not set(speech.VOICES) & set(speech.VOICES_IN_TEST)
    assert not set(speech.OTHERS) & set(speech.OTHERS_IN_TEST)
    assert not set(speech.WORDS) & {*speech.OTHERS, *speech.OTHERS_IN_TEST}


def test_without_espeak_the_error_is_one_line_that_says_what_to_install(speech, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        DataError, match="needs espeak-ng, which is not installed here: apt-get install"
    ) as caught:
        speech.speak("yes", 1, speech.VOICES, np.random.default_rng(0))
    assert "\n" not in str(caught.value)


def fake_espeak(folder, monkeypatch, body):
    program = folder / "espeak-ng"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_an_espeak_without_the_voice_is_an_error_that_says_which_version_has_it(
    speech, tmp_path, monkeypatch
):
    fake_espeak(tmp_path, monkeypatch, "sys.exit('The specified voice does not exist.')")
    with pytest.raises(
        DataError, match=r"\(The specified voice does not exist\.\): expected eSpeak NG 1\.51"
    ):
        speech.speak("yes", 1, speech.VOICES, np.random.default_rng(0))


def test_what_espeak_says_is_brought_to_16_khz_without_the_silence_around_it(speech, tmp_path, monkeypatch):
    rate = 22_050
    tone = np.sin(2 * np.pi * 1000 * np.arange(rate // 2) / rate)
    spoken = np.concatenate([np.zeros(rate // 4), 9000 * tone, np.zeros(rate // 4)]).astype("<i2")
    header = b"RIFF".ljust(24, b"\0") + rate.to_bytes(4, "little") + bytes(16)
    (tmp_path / "spoken").write_bytes(header + spoken.tobytes())
    fake_espeak(
        tmp_path, monkeypatch, f"sys.stdout.buffer.write(open({str(tmp_path / 'spoken')!r}, 'rb').read())"
    )
    [word] = speech.speak("beep", 1, speech.VOICES, np.random.default_rng(0))
    assert word.dtype == np.float32
    assert len(word) == pytest.approx(8000, abs=160)
    assert np.abs(word).max() == 1
    assert dominant_hz(word, 16_000) == pytest.approx(1000, abs=2)


@given(st.integers(0, 2**32 - 1), st.integers(1, 14_400))
@settings(max_examples=50, deadline=None)
def test_a_word_in_noise_is_a_clip_of_one_second_in_which_it_can_be_heard(speech, seed, length):
    word = np.sin(2 * np.pi * 1000 * np.arange(length) / 16_000 + 1).astype(np.float32)
    clip = speech.in_noise(word, np.random.default_rng(seed))
    assert (clip.dtype, clip.shape) == (np.int16, (16_000,))
    np.testing.assert_array_equal(clip, speech.in_noise(word, np.random.default_rng(seed)))
    loudness = np.convolve(np.square(clip.astype(float)), np.ones(length), "valid")
    # At 5 dB the word has three times the power of the noise; a whole period keeps the mean out of it.
    if length >= 1600:
        start = int(np.argmax(loudness))
        around = np.delete(clip.astype(float), slice(start, start + length))
        assert np.mean(np.square(clip[start : start + length].astype(float))) > 1.5 * np.mean(
            np.square(around)
        )
        assert abs(start + length / 2 - 8000) <= 3400


def test_silence_is_noise_between_minus_60_and_minus_20_db(speech):
    rng = np.random.default_rng(0)
    clips = [speech.in_noise(None, rng) / 32768 for _ in range(50)]
    decibels = [10 * np.log10(np.mean(np.square(clip))) for clip in clips]
    assert -61 < min(decibels) < -50
    assert -30 < max(decibels) < -19.9


def test_a_stored_word_differs_by_half_a_step_of_8_bits_at_most(speech):
    word = np.linspace(-1, 1, 1001, dtype=np.float32)
    assert np.abs(speech.restored(speech.stored(word)) - word).max() <= 0.5 / 127 + 1e-6


def test_the_files_that_ship_are_small():
    assert (SHIPPED / "model.keras").stat().st_size < 300_000
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 2_000_000


@pytest.mark.parametrize("name", ["model.keras", "words.zip"])
def test_no_date_and_no_memory_address_is_in_the_archive(name):
    with zipfile.ZipFile(SHIPPED / name) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        text = b"".join(archive.read(entry) for entry in archive.namelist() if entry.endswith(".json"))
    assert b"date_saved" not in text
    assert b"shared_object_id" not in text


def test_words_go_through_the_archive_in_their_order(script, speech, tmp_path):
    words = {
        "yes": [np.full(3, value, np.float32) for value in (0, 1, -1)],
        "unknown": [np.zeros(2, np.float32)],
    }
    (tmp_path / "words.zip").write_bytes(script.words_bytes({"test": words, "calibration": {}}))
    read = script.read_words(tmp_path / "words.zip", "test")
    assert {name: [wave.tolist() for wave in waves] for name, waves in read.items()} == {
        "yes": [[0, 0, 0], [1, 1, 1], [-1, -1, -1]],
        "unknown": [[0, 0]],
    }


@pytest.mark.tensorflow
def test_edgeqs_own_features_are_those_of_the_training(script, cache):
    from edgeq.data.media.audio import AudioPreparation, read_audio

    preparation = AudioPreparation.from_json(script.SOUND)
    paths = [next((script.data() / label).iterdir()) for label in script.labels]
    features = np.stack([read_audio(path, preparation, (49, 40, 1)) for path in paths])
    np.testing.assert_allclose(
        features, script.log_mel(np.stack([samples_of(path) for path in paths])), atol=1e-3
    )


@pytest.mark.tensorflow
def test_the_model_reaches_the_stated_accuracy(script, facts):
    model = script.model()
    clips, classes = script.shipped_clips("test")
    assert model.count_params() == facts["parameters"]
    assert len(clips) == facts["shipped"]["n"]
    # Room for two clips: kernels of another CPU round differently.
    assert script.count_correct(model, clips, classes) == pytest.approx(facts["shipped"]["correct"], abs=2)


@pytest.mark.tensorflow
def test_the_model_has_named_ends(script):
    model = script.model()
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [("log_mel", (None, 49, 40, 1))]
    assert model.output_names == ["word"]
    assert model.output_shape == (None, len(script.labels))


@pytest.mark.tensorflow
def test_saving_the_model_twice_gives_the_same_bytes(script):
    from training_files import model_bytes

    model = script.model()
    assert model_bytes(model) == model_bytes(model)
