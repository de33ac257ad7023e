package edgeq.core.image

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipInputStream
import org.json.JSONArray
import org.json.JSONObject

/** What edgeq makes of photos on the desktop: `golden/image/images.zip`, which `tools/android/golden/image.py` describes. */
internal class GoldenImages private constructor(private val entries: Map<String, ByteArray>) {
    private val index = JSONObject(entry("index.json").decodeToString())

    val photos: List<Pixels> = split("photos", index.getJSONArray("photos").map(::shape)) { bytes, shape ->
        Pixels(shape[1], shape[0], shape[2], bytes)
    }

    /** Cases and their pixels. */
    val prepared: List<Pair<JSONObject, ByteArray>> = withParts("prepared", 1)

    /** Cases and the float32 that a model sees. */
    val values: List<Pair<JSONObject, FloatArray>> = withParts("values", Float.SIZE_BYTES).map { (case, bytes) ->
        val floats = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
        Pair(case, FloatArray(floats.remaining()).also { floats.get(it) })
    }

    /** Cases of a photo that is a formula. */
    val formula: List<JSONObject> = cases("formula")

    fun prepare(case: JSONObject, photo: Pixels, preparation: ImagePreparation): Pixels {
        val (height, width, channels) = shape(case.get("input"))
        return prepare(photo, case.getInt("exif"), preparation, height, width, channels)
    }

    private fun withParts(name: String, bytes: Int): List<Pair<JSONObject, ByteArray>> {
        val cases = cases(name)
        val sizes = cases.map { shape(it.get("input")) + bytes }
        return cases.zip(split(name, sizes) { part, _ -> part })
    }

    private fun cases(name: String): List<JSONObject> = index.getJSONArray(name).map { it as JSONObject }

    private fun <T> split(name: String, shapes: List<List<Int>>, make: (ByteArray, List<Int>) -> T): List<T> {
        var start = 0
        val parts = shapes.map { shape ->
            val stop = start + shape.reduce(Int::times)
            make(entry(name).copyOfRange(start, stop), shape).also { start = stop }
        }
        check(start == entry(name).size) { "$name holds ${entry(name).size} bytes, expected $start" }
        return parts
    }

    private fun entry(name: String): ByteArray = checkNotNull(entries[name]) { "images.zip has no $name" }

    companion object {
        fun read(): GoldenImages {
            val file = checkNotNull(GoldenImages::class.java.getResourceAsStream("/golden/image/images.zip")) {
                "golden/image/images.zip is not among the tests' resources"
            }
            return ZipInputStream(file).use { zip ->
                GoldenImages(generateSequence { zip.nextEntry }.associate { Pair(it.name, zip.readBytes()) })
            }
        }

        fun shape(found: Any): List<Int> = (found as JSONArray).map { it as Int }
    }
}
