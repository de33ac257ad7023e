"""Each step of the features against the library that defines it.

Tolerances are about 4 times what was found over all these signals with TensorFlow 2.21, librosa 0.11 and 1.0, and
NumPy 2.4 and 2.5. TensorFlow's float32 is the less exact side: where a band is a millionth of the loudest, its log-mel
is up to 0.17 from that of TensorFlow's own float64.
"""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st

from edgeq.data.media import spectra
from edgeq.data.media.spectra import LIBROSA, TENSORFLOW, Framing

RATE = 16000


def signals() -> dict[str, np.ndarray]:
    """float32[16000] of 16 bits each."""
    rng = np.random.default_rng(0)
    time = np.arange(RATE) / RATE
    noise = 0.05 * rng.standard_normal(RATE)
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) * np.exp(-3 * time)
    values = {
        "tone in noise": tone + noise,
        "word after silence": np.where(time > 0.3, tone + noise, 0),
        "sweep": 0.9 * np.sin(2 * np.pi * 4000 * time**2),
        "click": np.where(np.arange(RATE) == 8000, 0.99, 0),
        "silence": np.zeros(RATE),
    }
    return {name: (np.rint(value * 32768) / 32768).astype(np.float32) for name, value in values.items()}


SIGNALS = signals()
every_signal = pytest.mark.parametrize("signal", SIGNALS.values(), ids=list(SIGNALS))

# Window, step and FFT: those of TensorFlow's tutorials, odd ones, gaps between frames, one sample.
LENGTHS = [(480, 160, 512), (255, 128, 256), (400, 160, 512), (640, 320, 1001), (300, 700, 512), (1, 7, 16)]
every_length = pytest.mark.parametrize("lengths", LENGTHS, ids=str)


@st.composite
def framings(draw):
    convention = draw(st.sampled_from([TENSORFLOW, LIBROSA]))
    window = draw(st.integers(1, 40))
    padding = draw(st.sampled_from(["none", "end" if convention == TENSORFLOW else "centre"]))
    return Framing(convention, window, draw(st.integers(1, 50)), window + draw(st.integers(0, 20)), padding)


def largest_difference(found: np.ndarray, expected: np.ndarray) -> float:
    """As a share of the largest expected value."""
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30))


# TensorFlow


@pytest.fixture(scope="session")
def tf():
    import tensorflow

    return tensorflow


@pytest.mark.tensorflow
@every_signal
@every_length
@pytest.mark.parametrize("padding", ["none", "end"])
def test_a_spectrogram_equals_that_of_tensorflow(tf, signal, lengths, padding):
    expected = tf.abs(tf.signal.stft(signal, *lengths, pad_end=padding == "end")).numpy()
    found = spectra.spectrogram(signal, Framing(TENSORFLOW, *lengths, padding))
    assert largest_difference(found, expected) <= 1e-6


@pytest.mark.tensorflow
@every_length
@pytest.mark.parametrize(
    ("bins", "low", "high"), [(40, 20.0, 4000.0), (64, 125.0, 7500.0), (80, 0.0, 8000.0)]
)
def test_mel_filters_equal_those_of_tensorflow(tf, lengths, bins, low, high):
    spectrum = lengths[2] // 2 + 1
    found = spectra.mel_filters(TENSORFLOW, bins, lengths[2], RATE, low, high)
    for dtype, tolerance in ((tf.float32, 5e-5), (tf.float64, 1e-7)):
        expected = tf.signal.linear_to_mel_weight_matrix(bins, spectrum, RATE, low, high, dtype).numpy()
        assert found.shape == expected.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def tensorflow_log_mel(tf, signal, lengths):
    """Of 40 bands, in the signal's precision."""
    magnitudes = tf.abs(tf.signal.stft(signal, *lengths))
    spectrum = lengths[2] // 2 + 1
    filters = tf.signal.linear_to_mel_weight_matrix(40, spectrum, RATE, 20.0, 4000.0, magnitudes.dtype)
    return tf.math.log(tf.matmul(magnitudes, filters) + 1e-6).numpy()


def our_log_mel(signal, lengths):
    magnitudes = spectra.spectrogram(signal, Framing(TENSORFLOW, *lengths, "none"))
    filters = spectra.mel_filters(TENSORFLOW, 40, lengths[2], RATE, 20.0, 4000.0)
    return spectra.natural_log(magnitudes @ filters, 1e-6)


