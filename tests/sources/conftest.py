"""Conversions of tiny models, checked by running the files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def convert(tmp_path: Path) -> Callable[..., Any]:
    """Converts a source to a bundle of its own; keyword arguments are those of `Options`."""
    from edgeq.convert.options import Options
    from edgeq.convert.pipeline import convert as convert_source

    made = 0

    def make(source: Any, data: Any = None, **options: Any) -> Any:
        nonlocal made
        made += 1
        return convert_source(
            source, data=data, output=tmp_path / f"bundle{made}", options=Options(**options)
        )

    return make


@pytest.fixture
def run() -> Callable[..., dict[str, Any]]:
    """Runs one item through a file of a bundle: real values by input name in, real values by output name out."""
    from edgeq.runtime.running import run_file

    def run_one(bundle: Any, variant: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        (found,) = [each for each in bundle.manifest.variants if each.name == variant]
        ran = run_file(bundle.path(found), variant, {name: value[None] for name, value in inputs.items()})
        return {info.name: np.asarray(info.decode(ran.stored[info.name]))[0] for info in ran.outputs}

    return run_one
