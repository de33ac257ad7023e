package edgeq.demo.support

import edgeq.core.bundle.BundleSource
import edgeq.core.bundle.FolderSource
import java.io.File
import org.json.JSONArray
import org.json.JSONObject

private const val MANIFEST = "bundle.json"

/** The bundle that the tests run: `edgeq.bundle` names its folder. */
val bundleFolder: File =
    File(requireNotNull(System.getProperty("edgeq.bundle")) { "the system property edgeq.bundle names no bundle" })

/** The bundle as it is. */
fun wholeBundle(): BundleSource = FolderSource(bundleFolder)

/** The bundle with only some of its variants, in this order. */
fun bundleOf(vararg names: String): BundleSource = withManifest { manifest ->
    val all = manifest.getJSONArray("variants").objects().associateBy { it.getString("name") }
    manifest.put("variants", JSONArray(names.map(all::getValue)))
}

/** The bundle, where the file's middle byte is another one. */
fun alteredBundle(file: String): BundleSource = replacing(file) { content ->
    content.copyOf().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
}

/** The bundle, where half of a file is missing, as after a copy that was broken off. */
fun brokenOffBundle(file: String): BundleSource = replacing(file) { it.copyOf(it.size / 2) }

/** The bundle as a future edgeq would write it. */
fun newerBundle(): BundleSource = withManifest { it.put("version", it.getInt("version") + 1) }

/** Name of a variant's file. */
fun fileOf(name: String): String =
    JSONObject(File(bundleFolder, MANIFEST).readText())
        .getJSONArray("variants").objects().first { it.getString("name") == name }.getString("file")

/** The manifest changed by [change]; its other files as they are. */
private fun withManifest(change: (JSONObject) -> Unit): BundleSource = replacing(MANIFEST) { content ->
    JSONObject(content.decodeToString()).also(change).toString().encodeToByteArray()
}

private fun replacing(file: String, change: (ByteArray) -> ByteArray): BundleSource = BundleSource { name ->
    val content = wholeBundle().open(name)
    if (name == file) content.use { change(it.readBytes()) }.inputStream() else content
}

private fun JSONArray.objects(): List<JSONObject> = (0 until length()).map(::getJSONObject)
