"""From samples to spectrograms, log-mel spectrograms and MFCCs, as TensorFlow or as librosa computes them.

The two conventions differ in every step, and a model sees other numbers than it was trained on where they are mixed:

- tensorflow: ``tf.signal.stft``, ``tf.signal.linear_to_mel_weight_matrix``, ``tf.math.log`` of the sum with an
  offset, ``tf.signal.mfccs_from_log_mel_spectrograms``. Frames lie within the signal, the window stands at the
  beginning of the FFT, mel filters are triangles in mel (HTK's scale) of height 1, logarithms are natural.
- librosa: ``librosa.feature.melspectrogram``, ``librosa.power_to_db``, ``librosa.feature.mfcc``. Frames are centred
  on their time, the window stands in the middle of the FFT, mel filters are triangles in Hz (Slaney's scale) of equal
  area, logarithms are decibels of the power.

Fourier transforms are computed in float64, because older NumPy has no other: desktop and device give the same.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TENSORFLOW = "tensorflow"
LIBROSA = "librosa"
CONVENTIONS = (TENSORFLOW, LIBROSA)

Floats = npt.NDArray[np.float32]

# Of float64, 64 kB: the C library asks the system anew for arrays of 128 kB and more, and a second of audio then takes
# 0.75 ms instead of 0.33.
_VALUES_AT_ONCE = 8192


@dataclass(frozen=True)
class Framing:
    """How a signal is cut into frames, each of which becomes one spectrum.

    Attributes:
        convention: one of `CONVENTIONS`; decides the window and where it stands.
        window: its length in samples, at most `fft_length`.
        step: from one frame to the next, in samples.
        fft_length: in samples.
        padding: "none", "end" (zeros complete the last frames, as ``pad_end=True`` of TensorFlow) or "centre"
            (half an FFT of zeros on both sides, as ``center=True`` of librosa).
    """

    convention: str
    window: int
    step: int
    fft_length: int
    padding: str

    @property
    def span(self) -> int:
        """Samples that one frame takes from the signal: librosa's have the length of the FFT."""
        return self.fft_length if self.convention == LIBROSA else self.window

    @property
    def bins(self) -> int:
        """Frequencies of a spectrum, from 0 to half the sample rate."""
        return self.fft_length // 2 + 1


