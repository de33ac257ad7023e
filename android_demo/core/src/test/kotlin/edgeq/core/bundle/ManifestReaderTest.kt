package edgeq.core.bundle

import edgeq.core.bundle.DemoBundle.variant
import kotlin.random.Random
import org.json.JSONArray
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ManifestReaderTest {
    @Test
    fun `a newer version is named`() {
        val message = refusal { it.put("version", 2) }
        assertEquals("bundle.json has version 2, this app reads up to 1: update the app", message)
    }

    @Test
    fun `a version that is no number is refused`() {
        for (version in listOf("1", 0, -1, 1.5, true, JSONObject.NULL)) {
            assertTrue(refusal { it.put("version", version) }.startsWith("bundle.json has version"))
        }
    }

    @Test
    fun `another format is refused`() {
        assertEquals(
            "bundle.json is not edgeq's: expected the format edgeq-bundle, found nothing",
            refusal { it.remove("format") },
        )
    }

    @Test
    fun `schemes and keys that are not known are kept and ignored`() {
        val bundle = DemoBundle.altered {
            it.put("later", 1).variant(1).put("scheme", "int4").put("later", JSONArray())
        }.read()
        assertEquals("int4", bundle.variants[1].scheme)
    }

    @Test
    fun `an older bundle without the size after gzip is read`() {
        val bundle = DemoBundle.altered {
            it.variant(0).remove("gzip_bytes")
            it.variant(1).put("gzip_bytes", JSONObject.NULL)
        }.read()
        assertNull(bundle.variants[0].gzipBytes)
        assertNull(bundle.variants[1].gzipBytes)
    }

    @Test
    fun `a model that does not classify has no agreement`() {
        val bundle = DemoBundle.altered {
            it.variant(0).getJSONObject("check").put("agreement", JSONObject.NULL)
        }.read()
        assertNull(bundle.variants[0].check.agreement)
        assertNotNull(bundle.variants[0].check.sqnrDb)
    }

    @Test
    fun `names with folders in them are refused`() {
        for (name in listOf("", ".", "..", "../x.tflite", "/etc/x", "a\\b", "C:x", "a/b", "a\u0000b")) {
            assertTrue("leads out of the bundle" in refusal { it.variant(0).put("file", name) }, name)
        }
    }

    @Test
    fun `fields that are missing or of another type are named`() {
        assertEquals(
            "bundle.json is damaged: variants[2].sha256: expected text, found 5; $PUT_IN_AGAIN",
            refusal { it.variant(2).put("sha256", 5) },
        )
        assertEquals(
            "bundle.json is damaged: name: expected text, found nothing; $PUT_IN_AGAIN",
            refusal { it.remove("name") },
        )
        assertTrue("labels[0]: expected text" in refusal { it.put("labels", JSONArray().put(1)) })
        assertTrue("shape[0]: expected a size" in refusal { input(it).put("shape", JSONArray().put(-1)) })
        assertTrue("shape[0]: expected a size" in refusal { input(it).put("shape", JSONArray().put(1.5)) })
        assertTrue("shape[0]: expected a size" in refusal { input(it).put("shape", JSONArray().put(1e300)) })
        assertTrue("zero_point: expected" in refusal { input(it).put("scale", 1).put("zero_point", JSONObject.NULL) })
        assertTrue("zero_point: expected" in refusal { input(it).put("scale", 1).put("zero_point", 1L shl 40) })
        assertTrue("expected a quantization scale" in refusal { input(it).put("scale", 0) })
        assertTrue("expected a quantization scale" in refusal { input(it).put("scale", 1e300) })
        assertTrue("says nothing of parity.npz" in refusal { it.put("files", JSONObject()) })
    }

    @Test
    fun `variants of one name, and none at all, are refused`() {
        assertTrue("found float32, float32" in refusal { it.variant(1).put("name", "float32") })
        assertTrue("found none" in refusal { it.put("variants", JSONArray()) })
    }

    @Test
    fun `a bundle of which nothing runs says why`() {
        val message = refusal { json ->
            repeat(6) { input(json, it).put("dtype", "complex64") }
        }
        assertTrue(
            message.startsWith("this app can run no variant of the bundle: float32: image is complex64"),
            message,
        )
    }

    @Test
    fun `a tensor of absurd size is not run`() {
        val bundle = DemoBundle.altered { json ->
            input(json).put("shape", JSONArray(List(4) { Int.MAX_VALUE }))
        }.read()
        assertEquals("image takes more than 2 GB", bundle.unsupported["float32"])
    }

    @Test
    fun `text that is no JSON is one line`() {
        val deep = listOf("{\"a\":[", "{\"a\":").map { it.repeat(100_000) }
        for (text in listOf("", "x", "[]", "{", "{\"format\": \"edgeq-bundle\"") + deep) {
            val error = assertThrows(BundleException::class.java) { parseManifest(text) }
            assertTrue('\n' !in error.message.orEmpty(), error.message)
        }
    }

    @Test
    fun `no damage makes another error than a message`() {
        val random = Random(11)
        // Without most digests of calibration items, so that damage finds the rest.
        val text = DemoBundle.manifest().put("calibration", JSONArray()).toString()
        var refused = 0
        repeat(2000) {
            val damaged = StringBuilder(text)
            repeat(random.nextInt(1, 4)) {
                damaged.setCharAt(random.nextInt(damaged.length), "{}[]\",:0-eEnx \u0000é"[random.nextInt(16)])
            }
            try {
                parseManifest(damaged.toString())
            } catch (error: BundleException) {
                refused++
                assertTrue('\n' !in error.message.orEmpty(), error.message)
            }
        }
        assertTrue(refused > 500, "$refused")
    }

    private fun input(json: JSONObject, variant: Int = 0): JSONObject =
        json.variant(variant).getJSONArray("inputs").getJSONObject(0)

    private fun refusal(alter: (JSONObject) -> Unit): String =
        assertThrows(BundleException::class.java) { DemoBundle.altered(alter).read() }.message.orEmpty()
}
