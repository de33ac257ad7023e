package edgeq.core.tensor

import edgeq.core.bundle.NpyArray
import edgeq.core.model.TensorInfo

/** Real numbers by index, computed when they are asked for: outputs may be too large for a second copy. */
fun interface RealValues {
    /** Value number [index] in the order of C. */
    operator fun get(index: Int): Double
}

/**
 * The real numbers behind an array of stored values: dequantized in float32 where the tensor is quantized, else as they
 * are.
 *
 * @throws edgeq.core.model.ModelException the scale is no float32 above 0.
 */
fun TensorInfo.realValues(stored: NpyArray): RealValues {
    val how = quantization ?: return RealValues(stored::double)
    requireScale(how)
    val zeroPoint = how.zeroPoint.toFloat()
    return RealValues { ((stored.float(it) - zeroPoint) * how.scale).toDouble() }
}
