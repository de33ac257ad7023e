package edgeq.core.parity

import edgeq.core.tensor.DataException
import edgeq.core.tensor.Golden
import edgeq.core.tensor.double
import edgeq.core.tensor.doubles
import edgeq.core.tensor.pairwiseSum
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test

class SqnrTest {
    @Test
    fun `ratios at the borders are those of Python`() {
        for (case in Golden.cases("sqnr")) {
            val found = sqnrDb(doubles(case.getString("reference")), doubles(case.getString("value")))
            assertEquals(double(case.getString("sqnr_db")), found, LOGARITHM_DB, "$case")
        }
    }

    @Test
    fun `sums of every size are added in the order of NumPy`() {
        for (case in Golden.cases("sqnr_drawn")) {
            val count = case.getInt("count")
            val reference = drawn(count, count.toLong())
            val noise = drawn(count, count + 1L)
            val value = DoubleArray(count) { reference[it] + noise[it] / 64 }
            val sum = pairwiseSum({ reference[it] * reference[it] }, 0, count)
            assertEquals(double(case.getString("sum")), sum, "$count")
            assertEquals(double(case.getString("sqnr_db")), sqnrDb(reference, value), LOGARITHM_DB, "$count")
        }
    }

    @Test
    fun `a reference without a number is refused`() {
        assertThrows(DataException::class.java) { sqnrDb(doubleArrayOf(Double.NaN), doubleArrayOf(1.0)) }
        assertThrows(DataException::class.java) { sqnrDb(DoubleArray(0), DoubleArray(0)) }
    }

    @Test
    fun `different numbers of outputs are refused`() {
        assertThrows(DataException::class.java) { sqnrDb(DoubleArray(2), DoubleArray(3)) }
    }

    /** The generator that the golden vectors were drawn with: Knuth's MMIX. */
    private fun drawn(count: Int, seed: Long): DoubleArray {
        var state = seed
        return DoubleArray(count) {
            state = state * 6364136223846793005L + 1442695040888963407L
            (state ushr 11).toDouble() / (1L shl 52) - 1.0
        }
    }
}
