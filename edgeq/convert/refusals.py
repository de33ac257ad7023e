"""Why TensorFlow's converter, calibrator or quantizer refuses a model: one line out of their many."""

from __future__ import annotations

import re

from edgeq.sources.graph import first_line


def refusal(who: str, error: Exception) -> str:
    """What a calibrator or quantizer said, in one line.

    Args:
        who: refuses.
        error: as raised.
    """
    text = str(error)
    if "Select TensorFlow op" in text:
        return (
            "calibration runs the model, and this TensorFlow has no Flex delegate to run it with: with "
            "--allow-flex the float schemes are possible"
        )
    unranged = re.search(r"Failed for tensor (\S+)", text)
    if unranged:
        return (
            f"the 16-bit quantizer wants a range of every tensor and {unranged.group(1)} has none, as it is with "
            "integer inputs: take int8"
        )
    return f"{who} refuses: {first_line(error)}"


def explain(text: str) -> str:
    """The reason in one line, out of the converter's many.

    Args:
        text: the message of a ``ConverterError``.
    """
    flex = re.search(r"(?:TF Select|Flex) ops: ([\w., ]+)", text)
    if flex and re.search(r"tensor<[^>]*f64>", text):
        return (
            f"the model computes in float64 ({flex.group(1).strip(' .')}), which TensorFlow Lite has no kernels for: "
            "build the model in float32"
        )
    if flex:
        return (
            f"the model needs TensorFlow's own operators ({flex.group(1).strip(' .')}): --allow-flex keeps them, "
            "and the app must then link the Flex delegate"
        )
    custom = re.search(r"Custom ops: ([\w., ]+)", text)
    if custom:
        return (
            f"the model has operators that TensorFlow Lite does not know: {custom.group(1).strip(' .')}: rebuild that "
            "part of it from other layers"
        )
    failed = re.search(r"error: '([\w.]+)' op (.+)", text)
    if failed:
        return f"the converter refuses operator {failed.group(1)}: {failed.group(2).strip()[:160]}"
    lines = [line.strip() for line in text.splitlines() if "error:" in line]
    return f"the converter refuses: {(lines or [first_line(ValueError(text))])[0][-240:]}"
