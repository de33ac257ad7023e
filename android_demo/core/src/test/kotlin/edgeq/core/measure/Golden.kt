package edgeq.core.measure

import org.json.JSONArray
import org.json.JSONObject

/** The cases of a file that `tools/android/golden/measure.py` wrote. */
internal fun goldenCases(name: String): List<JSONObject> {
    val text = checkNotNull(JSONObject::class.java.classLoader.getResource("golden/measure/$name.json")).readText()
    val cases = JSONArray(text)
    return List(cases.length()) { cases.getJSONObject(it) }
}

internal fun JSONObject.chunks(key: String): List<DoubleArray>? = optJSONArray(key)?.let { rounds ->
    List(rounds.length()) { round -> rounds.getJSONArray(round).let { DoubleArray(it.length(), it::getDouble) } }
}

internal fun JSONObject.texts(key: String): List<String> = getJSONArray(key).let { List(it.length(), it::getString) }

internal fun JSONObject.textOrNull(key: String): String? = if (isNull(key)) null else getString(key)