@pytest.mark.tensorflow
@every_signal
@every_length
def test_log_mel_equals_that_of_tensorflow_in_float64(tf, signal, lengths):
    expected = tensorflow_log_mel(tf, signal.astype(np.float64), lengths)
    np.testing.assert_allclose(our_log_mel(signal, lengths), expected, rtol=0, atol=3e-6)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["tone in noise", "word after silence", "click", "silence"])
@every_length
def test_log_mel_equals_that_of_tensorflow_in_float32_where_no_band_drowns_in_its_rounding(tf, name, lengths):
    signal = SIGNALS[name]
    expected = tensorflow_log_mel(tf, signal, lengths)
    np.testing.assert_allclose(our_log_mel(signal, lengths), expected, rtol=0, atol=2e-4)


@pytest.mark.tensorflow
@every_signal
@every_length
def test_mfcc_equal_those_of_tensorflow(tf, signal, lengths):
    log_mel = our_log_mel(signal, lengths)
    expected = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., :13].numpy()
    assert largest_difference(spectra.mfcc(log_mel, 13, TENSORFLOW), expected) <= 2e-6


@pytest.mark.tensorflow
@pytest.mark.parametrize("length", [1, 2, 3, 255, 256, 480])
def test_the_window_equals_that_of_tensorflow(tf, length):
    expected = tf.signal.hann_window(length, dtype=tf.float64).numpy()
    np.testing.assert_allclose(spectra.hann_window(length, TENSORFLOW), expected, rtol=0, atol=1e-15)


@pytest.mark.tensorflow
@pytest.mark.parametrize("padding", ["none", "end"])
@pytest.mark.parametrize("samples", [0, 1, 6, 7, 8, 9, 10, 11, 50])
def test_frames_equal_those_of_tensorflow(tf, samples, padding):
    signal = np.arange(samples, dtype=np.float32) + 1
    for window, step in [(7, 3), (7, 7), (7, 9), (1, 1)]:
        expected = tf.signal.frame(signal, window, step, pad_end=padding == "end").numpy()
        found = spectra.frames(signal, Framing(TENSORFLOW, window, step, 8, padding))
        np.testing.assert_array_equal(found, expected)


# librosa

LIBROSA_LENGTHS = [(2048, 512, 2048), (480, 160, 480), (400, 160, 512), (401, 160, 1024), (255, 300, 255)]
every_librosa_length = pytest.mark.parametrize("lengths", LIBROSA_LENGTHS, ids=str)


def stft_options(lengths: tuple[int, int, int], padding: str = "centre") -> dict[str, object]:
    window, step, fft = lengths
    return {"n_fft": fft, "hop_length": step, "win_length": window, "center": padding == "centre"}


@every_signal
@every_librosa_length
@pytest.mark.parametrize("padding", ["none", "centre"])
def test_a_spectrogram_equals_that_of_librosa(signal, lengths, padding):
    expected = np.abs(librosa.stft(signal, **stft_options(lengths, padding))).T
    found = spectra.spectrogram(signal, Framing(LIBROSA, *lengths, padding))
    assert largest_difference(found, expected) <= 1e-6


@pytest.mark.filterwarnings("ignore:Empty filters")
@every_librosa_length
@pytest.mark.parametrize(
    ("bins", "low", "high"), [(128, 0.0, 8000.0), (40, 20.0, 4000.0), (20, 100.0, 900.0)]
)
def test_mel_filters_equal_those_of_librosa(lengths, bins, low, high):
    fft = lengths[2]
    expected = librosa.filters.mel(sr=RATE, n_fft=fft, n_mels=bins, fmin=low, fmax=high).T
    np.testing.assert_allclose(spectra.mel_filters(LIBROSA, bins, fft, RATE, low, high), expected, atol=1e-8)


@every_signal
@every_librosa_length
@pytest.mark.parametrize("top_db", [80.0, 30.0, None])
def test_log_mel_and_mfcc_equal_those_of_librosa(signal, lengths, top_db):
    mel = {"sr": RATE, "n_mels": 40, "fmin": 20.0, "fmax": 8000.0, **stft_options(lengths)}
    power = librosa.feature.melspectrogram(y=signal, **mel)
    log_mel = librosa.power_to_db(power, top_db=top_db)
    expected = librosa.feature.mfcc(S=log_mel, n_mfcc=13).T

    ours = spectra.spectrogram(signal, Framing(LIBROSA, *lengths, "centre"), power=2.0)
    ours = ours @ spectra.mel_filters(LIBROSA, 40, lengths[2], RATE, 20.0, 8000.0)
    assert largest_difference(ours, power.T) <= 2e-6
    found = spectra.decibels(power.T, 1e-10, 1.0, top_db)
    np.testing.assert_allclose(found, log_mel.T, rtol=0, atol=2e-5)
    assert largest_difference(spectra.mfcc(log_mel.T, 13, LIBROSA), expected) <= 2e-6


