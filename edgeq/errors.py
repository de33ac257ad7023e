"""Every error a user can meet: one line that says what, expected, found and what to do next.

The exit codes are those of the command line: 1 a gate or a check failed, 2 wrong usage or bad input,
3 a part could not be made or measured and the rest was.
"""

from __future__ import annotations

from collections.abc import Mapping

EXIT_FINE = 0
EXIT_GATE = 1
EXIT_BAD_INPUT = 2
EXIT_PARTIAL = 3


class EdgeqError(Exception):
    """A problem that the user can solve; printed as one line, without a traceback.

    Attributes:
        exit_code: what the command line exits with.
    """

    exit_code = EXIT_BAD_INPUT


class UsageError(EdgeqError):
    """Options that do not exist or do not go together."""


class ModelError(EdgeqError):
    """A model file that is missing, is damaged, or is not a model."""


class DataError(EdgeqError):
    """Calibration or validation data that cannot be what the model needs."""


class NoItemsError(DataError):
    """Data without a single item."""


class BundleError(EdgeqError):
    """A bundle that is missing, incomplete or altered."""


class RuntimeUnavailableError(EdgeqError):
    """No TensorFlow Lite runtime, or not the one asked for, is installed here."""


class MissingExtraError(EdgeqError):
    """A package of an optional extra is needed and not installed."""

    def __init__(self, what: str, extra: str) -> None:
        """Names the extra that brings the package.

        Args:
            what: what needs it, as the beginning of a sentence.
            extra: the extra's name in ``setup.cfg``.
        """
        super().__init__(f'{what} is not installed: pip install "edgeq[{extra}]"')


class ConversionError(EdgeqError):
    """A variant that could not be made, or that was made and does not hold what it promises."""


class WorkerError(EdgeqError):
    """A measuring process that failed or died; the message names the variant."""


class DeviceError(EdgeqError):
    """A device that cannot be reached, is lost, or lacks what measuring there needs."""


def joined_reasons(failures: Mapping[str, str]) -> str:
    """Why every one of several variants failed, in one line: the reason alone where all have the same.

    Args:
        failures: messages by variant, with or without the variant's name in front.
    """
    reasons = {variant: message.removeprefix(f"{variant}: ") for variant, message in failures.items()}
    if len(set(reasons.values())) == 1 and len(reasons) > 1:
        return next(iter(reasons.values()))
    return "; ".join(f"{variant}: {reason}" for variant, reason in reasons.items())


class ResultsError(EdgeqError):
    """Measurements that are damaged, of a newer format, or not comparable."""


class OutputError(EdgeqError):
    """An output that cannot be written."""
