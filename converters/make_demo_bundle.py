"""Makes the bundle that ships with edgeq from the demo's model: ``python converters/make_demo_bundle.py``.

The bundle lets the demo run where TensorFlow is not installed. Run this after the model or a converter changed.
"""

from __future__ import annotations

from pathlib import Path

from edgeq.convert.options import Options
from edgeq.convert.pipeline import convert
from edgeq.demo import assets

if __name__ == "__main__":
    conversion = convert(
        assets.model_path(),
        calibration=assets.calibration(),
        output=Path(assets.bundle_path()),
        options=Options(name=assets.NAME, schemes=("all",), labels=assets.LABELS, force=True),
    )
    print(conversion.bundle.folder, [variant.name for variant in conversion.bundle.manifest.variants])
