"""Results of searches, made by hand: what views are tested with."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from edgeq.optimize.candidate import Candidate
from edgeq.optimize.findings import AGREEMENT, BuiltFile, Quality, Speed
from edgeq.optimize.page.view import View
from edgeq.optimize.result import (
    CHOSEN,
    DOMINATED,
    FAILED,
    FRONT,
    NOT_FASTER,
    OUTDONE,
    OVER_BUDGET,
    Goal,
    Outcome,
    SearchResult,
)
from edgeq.optimize.workshop import LayerFacts
from edgeq.quantize.recipe import Recipe, WeightMethod

HOSTILE = "</script><script>alert(1)</script>[bold red]\x1b[31m\u202eevil\n" + "x" * 300

N = 9_800


def built(size: int, error: float = 0.01, **values) -> BuiltFile:
    defaults = {
        "path": Path("file.tflite"),
        "size_bytes": size,
        "gzip_bytes": int(size * 0.8),
        "error": error,
        "ranges": {"conv_1": (0.0, 6.0), "scores": (-12.0, 14.0)},
        "operators": 16,
        "delegated": 16,
        "float_layers": (),
        "notes": (),
    }
    return BuiltFile(**(defaults | values))


def quality(drop: float, agreement: float, width: float = 0.2, **values) -> Quality:
    defaults = {
        "metric": "top-1",
        "value": 82.24 - drop,
        "reference": 82.24,
        "drop_pp": drop,
        "low_pp": drop - width,
        "high_pp": drop + width,
        "agreement": agreement,
        "n": N,
    }
    return Quality(**(defaults | values))


def speed(milliseconds: float, ratio: float) -> Speed:
    return Speed(milliseconds, ratio, ratio - 0.01, ratio + 0.01, "AMD EPYC, 2 cores", 1, "litert 2.3.0")


def variant(name: str) -> Candidate:
    return Candidate(None, name, f"{name} as the converter makes it")


def recipe(scheme: str, origin: str, **values) -> Candidate:
    return Candidate(Recipe(scheme=scheme, **values), None, origin)


BEST_WEIGHTS = WeightMethod(scales="mse", rounding="error-feedback", correct_bias=True)
INT8 = recipe(
    "int8",
    "weights of the best so far",
    rewrites=("pool-to-mean",),
    range_method="chosen",
    weights=BEST_WEIGHTS,
)
MIXED = recipe(
    "int8x4",
    "the most harmful layers back in int8",
    rewrites=("pool-to-mean",),
    weights=BEST_WEIGHTS,
    layers={"model/stem/out": "int8", "model/scores/out": "int8"},
)
FOUR = recipe("int8x4", "all weights in 4 bits", rewrites=("pool-to-mean",), weights=BEST_WEIGHTS)
EQUALIZED = recipe("int8", "the rewrite equalize", rewrites=("equalize",))
PERCENTILE = recipe("int8", "ranges by percentile", range_method="percentile:99.99")


def outcomes() -> tuple[Outcome, ...]:
    return (
        Outcome(
            variant("float16"),
            DOMINATED,
            "no better than int8 and larger",
            built(162_400),
            quality(0.0, 0.9996, 0.05),
        ),
        Outcome(
            variant("dynamic"),
            DOMINATED,
            "no better than int8 and larger",
            built(98_900, delegated=14),
            quality(0.08, 0.991),
        ),
        Outcome(
            variant("int8"),
            DOMINATED,
            "int8 with better weights is as small and loses less",
            built(97_200),
            quality(0.55, 0.966, 0.25),
        ),
        Outcome(EQUALIZED, FAILED, "the rewrite changed the float outputs by more than 1e-5"),
        Outcome(PERCENTILE, OUTDONE, "its error of 0.0081 is not among the best", built(97_200, 0.0081)),
        Outcome(INT8, FRONT, "loses least", built(97_100, 0.0031), quality(0.06, 0.989, 0.12)),
        Outcome(
            FOUR,
            OVER_BUDGET,
            "loses 11.20 pp, 10.20 more than the budget",
            built(52_300, 0.2, delegated=5),
            quality(11.2, 0.841, 0.6),
        ),
        Outcome(
            MIXED,
            CHOSEN,
            "the smallest within 1 pp",
            built(58_600, 0.02, delegated=7),
            quality(0.49, 0.952, 0.31),
        ),
    )


LAYERS = (
    LayerFacts("model/stem/out", "stem", "CONV_2D", 432, 442_368),
    LayerFacts("model/block1/out", "block1", "CONV_2D", 2_304, 2_359_296),
    LayerFacts("model/block2/out", "block2", "CONV_2D", 4_608, 1_179_648),
    LayerFacts("model/scores/out", "scores", "FULLY_CONNECTED", 640, 640),
)


def moved() -> tuple[Outcome, ...]:
    """4-bit weights with one layer back in int8 each."""
    errors = (0.1619, 0.1931, 0.2004, 0.1833)
    return tuple(
        Outcome(
            recipe("int8x4", "one layer back in int8", rewrites=("pool-to-mean",), weights=BEST_WEIGHTS,
                   layers={layer.name: "int8"}),
            OUTDONE, "tried for its error alone", built(52_900, error, delegated=6),
        )
        for layer, error in zip(LAYERS, errors, strict=True)
    )  # fmt: skip


def smallest() -> View:
    """A search for the smallest file, which found one with mixed precision."""
    result = SearchResult(
        goal=Goal(max_drop_pp=1.0, objective="size"),
        outcomes=(*outcomes(), *moved()),
        chosen=MIXED.key,
        front=(INT8.key, MIXED.key),
        meets=True,
        cut_short=None,
        evaluations=31,
        grid=412,
        sentences=(
            "rewriting the average pooling as a mean took 61 % of int8's error",
            "error-feedback rounding with scales of least error was the best of 4 ways to round",
            "stem and scores stay in int8, because 4 bits there cost 10.7 pp",
        ),
    )
    return View(
        result=result,
        model="cifar10_resnet",
        float32_bytes=331_900,
        bundle=Path("resnet-optimized"),
        data=Path("photos"),
        names={MIXED.key: "int8x4-mixed", INT8.key: "int8-best"},
        layers=LAYERS,
        notes=("200 of 10,000 items are left out: the files were calibrated on them",),
        provenance=(("seed", "0"), ("calibration", "200 items"), ("edgeq", "0.1.0")),
    )


def fastest() -> View:
    """A search for the fastest file: int8 of the converter loses too much, another int8 is as fast."""
    view = smallest()
    timed = {
        INT8.key: (CHOSEN, 0.0402, 0.52),
        variant("int8").key: (NOT_FASTER, 0.0404, 0.52),
        MIXED.key: (NOT_FASTER, 0.171, 2.2),
        variant("float16").key: (DOMINATED, 0.0771, 0.998),
    }
    changed = tuple(
        dataclasses.replace(one, status=timed[one.key][0], speed=speed(*timed[one.key][1:]))
        if one.key in timed
        else one
        for one in view.result.outcomes
    )
    result = dataclasses.replace(
        view.result,
        goal=Goal(max_drop_pp=1.0, objective="latency", confident=True, holdout=True),
        outcomes=tuple(
            dataclasses.replace(one, report=quality(0.11, 0.988, 0.17, n=N // 2))
            if one.key == INT8.key
            else one
            for one in changed
        ),
        chosen=INT8.key,
        front=(INT8.key,),
    )
    return dataclasses.replace(view, result=result)


def missed() -> View:
    """Nothing within a budget of 0.05 pp, and the search was ended early."""
    view = smallest()
    result = dataclasses.replace(
        view.result,
        goal=Goal(max_drop_pp=0.05),
        chosen=INT8.key,
        front=(INT8.key, MIXED.key),
        meets=False,
        cut_short="the budget of 10m ended",
        sentences=(
            "The search ended early: the budget of 10m ended. Run it again to go on from here.",
            "fine-tuning, or a budget of 0.06 pp, would help",
        ),
    )
    return dataclasses.replace(view, result=result)


def unlabelled() -> View:
    """Likewise judged by agreement, because there were no labels."""
    view = smallest()
    changed = tuple(
        one
        if one.quality is None or one.quality.agreement is None
        else dataclasses.replace(
            one,
            quality=quality(
                100 * (1 - one.quality.agreement),
                one.quality.agreement,
                metric=AGREEMENT,
                value=one.quality.agreement,
                reference=1.0,
            ),
        )
        for one in view.result.outcomes
    )
    result = dataclasses.replace(view.result, goal=Goal(max_drop_pp=5.0), outcomes=changed)
    return dataclasses.replace(view, result=result)


def nothing() -> View:
    """No candidate could be made."""
    failed = (Outcome(variant("int8"), FAILED, "the converter crashed"),)
    result = SearchResult(Goal(1.0), failed, None, (), False, None, 1, 412, ("nothing could be made",))
    return View(result, "m", 0)


def hostile() -> View:
    """Names and texts that would steer a terminal or a page."""
    view = smallest()
    evil = recipe("int8", HOSTILE, layers={HOSTILE: "float32"})
    one = Outcome(
        evil,
        CHOSEN,
        HOSTILE,
        built(1, notes=(HOSTILE,), float_layers=(HOSTILE,)),
        quality(0.5, 0.9, metric=HOSTILE),
    )
    result = dataclasses.replace(
        view.result,
        outcomes=(one, *view.result.outcomes[:3]),
        chosen=evil.key,
        front=(evil.key,),
        cut_short=HOSTILE,
        sentences=(HOSTILE,),
    )
    return dataclasses.replace(
        view,
        result=result,
        model=HOSTILE,
        layers=(LayerFacts(HOSTILE, HOSTILE, HOSTILE, 1, 1),),
        bundle=Path("-o; rm"),
        names={},
        notes=(HOSTILE,),
        provenance=((HOSTILE, HOSTILE),),
    )


VIEWS = {
    "smallest": smallest,
    "fastest": fastest,
    "missed": missed,
    "unlabelled": unlabelled,
    "nothing": nothing,
    "hostile": hostile,
}
