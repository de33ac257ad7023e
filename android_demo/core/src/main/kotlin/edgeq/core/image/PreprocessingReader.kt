package edgeq.core.image

import org.json.JSONArray
import org.json.JSONObject

/**
 * Reads the `preprocessing` object of a `bundle.json`.
 *
 * Only the form that edgeq writes: presets by name and `mean` with `std`, which people may write for the desktop,
 * have become scale and offset in a bundle.
 */
internal object PreprocessingReader {
    private const val VERSION = 2
    private const val SHOWN = 80

    fun read(value: JSONObject): Preprocessing {
        val version = value.opt("version")
        if (version !is Int || version !in 1..VERSION) {
            throw PreprocessingException(
                "preprocessing of version ${shown(version)}, this app reads up to $VERSION: update the app",
            )
        }
        try {
            val name = name(value) ?: damaged("name", "a name", null)
            return if (version == 1) readFirst(value, name) else readSecond(value, name)
        } catch (error: PreprocessingException) {
            throw PreprocessingException("the preprocessing in the bundle is damaged: ${error.message}", error)
        }
    }

    private fun readFirst(value: JSONObject, name: String): Preprocessing =
        Preprocessing(name, listOf(float(value.opt("scale"), "scale")), listOf(float(value.opt("offset"), "offset")))

    private fun readSecond(value: JSONObject, name: String): Preprocessing {
        val inputs = part(value, "inputs")
        return readValues(value, name).copy(
            inputs = inputs.keys().asSequence().associateWith { readValues(part(inputs, it, "inputs.$it"), it) },
        )
    }

    private fun readValues(value: JSONObject, name: String): Preprocessing {
        val values = part(value, "values")
        return Preprocessing(
            name = name,
            scale = floats(values, "scale") ?: listOf(1f),
            offset = floats(values, "offset") ?: listOf(0f),
            image = ImagePreparation.fromJson(part(value, "image")),
        )
    }

    private fun name(value: JSONObject): String? = value.opt("name")?.toString()

    private fun part(value: JSONObject, key: String, path: String = key): JSONObject {
        val found = value.opt(key) ?: return JSONObject()
        return found as? JSONObject ?: damaged(path, "an object", found)
    }

    private fun floats(values: JSONObject, key: String): List<Float>? {
        val found = values.opt(key) ?: return null
        if (found !is JSONArray) {
            return listOf(float(found, "values.$key"))
        }
        if (found.length() == 0) {
            damaged("values.$key", "a number or a list of numbers", found)
        }
        return List(found.length()) { float(found.opt(it), "values.$key") }
    }

    private fun float(found: Any?, key: String): Float =
        (found as? Number)?.toFloat()?.takeIf(Float::isFinite) ?: damaged(key, "a number that float32 holds", found)

    private fun damaged(key: String, expected: String, found: Any?): Nothing =
        throw PreprocessingException("$key: expected $expected, found ${shown(found)}")

    /** A value of a file for a message: one line, and not all of a long one. */
    fun shown(found: Any?): String {
        val text = found?.toString() ?: "none"
        return text.take(SHOWN).replace(UNPRINTABLE, " ")
    }

    private val UNPRINTABLE = Regex("\\p{Cntrl}+")
}

internal fun shown(found: Any?): String = PreprocessingReader.shown(found)
