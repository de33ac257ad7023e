package edgeq.core.parity

import edgeq.core.tensor.double
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals

/** What two libraries' log10 differ by where both round to within one unit of the last place. */
internal const val LOGARITHM_DB = 1e-12

/** That a result is Python's, to the bit but for the logarithm. */
internal fun assertSame(expected: ParityResult, found: ParityResult?, what: String) {
    checkNotNull(found) { what }
    assertEquals(expected.sqnrDb, found.sqnrDb, LOGARITHM_DB, what)
    assertEquals(expected.leastSqnrDb, found.leastSqnrDb, LOGARITHM_DB, what)
    val rest = found.copy(
        sqnrDb = expected.sqnrDb,
        leastSqnrDb = expected.leastSqnrDb,
        differences = emptyList(),
    )
    assertEquals(expected, rest, what)
}

/** The result that Python wrote into a golden case. */
internal fun expectedResult(result: JSONObject) = ParityResult(
    n = result.getInt("n"),
    passed = result.getBoolean("passed"),
    sameKernels = result.getBoolean("same_kernels"),
    recordedKernelPath = result.getString("recorded_kernel_path"),
    differing = double(result.getString("differing")),
    largestDifference = if (result.isNull("largest_difference")) null else result.getInt("largest_difference"),
    sqnrDb = double(result.getString("sqnr_db")),
    leastSqnrDb = double(result.getString("least_sqnr_db")),
    agreement = result.doubleOrNull("agreement"),
    leastAgreement = result.doubleOrNull("least_agreement"),
)

private fun JSONObject.doubleOrNull(key: String): Double? = if (isNull(key)) null else double(getString(key))
