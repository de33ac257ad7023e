package edgeq.core.bundle

import java.io.ByteArrayOutputStream
import java.util.zip.ZipEntry
import java.util.zip.ZipInputStream
import java.util.zip.ZipOutputStream
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PhotosReaderTest {
    private val files = listOf("bundle.json", "photos.zip").associateWith { name ->
        checkNotNull(PhotosReaderTest::class.java.getResourceAsStream("/golden/photos/$name")).use { it.readBytes() }
    }
    private val zip = files.getValue("photos.zip")

    @Test
    fun `photos are read with pixels of the model's size and answers of each variant`() {
        val photos = parsePhotos(zip, setOf("int8", "float32"))
        assertEquals("image", photos.input)
        assertEquals(6, photos.photos.size)
        assertTrue(photos.photos.all { it.pixels.width == 16 && it.pixels.height == 12 && it.pixels.channels == 3 })
        assertEquals(listOf(6), photos.photos.filterNot { it.isLossless }.map { it.orientation })
        assertEquals(setOf("int8", "float32"), photos.answers.keys)
        assertEquals(listOf(6, 1, 3), photos.answers.getValue("int8").outputs.getValue("colour").shape)
        assertEquals(listOf(6, 1, 3), photos.reference.getValue("colour").shape)
    }

    @Test
    fun `answers of variants that are not asked for stay in the file`() {
        assertEquals(setOf("int8"), parsePhotos(zip, setOf("int8")).answers.keys)
    }

    @Test
    fun `a bundle without photos has none`() {
        assertNull(DemoBundle.reader().let { it.photos(it.read()) })
    }

    @Test
    fun `altered photos are refused`() {
        val altered = zip.copyOf().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() }
        val reader = BundleReader(MemorySource(files + ("photos.zip" to altered)))
        val error = assertThrows(BundleException::class.java) { reader.photos(reader.read()) }
        assertTrue(error.message.orEmpty().startsWith("photos.zip is not the file that bundle.json"), error.message)
    }

    @Test
    fun `what is no archive of photos is refused in one line`() {
        assertEquals("it is no ZIP archive, or cut off", refusal("no archive".toByteArray()))
        assertEquals("it has no photos.json", refusal(changed { null }))
        assertTrue(refusal(changed { "{" }).startsWith("photos.json: "))
        assertEquals("expected the format edgeq-photos, found other", refusal(changed("format" to "other")))
        assertEquals("expected 1 to 64 photos, found 0", refusal(changed("photos" to JSONArray())))
        val many = JSONArray(List(1000) { JSONObject() })
        assertEquals("expected 1 to 64 photos, found 1000", refusal(changed("photos" to many)))
        val missing = changed("reference" to JSONObject(mapOf("colour" to "gone.npy")))
        assertEquals("it has no gone.npy", refusal(missing))
        assertEquals("expected outputs of 6 photos, found others", refusal(changed("reference" to JSONObject())))
        val pixels = changed("reference" to JSONObject(mapOf("colour" to "photo-1.npy")))
        assertEquals("expected outputs of 6 photos, found others", refusal(pixels))
    }

    @Test
    fun `a field of another type is named`() {
        val error = assertThrows(BundleException::class.java) { parsePhotos(changed("input" to 7), emptySet()) }
        assertEquals("photos.json is damaged: input: expected text, found 7; $PUT_IN_AGAIN", error.message)
    }

    @Test
    fun `a newer version asks for a newer app`() {
        val error = assertThrows(BundleException::class.java) { parsePhotos(changed("version" to 2), emptySet()) }
        assertEquals("photos.zip has version 2, this app reads up to 1: update the app", error.message)
    }

    private fun refusal(content: ByteArray): String {
        val error = assertThrows(BundleException::class.java) { parsePhotos(content, setOf("int8")) }
        return error.message.orEmpty().removePrefix("photos.zip cannot be read: ").removeSuffix("; $PUT_IN_AGAIN")
    }

    private fun changed(field: Pair<String, Any>) =
        changed { text -> JSONObject(text).put(field.first, field.second).toString() }

    /** The archive with another index, or without one. */
    private fun changed(change: (String) -> String?): ByteArray {
        val result = ByteArrayOutputStream()
        ZipOutputStream(result).use { output ->
            val input = ZipInputStream(zip.inputStream())
            generateSequence { input.nextEntry }.forEach { entry ->
                val content = input.readBytes()
                val kept = if (entry.name == "photos.json") change(content.decodeToString())?.toByteArray() else content
                if (kept != null) {
                    output.putNextEntry(ZipEntry(entry.name))
                    output.write(kept)
                }
            }
        }
        return result.toByteArray()
    }
}
