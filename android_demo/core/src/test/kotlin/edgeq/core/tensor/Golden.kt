package edgeq.core.tensor

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONArray
import org.json.JSONObject

/** Vectors that `tools/android/golden/core.py` wrote. */
internal object Golden {
    fun bytes(name: String): ByteArray {
        val stream = checkNotNull(javaClass.getResourceAsStream("/golden/core/$name")) { "no golden vectors $name" }
        return stream.use { it.readBytes() }
    }

    fun cases(name: String): List<JSONObject> {
        val array = JSONArray(bytes("$name.json").toString(Charsets.UTF_8))
        check(array.length() > 0)
        return List(array.length(), array::getJSONObject)
    }
}

/** The bytes that a golden file has in hexadecimal. */
internal fun unhex(text: String): ByteArray =
    ByteArray(text.length / 2) { text.substring(2 * it, 2 * it + 2).toInt(16).toByte() }

internal fun littleEndian(text: String): ByteBuffer = ByteBuffer.wrap(unhex(text)).order(ByteOrder.LITTLE_ENDIAN)

internal fun floats(text: String): FloatArray {
    val bytes = littleEndian(text)
    return FloatArray(bytes.limit() / 4) { bytes.getFloat(it * 4) }
}

internal fun doubles(text: String): DoubleArray {
    val bytes = littleEndian(text)
    return DoubleArray(bytes.limit() / 8) { bytes.getDouble(it * 8) }
}

internal fun double(text: String): Double = doubles(text).single()

/** Bits of every number: NaN equals NaN, and −0 is not 0. */
internal fun bits(values: FloatArray): List<Int> = values.map { it.toRawBits() }
