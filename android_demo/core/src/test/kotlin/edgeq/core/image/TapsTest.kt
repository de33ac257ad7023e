package edgeq.core.image

import edgeq.core.tensor.pairwiseSum
import kotlin.math.abs
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class TapsTest {
    @Test
    fun `weights sum to one and stand at pixels of the image`() {
        val kernels = listOf(ResizeMethod.BILINEAR, ResizeMethod.BICUBIC, ResizeMethod.LANCZOS3)
        for (size in listOf(1, 2, 3, 10, 223, 4000)) {
            for (result in listOf(1, 2, 7, 224, 500)) {
                val every = listOf(areaTaps(size, result)) + kernels.flatMap { method ->
                    listOf(kernelTaps(size, result, method, false), kernelTaps(size, result, method, true))
                }
                for (taps in every) {
                    assertEquals(result * taps.perResult, taps.weight.size)
                    assertTrue(taps.index.all { it in 0 until size }, "$size to $result")
                    for (weights in taps.weight.toList().chunked(taps.perResult)) {
                        assertTrue(abs(weights.sum() - 1) < 1e-4, "$size to $result: ${weights.sum()}")
                    }
                }
            }
        }
    }

    @Test
    fun `sums are those of NumPy down to the last bit`() {
        // numpy.sum of these float64; from 8 on, adding one after the other gives another last bit.
        val sums = mapOf(
            7 to 1.328968253968254,
            8 to 1.4289682539682538,
            29 to 2.52724519543652,
            128 to 3.948591338265976,
            300 to 4.789297397713862,
        )
        for ((count, expected) in sums) {
            assertEquals(expected, pairwiseSum({ 1.0 / (3 + it) }, 0, count))
        }
    }
}
