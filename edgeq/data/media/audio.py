"""How an audio file becomes a model's input: read, one channel, resample, cut or pad, features.

Times in this module are of one x86 core (AMD EPYC) with NumPy 2.4 and one BLAS thread.

Format history of the JSON (``version``): 1: first version.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from edgeq.data.media import spectra
from edgeq.data.media.resampling import resample, resampled_length
from edgeq.data.media.spectra import CONVENTIONS, LIBROSA, TENSORFLOW, Framing
from edgeq.data.media.wav import HIGHEST_RATE, read_wav
from edgeq.errors import DataError
from edgeq.printing import printable

AUDIO_SUFFIXES = (".wav",)

VERSION = 1

_CHOICES = {
    "features": ("waveform", "spectrogram", "log-mel", "mfcc"),
    "convention": CONVENTIONS,
    "cut": ("start", "centre"),
    "padding": ("none", "end", "centre"),
}

# Smallest and largest. The largest FFT is 0.7 s at 48 kHz; with the most bands its filters take 34 MB.
_WHOLE = {
    "sample_rate": (1, HIGHEST_RATE),
    "frame_length": (1, 32_768),
    "frame_step": (1, 1_000_000),
    "fft_length": (1, 32_768),
    "mel_bins": (1, 512),
    "coefficients": (1, 512),
}

# The logarithm of less than the smallest float32 is infinite, and powers above 2 could exceed the largest.
_REAL = {
    "seconds": (1e-6, 86_400.0),
    "low_hz": (0.0, HIGHEST_RATE / 2),
    "high_hz": (1.0, HIGHEST_RATE / 2),
    "power": (0.1, 2.0),
    "log_offset": (1e-37, 1e6),
    "db_floor": (1e-37, 1e6),
    "db_reference": (1e-37, 1e37),
    "top_db": (0.0, 1e6),
}

_MAY_BE_NONE = ("seconds", "fft_length", "padding", "power", "db_reference", "top_db")

_ONLY_IN = {
    "log_offset": TENSORFLOW,
    "db_floor": LIBROSA,
    "db_reference": LIBROSA,
    "top_db": LIBROSA,
}

_PADDINGS = {TENSORFLOW: ("none", "end"), LIBROSA: ("centre", "none")}


@dataclass(frozen=True)
class AudioPreparation:
    """How an audio file becomes a model's input. Declared, serialised, run identically on desktop and device.

    A preparation must be the one that the model was trained with. What librosa computes without further arguments is
    ``AudioPreparation(sample_rate=22050, convention="librosa", frame_length=2048, frame_step=512, mel_bins=128,
    low_hz=0.0, high_hz=11025.0, coefficients=20)``; its ``librosa.load`` resamples by another method (soxr), unless
    it is told ``res_type="polyphase"``.

    Attributes:
        sample_rate: in Hz, that files of other rates are resampled to.
        seconds: length. Longer files are cut, shorter ones padded with zeros at their end. None: as long as the
            model's input needs where `features` is "waveform", else as long as each file is.
        features: "waveform", "spectrogram" (magnitudes), "log-mel" or "mfcc".
        convention: whose features: "tensorflow" or "librosa"; see `edgeq.data.media.spectra`.
        frame_length: of the window, in samples; librosa's ``win_length``.
        frame_step: from one frame to the next, in samples; librosa's ``hop_length``.
        fft_length: in samples, at least `frame_length`; librosa's ``n_fft``. None: the next power of two
            (tensorflow) or `frame_length` (librosa).
        mel_bins: number of mel bands; librosa's ``n_mels``.
        low_hz: where the lowest mel band begins; librosa's ``fmin``.
        high_hz: where the highest mel band ends, at most half the sample rate; librosa's ``fmax``.
        coefficients: number of MFCCs, the first ones; librosa's ``n_mfcc``.
        log_offset: added before the logarithm, tensorflow only.
        cut: which part of a longer file stays: from its "start" or around its "centre".
        padding: "none", "end" (TensorFlow's ``pad_end=True``) or "centre" (librosa's ``center=True``).
            None: none for tensorflow, centre for librosa.
        power: of the magnitudes, in the spectrogram or before the mel filters. None: 2 for librosa's log-mel and
            MFCC, else 1.
        db_floor: smallest power, librosa only: ``amin``.
        db_reference: power of 0 dB, librosa only: ``ref``. None: the largest of the file, ``ref=np.max``.
        top_db: range below the file's largest value, librosa only. None: no limit.
        bins_first: whether the model's input is [bins, frames], as librosa returns it, instead of [frames, bins].

    Raises:
        DataError: a value is of the wrong type or out of range, or two contradict each other.
    """

    sample_rate: int = 16000
    seconds: float | None = None
    features: str = "waveform"
    convention: str = TENSORFLOW
    frame_length: int = 480
    frame_step: int = 160
    fft_length: int | None = None
    mel_bins: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    coefficients: int = 13
    log_offset: float = 1e-6
    cut: str = "start"
    padding: str | None = None
    power: float | None = None
    db_floor: float = 1e-10
    db_reference: float | None = 1.0
    top_db: float | None = 80.0
    bins_first: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            # NumPy's numbers become Python's, which JSON can hold.
            object.__setattr__(self, field.name, _checked(field.name, getattr(self, field.name)))
        self._require_consistency()

    def to_json(self) -> dict[str, Any]:
        """For the bundle: every key, and the version of the format."""
        return {"version": VERSION, **dataclasses.asdict(self)}

    @staticmethod
    def from_json(value: object) -> AudioPreparation:
        """Reads what `to_json` wrote, or what somebody declared; missing keys have their defaults.

        Args:
            value: the decoded JSON.

        Raises:
            DataError: it is no object, of a newer version, has an unknown key, or a value is wrong.
        """
        if not isinstance(value, Mapping):
            raise DataError(
                f"expected an audio preparation as an object of keys and values, found {value!r:.60}"
            )
        keys = dict(value)
        version = keys.pop("version", VERSION)
        if type(version) is not int or version != VERSION:
            raise DataError(
                f"audio preparation of version {version!r:.60}, this edgeq reads {VERSION}: update edgeq"
            )
        known = [field.name for field in dataclasses.fields(AudioPreparation)]
        for key in keys:
            if key not in known:
                raise DataError(
                    f"unknown key {key!r:.60} in the audio preparation: expected {', '.join(known)}"
                )
        return AudioPreparation(**keys)

    @property
    def framing(self) -> Framing:
        """How the resampled signal is cut into frames."""
        return Framing(
            self.convention, self.frame_length, self.frame_step, self._fft_length(), self._padding()
        )

    def item_shape(self, samples: int) -> tuple[int, ...]:
        """Shape of the features of so many samples: [samples], [frames, bins] or [bins, frames]."""
        if self.features == "waveform":
            return (samples,)
        shape = spectra.frame_count(samples, self.framing), self._bins()
        return shape[::-1] if self.bins_first else shape

    def check_input(self, shape: tuple[int, ...], source: str) -> None:
        """Checks that a model's input can hold such features at all, before any file is read.

        Args:
            shape: of one item.
            source: of the sounds, for messages.

        Raises:
            DataError: it has another number of dimensions.
        """
        wanted = 1 if self.features == "waveform" else 2
        if len(shape) not in (wanted, wanted + 1) or (len(shape) > wanted and shape[-1] != 1):
            expected = "[samples]" if wanted == 1 else "[frames, bins]"
            raise DataError(
                f"{source} holds sounds, which become {self.features} {expected}, the model takes {list(shape)}: "
                "say how with --preprocess FILE.json (audio.features), or give what the model takes"
            )

    def _bins(self) -> int:
        by_features = {"log-mel": self.mel_bins, "mfcc": self.coefficients}
        return by_features.get(self.features, self.framing.bins)

    def _fft_length(self) -> int:
        if self.fft_length is not None:
            return self.fft_length
        if self.convention == LIBROSA:
            return self.frame_length
        return 1 << (self.frame_length - 1).bit_length()

    def _padding(self) -> str:
        return self.padding or _PADDINGS[self.convention][0]

    def _power(self) -> float:
        if self.power is not None:
            return self.power
        return 2.0 if self.convention == LIBROSA and self.features != "spectrogram" else 1.0

    def _require_consistency(self) -> None:
        for field in dataclasses.fields(self):
            convention = _ONLY_IN.get(field.name, self.convention)
            if convention != self.convention and getattr(self, field.name) != field.default:
                raise _wrong(
                    field.name,
                    f"no value, because it is of the {convention} convention",
                    getattr(self, field.name),
                )
        if self.seconds is not None and round(self.seconds * self.sample_rate) < 1:
            raise _wrong("seconds", f"at least one sample at {self.sample_rate} Hz", self.seconds)
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise _wrong("fft_length", f"at least frame_length, {self.frame_length}", self.fft_length)
        if self._padding() not in _PADDINGS[self.convention]:
            expected = " or ".join(_PADDINGS[self.convention])
            raise _wrong("padding", f"{expected} in the {self.convention} convention", self.padding)
        if self.features in ("log-mel", "mfcc"):
            if self.high_hz > self.sample_rate / 2:
                raise _wrong(
                    "high_hz", f"at most half the sample rate, {self.sample_rate / 2:g}", self.high_hz
                )
            if self.low_hz > self.high_hz - 1:
                raise _wrong("low_hz", f"at least 1 Hz less than high_hz, {self.high_hz:g}", self.low_hz)
        if self.features == "mfcc" and self.coefficients > self.mel_bins:
            raise _wrong("coefficients", f"at most mel_bins, {self.mel_bins}", self.coefficients)


def read_audio(path: Path, preparation: AudioPreparation, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Reads an audio file as a model's input.

    One second of 16 kHz to log-mel takes 0.5 ms, one of 44.1 kHz 1.8 ms.

    Args:
        path: the file.
        preparation: what the model was trained with.
        shape: of one item: [samples], [frames, bins], or either with a last axis of 1.

    Returns:
        float32[*shape].

    Raises:
        DataError: the file cannot be read, or does not become what the model needs.
    """
    name = printable(path)
    if any(size < 1 for size in shape):
        raise DataError(
            f"{name}: the model's input is {list(shape)}: expected a fixed size of at least 1 in every dimension"
        )
    samples, rate = read_wav(path)
    mono = samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)
    length = _length(preparation, shape, resampled_length(len(mono), rate, preparation.sample_rate))
    # Before anything is computed: a file may be hours long.
    _require_shape(name, preparation, shape, length)
    signal = _cut(mono, rate, preparation, length)
    return prepare(signal, preparation).reshape(shape)


