package edgeq.core.bundle

import edgeq.core.image.Preprocessing
import edgeq.core.model.TensorInfo
import org.json.JSONObject

/**
 * What came out when a variant was run on the desktop and compared with the source model.
 *
 * @property n inputs that were compared.
 * @property sqnrDb signal to quantization noise ratio of all outputs together in decibels; null where it is no number.
 * @property agreement share of inputs on which top-1 agrees; null where the model does not classify.
 * @property kernelPath what computed the variant's outputs in `parity.npz`.
 */
data class RecordedCheck(val n: Int, val sqnrDb: Double?, val agreement: Double?, val kernelPath: String)

/**
 * One `.tflite` file of a bundle.
 *
 * @property name scheme and type of inputs and outputs, such as `int8-io-uint8`.
 * @property file its name in the bundle.
 * @property scheme such as `int8`; one that this app does not know is kept as it is.
 * @property io type of its inputs and outputs.
 * @property sha256 of the file, in hexadecimal.
 * @property sizeBytes of the file.
 * @property gzipBytes size after gzip; null in bundles that do not say.
 * @property inputs of the file, in its order.
 * @property outputs of the file, in its order.
 * @property check how it compared with the source model when it was made.
 */
data class Variant(
    val name: String,
    val file: String,
    val scheme: String,
    val io: String,
    val sha256: String,
    val sizeBytes: Long,
    val gzipBytes: Long?,
    val inputs: List<TensorInfo>,
    val outputs: List<TensorInfo>,
    val check: RecordedCheck,
)

/**
 * What `bundle.json` says.
 *
 * @property name of the model.
 * @property variants that this app can run, in the bundle's order: the first is the recommended one.
 * @property preprocessing what happens to stored values before the model.
 * @property labels class names in the order of the outputs; empty where unknown.
 * @property provenance versions, options and the source's digest, as the bundle has them.
 * @property files SHA-256 of the files beside the variants, by name.
 * @property unsupported why a variant of the bundle is not among [variants], by its name.
 */
class Bundle(
    val name: String,
    val variants: List<Variant>,
    val preprocessing: Preprocessing,
    val labels: List<String>,
    val provenance: JSONObject,
    val files: Map<String, String> = emptyMap(),
    val unsupported: Map<String, String> = emptyMap(),
) {
    /** The variant that the others are compared with; null in a bundle without it. */
    val baseline: Variant? get() = variants.firstOrNull { it.name == BASELINE }

    private companion object {
        const val BASELINE = "float32"
    }
}
