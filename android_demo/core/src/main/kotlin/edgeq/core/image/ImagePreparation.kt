package edgeq.core.image

import org.json.JSONObject

/** How an image gets another size, as `tf.image.resize` does it; [jsonName] as `bundle.json` has it. */
enum class ResizeMethod(internal val jsonName: String) {
    NEAREST("nearest"),
    BILINEAR("bilinear"),
    BICUBIC("bicubic"),
    LANCZOS3("lanczos3"),
    AREA("area"),
}

/** What happens where the aspect differs: the image is stretched, its centre is cropped, or bars are added. */
enum class Fit(internal val jsonName: String) {
    STRETCH("stretch"),
    CROP("crop"),
    LETTERBOX("letterbox"),
}

/** The order of three channels. */
enum class ChannelOrder(internal val jsonName: String) {
    RGB("rgb"),
    BGR("bgr"),
}

/**
 * How a decoded photo becomes pixels of a model's size; the defaults are edgeq's.
 *
 * @property resize method of resizing.
 * @property antialias whether the kernel widens where an image shrinks; nearest and area ignore it.
 * @property fit what happens where the aspect differs.
 * @property cropFraction with [Fit.CROP] the share of the centre that is kept, above 0 and at most 1.
 * @property pad with [Fit.LETTERBOX] the grey of the bars, 0 to 255.
 * @property channels the order of three channels.
 * @property exif whether a photo is turned upright by its EXIF orientation.
 * @throws PreprocessingException a number is out of its range, or is given where it does not count.
 */
data class ImagePreparation(
    val resize: ResizeMethod = ResizeMethod.BILINEAR,
    val antialias: Boolean = false,
    val fit: Fit = Fit.STRETCH,
    val cropFraction: Double = 1.0,
    val pad: Int = 0,
    val channels: ChannelOrder = ChannelOrder.RGB,
    val exif: Boolean = true,
) {
    init {
        expect(cropFraction > 0 && cropFraction <= 1, "crop_fraction", cropFraction, "a number above 0 and at most 1")
        expect(pad in 0..MOST_PAD, "pad", pad, "an integer from 0 to 255")
        // Silence would let somebody believe that it counts.
        expect(cropFraction == 1.0 || fit == Fit.CROP, "crop_fraction", cropFraction, "1 unless fit is crop")
        expect(pad == 0 || fit == Fit.LETTERBOX, "pad", pad, "0 unless fit is letterbox")
    }

    companion object {
        /**
         * Reads the `image` object of a bundle's preprocessing. What it does not say has its default, and keys that a
         * later edgeq may add are ignored.
         *
         * @throws PreprocessingException a value is none that its key takes; names key, found and expected.
         */
        fun fromJson(value: JSONObject): ImagePreparation {
            val base = ImagePreparation()
            return ImagePreparation(
                resize = value.choice("resize", ResizeMethod.entries, ResizeMethod::jsonName) ?: base.resize,
                antialias = value.flag("antialias") ?: base.antialias,
                fit = value.choice("fit", Fit.entries, Fit::jsonName) ?: base.fit,
                cropFraction = value.number("crop_fraction") ?: base.cropFraction,
                pad = value.integer("pad") ?: base.pad,
                channels = value.choice("channels", ChannelOrder.entries, ChannelOrder::jsonName) ?: base.channels,
                exif = value.flag("exif") ?: base.exif,
            )
        }

        private const val MOST_PAD = 255
    }
}

private fun <T> JSONObject.choice(key: String, choices: List<T>, name: (T) -> String): T? {
    val found = opt(key) ?: return null
    return choices.firstOrNull { name(it) == found }
        ?: refuse(key, found, "one of ${choices.joinToString(transform = name)}")
}

private fun JSONObject.flag(key: String): Boolean? {
    val found = opt(key) ?: return null
    return found as? Boolean ?: refuse(key, found, "true or false")
}

private fun JSONObject.number(key: String): Double? {
    val found = opt(key) ?: return null
    return (found as? Number)?.toDouble() ?: refuse(key, found, "a number above 0 and at most 1")
}

private fun JSONObject.integer(key: String): Int? {
    val found = opt(key) ?: return null
    return found as? Int ?: refuse(key, found, "an integer from 0 to 255")
}

private fun expect(fine: Boolean, key: String, found: Any, expected: String) {
    if (!fine) {
        refuse(key, found, expected)
    }
}

private fun refuse(key: String, found: Any, expected: String): Nothing =
    throw PreprocessingException("image preparation: $key is ${shown(found)}, expected $expected")
