package edgeq.core.measure

import org.json.JSONObject

/**
 * A value as JSON in one line, its keys in their order; `JSONObject` has none on a JVM.
 *
 * @param value null, a text, a number, a truth value, a list, an array of numbers, a map with texts as keys, or a `JSONObject`.
 * @throws IllegalArgumentException a number is not finite, which JSON cannot hold, or something is none of these.
 */
internal fun json(value: Any?): String = when (value) {
    null, is Boolean, is Int, is Long, is JSONObject -> value.toString()
    is Double -> value.also { require(it.isFinite()) { "expected a finite number, found $it" } }.toString()
    is String -> JSONObject.quote(value)
    is DoubleArray -> value.joinToString(",", "[", "]") { json(it) }
    is List<*> -> value.joinToString(",", "[", "]") { json(it) }
    is Map<*, *> -> value.entries.joinToString(",", "{", "}") { (key, content) -> "${json(key)}:${json(content)}" }
    else -> throw IllegalArgumentException("${value.javaClass.name} has no form in JSON")
}
