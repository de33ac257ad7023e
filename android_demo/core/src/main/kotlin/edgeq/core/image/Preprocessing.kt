package edgeq.core.image

import org.json.JSONObject

/**
 * How stored pixels become what a model sees: an image of its size, whose values are then mapped by
 * `value * scale + offset` in float32.
 *
 * @property name as users of edgeq type it after `--preprocess`.
 * @property scale one factor, or one a channel.
 * @property offset one summand, or one a channel.
 * @property image how photos become pixels.
 * @property inputs of single inputs by name, where they differ from the others.
 * @throws PreprocessingException the numbers are not finite, or neither one nor one a channel.
 */
data class Preprocessing(
    val name: String,
    val scale: List<Float> = listOf(1f),
    val offset: List<Float> = listOf(0f),
    val image: ImagePreparation = ImagePreparation(),
    val inputs: Map<String, Preprocessing> = emptyMap(),
) {
    init {
        if ((scale + offset).any { !it.isFinite() }) {
            throw PreprocessingException("values: expected finite numbers, found $scale and $offset")
        }
        val lengths = setOf(scale.size, offset.size)
        if (0 in lengths || (lengths - 1).size > 1) {
            throw PreprocessingException(
                "values: expected one number or one a channel, found ${scale.size} and ${offset.size} of them",
            )
        }
    }

    /** That of one input. */
    fun of(input: String): Preprocessing = inputs[input] ?: this

    /**
     * What a model sees of prepared pixels.
     *
     * @return float32 of the same order and number as the bytes.
     * @throws PreprocessingException this preprocessing is for another number of channels.
     */
    fun apply(pixels: Pixels): FloatArray {
        val tables = tables(pixels.channels)
        val values = FloatArray(pixels.bytes.size)
        for (channel in 0 until pixels.channels) {
            val table = tables[channel]
            for (index in channel until values.size step pixels.channels) {
                values[index] = table[pixels.bytes[index].toInt() and Pixels.BYTE]
            }
        }
        return values
    }

    /** What each of the 256 values becomes, by channel. */
    private fun tables(channels: Int): List<FloatArray> {
        val wanted = maxOf(scale.size, offset.size)
        if (wanted != 1 && wanted != channels) {
            throw PreprocessingException(
                "the preprocessing $name is for $wanted channels, the image has $channels: pack the model with " +
                    "another --preprocess",
            )
        }
        return List(channels) { channel ->
            val factor = scale[if (scale.size == 1) 0 else channel]
            val summand = offset[if (offset.size == 1) 0 else channel]
            FloatArray(Pixels.BYTE + 1) { it.toFloat() * factor + summand }
        }
    }

    companion object {
        /**
         * Reads the `preprocessing` object of a `bundle.json`, version 1 or 2. Keys that a later edgeq may add are
         * ignored, as is what is said of sounds.
         *
         * @throws PreprocessingException it is of a newer version or damaged.
         */
        fun fromJson(value: JSONObject): Preprocessing = PreprocessingReader.read(value)
    }
}
