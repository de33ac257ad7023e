package edgeq.core.model

/** What one value of a tensor is; [jsonName] is NumPy's name, as `bundle.json` and `parity.npz` have it. */
enum class TensorType(val jsonName: String, val bytes: Int) {
    FLOAT32("float32", 4),
    INT8("int8", 1),
    UINT8("uint8", 1),
    INT16("int16", 2),
    INT32("int32", 4),
    INT64("int64", 8),
    BOOL("bool", 1),
    ;

    companion object {
        /** The type of that name; null for one that this app does not know. */
        fun named(jsonName: String): TensorType? = entries.firstOrNull { it.jsonName == jsonName }
    }
}

/** A quantization's scale is at least that: the smallest normal float32. */
internal const val SMALLEST_SCALE: Float = java.lang.Float.MIN_NORMAL

/** Stored integers mean real numbers: `real = (stored - zeroPoint) * scale`. */
data class Quantization(val scale: Float, val zeroPoint: Int)

/**
 * An input or output of a model.
 *
 * @property name in the signature; the tensor's own name in a file without one.
 * @property type of the stored values.
 * @property shape as allocated, batch first: `[1, 224, 224, 3]`.
 * @property quantization null for a tensor that is not quantized.
 */
data class TensorInfo(val name: String, val type: TensorType, val shape: List<Int>, val quantization: Quantization?) {
    /** Number of values. */
    val count: Int get() = shape.fold(1, Int::times)

    /** Size of its buffer. */
    val byteCount: Int get() = count * type.bytes
}
