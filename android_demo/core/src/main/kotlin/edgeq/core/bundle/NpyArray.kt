package edgeq.core.bundle

import edgeq.core.model.TensorType
import edgeq.core.model.narrowTo
import java.nio.ByteBuffer

/** What one value of an array is; [jsonName] is NumPy's name. */
enum class NpyType(val jsonName: String, val descr: String, val bytes: Int) {
    FLOAT32("float32", "<f4", 4),
    FLOAT64("float64", "<f8", 8),
    INT8("int8", "|i1", 1),
    UINT8("uint8", "|u1", 1),
    INT16("int16", "<i2", 2),
    INT32("int32", "<i4", 4),
    INT64("int64", "<i8", 8),
    BOOL("bool", "|b1", 1),
    ;

    /** Whether its values are floating-point numbers. */
    val isReal: Boolean get() = this == FLOAT32 || this == FLOAT64

    /** Whether its values are whole numbers; truth values are none. */
    val isInteger: Boolean get() = !isReal && this != BOOL

    companion object {
        /** That of a tensor's values. */
        fun of(type: TensorType): NpyType = when (type) {
            TensorType.FLOAT32 -> FLOAT32
            TensorType.INT8 -> INT8
            TensorType.UINT8 -> UINT8
            TensorType.INT16 -> INT16
            TensorType.INT32 -> INT32
            TensorType.INT64 -> INT64
            TensorType.BOOL -> BOOL
        }

        /** The type that a header of a `.npy` describes so; null for another one. */
        fun described(descr: String): NpyType? = entries.firstOrNull { it.descr == descr }
    }
}

/**
 * An array of numbers in the order of C, as `.npy` files hold it.
 *
 * @property type of its values.
 * @property shape sizes of its axes.
 * @param data its values from the buffer's position to its limit, in the buffer's byte order; not copied.
 */
class NpyArray(val type: NpyType, val shape: List<Int>, data: ByteBuffer) {
    private val values: ByteBuffer = data.slice().order(data.order())

    /** Number of values. */
    val count: Int = shape.fold(1, Int::times)

    init {
        val expected = count * type.bytes
        require(values.limit() == expected) { "expected $expected bytes of values, found ${values.limit()}" }
    }

    /** Value number [index] in the order of C, rounded to float64 where it is a larger integer. */
    fun double(index: Int): Double = when (type) {
        NpyType.FLOAT32 -> values.getFloat(index * Float.SIZE_BYTES).toDouble()
        NpyType.FLOAT64 -> values.getDouble(index * Double.SIZE_BYTES)
        else -> long(index).toDouble()
    }

    /** Value number [index] in the order of C, rounded to float32. */
    fun float(index: Int): Float = when (type) {
        NpyType.FLOAT32 -> values.getFloat(index * Float.SIZE_BYTES)
        NpyType.FLOAT64 -> values.getDouble(index * Double.SIZE_BYTES).toFloat()
        else -> long(index).toFloat()
    }

    /** Value number [index] of an array of integers or truth values. */
    fun long(index: Int): Long = when (type) {
        NpyType.INT8 -> values.get(index).toLong()
        NpyType.UINT8 -> values.get(index).toLong() and UINT8_MAX
        NpyType.INT16 -> values.getShort(index * Short.SIZE_BYTES).toLong()
        NpyType.INT32 -> values.getInt(index * Int.SIZE_BYTES).toLong()
        NpyType.INT64 -> values.getLong(index * Long.SIZE_BYTES)
        NpyType.BOOL -> if (values.get(index) == 0.toByte()) 0L else 1L
        NpyType.FLOAT32, NpyType.FLOAT64 -> throw IllegalArgumentException("$type holds no integers")
    }

    /** Item number [index] of the first axis; not copied. */
    fun item(index: Int): NpyArray {
        val bytes = count / shape.first() * type.bytes
        val part = values.duplicate().order(values.order())
        narrowTo(part, index * bytes, bytes)
        return NpyArray(type, shape.drop(1), part)
    }

    private companion object {
        const val UINT8_MAX = 0xFFL
    }
}
