"""edgeq: trained Keras models to TensorFlow Lite files that can be trusted.

What the command line does, as functions::

    conversion = edgeq.convert_model("model.keras", data="photos/")
    session = edgeq.measure(edgeq.find_targets([conversion.bundle.folder]))
    print(edgeq.render(session.measurements, "md"))

Names are loaded when they are first used: importing edgeq loads neither NumPy nor TensorFlow, and only
`convert_model` needs TensorFlow, as does `optimize_model` of a model that is no bundle. They are not called ``convert``
and ``optimize``, because these are packages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgeq.android.putting import AppWithBundle
    from edgeq.android.putting import new_app as new_android_app
    from edgeq.android.putting import put_into_app as put_into_android_app
    from edgeq.benchmark.prediction import predict
    from edgeq.benchmark.session import Session, measure
    from edgeq.benchmark.targets import Targets, find_targets
    from edgeq.bundle import Bundle, read_bundle
    from edgeq.convert.examine import examine_target
    from edgeq.convert.job import Conversion
    from edgeq.convert.options import Options as ConversionOptions
    from edgeq.convert.pipeline import convert as convert_model
    from edgeq.data.dataset import ArrayDataset, Dataset
    from edgeq.data.reading import read_dataset
    from edgeq.devices.job_options import JobOptions
    from edgeq.devices.measuring import DeviceAccess, DeviceJob, measure_on_devices
    from edgeq.devices.packed.packing import pack_bundle, write_packed
    from edgeq.devices.phones.benchmark_model import PhoneOptions
    from edgeq.devices.specs import read_device
    from edgeq.errors import EdgeqError
    from edgeq.inspection.inspecting import inspect_file
    from edgeq.layers.analysis import analyse_layers
    from edgeq.optimize.budget import Budget as SearchBudget
    from edgeq.optimize.pipeline import Optimization, OptimizeOptions
    from edgeq.optimize.pipeline import optimize as optimize_model
    from edgeq.optimize.result import Goal
    from edgeq.report.render import render
    from edgeq.report.results import read_results

__version__ = "0.1.0"

__all__ = [
    "AppWithBundle",
    "ArrayDataset",
    "Bundle",
    "Conversion",
    "ConversionOptions",
    "Dataset",
    "DeviceAccess",
    "DeviceJob",
    "EdgeqError",
    "Goal",
    "JobOptions",
    "Optimization",
    "OptimizeOptions",
    "PhoneOptions",
    "SearchBudget",
    "Session",
    "Targets",
    "__version__",
    "analyse_layers",
    "convert_model",
    "examine_target",
    "find_targets",
    "inspect_file",
    "measure",
    "measure_on_devices",
    "new_android_app",
    "optimize_model",
    "pack_bundle",
    "predict",
    "put_into_android_app",
    "read_bundle",
    "read_dataset",
    "read_device",
    "read_results",
    "render",
    "write_packed",
]

_HOMES = {
    "AppWithBundle": "edgeq.android.putting",
    "ArrayDataset": "edgeq.data.dataset",
    "Bundle": "edgeq.bundle",
    "Conversion": "edgeq.convert.job",
    "ConversionOptions": "edgeq.convert.options:Options",
    "Dataset": "edgeq.data.dataset",
    "DeviceAccess": "edgeq.devices.measuring",
    "DeviceJob": "edgeq.devices.measuring",
    "EdgeqError": "edgeq.errors",
    "Goal": "edgeq.optimize.result",
    "JobOptions": "edgeq.devices.job_options",
    "Optimization": "edgeq.optimize.pipeline",
    "OptimizeOptions": "edgeq.optimize.pipeline",
    "PhoneOptions": "edgeq.devices.phones.benchmark_model",
    "SearchBudget": "edgeq.optimize.budget:Budget",
    "Session": "edgeq.benchmark.session",
    "Targets": "edgeq.benchmark.targets",
    "analyse_layers": "edgeq.layers.analysis",
    "convert_model": "edgeq.convert.pipeline:convert",
    "examine_target": "edgeq.convert.examine",
    "find_targets": "edgeq.benchmark.targets",
    "inspect_file": "edgeq.inspection.inspecting",
    "measure": "edgeq.benchmark.session",
    "measure_on_devices": "edgeq.devices.measuring",
    "new_android_app": "edgeq.android.putting:new_app",
    "optimize_model": "edgeq.optimize.pipeline:optimize",
    "pack_bundle": "edgeq.devices.packed.packing",
    "predict": "edgeq.benchmark.prediction",
    "put_into_android_app": "edgeq.android.putting:put_into_app",
    "read_bundle": "edgeq.bundle",
    "read_dataset": "edgeq.data.reading",
    "read_device": "edgeq.devices.specs",
    "read_results": "edgeq.report.results",
    "render": "edgeq.report.render",
    "write_packed": "edgeq.devices.packed.packing",
}
"""The module of each public name, and its name there where that is another."""

# Type checkers read the imports above; with this function they would take any misspelt name for an object.
if not TYPE_CHECKING:

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(f"module 'edgeq' has no attribute {name!r}")
        import importlib

        module, _, own_name = _HOMES[name].partition(":")
        value = getattr(importlib.import_module(module), own_name or name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
