package edgeq.core.tensor

import edgeq.core.model.ModelException
import edgeq.core.model.Quantization
import edgeq.core.model.SMALLEST_SCALE
import edgeq.core.model.TensorType
import java.nio.ByteBuffer

/**
 * Integers that stand for real numbers, in float32: divides, rounds half to even, and clips to the type's own range.
 * Gives the same bytes as `edgeq.runtime.quantization.quantize`.
 *
 * The scheme is that of Jacob et al., "Quantization and Training of Neural Networks for Efficient
 * Integer-Arithmetic-Only Inference", CVPR 2018, section 2.1.
 *
 * @param values infinities saturate.
 * @param type int8, uint8 or int16.
 * @param into gets the integers from its beginning.
 * @throws DataException a value is NaN, or the type is another one.
 * @throws ModelException the scale is no float32 above 0.
 */
internal fun quantize(values: FloatArray, how: Quantization, type: TensorType, into: ByteBuffer) {
    requireScale(how)
    val (least, most) = rangeOf(type)
    // Clipped before the zero point is added: float32 would lose it beside a huge number.
    val low = (least - how.zeroPoint).toFloat()
    val high = (most - how.zeroPoint).toFloat()
    val zeroPoint = how.zeroPoint.toFloat()
    for (index in values.indices) {
        val value = values[index]
        if (value.isNaN()) throw DataException(HAS_NAN)
        val rounded = Math.rint((value / how.scale).toDouble()).toFloat()
        val stored = (rounded.coerceIn(low, high) + zeroPoint).toInt().coerceIn(least.toInt(), most.toInt())
        if (type == TensorType.INT16) {
            into.putShort(index * Short.SIZE_BYTES, stored.toShort())
        } else {
            into.put(index, stored.toByte())
        }
    }
}

/**
 * Real numbers that integers stand for, in float32.
 *
 * @param values the integers; become the real numbers.
 * @throws ModelException the scale is no float32 above 0.
 */
internal fun dequantize(values: FloatArray, how: Quantization) {
    requireScale(how)
    val zeroPoint = how.zeroPoint.toFloat()
    for (index in values.indices) values[index] = (values[index] - zeroPoint) * how.scale
}

private fun rangeOf(type: TensorType): Pair<Long, Long> = when (type) {
    TensorType.INT8 -> Pair(Byte.MIN_VALUE.toLong(), Byte.MAX_VALUE.toLong())
    TensorType.UINT8 -> Pair(0L, 0xFFL)
    TensorType.INT16 -> Pair(Short.MIN_VALUE.toLong(), Short.MAX_VALUE.toLong())
    else -> throw DataException("expected int8, uint8 or int16 to quantize to, found ${type.jsonName}")
}

/** Refuses what is no float32 above 0. */
internal fun requireScale(how: Quantization) {
    if (!(how.scale >= SMALLEST_SCALE && how.scale <= Float.MAX_VALUE)) {
        throw ModelException(
            "expected a quantization scale that is a float32 above 0, found ${how.scale}: " +
                "the tensor is not quantized or the file is damaged",
        )
    }
}

private const val HAS_NAN = "the input has NaN, which no integer stands for: check the data and its preprocessing " +
    "(a division by zero, say)"
