"""How to convert."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgeq.convert.saved_recipe import SavedRecipe
from edgeq.data.dataset import FAIL
from edgeq.data.preprocessing import Preprocessing
from edgeq.data.splitting import CALIBRATION_ITEMS
from edgeq.quantize.recipe import Recipe
from edgeq.schemes import SCHEMES, Scheme

RANDOM, COVERAGE = "random", "coverage"
DRAWS = (RANDOM, COVERAGE)
"""How calibration items are drawn."""


@dataclass(frozen=True)
class Options:
    """How to convert; every field has the command line's default.

    Attributes:
        name: of the model, for files and reports; the source's own by default.
        schemes: names, ``all``, or none for the default ones.
        io: I/O types of full-integer files; none for each scheme's default.
        preprocess: the preprocessing, or its name; None finds it.
        labels: class names; None takes what the source or the data know.
        batch: size of a free batch axis.
        size: sizes of other free dimensions.
        calibration_items: how many items are drawn for calibration.
        calibration_draw: ``random``, or ``coverage`` of what the activations do; see `edgeq.convert.coverage`.
        seed: of the draws.
        task: what the model does, for measurements; None where labels and outputs tell.
        on_bad_input: ``fail``, or ``skip`` to leave out items that cannot be read.
        allow_flex: whether TensorFlow's own operators may be used.
        allow_lambda: whether Lambda layers may be loaded.
        signature: of a SavedModel.
        force: whether an existing bundle is replaced.
        verbose: whether TensorFlow's output is let through.
        methods: how int8 and int8x4 files are tuned, of which ranges, weights and rewrites count; None makes none.
        recipe: of a tuned file, as `edgeq optimize` writes it; None makes none.
        scheme_table: the schemes that `schemes` names, for own ones beside edgeq's.
    """

    name: str | None = None
    schemes: Sequence[str] = ()
    io: Sequence[str] = ()
    preprocess: Preprocessing | str | None = None
    labels: Sequence[str] | None = None
    batch: int | None = None
    size: tuple[int, ...] = ()
    calibration_items: int = CALIBRATION_ITEMS
    calibration_draw: str = RANDOM
    seed: int = 0
    task: str | Mapping[str, Any] | None = None
    on_bad_input: str = FAIL
    allow_flex: bool = False
    allow_lambda: bool = False
    signature: str | None = None
    force: bool = False
    verbose: bool = False
    methods: Recipe | None = None
    recipe: SavedRecipe | None = None
    scheme_table: Sequence[Scheme] = SCHEMES
