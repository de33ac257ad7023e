package edgeq.core.bundle

import edgeq.core.image.Preprocessing
import edgeq.core.image.PreprocessingException
import edgeq.core.model.Quantization
import edgeq.core.model.SMALLEST_SCALE
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import org.json.JSONException
import org.json.JSONObject

internal const val BUNDLE_JSON = "bundle.json"
internal const val PARITY_NPZ = "parity.npz"
internal const val PHOTOS_ZIP = "photos.zip"
internal const val PUT_IN_AGAIN = "put the bundle in again with edgeq android BUNDLE --into APP"

private const val FORMAT = "edgeq-bundle"
private const val VERSION = 1L

/**
 * Reads the text of `bundle.json`; keys and schemes that it does not know are no error.
 *
 * @throws BundleException it is damaged or of a newer version.
 */
internal fun parseManifest(text: String): Bundle {
    val json = parsed(text)
    val fields = JsonFields(json)
    val format: Any? = json.opt("format")
    if (format != FORMAT) {
        throw BundleException("$BUNDLE_JSON is not edgeq's: expected the format $FORMAT, found ${shown(format)}")
    }
    val version: Any? = json.opt("version")
    if (version !is Int || version !in 1..VERSION) {
        throw BundleException(
            "$BUNDLE_JSON has version ${shown(version)}, this app reads up to $VERSION: update the app",
        )
    }
    val all = fields.objects("variants")
    requireDifferentNames(all.map { it.string("name") })
    val unsupported = all.associate { it.string("name") to reasonAgainst(it) }.filterNotNullValues()
    val variants = all.filter { it.string("name") !in unsupported }.map(::variant)
    if (variants.isEmpty()) {
        val reasons = unsupported.entries.joinToString("; ") { "${shown(it.key)}: ${it.value}" }
        throw BundleException("this app can run no variant of the bundle: $reasons")
    }
    return Bundle(
        name = fields.string("name"),
        variants = variants,
        preprocessing = preprocessing(fields.json("preprocessing")),
        labels = fields.strings("labels"),
        provenance = fields.json("provenance"),
        files = fields.fields("files").allStrings(),
        unsupported = unsupported,
    )
}

/** Refuses names that lead out of the bundle, on any system. */
internal fun requirePlain(name: String) {
    if (name.isEmpty() || name == "." || name == ".." || name.any { it in "/\\:" || it.isISOControl() }) {
        throw BundleException("the file name ${shown(name)} leads out of the bundle; $PUT_IN_AGAIN")
    }
}

private fun parsed(text: String): JSONObject = try {
    JSONObject(text)
} catch (error: JSONException) {
    throw BundleException("$BUNDLE_JSON cannot be read: ${shown(error.message)}; $PUT_IN_AGAIN", error)
} catch (error: StackOverflowError) {
    throw BundleException("$BUNDLE_JSON cannot be read: it is nested too deeply; $PUT_IN_AGAIN", error)
}

private fun requireDifferentNames(names: List<String>) {
    if (names.isEmpty() || names.toSet().size < names.size) {
        val found = if (names.isEmpty()) "none" else shown(names.joinToString())
        throw BundleException(
            "$BUNDLE_JSON is damaged: expected variants of different names, found $found; $PUT_IN_AGAIN",
        )
    }
}

private fun preprocessing(json: JSONObject): Preprocessing = try {
    Preprocessing.fromJson(json)
} catch (error: PreprocessingException) {
    throw BundleException("the preprocessing in the bundle cannot be used: ${error.message}", error)
}

/** Why this app cannot run a variant that is not damaged; null where it can. */
private fun reasonAgainst(variant: JsonFields): String? {
    val tensors = variant.objects("inputs") + variant.objects("outputs")
    return tensors.firstNotNullOfOrNull { tensor ->
        val type = TensorType.named(tensor.string("dtype"))
        val bytes = tensor.sizes("shape").fold(1.0, Double::times) * (type?.bytes ?: 0)
        val name = shown(tensor.string("name"))
        when {
            type == null -> "$name is ${shown(tensor.string("dtype"))}, a type it does not run"
            bytes > Int.MAX_VALUE -> "$name takes more than 2 GB"
            else -> null
        }
    }
}

private fun variant(fields: JsonFields): Variant {
    val file = fields.string("file")
    requirePlain(file)
    val check = fields.fields("check")
    return Variant(
        name = fields.string("name"),
        file = file,
        scheme = fields.string("scheme"),
        io = fields.string("io"),
        sha256 = fields.string("sha256"),
        sizeBytes = fields.long("size_bytes"),
        gzipBytes = fields.longOrNull("gzip_bytes"),
        inputs = fields.objects("inputs").map(::tensor),
        outputs = fields.objects("outputs").map(::tensor),
        check = RecordedCheck(
            n = check.int("n"),
            sqnrDb = check.finiteOrNull("sqnr_db"),
            agreement = check.finiteOrNull("agreement"),
            kernelPath = check.string("kernel_path"),
        ),
    )
}

private fun tensor(fields: JsonFields): TensorInfo {
    val name = fields.string("name")
    val dtype = fields.string("dtype")
    val type = TensorType.named(dtype) ?: throw BundleException("${shown(name)} is ${shown(dtype)}")
    return TensorInfo(name, type, fields.sizes("shape"), quantization(fields))
}

private fun quantization(fields: JsonFields): Quantization? {
    val scale = fields.doubleOrNull("scale") ?: return null
    if (scale.toFloat() !in SMALLEST_SCALE..Float.MAX_VALUE) {
        throw BundleException(
            "$BUNDLE_JSON is damaged: expected a quantization scale that is a float32 above 0, found $scale; " +
                PUT_IN_AGAIN,
        )
    }
    return Quantization(scale.toFloat(), fields.int("zero_point"))
}

private fun Map<String, String?>.filterNotNullValues(): Map<String, String> =
    entries.mapNotNull { (key, value) -> value?.let { key to it } }.toMap()
