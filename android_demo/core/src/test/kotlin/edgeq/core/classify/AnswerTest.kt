package edgeq.core.classify

import edgeq.core.tensor.Golden
import edgeq.core.tensor.bits
import edgeq.core.tensor.floats
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class AnswerTest {
    @Test
    fun `classes are those that edgeq run shows, in its order`() {
        for (case in Golden.cases("top")) {
            val labels = case.getJSONArray("labels").let { List(it.length(), it::getString) }
            val expected = case.getJSONArray("top").let { List(it.length(), it::getJSONObject) }
            val found = topK(floats(case.getString("scores")), labels, case.getInt("k"))
            assertEquals(expected.map { it.getInt("index") }, found.map { it.index }, "$case")
            assertEquals(expected.map { it.getString("label") }, found.map { it.label }, "$case")
            assertEquals(
                expected.flatMap { bits(floats(it.getString("score"))) },
                bits(found.map { it.score }.toFloatArray()),
                "$case",
            )
        }
    }

    @Test
    fun `five are given where nothing is said`() {
        assertEquals(5, topK(FloatArray(10), emptyList()).size)
    }

    @Test
    fun `no scores are no classes`() {
        assertTrue(topK(FloatArray(0), listOf("cat")).isEmpty())
    }
}