def prepare(signal: npt.NDArray[np.float32], preparation: AudioPreparation) -> npt.NDArray[np.float32]:
    """Features of a signal that has the preparation's sample rate and length, one from a microphone say.

    One second of 16 kHz takes 0.33 ms to log-mel and as much to MFCC, 0.42 ms the first time.

    Args:
        signal: float32[samples].
        preparation: what the model was trained with.

    Returns:
        float32[samples], float32[frames, bins] or float32[bins, frames].
    """
    if preparation.features == "waveform":
        return signal
    result = spectra.spectrogram(signal, preparation.framing, preparation._power())
    if preparation.features != "spectrogram":
        result = _log_mel(result, preparation)
    if preparation.features == "mfcc":
        result = spectra.mfcc(result, preparation.coefficients, preparation.convention)
    return result.T if preparation.bins_first else result


def _log_mel(spectrogram: spectra.Floats, preparation: AudioPreparation) -> spectra.Floats:
    mel = spectrogram @ spectra.mel_filters(
        preparation.convention,
        preparation.mel_bins,
        preparation.framing.fft_length,
        preparation.sample_rate,
        preparation.low_hz,
        preparation.high_hz,
    )
    if preparation.convention == TENSORFLOW:
        return spectra.natural_log(mel, preparation.log_offset)
    return spectra.decibels(mel, preparation.db_floor, preparation.db_reference, preparation.top_db)


