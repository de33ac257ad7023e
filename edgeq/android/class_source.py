"""The class with what an app must know of its bundle, whatever language it is written in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeq.android.constants import CLASS, HEADER, Named, asset, named, one_line, preprocessing_of
from edgeq.android.cutting import LABELS
from edgeq.bundle import Manifest, Tensor
from edgeq.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class Language:
    """How a language writes the class.

    Attributes:
        template: of the file, for `str.format`.
        constant: of one variant, likewise.
        text: a literal of a text.
        tensor: the lines of an input or output.
        preprocessing: the lines of an input's preprocessing.
    """

    template: str
    constant: str
    text: Callable[[str], str]
    tensor: Callable[[Tensor], str]
    preprocessing: Callable[[Preprocessing], str]


def class_source(language: Language, manifest: Manifest, package: str) -> str:
    """The file with the class.

    Args:
        language: it is written in.
        manifest: of the bundle in the assets.
        package: of the class, as the language writes it.

    Raises:
        BundleError: a number in the manifest is none.
    """
    variants = named(manifest.variants)
    return language.template.format(
        header=HEADER,
        package=package,
        bundle=one_line(manifest.name),
        name=CLASS,
        labels=language.text(asset(LABELS) if manifest.labels else ""),
        no_labels="" if manifest.labels else "; empty, for the bundle has none",
        constants="\n\n".join(_constant(language, manifest, one) for one in variants),
        all=", ".join(one.identifier for one in variants),
    )


def _constant(language: Language, manifest: Manifest, one: Named) -> str:
    variant = one.variant
    return language.constant.format(
        variant=one_line(variant.name),
        size=variant.size_bytes,
        identifier=one.identifier,
        name=CLASS,
        asset=language.text(asset(variant.file)),
        sha256=language.text(variant.sha256),
        inputs="\n".join(map(language.tensor, variant.inputs)),
        preprocessing="\n".join(
            language.preprocessing(preprocessing_of(manifest, tensor)) for tensor in variant.inputs
        ),
        outputs="\n".join(map(language.tensor, variant.outputs)),
    )
