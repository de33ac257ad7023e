from __future__ import annotations

import dataclasses
import math

import pytest

from edgeq.android.choosing import asked_for, choose_by_rule, named_variants, preferred_first, with_baseline
from edgeq.bundle import Bundle, Check, Manifest
from edgeq.errors import UsageError


def of_demo(bundle: Bundle, *names: str, **checks: Check) -> Manifest:
    variants = [
        dataclasses.replace(variant, check=checks.get(variant.name, variant.check))
        for variant in bundle.manifest.variants
        if variant.name in names
    ]
    return dataclasses.replace(bundle.manifest, variants=tuple(variants))


def chosen(manifest: Manifest, *cannot_run: str) -> str:
    choice = choose_by_rule(manifest, lambda variant: "too new" if variant.name in cannot_run else None)
    (variant,) = choice.variants
    return variant.name


def test_int8_comes_first(demo_bundle: Bundle) -> None:
    choice = choose_by_rule(demo_bundle.manifest, lambda _: None)
    assert [variant.name for variant in choice.variants] == ["int8"]
    assert choice.notes == (
        "nothing was measured: --results FILE.jsonl of edgeq benchmark decides by what was",
    )


def test_what_cannot_run_is_passed_over_with_the_reason(demo_bundle: Bundle) -> None:
    manifest = of_demo(demo_bundle, "float32", "float16", "dynamic")
    assert chosen(manifest) == "dynamic"
    assert chosen(manifest, "dynamic") == "float16"
    choice = choose_by_rule(manifest, lambda variant: "too new" if variant.name == "dynamic" else None)
    assert choice.reason == "float16 by the rule: passed over dynamic: too new"


@pytest.mark.parametrize(
    "check",
    [
        Check(16, 9.9, 1.0, "x"),
        Check(16, math.nan, None, "x"),
        Check(16, 24.0, 14 / 16, "x"),
    ],
)
def test_what_is_far_from_the_float_model_is_passed_over(demo_bundle: Bundle, check: Check) -> None:
    assert chosen(of_demo(demo_bundle, "float32", "int8", int8=check)) == "float32"


def test_one_input_on_a_border_does_not_count(demo_bundle: Bundle) -> None:
    assert chosen(of_demo(demo_bundle, "float32", "int8", int8=Check(16, 24.0, 15 / 16, "x"))) == "int8"


def test_flex_operators_are_never_chosen(demo_bundle: Bundle) -> None:
    variants = tuple(
        dataclasses.replace(variant, needs_flex=variant.name == "int8")
        for variant in of_demo(demo_bundle, "float32", "int8").variants
    )
    assert chosen(dataclasses.replace(demo_bundle.manifest, variants=variants)) == "float32"


def test_where_none_fits_every_reason_is_named(demo_bundle: Bundle) -> None:
    manifest = of_demo(demo_bundle, "float32", "int8")
    with pytest.raises(UsageError, match="int8: too new; float32: too new; name one with --variant"):
        chosen(manifest, "int8", "float32")


def test_named_variants_keep_the_order_asked_for(demo_bundle: Bundle) -> None:
    manifest = demo_bundle.manifest
    assert [one.name for one in named_variants(manifest, ["float16", "int8", "float16"])] == [
        "float16",
        "int8",
    ]
    everything = [one.name for one in named_variants(manifest, ["float16", "all"])]
    assert everything[0] == "float16"
    assert sorted(everything) == sorted(one.name for one in manifest.variants)
    assert named_variants(manifest, ["all"])[0].name == "int8"


def test_an_unknown_variant_is_refused_with_those_that_there_are(demo_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="no variant int4: there are float32, float16, dynamic, int8"):
        named_variants(demo_bundle.manifest, ["int8", "int4"])


def test_an_empty_name_can_be_seen(demo_bundle: Bundle) -> None:
    with pytest.raises(UsageError, match="no variant '': there are"):
        named_variants(demo_bundle.manifest, [""])


def test_all_stands_for_those_that_can_run(demo_bundle: Bundle) -> None:
    names = {variant.name for variant in demo_bundle.manifest.variants}
    everything = asked_for(demo_bundle.manifest, ["all"])
    assert everything.optional == names
    assert everything.reason == "all were asked for, in the order that the rule would try them"
    others = asked_for(demo_bundle.manifest, ["float16", "all"])
    assert others.optional == names - {"float16"}
    assert others.reason == "float16 was asked for, and all others"
    assert asked_for(demo_bundle.manifest, ["float16"]).optional == frozenset()


def test_the_baseline_is_added_once(demo_bundle: Bundle) -> None:
    manifest = demo_bundle.manifest
    names = [one.name for one in with_baseline(manifest, named_variants(manifest, ["int8"]))]
    assert names == ["int8", "float32"]
    assert len(with_baseline(manifest, named_variants(manifest, ["float32"]))) == 1


def test_unknown_schemes_come_last(demo_bundle: Bundle) -> None:
    odd = dataclasses.replace(demo_bundle.manifest.variants[0], name="int2", scheme="int2")
    assert preferred_first((odd, *demo_bundle.manifest.variants))[-1].name == "int2"
    with pytest.raises(UsageError, match="its scheme int2 is not known here"):
        choose_by_rule(dataclasses.replace(demo_bundle.manifest, variants=(odd,)), lambda _: None)
