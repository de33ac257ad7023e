"""What all converter scripts have in common that fetch packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONVERTERS = Path(__file__).parents[2] / "converters"


@pytest.mark.parametrize(
    "name",
    ["cifar10_hard_swish", "cifar10_resnet", "cifar10_resnet_hard", "cifar10_silu", "efficientnet_lite0"],
)
def test_reading_the_script_neither_loads_tensorflow_nor_fetches_anything(name, tmp_path):
    code = (
        "import sys; from pathlib import Path; from edgeq.data.script import read_script; "
        f"script = read_script(Path({str(CONVERTERS / name)!r} + '.py')); "
        "print(sorted(script.functions), 'tensorflow' in sys.modules)"
    )
    environment = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=CONVERTERS.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split("\n")[0] == "['calibration', 'data', 'model'] False"
    assert not (tmp_path / "cache").exists()