@every_signal
def test_decibels_may_refer_to_the_largest_value(signal):
    power = np.abs(librosa.stft(signal)) ** 2
    expected = librosa.power_to_db(power, ref=np.max)
    np.testing.assert_allclose(spectra.decibels(power, 1e-10, None, 80.0), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("length", [1, 2, 3, 255, 480])
def test_the_window_equals_that_of_librosa(length):
    expected = librosa.filters.get_window("hann", length)
    np.testing.assert_allclose(spectra.hann_window(length, LIBROSA), expected, atol=1e-15)


# Properties


@given(framings(), st.integers(0, 200))
def test_every_frame_is_a_piece_of_the_padded_signal(framing, samples):
    signal = np.arange(1, samples + 1, dtype=np.float32)
    before = framing.fft_length // 2 if framing.padding == "centre" else 0
    behind = 300 if framing.padding == "end" else before
    padded = np.pad(signal, (before, behind))
    found = spectra.frames(signal, framing)
    assert found.shape == (spectra.frame_count(samples, framing), framing.span)
    for index, frame in enumerate(found):
        start = index * framing.step
        np.testing.assert_array_equal(frame, padded[start : start + framing.span])
    # And there is no room for another: what is left is shorter than a frame, or, padded at the end, is nothing.
    following = len(found) * framing.step
    if framing.padding == "end":
        assert following >= samples
    else:
        assert following + framing.span > len(padded)


@given(framings(), st.integers(1, 100))
def test_the_shortest_signal_gives_so_many_frames_and_a_shorter_one_fewer(framing, frames):
    samples = spectra.shortest_signal(frames, framing)
    # Half an FFT of zeros on both sides may make more frames than wanted out of nothing.
    if samples > 0:
        assert spectra.frame_count(samples, framing) == frames
        assert spectra.frame_count(samples + framing.step - 1, framing) == frames
        assert spectra.frame_count(samples - 1, framing) < frames
    else:
        assert spectra.frame_count(0, framing) >= frames


@given(framings(), st.integers(0, 300))
def test_a_spectrogram_is_the_definition_computed_directly(framing, samples):
    signal = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    found = spectra.spectrogram(signal, framing)
    frames = spectra.frames(signal, framing)
    assert found.shape == (len(frames), framing.fft_length // 2 + 1)
    window = spectra.hann_window(framing.window, framing.convention)
    before = (framing.span - framing.window) // 2
    shaped = np.pad(window, (before, framing.span - framing.window - before))
    expected = np.abs(scipy.fft.rfft(frames * shaped, framing.fft_length)) if len(frames) else found
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_a_long_signal_is_computed_in_pieces_without_a_seam(monkeypatch):
    signal = SIGNALS["sweep"]
    framing = Framing(TENSORFLOW, 480, 160, 512, "none")
    found = spectra.spectrogram(signal, framing)
    monkeypatch.setattr(spectra, "_VALUES_AT_ONCE", 1 << 30)
    np.testing.assert_array_equal(spectra.spectrogram(signal, framing), found)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0])
def test_a_spectrogram_is_raised_to_a_power(power):
    framing = Framing(LIBROSA, 400, 160, 512, "centre")
    magnitudes = spectra.spectrogram(SIGNALS["sweep"], framing)
    found = spectra.spectrogram(SIGNALS["sweep"], framing, power)
    np.testing.assert_allclose(found, magnitudes.astype(np.float64) ** power, rtol=1e-6)


@pytest.mark.parametrize("bins", [1, 13, 40])
def test_all_coefficients_of_librosa_are_an_orthonormal_transform(bins):
    log_mel = np.random.default_rng(0).standard_normal((5, bins)).astype(np.float32)
    found = spectra.mfcc(log_mel, bins, LIBROSA)
    np.testing.assert_allclose(found, scipy.fft.dct(log_mel, norm="ortho"), atol=1e-5)


def test_what_is_kept_between_calls_cannot_be_changed():
    kept = (
        spectra.hann_window(480, TENSORFLOW),
        spectra.mel_filters(LIBROSA, 40, 512, RATE, 20.0, 4000.0),
        spectra.frames(SIGNALS["click"], Framing(LIBROSA, 400, 160, 512, "none")),
    )
    for array in kept:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