def _length(preparation: AudioPreparation, shape: tuple[int, ...], available: int) -> int:
    """Samples that the features are computed of."""
    if preparation.seconds is not None:
        return round(preparation.seconds * preparation.sample_rate)
    return shape[0] if preparation.features == "waveform" and shape else available


def _cut(
    mono: npt.NDArray[np.float32], rate: int, preparation: AudioPreparation, length: int
) -> npt.NDArray[np.float32]:
    """Only what stays is resampled."""
    available = resampled_length(len(mono), rate, preparation.sample_rate)
    start = max(0, available - length) // 2 if preparation.cut == "centre" else 0
    signal = resample(mono, rate, preparation.sample_rate, start, start + min(available, length))
    return np.pad(signal, (0, length - len(signal)))


def _require_shape(name: str, preparation: AudioPreparation, shape: tuple[int, ...], length: int) -> None:
    found = preparation.item_shape(length)
    if shape in (found, (*found, 1)):
        return
    raise DataError(
        f"{name}: {preparation.features} of {length} samples at {preparation.sample_rate} Hz is {list(found)}, "
        f"the model's input is {list(shape)}: {_advice(preparation, shape, found)}"
    )


def _advice(preparation: AudioPreparation, shape: tuple[int, ...], found: tuple[int, ...]) -> str:
    """What to change in the preparation."""
    wanted = shape[:-1] if len(shape) == len(found) + 1 and shape[-1] == 1 else shape
    if len(wanted) != len(found):
        return "choose other 'features'"
    if preparation.features == "waveform":
        return f"set 'seconds' to {shape[0] / preparation.sample_rate:g} or leave it out"
    frames, bins = (1, 0) if preparation.bins_first else (0, 1)
    if wanted[frames] == found[bins] != wanted[bins]:
        return f"set 'bins_first' to {str(not preparation.bins_first).lower()}"
    if wanted[bins] != found[bins]:
        key = {"log-mel": "mel_bins", "mfcc": "coefficients"}.get(preparation.features)
        return (
            f"set {key!r} to {wanted[bins]}" if key else f"set 'fft_length' to {max(1, 2 * wanted[bins] - 2)}"
        )
    return f"set 'seconds' to {_seconds(wanted[frames], preparation)}, or another 'frame_step'"


