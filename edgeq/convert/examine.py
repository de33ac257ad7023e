"""Examines whatever a user names: a model, which needs TensorFlow, or a bundle or a .tflite, which do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgeq.bundle import is_bundle
from edgeq.data.dataset import Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.doctor.case import Case
from edgeq.doctor.examination import Examination, examine, selected_rules
from edgeq.doctor.opening import open_files_case
from edgeq.errors import ModelError, UsageError


@contextmanager
def open_target(
    target: Path | str,
    *,
    data: Dataset | Path | None = None,
    calibration: Dataset | Path | None = None,
    preprocess: Preprocessing | str | None = None,
    variants: Sequence[str] = (),
    size: tuple[int, ...] = (),
    allow_lambda: bool = False,
    runtime: str | None = None,
    target_runtime: str | None = None,
    seed: int = 0,
    verbose: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Iterator[Case]:
    """Opens a target as a case, which is good until the block ends.

    Args:
        target: a model or a converter script; a bundle; or a .tflite.
        data: a data set, or where it lies.
        calibration: likewise, for calibration alone.
        preprocess: instead of what is found.
        variants: of a bundle; none takes all.
        size: sizes of a model's free dimensions.
        allow_lambda: whether Lambda layers may be loaded.
        runtime: which runtime; None for the best installed.
        target_runtime: that the files are to run on elsewhere, such as ``tflite-runtime 2.14``.
        seed: of the draws.
        verbose: whether TensorFlow's output is let through.
        progress: called as it goes on.

    Raises:
        EdgeqError: the target cannot be opened.
    """
    path = Path(target)
    if is_bundle(path) or path.suffix == ".tflite":
        if variants and not is_bundle(path):
            raise UsageError(f"--variant is for bundles, found {path}")
        yield open_files_case(
            path,
            data=data,
            calibration=calibration,
            preprocess=preprocess,
            variants=tuple(variants),
            runtime=runtime,
            target_runtime=target_runtime,
            seed=seed,
        )
        return
    _require_target(path)
    if variants:
        raise UsageError(f"--variant is for bundles, found {path}")
    if target_runtime is not None:
        raise UsageError(f"--target-runtime is for bundles and .tflite files, found {path}")
    # Only this way leads to TensorFlow.
    from edgeq.convert.model_case import open_model_case

    with open_model_case(
        path,
        data=data,
        calibration=calibration,
        preprocess=preprocess,
        size=size,
        allow_lambda=allow_lambda,
        runtime=runtime,
        seed=seed,
        verbose=verbose,
        progress=progress,
    ) as case:
        yield case


def _require_target(path: Path) -> None:
    """Refuses what is neither a bundle nor a model before TensorFlow is loaded."""
    if path.exists() and not (path.is_dir() and not (path / "saved_model.pb").is_file()):
        return
    found = "is a folder without bundle.json and saved_model.pb" if path.exists() else "does not exist"
    raise ModelError(
        f"{path} {found}: expected a model (.keras, legacy .h5, a SavedModel folder, a converter script), a bundle, or "
        "a .tflite"
    )


def examine_target(
    target: Path | str,
    *,
    data: Dataset | Path | None = None,
    calibration: Dataset | Path | None = None,
    preprocess: Preprocessing | str | None = None,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    size: tuple[int, ...] = (),
    runtime: str | None = None,
    target_runtime: str | None = None,
    seed: int = 0,
) -> Examination:
    """Looks for what makes a model wrong or slow on a device, as ``edgeq doctor`` does.

    Args:
        target: a model or a converter script; a bundle; or a .tflite.
        data: a data set, or where it lies.
        calibration: likewise, for calibration alone.
        preprocess: instead of what is found.
        select: codes or beginnings of codes of rules; none selects all.
        ignore: likewise, left out.
        size: sizes of a model's free dimensions.
        runtime: which runtime; None for the best installed.
        target_runtime: that the files are to run on elsewhere, such as ``tflite-runtime 2.14``.
        seed: of the draws.

    Raises:
        EdgeqError: the target cannot be opened, or there is no such rule.
    """
    rules = selected_rules(select, ignore)
    with open_target(
        target,
        data=data,
        calibration=calibration,
        preprocess=preprocess,
        size=size,
        runtime=runtime,
        target_runtime=target_runtime,
        seed=seed,
    ) as case:
        return examine(case, rules)
