package edgeq.core.bundle

import java.io.ByteArrayInputStream
import java.io.File
import java.io.FileNotFoundException
import java.io.InputStream
import java.security.MessageDigest
import org.json.JSONObject

/** The demo bundle of the repository, and altered copies of it in memory. */
internal object DemoBundle {
    val folder: File = File(checkNotNull(System.getProperty("edgeq.bundle")) { "expected -Dedgeq.bundle=FOLDER" })

    fun reader() = BundleReader(FolderSource(folder))

    fun manifest() = JSONObject(File(folder, "bundle.json").readText())

    /** All files, to be altered. */
    fun files(): MutableMap<String, ByteArray> =
        checkNotNull(folder.listFiles()).associateTo(HashMap()) { it.name to it.readBytes() }

    /** With a manifest that was altered. */
    fun altered(alter: (JSONObject) -> Unit): BundleReader {
        val files = files()
        files["bundle.json"] = manifest().also(alter).toString().toByteArray()
        return BundleReader(MemorySource(files))
    }

    fun JSONObject.variant(index: Int): JSONObject = getJSONArray("variants").getJSONObject(index)
}

/** A source that gives streams only, as compressed assets do. */
internal class MemorySource(private val files: Map<String, ByteArray>) : BundleSource {
    override fun open(name: String): InputStream =
        ByteArrayInputStream(files[name] ?: throw FileNotFoundException(name))
}

internal fun sha256(content: ByteArray): String =
    MessageDigest.getInstance("SHA-256").digest(content).joinToString("") { "%02x".format(it) }
