package edgeq.core.image

import java.security.MessageDigest
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class GoldenImageTest {
    private val golden = GoldenImages.read()

    @Test
    fun `photos become the bytes that the desktop makes of them`() {
        val differing = golden.prepared.filter { (case, expected) ->
            val preparation = ImagePreparation.fromJson(case.getJSONObject("image"))
            !golden.prepare(case, photo(case), preparation).bytes.contentEquals(expected)
        }
        assertEquals(emptyList<String>(), differing.map { (case, _) -> case.toString() })
    }

    @Test
    fun `a large photo becomes the bytes that the desktop makes of it`() {
        val differing = golden.formula.filter { case ->
            val photo = formula(GoldenImages.shape(case.get("photo")))
            val preparation = ImagePreparation.fromJson(case.getJSONObject("image"))
            sha256(golden.prepare(case, photo, preparation).bytes) != case.getString("sha256")
        }
        assertEquals(emptyList<String>(), differing.map { it.toString() })
    }

    @Test
    fun `values are bit for bit those that a model sees on the desktop`() {
        val differing = golden.values.filter { (case, expected) ->
            val preprocessing = Preprocessing.fromJson(case.getJSONObject("preprocessing"))
            val values = preprocessing.apply(golden.prepare(case, photo(case), preprocessing.image))
            values.map(Float::toRawBits) != expected.map(Float::toRawBits)
        }
        assertEquals(emptyList<String>(), differing.map { (case, _) -> case.toString() })
    }

    @Test
    fun `the vectors cover every method, fit, order and orientation`() {
        val images = golden.prepared.map { (case, _) -> case.getJSONObject("image") }
        assertEquals(ResizeMethod.entries.map { it.jsonName }.toSet(), images.map { it.getString("resize") }.toSet())
        assertEquals(Fit.entries.map { it.jsonName }.toSet(), images.map { it.optString("fit", "stretch") }.toSet())
        assertEquals(setOf("rgb", "bgr"), images.map { it.getString("channels") }.toSet())
        assertEquals((1..8).toSet(), golden.prepared.map { (case, _) -> case.getInt("exif") }.toSet())
        assertTrue(golden.photos.size >= 20)
    }

    private fun photo(case: JSONObject): Pixels = golden.photos[case.getInt("photo")]

    private fun formula(shape: List<Int>): Pixels {
        val (height, width, channels) = shape
        val bytes = ByteArray(height * width * channels)
        var position = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                for (channel in 0 until channels) {
                    bytes[position++] = ((x * 7 + y * 3 + channel * 50) xor (x * y / 32)).toByte()
                }
            }
        }
        return Pixels(width, height, channels, bytes)
    }

    private fun sha256(bytes: ByteArray): String =
        MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
}