def frame_count(samples: int, framing: Framing) -> int:
    """Number of frames that a signal gives; 0 where it is too short for one."""
    if framing.padding == "end":
        return -(-samples // framing.step)
    if framing.padding == "centre":
        samples += 2 * (framing.fft_length // 2)
    return max(0, 1 + (samples - framing.span) // framing.step)


def shortest_signal(frames: int, framing: Framing) -> int:
    """The least number of samples that gives so many frames, at least one; a step less one more give no more."""
    if framing.padding == "end":
        return (frames - 1) * framing.step + 1
    samples = (frames - 1) * framing.step + framing.span
    return max(0, samples - 2 * (framing.fft_length // 2)) if framing.padding == "centre" else samples


def frames(signal: Floats, framing: Framing) -> Floats:
    """The frames of a signal, without window.

    Args:
        signal: float32[samples].
        framing: how it is cut.

    Returns:
        float32[frames, span], a view that cannot be written to.
    """
    count = frame_count(len(signal), framing)
    if count == 0:
        return np.zeros((0, framing.span), np.float32)
    if framing.padding == "end":
        signal = np.pad(signal, (0, max(0, (count - 1) * framing.step + framing.span - len(signal))))
    elif framing.padding == "centre":
        signal = np.pad(signal, framing.fft_length // 2)
    return np.lib.stride_tricks.sliding_window_view(signal, framing.span)[:: framing.step][:count]


def spectrogram(signal: Floats, framing: Framing, power: float = 1.0) -> Floats:
    """Magnitudes of the short-time Fourier transform with a Hann window, to some power.

    Equals ``tf.abs(tf.signal.stft(…))`` or ``np.abs(librosa.stft(…))``, transposed, within 1e-6 of the largest value.

    Args:
        signal: float32[samples].
        framing: how it is cut.
        power: 1 for magnitudes, 2 for power.

    Returns:
        float32[frames, fft_length // 2 + 1].
    """
    cut = frames(signal, framing)
    window = hann_window(framing.window, framing.convention)
    offset = (framing.fft_length - framing.window) // 2 if framing.convention == LIBROSA else 0
    result = np.empty((len(cut), framing.bins), np.float32)
    rows = max(1, _VALUES_AT_ONCE // framing.fft_length)
    for start in range(0, len(cut), rows):
        # Zeros beside the window need no product, and where they stand changes phases only.
        windowed = cut[start : start + rows, offset : offset + framing.window] * window
        transformed = np.fft.rfft(windowed, framing.fft_length)
        squares = transformed.real**2 + transformed.imag**2
        result[start : start + rows] = squares if power == 2 else squares ** (power / 2)
    return result


@functools.lru_cache(maxsize=16)
def hann_window(length: int, convention: str) -> npt.NDArray[np.float64]:
    """The periodic Hann window; TensorFlow's is symmetric where the length is odd, so this is too.

    Equals ``tf.signal.hann_window`` or ``librosa.filters.get_window("hann", length)`` within 1e-15.

    Args:
        length: in samples.
        convention: one of `CONVENTIONS`.

    Returns:
        float64[length], which cannot be written to.
    """
    period = length - 1 if convention == TENSORFLOW and length % 2 else length
    angles = 2 * np.pi * np.arange(length) / max(1, period)
    window: npt.NDArray[np.float64] = 0.5 - 0.5 * np.cos(angles, dtype=np.float64)
    if length == 1:
        window = np.ones(1)
    window.flags.writeable = False
    return window


@functools.lru_cache(maxsize=16)
def mel_filters(
    convention: str, bins: int, fft_length: int, sample_rate: int, low_hz: float, high_hz: float
) -> Floats:
    """Weights that sum a spectrum into mel bands.

    Equals ``tf.signal.linear_to_mel_weight_matrix`` in float64 within 1e-7, in float32 within 5e-5, or
    ``librosa.filters.mel``, transposed, within 1e-8.

    Args:
        convention: one of `CONVENTIONS`.
        bins: number of bands.
        fft_length: in samples.
        sample_rate: in Hz.
        low_hz: where the first band begins.
        high_hz: where the last band ends.

    Returns:
        float32[fft_length // 2 + 1, bins], which cannot be written to.
    """
    if convention == TENSORFLOW:
        # Up to half the sample rate also where the FFT's length is odd and its last frequency is lower.
        hz = np.linspace(0, sample_rate / 2, fft_length // 2 + 1)
        edges: npt.NDArray[np.float64] = np.linspace(_htk_mel(low_hz), _htk_mel(high_hz), bins + 2)
        weights = _triangles(_htk_mel(hz), edges)
        weights[0] = 0  # HTK leaves the constant part out
    else:
        hz = np.arange(fft_length // 2 + 1, dtype=np.float64) * (sample_rate / fft_length)
        mels = np.linspace(_slaney_mel(low_hz), _slaney_mel(high_hz), bins + 2)
        edges = _slaney_hz(mels)
        weights = _triangles(hz, edges) * (2 / (edges[2:] - edges[:-2]))
    filters = weights.astype(np.float32)
    filters.flags.writeable = False
    return filters


def natural_log(values: Floats, offset: float) -> Floats:
    """``tf.math.log(values + offset)``, in float32.

    Of mel bands it equals TensorFlow's pipeline in float64 within 3e-6, and in float32 within 2e-4 for signals with
    some noise. Bands of a millionth of the loudest drown in the rounding of TensorFlow's own float32: there the two
    differ by up to 0.2.
    """
    result: Floats = np.log(values + np.float32(offset))
    return result


def decibels(power: Floats, floor: float, reference: float | None, top_db: float | None) -> Floats:
    """``librosa.power_to_db`` within 2e-5 dB: 10·log10 of the power above a reference.

    Args:
        power: float32[...].
        floor: what smaller values are raised to, above 0.
        reference: the power of 0 dB; None: the largest value, as ``ref=np.max``.
        top_db: what lies farther below the largest value is raised to that distance; None: nothing is.

    Returns:
        float32[...].
    """
    zero = max(floor, float(power.max(initial=0.0)) if reference is None else reference)
    result: Floats = 10 * np.log10(np.maximum(np.float32(floor), power)) - np.float32(10 * np.log10(zero))
    if top_db is not None and result.size:
        np.maximum(result, result.max() - np.float32(top_db), out=result)
    return result


def mfcc(log_mel: Floats, coefficients: int, convention: str) -> Floats:
    """The first mel-frequency cepstral coefficients: a cosine transform (DCT-II) of each frame's bands.

    Equals ``tf.signal.mfccs_from_log_mel_spectrograms(…)[..., :coefficients]``, which scales all coefficients
    alike as HTK does, or ``librosa.feature.mfcc``, whose transform is orthonormal, within 2e-6 of the largest value.

    Args:
        log_mel: float32[frames, bins].
        coefficients: how many, at most the number of bins.
        convention: one of `CONVENTIONS`.

    Returns:
        float32[frames, coefficients].
    """
    result: Floats = log_mel @ _cosines(log_mel.shape[1], coefficients, convention)
    return result


@functools.lru_cache(maxsize=16)
def _cosines(bins: int, coefficients: int, convention: str) -> Floats:
    angles = np.outer(np.arange(bins) + 0.5, np.arange(coefficients)) * (np.pi / bins)
    cosines: npt.NDArray[np.float64] = np.cos(angles) * np.sqrt(2 / bins)
    if convention == LIBROSA:
        cosines[:, 0] = np.sqrt(1 / bins)
    table: Floats = cosines.astype(np.float32)
    table.flags.writeable = False
    return table


def _triangles(positions: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """float64[positions, edges − 2]: each rises from one edge to 1 at the next and falls to 0 at the one after."""
    steps = np.diff(edges)
    rising = (positions[:, None] - edges[:-2]) / steps[:-1]
    falling = (edges[2:] - positions[:, None]) / steps[1:]
    return np.maximum(0, np.minimum(rising, falling))


def _htk_mel(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Young et al., "The HTK Book", version 3.4, section 5.4, with the natural logarithm: 2595 / ln 10 = 1127."""
    return np.asarray(1127 * np.log1p(np.asarray(hz, np.float64) / 700))


# Slaney, "Auditory Toolbox", version 2, Interval Research 1998-010: linear up to 1 kHz, 15 mel there, and 27 mel from
# there to 6.4 kHz.
_LINEAR_HZ = 200 / 3
_KNEE_HZ = 1000.0
_KNEE_MEL = _KNEE_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27


def _slaney_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _KNEE_HZ else _KNEE_MEL + float(np.log(hz / _KNEE_HZ)) / _LOG_STEP


def _slaney_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    above = _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _KNEE_MEL) - _KNEE_MEL))
    return np.where(mel < _KNEE_MEL, mel * _LINEAR_HZ, above)
