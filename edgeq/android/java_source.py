"""The Java class with what an app must know of its bundle, for modules that compile no Kotlin."""

from __future__ import annotations

from edgeq.android.class_source import Language, class_source
from edgeq.android.constants import float_literal, quoted
from edgeq.bundle import Manifest, Tensor
from edgeq.data.preprocessing import Preprocessing

_TEMPLATE = """\
{header}
package {package};

/** A model of the bundle {bundle} in the assets, and what its inputs and outputs are. */
public final class {name} {{
    /** Class names, one a line{no_labels}. */
    public static final String LABELS_ASSET = {labels};

{constants}

    /** The file, for AssetManager.openFd. */
    public final String asset;
    /** Digest of the file. */
    public final String sha256;
    /** In the order that the interpreter takes them. */
    public final Tensor[] inputs;
    /** Of each input: what becomes of its values before they are quantized. */
    public final Preprocessing[] preprocessing;
    /** In the order that the interpreter gives them. */
    public final Tensor[] outputs;

    private {name}(
            String asset, String sha256, Tensor[] inputs, Preprocessing[] preprocessing, Tensor[] outputs) {{
        this.asset = asset;
        this.sha256 = sha256;
        this.inputs = inputs;
        this.preprocessing = preprocessing;
        this.outputs = outputs;
    }}

    /** All of them, the one to use first. */
    public static {name}[] all() {{
        return new {name}[] {{{all}}};
    }}

    /** An input or an output. */
    public static final class Tensor {{
        public final String name;
        /** With the batch axis; of an image batch, height, width, channels. */
        public final int[] shape;
        /** Of its values: float32, int8, uint8, int16 or another one of NumPy's names. */
        public final String type;
        /** Of its integers: a real value is (integer - zeroPoint) * scale; 0 where it is not quantized. */
        public final float scale;
        /** The integer that stands for 0. */
        public final int zeroPoint;

        private Tensor(String name, int[] shape, String type, float scale, int zeroPoint) {{
            this.name = name;
            this.shape = shape;
            this.type = type;
            this.scale = scale;
            this.zeroPoint = zeroPoint;
        }}
    }}

    /** What becomes of an input: value * scale + offset, where pixels are 0 to 255. */
    public static final class Preprocessing {{
        /** One factor, or one for each channel. */
        public final float[] scale;
        /** One summand, or one for each channel. */
        public final float[] offset;
        /** Order of an image's colours, rgb or bgr. */
        public final String channels;
        /** Filter that an image is brought to the input's size with. */
        public final String resize;
        /** Whether that filter takes all pixels of a larger image. */
        public final boolean antialias;
        /** stretch, crop or letterbox. */
        public final String fit;
        /** Part of the image that crop keeps. */
        public final float cropFraction;
        /** Value of the bars that letterbox adds. */
        public final int pad;
        /** Whether a photo is turned upright first. */
        public final boolean exif;

        private Preprocessing(
                float[] scale, float[] offset, String channels, String resize, boolean antialias, String fit,
                float cropFraction, int pad, boolean exif) {{
            this.scale = scale;
            this.offset = offset;
            this.channels = channels;
            this.resize = resize;
            this.antialias = antialias;
            this.fit = fit;
            this.cropFraction = cropFraction;
            this.pad = pad;
            this.exif = exif;
        }}
    }}
}}
"""

_CONSTANT = """\
    /** {variant}: {size} bytes. */
    public static final {name} {identifier} = new {name}(
            {asset},
            {sha256},
            new Tensor[] {{
{inputs}
            }},
            new Preprocessing[] {{
{preprocessing}
            }},
            new Tensor[] {{
{outputs}
            }});"""

_INSIDE = " " * 16


def java_source(manifest: Manifest, package: str) -> str:
    """The file ``EdgeqModel.java``.

    Args:
        manifest: of the bundle in the assets.
        package: of the class, such as ``com.example.app``.

    Raises:
        BundleError: a number in the manifest is none.
    """
    return class_source(_JAVA, manifest, package)


def _tensor(tensor: Tensor) -> str:
    scale = float_literal(tensor.scale or 0.0, f"the scale of {tensor.name!r}")
    shape = f"new int[] {{{', '.join(map(str, tensor.shape))}}}"
    values = f"{_text(tensor.name)}, {shape}, {_text(tensor.dtype)}, {scale}, {tensor.zero_point or 0}"
    return f"{_INSIDE}new Tensor({values}),"


def _preprocessing(one: Preprocessing) -> str:
    image = one.image
    values = (
        *(_floats(one.scale), _floats(one.offset), _text(image.channels), _text(image.resize)),
        *(str(image.antialias).lower(), _text(image.fit), float_literal(image.crop_fraction, "the crop")),
        *(str(image.pad), str(image.exif).lower()),
    )
    return f"{_INSIDE}new Preprocessing(\n{_INSIDE}        {', '.join(values)}),"


def _floats(numbers: tuple[float, ...]) -> str:
    return f"new float[] {{{', '.join(float_literal(number, 'the preprocessing') for number in numbers)}}}"


def _text(text: str) -> str:
    return quoted(text, dollar=False)


_JAVA = Language(_TEMPLATE, _CONSTANT, _text, _tensor, _preprocessing)
