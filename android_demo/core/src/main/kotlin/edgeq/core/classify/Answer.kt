package edgeq.core.classify

/**
 * One class of an answer.
 *
 * @property label name of the class; `class 7` where the bundle has none.
 * @property index of the class in the output.
 * @property score as the model gives it: no softmax is applied.
 */
data class Answer(val label: String, val index: Int, val score: Float)

/**
 * The [k] classes of the largest scores: equal scores in the order of the classes, and NaN after all numbers, as
 * `edgeq run` shows them.
 *
 * @param scores one a class.
 * @param labels names of the classes in the order of [scores]; may be fewer, or none.
 */
fun topK(scores: FloatArray, labels: List<String>, k: Int = 5): List<Answer> {
    val before = Comparator<Int> { left, right ->
        val first = scores[left]
        val second = scores[right]
        when {
            first.isNaN() || second.isNaN() -> first.isNaN().compareTo(second.isNaN())
            first == second -> 0 // −0 and 0 are equal; Float.compare tells them apart.
            else -> second.compareTo(first)
        }
    }
    return scores.indices.sortedWith(before).take(k).map { index ->
        Answer(labels.getOrElse(index) { "class $index" }, index, scores[index])
    }
}
