package edgeq.core.image

import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class PreprocessingTest {
    @Test
    fun `version 1 has one scale and one offset`() {
        val read = read("""{"version": 1, "name": "-1..1", "scale": 0.00784313725490196, "offset": -1}""")
        assertEquals(Preprocessing("-1..1", listOf(1 / 127.5f), listOf(-1f)), read)
    }

    @Test
    fun `version 2 says how images become pixels`() {
        val read = read(
            """{"version": 2, "name": "mine", "values": {"scale": [1.0, 2, 3.5], "offset": [0, 0.5, -1]}, "image":
            {"resize": "lanczos3", "antialias": true, "fit": "letterbox", "crop_fraction": 1.0, "pad": 114,
            "channels": "bgr", "exif": false}}""",
        )
        val image = ImagePreparation(
            ResizeMethod.LANCZOS3,
            antialias = true,
            fit = Fit.LETTERBOX,
            pad = 114,
            channels = ChannelOrder.BGR,
            exif = false,
        )
        assertEquals(Preprocessing("mine", listOf(1f, 2f, 3.5f), listOf(0f, 0.5f, -1f), image), read)
    }

    @Test
    fun `what is not said has its default`() {
        assertEquals(Preprocessing("raw"), read("""{"version": 2, "name": "raw"}"""))
    }

    @Test
    fun `single inputs may differ`() {
        val read = read(
            """{"version": 2, "name": "raw", "inputs": {"left": {"name": "x", "values": {"scale": 2},
            "image": {"resize": "area"}}}}""",
        )
        assertEquals(
            Preprocessing("left", listOf(2f), image = ImagePreparation(ResizeMethod.AREA)),
            read.of("left"),
        )
        assertSame(read, read.of("right"))
    }

    @Test
    fun `keys of a later edgeq are ignored`() {
        val read = read(
            """{"version": 2, "name": "raw", "new": 1, "values": {"scale": 2, "new": 1}, "image": {"new": 1},
            "audio": {"sample_rate": 16000}, "inputs": {"x": {"new": 1}}}""",
        )
        assertEquals(Preprocessing("raw", listOf(2f), inputs = mapOf("x" to Preprocessing("x"))), read)
    }

    @Test
    fun `a newer version is refused`() {
        for (version in listOf("3", "0", "1.5", "true", "null", "\"2\"", "99999999999")) {
            val message = refusal("""{"version": $version, "name": "raw"}""")
            assertTrue(message.startsWith("preprocessing of version "), message)
            assertTrue(message.endsWith(", this app reads up to 2: update the app"), message)
        }
        assertEquals("preprocessing of version none, this app reads up to 2: update the app", refusal("{}"))
    }

    @Test
    fun `damage is said in one line that names key, expected and found`() {
        val said = mapOf(
            """"values": 5""" to "values: expected an object, found 5",
            """"values": null""" to "values: expected an object, found null",
            """"values": {"scale": []}""" to "values.scale: expected a number or a list of numbers, found []",
            """"values": {"scale": true}""" to "values.scale: expected a number that float32 holds, found true",
            """"values": {"offset": [1, "2"]}""" to "values.offset: expected a number that float32 holds, found 2",
            """"values": {"offset": 1e39}""" to "values.offset: expected a number that float32 holds, found 1E+39",
            """"values": {"scale": [1, 2], "offset": [1, 2, 3]}""" to
                "values: expected one number or one a channel, found 2 and 3 of them",
            """"image": []""" to "image: expected an object, found []",
            """"image": {"resize": "cubic"}""" to
                "image preparation: resize is cubic, expected one of nearest, bilinear, bicubic, lanczos3, area",
            """"image": {"fit": 1}""" to "image preparation: fit is 1, expected one of stretch, crop, letterbox",
            """"image": {"channels": null}""" to "image preparation: channels is null, expected one of rgb, bgr",
            """"image": {"exif": 1}""" to "image preparation: exif is 1, expected true or false",
            """"image": {"pad": 1.5}""" to "image preparation: pad is 1.5, expected an integer from 0 to 255",
            """"image": {"pad": 256, "fit": "letterbox"}""" to
                "image preparation: pad is 256, expected an integer from 0 to 255",
            """"image": {"pad": 1}""" to "image preparation: pad is 1, expected 0 unless fit is letterbox",
            """"image": {"crop_fraction": 0}""" to
                "image preparation: crop_fraction is 0.0, expected a number above 0 and at most 1",
            """"image": {"crop_fraction": 0.5}""" to
                "image preparation: crop_fraction is 0.5, expected 1 unless fit is crop",
            """"inputs": {"a": 3}""" to "inputs.a: expected an object, found 3",
            """"inputs": 3""" to "inputs: expected an object, found 3",
        )
        for ((part, expected) in said) {
            val message = refusal("""{"version": 2, "name": "raw", $part}""")
            assertEquals("the preprocessing in the bundle is damaged: $expected", message)
        }
    }

    @Test
    fun `what is missing is named`() {
        assertTrue(refusal("""{"version": 2}""").endsWith("name: expected a name, found none"))
        val first = refusal("""{"version": 1, "name": "x", "scale": 1}""")
        assertTrue(first.endsWith("offset: expected a number that float32 holds, found none"), first)
    }

    @Test
    fun `what is found in a file is shown in one line and shortened`() {
        val message = refusal("""{"version": 2, "name": "raw", "image": {"resize": "a\nb${"x".repeat(1000)}"}}""")
        assertTrue(message.length < 300 && '\n' !in message, message)
    }

    @Test
    fun `numbers that are no numbers are refused`() {
        for (number in listOf(Float.NaN, Float.POSITIVE_INFINITY)) {
            assertThrows(PreprocessingException::class.java) { Preprocessing("x", listOf(number)) }
        }
        assertThrows(PreprocessingException::class.java) { Preprocessing("x", emptyList()) }
        assertThrows(PreprocessingException::class.java) { ImagePreparation(fit = Fit.CROP, cropFraction = Double.NaN) }
    }

    @Test
    fun `each channel has its own scale and offset`() {
        val values = Preprocessing("x", listOf(1f, 2f, 0.5f), listOf(0f, -1f, 1f))
            .apply(Pixels(2, 1, 3, byteArrayOf(0, 1, 2, -1, -2, -3)))
        assertArrayEquals(floatArrayOf(0f, 1f, 2f, 255f, 507f, 127.5f), values)
    }

    @Test
    fun `values are rounded to float32 after the product and after the sum`() {
        // In float64 the product is exact, and so each step here rounds once, as two operations of float32 do.
        val preprocessing = Preprocessing("x", listOf(1 / 58.395f), listOf(-2.1179f))
        val values = preprocessing.apply(Pixels(256, 1, 1, ByteArray(256) { it.toByte() }))
        val expected = FloatArray(256) { ((it.toDouble() * (1 / 58.395f)).toFloat().toDouble() + -2.1179f).toFloat() }
        assertArrayEquals(expected, values)
    }

    @Test
    fun `another number of channels is refused`() {
        val error = assertThrows(PreprocessingException::class.java) {
            Preprocessing("torch", listOf(1f, 1f, 1f)).apply(Pixels(1, 1, 1, ByteArray(1)))
        }
        assertTrue(error.message.orEmpty().startsWith("the preprocessing torch is for 3 channels, the image has 1"))
    }

    private fun read(json: String): Preprocessing = Preprocessing.fromJson(JSONObject(json))

    private fun refusal(json: String): String =
        assertThrows(PreprocessingException::class.java, { read(json) }, json).message.orEmpty()
}
