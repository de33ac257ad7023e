"""Build files as people have them, and a bundle with names as nobody should."""

from __future__ import annotations

import dataclasses

from edgeq.bundle import Manifest
from edgeq.data.preprocessing import CAFFE

KOTLIN_APP = """\
plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "com.example.clothes"
    compileSdk = 36

    defaultConfig {
        minSdk = 23
    }
}

dependencies {
    implementation("org.tensorflow:tensorflow-lite:2.16.1")
}
"""

GROOVY_APP = """\
apply plugin: 'com.android.application'

android {
    namespace 'com.example.clothes'
    compileSdkVersion 34
}
"""


def odd_names(manifest: Manifest) -> Manifest:
    """Names that no code takes as they are."""
    names = ("2-bit", "int8", "INT8", "mit Umlaut ä", "all", "")
    variants = tuple(
        dataclasses.replace(
            variant,
            name=name,
            file=f'${{x}}"\\{name}.tflite',
            inputs=(dataclasses.replace(variant.inputs[0], name='a"b$c\\d\nü\U0001f40d'),),
        )
        for name, variant in zip(names, manifest.variants, strict=True)
    )
    return dataclasses.replace(manifest, name="a */ b /* ü\n", variants=variants, preprocessing=CAFFE)
