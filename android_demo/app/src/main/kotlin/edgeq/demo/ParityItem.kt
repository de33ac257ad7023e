package edgeq.demo

import android.view.View
import android.widget.TextView
import edgeq.core.parity.Difference
import edgeq.core.parity.ParityResult

/** What came of one variant's parity check, in an `item_parity` layout. */
internal class ParityItem(private val item: View) {
    private val resources = item.resources

    /** Fills the layout. */
    fun show(outcome: ParityOutcome) {
        val result = outcome.result
        val photos = outcome.photos
        val passed = result?.passed == true && photos?.result?.passed != false
        val text = when {
            outcome.problem != null -> R.string.parity_not_run
            result == null -> R.string.parity_not_compared
            passed -> R.string.parity_passed
            else -> R.string.parity_failed
        }
        val verdict = item.findViewById<TextView>(R.id.verdict)
        verdict.text = resources.getString(text, outcome.variant)
        val colour = if (passed) R.color.pass else R.color.fail
        if (result != null || outcome.problem != null) verdict.setTextColor(item.context.getColor(colour))
        val problem = outcome.problem?.let(::sentence)
        line(R.id.kernels, problem ?: result?.let { kernels(it, outcome.kernelPath.orEmpty()) })
        line(R.id.difference, result?.let(::difference))
        line(R.id.noise, result?.let(::noise))
        line(R.id.agreement, result?.let(::agreement))
        line(R.id.examples, result?.let(::examples))
        val words = PhotoWords(resources)
        line(R.id.photos, photos?.let(words::summary))
        line(R.id.photo_details, photos?.let(words::details))
    }

    private fun line(id: Int, text: String?) {
        val view = item.findViewById<TextView>(id)
        view.showIf(text != null)
        view.text = text
    }

    private fun kernels(result: ParityResult, kernelPath: String): String = if (result.sameKernels) {
        resources.getQuantityString(R.plurals.parity_same_kernels, result.n, result.n, kernelPath)
    } else {
        val recorded = result.recordedKernelPath
        resources.getQuantityString(R.plurals.parity_other_kernels, result.n, result.n, kernelPath, recorded)
    }

    private fun difference(result: ParityResult): String {
        val share = Numbers.percent(result.differing)
        val steps = result.largestDifference
        return when {
            result.differing == 0.0 -> resources.getString(R.string.parity_equal)
            steps == null -> resources.getString(R.string.parity_differing, share)
            else -> resources.getQuantityString(R.plurals.parity_differing_steps, steps, share, steps)
        }
    }

    // With the same kernels the bits decide, and the least is not asked for.
    private fun noise(result: ParityResult): String {
        val found = Numbers.decimals(result.sqnrDb, 1)
        if (result.sameKernels) return resources.getString(R.string.parity_noise_told, found)
        return resources.getString(R.string.parity_noise, found, Numbers.decimals(result.leastSqnrDb, 1))
    }

    private fun agreement(result: ParityResult): String? {
        val found = result.agreement ?: return null
        val least = result.leastAgreement
        if (result.sameKernels || least == null) {
            return resources.getString(R.string.parity_agreement_told, Numbers.percent(found))
        }
        return resources.getString(R.string.parity_agreement, Numbers.percent(found), Numbers.percent(least))
    }

    private fun examples(result: ParityResult): String? =
        result.differences.take(EXAMPLES).joinToString("\n", transform = ::example).ifEmpty { null }

    private fun example(one: Difference): String = resources.getString(
        R.string.parity_example,
        one.output,
        one.index,
        one.input,
        shown(one.recorded),
        shown(one.found),
    )

    private fun shown(value: Double): String =
        if (value % 1 == 0.0) value.toLong().toString() else value.toFloat().toString()

    private companion object {
        const val EXAMPLES = 5
    }
}
