package edgeq.core.tensor

import edgeq.core.bundle.NpyArray
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import edgeq.core.model.readWhole
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Values that a tensor cannot hold, or that cannot be compared; [message] is one line. */
class DataException(message: String, cause: Throwable? = null) : Exception(message, cause)

/** A buffer for the tensor's values: direct, in native byte order, of [TensorInfo.byteCount] bytes. */
fun TensorInfo.newBuffer(): ByteBuffer = ByteBuffer.allocateDirect(byteCount).order(ByteOrder.nativeOrder())

/**
 * Real numbers as the tensor stores them: quantized where it is quantized, else cast. Integers that are not quantized
 * lose their fraction.
 *
 * @param values of the whole tensor, in the order of C.
 * @param into gets [TensorInfo.byteCount] bytes from its beginning, in native byte order; its position stays.
 * @throws DataException another number of values than the tensor has, or one that it cannot hold: NaN, or, where it is
 * not quantized, a number outside its type.
 * @throws edgeq.core.model.ModelException the scale is no float32 above 0.
 */
fun TensorInfo.encode(values: FloatArray, into: ByteBuffer) {
    if (values.size != count) {
        throw DataException("input $name: expected $count values of shape $shape, found ${values.size}")
    }
    val target = bytesOf(into)
    val how = quantization
    if (how != null) return quantize(values, how, type, target)
    when (type) {
        TensorType.FLOAT32 -> target.asFloatBuffer().put(values)
        TensorType.BOOL -> values.forEachIndexed { index, value -> target.put(index, if (value == 0f) 0 else 1) }
        else -> values.forEachIndexed { index, value -> putInteger(target, index, truncated(value.toDouble())) }
    }
}

/**
 * One item of an array as the tensor stores it, see `encode`: integers stay exact.
 *
 * @param items of the tensor's shape, after the first axis.
 * @param item number of the item.
 * @throws DataException the shape is another one, or as for `encode`.
 */
fun TensorInfo.encode(items: NpyArray, item: Int, into: ByteBuffer) {
    if (items.shape.drop(1) != shape) {
        throw DataException("input $name: expected shape $shape, found ${items.shape.drop(1)}")
    }
    val first = item * count
    if (quantization != null || type == TensorType.FLOAT32) {
        return encode(FloatArray(count) { items.float(first + it) }, into)
    }
    val target = bytesOf(into)
    for (index in 0 until count) {
        when {
            type == TensorType.BOOL -> target.put(index, if (items.double(first + index) == 0.0) 0 else 1)
            items.type.isReal -> putInteger(target, index, truncated(items.double(first + index)))
            else -> putInteger(target, index, items.long(first + index))
        }
    }
}

/**
 * The real numbers behind stored values: dequantized where the tensor is quantized, else cast to float32.
 *
 * @param from holds [TensorInfo.byteCount] bytes from its beginning, in native byte order; its position stays.
 * @throws edgeq.core.model.ModelException the scale is no float32 above 0.
 */
fun TensorInfo.decode(from: ByteBuffer): FloatArray {
    val source = bytesOf(from)
    val result = FloatArray(count)
    if (type == TensorType.FLOAT32) {
        source.asFloatBuffer().get(result)
        return result
    }
    for (index in result.indices) result[index] = stored(source, index).toFloat()
    quantization?.let { dequantize(result, it) }
    return result
}

/** All of a buffer from its beginning, in native byte order. */
private fun TensorInfo.bytesOf(buffer: ByteBuffer): ByteBuffer {
    require(buffer.capacity() >= byteCount) { "$name: expected $byteCount bytes, found ${buffer.capacity()}" }
    val all = buffer.duplicate().order(ByteOrder.nativeOrder())
    readWhole(all)
    return all
}

private fun TensorInfo.truncated(value: Double): Long {
    if (value.isNaN()) throw DataException("input $name has NaN, which no integer stands for: check the data")
    return value.toLong()
}

private fun TensorInfo.putInteger(target: ByteBuffer, index: Int, value: Long) {
    val fits = when (type) {
        TensorType.INT8 -> value == value.toByte().toLong()
        TensorType.UINT8 -> value in 0..UINT8_MAX
        TensorType.INT16 -> value == value.toShort().toLong()
        TensorType.INT32 -> value == value.toInt().toLong()
        else -> true
    }
    if (!fits) throw DataException("input $name: expected values of ${type.jsonName}, found $value")
    when (type.bytes) {
        Byte.SIZE_BYTES -> target.put(index, value.toByte())
        Short.SIZE_BYTES -> target.putShort(index * Short.SIZE_BYTES, value.toShort())
        Int.SIZE_BYTES -> target.putInt(index * Int.SIZE_BYTES, value.toInt())
        else -> target.putLong(index * Long.SIZE_BYTES, value)
    }
}

private fun TensorInfo.stored(source: ByteBuffer, index: Int): Long = when (type) {
    TensorType.UINT8, TensorType.BOOL -> source.get(index).toLong() and UINT8_MAX
    TensorType.INT8 -> source.get(index).toLong()
    TensorType.INT16 -> source.getShort(index * Short.SIZE_BYTES).toLong()
    TensorType.INT32 -> source.getInt(index * Int.SIZE_BYTES).toLong()
    TensorType.INT64 -> source.getLong(index * Long.SIZE_BYTES)
    TensorType.FLOAT32 -> throw IllegalArgumentException("$name holds no integers")
}

private const val UINT8_MAX = 0xFFL
