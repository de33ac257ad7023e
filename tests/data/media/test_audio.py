"""An audio file as a model's input: the declaration, the resampling, the whole way."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import librosa
import numpy as np
import pytest
import scipy.signal
import soundfile
from bad_audio import wav, write_bad_files
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeq.data.media.audio import (
    AUDIO_SUFFIXES,
    AudioPreparation,
    _seconds,
    prepare,
    read_audio,
    resample,
    resampled_length,
)
from edgeq.data.media.wav import HIGHEST_RATE
from edgeq.errors import DataError

# librosa.load imports them.
pytestmark = pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated")

SECOND = np.random.default_rng(0).integers(-20000, 20000, 16000).astype(np.int16)
SAMPLES = (SECOND / 32768).astype(np.float32)

LIBROSA_DEFAULTS = AudioPreparation(
    sample_rate=22050,
    convention="librosa",
    features="log-mel",
    frame_length=2048,
    frame_step=512,
    mel_bins=128,
    low_hz=0.0,
    high_hz=11025.0,
    coefficients=20,
)


@pytest.fixture
def second(tmp_path):
    """One second of 16 kHz."""
    path = tmp_path / "second.wav"
    path.write_bytes(wav(SECOND))
    return path


def written(folder: Path, samples: np.ndarray, rate: int = 16000) -> Path:
    path = folder / "a.wav"
    path.write_bytes(wav(samples, rate))
    return path


# Waveforms


def test_a_waveform_has_exactly_the_shape_of_the_models_input(second):
    for shape in ((16000,), (16000, 1)):
        item = read_audio(second, AudioPreparation(), shape)
        assert item.dtype == np.float32
        assert item.shape == shape
        np.testing.assert_array_equal(item.reshape(-1), SAMPLES)


def test_a_longer_file_is_cut_from_its_start_or_around_its_centre(second):
    start = read_audio(second, AudioPreparation(), (1001,))
    np.testing.assert_array_equal(start, SAMPLES[:1001])
    centre = read_audio(second, AudioPreparation(cut="centre"), (1000,))
    np.testing.assert_array_equal(centre, SAMPLES[7500:8500])


@pytest.mark.parametrize("cut", ["start", "centre"])
def test_a_shorter_file_is_padded_with_zeros_at_its_end(second, cut):
    item = read_audio(second, AudioPreparation(cut=cut), (20000,))
    np.testing.assert_array_equal(item[:16000], SAMPLES)
    assert not item[16000:].any()


def test_channels_are_averaged(tmp_path):
    both = np.stack([SECOND, SECOND[::-1], np.zeros_like(SECOND)], axis=1)
    item = read_audio(written(tmp_path, both), AudioPreparation(), (16000,))
    np.testing.assert_allclose(item, (SAMPLES + SAMPLES[::-1]) / 3, atol=1e-7)


def test_an_item_can_be_written_to_and_is_of_its_own(second):
    one, other = (read_audio(second, AudioPreparation(), (16000,)) for _ in range(2))
    one[:] = 0
    assert other.any()


@pytest.mark.parametrize("encoding", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_file_of_another_rate_becomes_what_librosa_makes_of_it_by_the_same_method(tmp_path, encoding):
    path = tmp_path / "a.wav"
    stereo = np.random.default_rng(0).uniform(-0.5, 0.5, (44100, 2))
    soundfile.write(path, stereo, 44100, subtype=encoding)
    expected, _ = librosa.load(path, sr=16000, res_type="polyphase")
    item = read_audio(path, AudioPreparation(), (16000,))
    np.testing.assert_allclose(item, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_every_suffix_that_a_folder_lists_can_be_read(tmp_path, suffix):
    path = written(tmp_path, SECOND).rename(tmp_path / f"b{suffix}")
    assert read_audio(path, AudioPreparation(), (16000,)).any()


# Resampling

RATES = [
    (44100, 16000),
    (48000, 16000),
    (22050, 16000),
    (8000, 16000),
    (11025, 16000),
    (16000, 22050),
    (44101, 16000),
]


@pytest.mark.parametrize(("rate", "wanted"), RATES)
def test_a_second_is_resampled_as_scipy_does_it(rate, wanted):
    signal = np.random.default_rng(0).uniform(-1, 1, rate).astype(np.float32)
    expected = scipy.signal.resample_poly(signal.astype(np.float64), wanted, rate)
    found = resample(signal, rate, wanted)
    assert found.dtype == np.float32
    assert len(found) == len(expected) == resampled_length(rate, rate, wanted) == wanted
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@settings(deadline=None)
@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 60), st.data())
def test_any_piece_of_any_length_is_resampled_as_scipy_does_it(samples, rate, wanted, data):
    signal = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    expected = scipy.signal.resample_poly(signal.astype(np.float64), wanted, rate)
    length = resampled_length(samples, rate, wanted)
    assert length == len(expected)
    start = data.draw(st.integers(0, length))
    stop = data.draw(st.integers(start, length))
    found = resample(signal, rate, wanted, start, stop)
    np.testing.assert_allclose(found, expected[start:stop], rtol=0, atol=2e-6)


@pytest.mark.parametrize(("rate", "wanted"), [(20_000, 1), (1, 20_000), (19_999, 20_000)])
def test_rates_that_need_a_long_filter_are_no_exception(rate, wanted):
    signal = np.random.default_rng(0).uniform(-1, 1, 3 * rate).astype(np.float32)
    expected = scipy.signal.resample_poly(signal.astype(np.float64), wanted, rate)
    np.testing.assert_allclose(resample(signal, rate, wanted), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cut", ["start", "centre"])
def test_only_what_stays_of_a_file_is_resampled_and_that_is_the_same(tmp_path, cut):
    path = written(tmp_path, SECOND, 44100)
    whole = resample(SAMPLES, 44100, 16000)
    assert len(whole) == 5805
    start = (5805 - 1000) // 2 if cut == "centre" else 0
    item = read_audio(path, AudioPreparation(cut=cut), (1000,))
    np.testing.assert_allclose(item, whole[start : start + 1000], rtol=0, atol=2e-7)


# Features


def log_mel(**others: object) -> AudioPreparation:
    return AudioPreparation(**{"features": "log-mel", **others})


def test_features_have_exactly_the_shape_of_the_models_input(second):
    for preparation, shape in [
        (log_mel(), (98, 40)),
        (log_mel(features="mfcc"), (98, 13)),
        (log_mel(features="spectrogram"), (98, 257)),
        (log_mel(features="spectrogram", frame_length=255, frame_step=128), (124, 129)),
        (log_mel(padding="end"), (100, 40)),
        (log_mel(convention="librosa"), (101, 40)),
        (log_mel(convention="librosa", padding="none"), (98, 40)),
        (log_mel(convention="librosa", bins_first=True), (40, 101)),
    ]:
        for whole in (shape, (*shape, 1)):
            item = read_audio(second, preparation, whole)
            assert item.dtype == np.float32
            assert item.shape == whole
        assert preparation.item_shape(16000) == shape


def test_bins_first_is_the_transpose(second):
    first = read_audio(second, log_mel(bins_first=True), (40, 98, 1))
    np.testing.assert_array_equal(first[..., 0].T, read_audio(second, log_mel(), (98, 40)))


def test_features_of_a_shorter_file_are_those_of_the_padded_one(tmp_path):
    path = written(tmp_path, SECOND[:12000])
    item = read_audio(path, log_mel(seconds=1.0), (98, 40))
    padded = np.where(np.arange(16000) < 12000, SAMPLES, np.float32(0))
    np.testing.assert_array_equal(item, prepare(padded, log_mel()))
    # The logarithm of the offset: silence.
    np.testing.assert_allclose(item[-1], np.log(1e-6), rtol=1e-6)


def test_what_is_documented_as_librosas_defaults_is_what_librosa_computes(tmp_path):
    path = written(tmp_path, SECOND, 22050)
    samples, _ = librosa.load(path)
    item = read_audio(path, LIBROSA_DEFAULTS, (32, 128))
    expected = librosa.power_to_db(librosa.feature.melspectrogram(y=samples))
    np.testing.assert_allclose(item, expected.T, rtol=0, atol=5e-5)
    item = read_audio(path, dataclasses.replace(LIBROSA_DEFAULTS, features="mfcc"), (32, 20))
    np.testing.assert_allclose(item, librosa.feature.mfcc(y=samples).T, rtol=0, atol=2e-3)
    item = read_audio(
        path, dataclasses.replace(LIBROSA_DEFAULTS, features="spectrogram", bins_first=True), (1025, 32)
    )
    np.testing.assert_allclose(item, np.abs(librosa.stft(samples)), rtol=0, atol=5e-5)


def test_decibels_below_the_loudest_are_those_of_librosa(tmp_path):
    path = written(tmp_path, SECOND, 22050)
    samples, _ = librosa.load(path)
    mel = librosa.feature.melspectrogram(y=samples, power=1.0)
    expected = librosa.power_to_db(mel, ref=np.max, amin=1e-5, top_db=None)
    preparation = dataclasses.replace(
        LIBROSA_DEFAULTS, power=1.0, db_reference=None, db_floor=1e-5, top_db=None
    )
    np.testing.assert_allclose(read_audio(path, preparation, (32, 128)), expected.T, rtol=0, atol=5e-5)


@pytest.mark.tensorflow
@pytest.mark.parametrize("power", [None, 2.0])
def test_a_file_becomes_what_tensorflow_makes_of_it(second, power):
    import tensorflow as tf

    audio, _ = tf.audio.decode_wav(second.read_bytes(), desired_channels=1)
    spectrogram = tf.abs(tf.signal.stft(tf.squeeze(audio, -1), 480, 160)) ** (power or 1.0)
    mel = tf.matmul(spectrogram, tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 20.0, 4000.0))
    logarithms = tf.math.log(mel + 1e-6)
    item = read_audio(second, log_mel(power=power), (98, 40))
    np.testing.assert_allclose(item, logarithms.numpy(), rtol=0, atol=2e-4)
    item = read_audio(second, log_mel(features="mfcc", power=power), (98, 13))
    expected = tf.signal.mfccs_from_log_mel_spectrograms(logarithms)[..., :13].numpy()
    np.testing.assert_allclose(item, expected, rtol=0, atol=2e-4)


# What does not fit


@pytest.mark.parametrize(
    ("preparation", "shape", "complaint"),
    [
        (AudioPreparation(), (98, 40), "of 98 samples at 16000 Hz is [98], the model's input is [98, 40]: choose"),
        (AudioPreparation(), (16000, 2), "is [16000], the model's input is [16000, 2]: choose other 'features'"),
        (AudioPreparation(), (), "the model's input is []: choose other 'features'"),
        (AudioPreparation(seconds=0.5), (16000,), "is [8000], the model's input is [16000]: set 'seconds' to 1 or"),
        (AudioPreparation(), (0,), "the model's input is [0]: expected a fixed size of at least 1 in every"),
        (AudioPreparation(), (-1,), "the model's input is [-1]: expected a fixed size of at least 1 in every"),
        (log_mel(), (16000,), "is [98, 40], the model's input is [16000]: choose other 'features'"),
        (log_mel(), (49, 40), "the model's input is [49, 40]: set 'seconds' to 0.51, or another 'frame_step'"),
        (log_mel(), (98, 64), "is [98, 40], the model's input is [98, 64]: set 'mel_bins' to 64"),
        (log_mel(features="mfcc"), (98, 10, 1), "the model's input is [98, 10, 1]: set 'coefficients' to 10"),
        (log_mel(features="spectrogram"), (98, 129), "set 'fft_length' to 256"),
        (log_mel(), (40, 98), "is [98, 40], the model's input is [40, 98]: set 'bins_first' to true"),
        (log_mel(bins_first=True), (98, 40), "is [40, 98], the model's input is [98, 40]: set 'bins_first' to false"),
        (log_mel(convention="librosa"), (98, 40), "is [101, 40], the model's input is [98, 40]: set 'seconds' to 0.97"),
        (log_mel(seconds=0.01), (98, 40), "log-mel of 160 samples at 16000 Hz is [0, 40]"),
    ],
)  # fmt: skip
def test_an_input_that_the_features_do_not_fit_is_refused_with_what_to_change(
    second, preparation, shape, complaint
):
    with pytest.raises(DataError) as caught:
        read_audio(second, preparation, shape)
    assert str(caught.value).startswith(str(second))
    assert complaint in str(caught.value)


@given(
    st.sampled_from(["tensorflow", "librosa"]),
    st.integers(1, 300),
    st.integers(1, 2000),
    st.integers(1, 2000),
)
def test_the_length_that_a_message_proposes_fits(convention, frames, length, step):
    preparation = log_mel(convention=convention, frame_length=length, frame_step=step)
    proposed = _seconds(frames, preparation)
    fitting = dataclasses.replace(preparation, seconds=proposed)
    samples = round(proposed * 16000)
    # Where padding alone gives more frames than wanted, no length fits.
    if fitting.item_shape(1)[0] <= frames:
        assert fitting.item_shape(samples) == (frames, 40)


def test_a_file_that_would_become_huge_is_refused_before_it_does(tmp_path):
    # 100,000 s at 1 Hz: 1.6 thousand million samples at 16 kHz.
    path = written(tmp_path, np.zeros(100_000, np.int16), rate=1)
    with pytest.raises(DataError, match="log-mel of 1600000000 samples"):
        read_audio(path, log_mel(), (98, 40))
    assert read_audio(path, log_mel(seconds=1.0), (98, 40)).shape == (98, 40)


def test_bad_files_are_refused_in_one_line(tmp_path):
    for path, complaint in write_bad_files(tmp_path).items():
        with pytest.raises(DataError) as caught:
            read_audio(path, AudioPreparation(), (16000,))
        assert complaint in str(caught.value)
        assert str(caught.value).isprintable()


def test_a_message_about_a_shape_can_be_printed_whatever_the_file_is_called(tmp_path):
    path = tmp_path / "caf\udce9\n.wav"
    path.write_bytes(wav(SECOND))
    with pytest.raises(DataError) as caught:
        read_audio(path, AudioPreparation(), (98, 40))
    assert str(caught.value).isprintable()


# The declaration


@st.composite
def preparations(draw) -> AudioPreparation:
    """Any declaration that is accepted."""
    convention = draw(st.sampled_from(["tensorflow", "librosa"]))
    rate = draw(st.integers(8000, HIGHEST_RATE))
    frame_length = draw(st.integers(1, 4096))
    low = draw(st.floats(0, rate / 4))
    mel_bins = draw(st.integers(1, 512))
    own = (
        {"log_offset": draw(st.floats(1e-37, 1)), "padding": draw(st.sampled_from([None, "none", "end"]))}
        if convention == "tensorflow"
        else {
            "db_floor": draw(st.floats(1e-37, 1)),
            "db_reference": draw(st.none() | st.floats(1e-30, 1e30)),
            "top_db": draw(st.none() | st.floats(0, 1000)),
            "padding": draw(st.sampled_from([None, "none", "centre"])),
        }
    )
    return AudioPreparation(
        sample_rate=rate,
        seconds=draw(st.none() | st.floats(0.01, 86_400)),
        features=draw(st.sampled_from(["waveform", "spectrogram", "log-mel", "mfcc"])),
        convention=convention,
        frame_length=frame_length,
        frame_step=draw(st.integers(1, 10_000)),
        fft_length=draw(st.none() | st.integers(frame_length, 32_768)),
        mel_bins=mel_bins,
        low_hz=low,
        high_hz=draw(st.floats(low + 2, rate / 2)),
        coefficients=draw(st.integers(1, mel_bins)),
        cut=draw(st.sampled_from(["start", "centre"])),
        power=draw(st.none() | st.floats(0.1, 2)),
        bins_first=draw(st.booleans()),
        **own,
    )


@given(preparations())
def test_a_preparation_survives_json(preparation):
    text = json.dumps(preparation.to_json(), allow_nan=False)
    assert AudioPreparation.from_json(json.loads(text)) == preparation


@settings(deadline=None)
@given(preparations(), st.integers(0, 3000))
def test_every_accepted_preparation_gives_finite_features_of_the_declared_shape(preparation, samples):
    signal = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    found = prepare(signal, preparation)
    assert found.dtype == np.float32
    assert found.shape == preparation.item_shape(samples)
    assert np.isfinite(found).all()


def test_every_key_is_in_the_json():
    value = AudioPreparation().to_json()
    assert value["version"] == 1
    assert set(value) == {"version"} | {field.name for field in dataclasses.fields(AudioPreparation)}


def test_keys_that_are_not_declared_have_their_defaults():
    assert AudioPreparation.from_json({}) == AudioPreparation()
    assert AudioPreparation.from_json({"features": "mfcc"}) == AudioPreparation(features="mfcc")


def test_numbers_of_numpy_become_pythons():
    preparation = AudioPreparation(sample_rate=np.int64(8000), seconds=np.float32(0.5), low_hz=20)
    assert json.loads(json.dumps(preparation.to_json()))["sample_rate"] == 8000
    assert [type(value) for value in (preparation.sample_rate, preparation.seconds, preparation.low_hz)] == [
        int, float, float,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"sample_rte": 8000}, "unknown key 'sample_rte' in the audio preparation: expected sample_rate, seconds"),
        ({7: 8000}, "unknown key 7"),
        ({"version": 2}, "version 2, this edgeq reads 1: update edgeq"),
        ({"version": True}, "version True"),
        ([1, 2], "as an object of keys and values, found [1, 2]"),
        (None, "found None"),
        ({"sample_rate": "16000"}, "'sample_rate' to be a whole number from 1 to 384000, found '16000'"),
        ({"sample_rate": 16000.0}, "found 16000.0"),
        ({"sample_rate": True}, "found True"),
        ({"sample_rate": 0}, "found 0"),
        ({"sample_rate": 1 << 32}, "found 4294967296"),
        ({"sample_rate": None}, "found None"),
        ({"frame_step": -160}, "'frame_step' to be a whole number"),
        ({"mel_bins": 1 << 40}, "'mel_bins' to be a whole number from 1 to 512"),
        ({"seconds": 0}, "'seconds' to be a number from 1e-06 to 86400, found 0"),
        ({"seconds": float("nan")}, "found nan"),
        ({"seconds": float("inf")}, "found inf"),
        ({"seconds": 10**400}, "'seconds' to be a number"),
        ({"seconds": True}, "found True"),
        ({"log_offset": 0.0}, "'log_offset' to be a number from 1e-37"),
        ({"features": "mel"}, "'features' to be one of waveform, spectrogram, log-mel, mfcc, found 'mel'"),
        ({"features": None}, "found None"),
        ({"convention": ["tensorflow"]}, "one of tensorflow, librosa, found ['tensorflow']"),
        ({"cut": "end"}, "one of start, centre, found 'end'"),
        ({"bins_first": 1}, "'bins_first' to be true or false, found 1"),
        ({"seconds": 1e-5}, "at least one sample at 16000 Hz, found 1e-05"),
        ({"fft_length": 256}, "'fft_length' to be at least frame_length, 480, found 256"),
        ({"features": "log-mel", "sample_rate": 4000}, "'high_hz' to be at most half the sample rate, 2000"),
        ({"features": "mfcc", "low_hz": 4000}, "'low_hz' to be at least 1 Hz less than high_hz, 4000, found 4000"),
        ({"features": "mfcc", "coefficients": 41}, "'coefficients' to be at most mel_bins, 40, found 41"),
        ({"padding": "centre"}, "'padding' to be none or end in the tensorflow convention, found 'centre'"),
        ({"convention": "librosa", "padding": "end"}, "'padding' to be centre or none in the librosa convention"),
        ({"top_db": None}, "'top_db' to be no value, because it is of the librosa convention, found None"),
        ({"convention": "librosa", "log_offset": 1e-3}, "'log_offset' to be no value, because it is of the tensorflow"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_key_expected_and_found(value, complaint):
    with pytest.raises(DataError) as caught:
        AudioPreparation.from_json(value)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_counts_only_for_features_is_not_asked_of_a_waveform():
    AudioPreparation(sample_rate=4000, coefficients=100)
