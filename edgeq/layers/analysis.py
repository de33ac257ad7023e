"""Analyses a file layer by layer: what each costs in accuracy, time and size, and what can be done about it."""

from __future__ import annotations

from pathlib import Path

from edgeq.bundle import Bundle, Variant, is_bundle, read_bundle
from edgeq.data.dataset import Dataset
from edgeq.data.preprocessing import Preprocessing
from edgeq.errors import BundleError, UsageError
from edgeq.layers.costs import Extent, measure_layers
from edgeq.layers.items import choose_items
from edgeq.layers.profile import profile_operators
from edgeq.layers.simulating import Files, Simulator
from edgeq.layers.structure import LayerAnalysis, LayerCost
from edgeq.layers.subject import (
    Latencies,
    Progress,
    file_layers,
    latency_by_operator,
    read_subject,
    share,
    time_operators,
)
from edgeq.schemes import BASELINE
from edgeq.scratch import scratch_folder
from edgeq.tflite.model import read_model

ITEMS = 64
"""Items that layers are measured on by default. On the demo's int8 file the first two layers are the same from 32 items
on, with two draws of 32, 64, 128 and 200; layers within 2 dB of each other change places."""

MAX_LAYERS = 200
"""Layers that are measured on all items by default; MobileNetV2 has 65 operators, EfficientNet-Lite0 90."""

SUSPECTS = 5
"""Layers whose remedies are tried by default: each takes up to eight runs of all items."""

_PREFERRED = ("int8", "int16x8", "int8x4", "dynamic", "float16")


def analyse_layers(
    bundle: Path | str | Bundle,
    *,
    variant: str | None = None,
    data: Path | Dataset | None = None,
    preprocess: Preprocessing | None = None,
    items: int = ITEMS,
    max_layers: int = MAX_LAYERS,
    suspects: int = SUSPECTS,
    runtime: str | None = None,
    profile: bool = True,
    threads: int = 1,
    verbose: bool = False,
    seed: int = 0,
    progress: Progress | None = None,
) -> LayerAnalysis:
    """Finds out what each layer costs.

    Of a bundle, each layer of the float32 file is quantized alone, exactly as in the variant: with the variant's
    weights, scales and zero points. What that changes at the model's outputs is the harm that it does. Nothing is
    converted, so that neither TensorFlow nor the training data are needed.

    Args:
        bundle: a bundle, or its folder; or one ``.tflite``, of which only time and size are known.
        variant: of the bundle; int8 by default, else the first there of int16x8, dynamic and float16.
        data: where items come from: those that the bundle was calibrated on where it has them; None for the
            bundle's parity inputs.
        preprocess: of the data, instead of the bundle's.
        items: how many at most.
        max_layers: that are measured on all items; where there are more, the most harmful on a few.
        suspects: layers whose remedies are tried.
        runtime: which; None for the best installed.
        profile: whether operators are timed here.
        threads: of the runtime that is timed.
        verbose: whether the output of the runtime that is timed is let through.
        seed: of the draw of items.
        progress: called with what is being done, what is done of it, and the total.

    Raises:
        EdgeqError: the bundle, the data or the runtime cannot be used.
    """
    report = progress or (lambda doing, done, total: None)
    bundle = Path(bundle) if isinstance(bundle, str) else bundle
    if isinstance(bundle, Path) and not bundle.exists():
        raise UsageError(f"{bundle} does not exist: expected a bundle or a .tflite file")
    if isinstance(bundle, Path) and not is_bundle(bundle) and not bundle.is_dir():
        if data is not None or variant is not None:
            raise UsageError(
                f"{bundle} is a lone file: a bundle is needed to measure what its layers cost in accuracy"
            )
        return _analyse_file(bundle, runtime, profile, threads, verbose)
    opened = bundle if isinstance(bundle, Bundle) else read_bundle(bundle)
    baseline, chosen = _choose(opened, variant)
    chosen_items = choose_items(opened, data, preprocessing=preprocess, count=items, seed=seed)
    subject = read_subject(opened.manifest.name, chosen.name, opened.path(baseline), opened.path(chosen))
    latencies = (
        time_operators(subject, runtime, report, threads=threads, verbose=verbose) if profile else Latencies()
    )
    with scratch_folder("layers") as folder:
        files = Files(subject.floats, subject.float_model, subject.variant, subject.grids)
        with Simulator(files, chosen_items.values, folder, runtime=runtime) as simulator:
            extent = Extent(max_layers, suspects)
            return measure_layers(subject, simulator, chosen_items, latencies, extent, report)


def _choose(bundle: Bundle, name: str | None) -> tuple[Variant, Variant]:
    """The float32 variant and the one to analyse."""
    variants = {variant.name: variant for variant in bundle.manifest.variants}
    baseline = next((variant for variant in variants.values() if variant.scheme == BASELINE), None)
    if baseline is None:
        raise BundleError(
            f"{bundle.folder} has no float32 file, which the others are compared with: convert again"
        )
    others = {name: variant for name, variant in variants.items() if variant.scheme != BASELINE}
    if name is not None:
        if name not in others:
            raise UsageError(f"expected one of the variants {', '.join(others)}, found {name!r}")
        return baseline, others[name]
    for scheme in _PREFERRED:
        for variant in others.values():
            if variant.scheme == scheme:
                return baseline, variant
    if not others:
        raise BundleError(f"{bundle.folder} has a float32 file only: convert with --scheme int8, say")
    return baseline, next(iter(others.values()))


def _analyse_file(
    path: Path, runtime: str | None, wanted: bool, threads: int, verbose: bool
) -> LayerAnalysis:
    """Time and size of a lone file."""
    model = read_model(path)
    profile = profile_operators(path, runtime=runtime, threads=threads, verbose=verbose) if wanted else None
    found = file_layers(path, model)
    by_operator = {} if profile is None else latency_by_operator(profile, found)
    whole = sum(by_operator.values())
    layers = tuple(
        LayerCost(
            index=layer.index,
            quantized_index=None,
            name=layer.name,
            operator=layer.operator,
            output=layer.output,
            output_shape=layer.output_shape,
            dtype=layer.output_dtype,
            size_bytes=layer.size_bytes,
            float_bytes=None,
            macs=layer.macs,
            latency_us=by_operator.get(layer.index),
            latency_share=share(by_operator.get(layer.index), whole),
        )
        for layer in found
    )
    return LayerAnalysis(
        subject=path.name,
        variant=path.name,
        n=0,
        items_source="",
        sqnr_db=None,
        changed=None,
        simulated_sqnr_db=None,
        simulation_error_db=None,
        layers=layers,
        latency_us=whole if profile is not None else None,
        profile_source="" if profile is None else profile.source,
        notes=() if profile is None else profile.notes,
    )
