package edgeq.core.parity

/**
 * Whether this device computes what the bundle recorded.
 *
 * @property n recorded inputs that were run.
 * @property passed whether the outputs are what they must be.
 * @property sameKernels whether the kernel path is the recorded one, so that the bits must be equal.
 * @property recordedKernelPath what computed the recorded outputs.
 * @property differing share of the output values that differ from the recorded ones, between 0 and 1.
 * @property largestDifference of them, in steps of the integer type; null for float outputs.
 * @property sqnrDb against the float model's outputs, in decibels.
 * @property leastSqnrDb that is asked for where the kernels are others.
 * @property agreement share of inputs on which top-1 equals the float model's; null where the model does not classify.
 * @property leastAgreement that is asked for where the kernels are others; null like [agreement].
 * @property differences the largest of the values that differ, for display.
 */
data class ParityResult(
    val n: Int,
    val passed: Boolean,
    val sameKernels: Boolean,
    val recordedKernelPath: String,
    val differing: Double,
    val largestDifference: Int?,
    val sqnrDb: Double,
    val leastSqnrDb: Double,
    val agreement: Double?,
    val leastAgreement: Double?,
    val differences: List<Difference> = emptyList(),
)

/**
 * One output value that is not the recorded one.
 *
 * @property output name of the output.
 * @property input number of the recorded input, from 0.
 * @property index of the value in the output, in the order of C.
 * @property recorded the stored value that was recorded.
 * @property found the stored value that this device computed.
 */
data class Difference(val output: String, val input: Int, val index: Int, val recorded: Double, val found: Double)
