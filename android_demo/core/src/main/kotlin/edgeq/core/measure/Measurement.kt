package edgeq.core.measure

import edgeq.core.bundle.Variant
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import edgeq.core.parity.ParityResult
import org.json.JSONObject

/** A number with its 95 % interval and the number of observations behind it. */
data class Estimate(val value: Double, val low: Double, val high: Double, val n: Int)

/** Whether a latency ratio means faster, slower or neither; [text] is what measurements have. */
enum class Verdict(val text: String) {
    FASTER("faster"),
    SLOWER("slower"),
    NO_DIFFERENCE("no significant difference"),
}

/**
 * Times of one variant in milliseconds.
 *
 * @property loadMs making the interpreter and allocating its tensors.
 * @property firstMs the first inference, which still initialises.
 * @property median of the steady state.
 * @property chunksMs every sample, by chunk, in the order measured. Chunks with one index were measured in the same
 *   round for every variant: they are pairs.
 * @property ratio latency divided by the baseline's, paired by round; null for the baseline.
 * @property verdict null like [ratio].
 */
data class Latency(
    val loadMs: Double,
    val firstMs: Double,
    val median: Estimate,
    val p90Ms: Double,
    val p95Ms: Double,
    val minMs: Double,
    val meanMs: Double,
    val chunksMs: List<DoubleArray>,
    val ratio: Estimate?,
    val verdict: Verdict?,
)

/**
 * One variant on one phone with one thread count, as a line of `edgeq`'s results: see [toJsonLine].
 *
 * @property session identifier shared by what was measured together, interleaved.
 * @property model the bundle's name, the same for all its variants.
 * @property variant the file.
 * @property baseline name of the variant that ratios refer to; null where the bundle's baseline was not measured.
 * @property threads of the interpreter.
 * @property inputs of the file, as allocated.
 * @property runtime what computed.
 * @property environment where.
 * @property latency null where it was not timed.
 * @property provenance the bundle's.
 * @property parity whether the phone computes what the bundle recorded; null where nothing can be compared.
 * @property invalid why its times must not be compared; null where they may.
 */
data class Measurement(
    val session: String,
    val model: String,
    val variant: Variant,
    val baseline: String?,
    val threads: Int,
    val inputs: List<TensorInfo>,
    val runtime: RuntimeInfo,
    val environment: Environment,
    val latency: Latency?,
    val provenance: JSONObject,
    val parity: ParityResult?,
    val invalid: String?,
)
