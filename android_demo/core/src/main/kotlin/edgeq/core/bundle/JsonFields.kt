package edgeq.core.bundle

import org.json.JSONArray
import org.json.JSONObject

/**
 * The fields of a JSON object, each of the type that is asked for.
 *
 * Only `opt`, `length` and `keys` of org.json are used: its typed getters convert text and null in one way on Android
 * and in another elsewhere.
 *
 * @param value the object.
 * @property path where it is in the file, for messages; empty for the whole.
 * @property file name of the file, for messages.
 */
internal class JsonFields(
    private val value: JSONObject,
    private val path: String = "",
    private val file: String = BUNDLE_JSON,
) {
    fun string(key: String): String = value.opt(key) as? String ?: wrong(key, "text")

    fun long(key: String): Long = (value.opt(key) as? Number)?.let(::whole) ?: wrong(key, "a whole number")

    /** Null where there is none, or null. */
    fun longOrNull(key: String): Long? = if (isMissing(key)) null else long(key)

    fun int(key: String): Int {
        val number = long(key)
        return if (number == number.toInt().toLong()) number.toInt() else wrong(key, "a number of 32 bits")
    }

    /** Null where there is none, null, or what is no finite number: JSON has no sign for it, and Python writes NaN. */
    fun finiteOrNull(key: String): Double? = (value.opt(key) as? Number)?.toDouble()?.takeIf(::isFinite)

    /** Null where there is none, or null. */
    fun doubleOrNull(key: String): Double? =
        if (isMissing(key)) null else finiteOrNull(key) ?: wrong(key, "a finite number")

    fun fields(key: String): JsonFields = JsonFields(json(key), pathOf(key), file)

    fun json(key: String): JSONObject = value.opt(key) as? JSONObject ?: wrong(key, "an object")

    fun strings(key: String): List<String> = items(key) { item, where ->
        item as? String ?: wrongAt(where, "text", item)
    }

    fun sizes(key: String): List<Int> = items(key) { item, where ->
        val size = (item as? Number)?.let(::whole)
        if (size != null && size in 0..Int.MAX_VALUE) size.toInt() else wrongAt(where, "a size", item)
    }

    fun objects(key: String): List<JsonFields> = items(key) { item, where ->
        JsonFields(item as? JSONObject ?: wrongAt(where, "an object", item), where, file)
    }

    fun flag(key: String): Boolean = value.opt(key) as? Boolean ?: wrong(key, "true or false")

    /** All fields as text, by key. */
    fun allStrings(): Map<String, String> = value.keys().asSequence().toList().associateWith(::string)

    private fun isMissing(key: String) = value.opt(key).let { it == null || it == JSONObject.NULL }

    private fun pathOf(key: String) = if (path.isEmpty()) key else "$path.$key"

    private fun <T> items(key: String, read: (Any?, String) -> T): List<T> {
        val array = value.opt(key) as? JSONArray ?: wrong(key, "a list")
        return List(array.length()) { read(array.opt(it), "${pathOf(key)}[$it]") }
    }

    private fun wrong(key: String, expected: String): Nothing = wrongAt(pathOf(key), expected, value.opt(key))

    private fun wrongAt(where: String, expected: String, found: Any?): Nothing =
        throw BundleException(
            "$file is damaged: $where: expected $expected, found ${shown(found)}; $PUT_IN_AGAIN",
        )

    private companion object {
        /** Integers beyond this are not all float64, which some readers of JSON make of every number. */
        const val LARGEST = 9007199254740992.0

        fun isFinite(number: Double) = !number.isNaN() && !number.isInfinite()

        fun whole(number: Number): Long? {
            val double = number.toDouble()
            return if (double in -LARGEST..LARGEST && double == Math.rint(double)) double.toLong() else null
        }
    }
}

/** What a message says of a value that a file holds: short and printable. */
internal fun shown(value: Any?): String {
    val text = if (value == null) "nothing" else value.toString()
    val short = if (text.length > SHOWN_CHARACTERS) text.take(SHOWN_CHARACTERS) + "…" else text
    return short.map { if (it.isISOControl()) ' ' else it }.joinToString("")
}

private const val SHOWN_CHARACTERS = 60