def _seconds(frames: int, preparation: AudioPreparation) -> float:
    """The roundest length that gives so many frames."""
    rate = preparation.sample_rate
    least = max(1, spectra.shortest_signal(frames, preparation.framing))
    for decimals in range(6):
        seconds: float = math.ceil(least / rate * 10**decimals) / 10**decimals
        if spectra.frame_count(round(seconds * rate), preparation.framing) == frames:
            return seconds
    return least / rate


def _checked(key: str, value: object) -> object:
    """The value as Python's own type."""
    if value is None and key in _MAY_BE_NONE:
        return None
    if key in _CHOICES:
        if isinstance(value, str) and value in _CHOICES[key]:
            return str(value)
        raise _wrong(key, f"one of {', '.join(_CHOICES[key])}", value)
    if key in _WHOLE:
        low, high = _WHOLE[key]
        if _is_number(value) and isinstance(value, int | np.integer) and low <= value <= high:
            return int(value)
        raise _wrong(key, f"a whole number from {low} to {high}", value)
    if key in _REAL:
        least, most = _REAL[key]
        if _is_number(value) and least <= value <= most:
            return float(value)
        raise _wrong(key, f"a number from {least:g} to {most:g}", value)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false", value)
    return value


def _is_number(value: object) -> TypeGuard[float]:
    # In Python a bool is an int.
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _wrong(key: str, expected: str, value: object) -> DataError:
    return DataError(f"audio preparation: expected {key!r} to be {expected}, found {value!r:.60}")
