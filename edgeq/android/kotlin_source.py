"""The Kotlin class with what an app must know of its bundle."""

from __future__ import annotations

from edgeq.android.class_source import Language, class_source
from edgeq.android.constants import float_literal, quoted
from edgeq.bundle import Manifest, Tensor
from edgeq.data.preprocessing import Preprocessing

_HARD_KEYWORDS = """
    as break class continue do else false for fun if in interface is null object package return super this throw true
    try typealias typeof val var when while
"""
"""Kotlin's grammar: none of them is a name without backticks."""

_INSIDE = " " * 16

_TEMPLATE = """\
{header}
package {package}

/**
 * A model of the bundle {bundle} in the assets, and what its inputs and outputs are.
 *
 * @property asset the file, for `AssetManager.openFd`.
 * @property sha256 digest of the file.
 * @property inputs in the order that the interpreter takes them.
 * @property preprocessing of each input: what becomes of its values before they are quantized.
 * @property outputs in the order that the interpreter gives them.
 */
data class {name}(
    val asset: String,
    val sha256: String,
    val inputs: List<Tensor>,
    val preprocessing: List<Preprocessing>,
    val outputs: List<Tensor>,
) {{
    /**
     * An input or an output.
     *
     * @property shape with the batch axis; of an image batch, height, width, channels.
     * @property type of its values: `float32`, `int8`, `uint8`, `int16` or another one of NumPy's names.
     * @property scale of its integers: a real value is `(integer - zeroPoint) * scale`; 0 where it is not quantized.
     * @property zeroPoint the integer that stands for 0.
     */
    data class Tensor(val name: String, val shape: List<Int>, val type: String, val scale: Float, val zeroPoint: Int) {{
        /** Whether it holds integers with a scale. */
        val isQuantized: Boolean get() = scale != 0f
    }}

    /**
     * What becomes of an input: `value * scale + offset`, where pixels are 0 to 255.
     *
     * @property scale one factor, or one for each channel.
     * @property offset one summand, or one for each channel.
     * @property channels order of an image's colours, `rgb` or `bgr`.
     * @property resize filter that an image is brought to the input's size with.
     * @property antialias whether that filter takes all pixels of a larger image.
     * @property fit `stretch`, `crop` or `letterbox`.
     * @property cropFraction part of the image that `crop` keeps.
     * @property pad value of the bars that `letterbox` adds.
     * @property exif whether a photo is turned upright first.
     */
    data class Preprocessing(
        val scale: List<Float>,
        val offset: List<Float>,
        val channels: String,
        val resize: String,
        val antialias: Boolean,
        val fit: String,
        val cropFraction: Float,
        val pad: Int,
        val exif: Boolean,
    )

    companion object {{
        /** Class names, one a line{no_labels}. */
        const val LABELS_ASSET: String = {labels}

{constants}

        /** All of them, the one to use first. */
        val ALL: List<{name}> = listOf({all})
    }}
}}
"""

_CONSTANT = """\
        /** {variant}: {size} bytes. */
        val {identifier}: {name} = {name}(
            asset = {asset},
            sha256 = {sha256},
            inputs = listOf(
{inputs}
            ),
            preprocessing = listOf(
{preprocessing}
            ),
            outputs = listOf(
{outputs}
            ),
        )"""


def kotlin_source(manifest: Manifest, package: str) -> str:
    """The file ``EdgeqModel.kt``.

    Args:
        manifest: of the bundle in the assets.
        package: of the class, such as ``com.example.app``.

    Raises:
        BundleError: a number in the manifest is none.
    """
    keywords = _HARD_KEYWORDS.split()
    parts = (f"`{part}`" if part in keywords else part for part in package.split("."))
    return class_source(_KOTLIN, manifest, ".".join(parts))


def _tensor(tensor: Tensor) -> str:
    shape = f"listOf({', '.join(map(str, tensor.shape))})"
    scale = float_literal(tensor.scale or 0.0, f"the scale of {tensor.name!r}")
    values = f"{_text(tensor.name)}, {shape}, {_text(tensor.dtype)}, {scale}, {tensor.zero_point or 0}"
    return f"{_INSIDE}Tensor({values}),"


def _preprocessing(one: Preprocessing) -> str:
    image = one.image
    values = {
        "scale": _floats(one.scale),
        "offset": _floats(one.offset),
        "channels": _text(image.channels),
        "resize": _text(image.resize),
        "antialias": str(image.antialias).lower(),
        "fit": _text(image.fit),
        "cropFraction": float_literal(image.crop_fraction, "the crop"),
        "pad": str(image.pad),
        "exif": str(image.exif).lower(),
    }
    lines = "\n".join(f"{_INSIDE}    {name} = {value}," for name, value in values.items())
    return f"{_INSIDE}Preprocessing(\n{lines}\n{_INSIDE}),"


def _floats(numbers: tuple[float, ...]) -> str:
    return f"listOf({', '.join(float_literal(number, 'the preprocessing') for number in numbers)})"


def _text(text: str) -> str:
    return quoted(text, dollar=True)


_KOTLIN = Language(_TEMPLATE, _CONSTANT, _text, _tensor, _preprocessing)
