package edgeq.demo

import edgeq.core.measure.Estimate
import java.util.Locale
import kotlin.math.floor
import kotlin.math.log10

/** Numbers as the screens show them, in the digits of the phone's language. */
internal object Numbers {
    private const val DIGITS = 3
    private const val MOST_DECIMALS = 4
    private const val PERCENT = 100

    /** Three significant digits: 0.0484, 1.60, 23.4, 1234. */
    fun significant(value: Double): String {
        if (!value.isFinite() || value <= 0) return decimals(value, 0)
        val before = floor(log10(value)).toInt() + 1
        return decimals(value, (DIGITS - before).coerceIn(0, MOST_DECIMALS))
    }

    /** With that many decimals. */
    fun decimals(value: Double, decimals: Int): String = String.format(Locale.getDefault(), "%.${decimals}f", value)

    /** A share from 0 to 1 in percent; a share above 0 is never shown as 0. */
    fun percent(share: Double): String {
        val shown = PERCENT * share
        return if (shown > 0 && shown < 1) significant(shown) else decimals(shown, if (shown % 1 == 0.0) 0 else 1)
    }

    /** How much faster or slower a latency ratio means, as a factor of at least 1. */
    fun factor(ratio: Estimate): String = decimals(if (ratio.value < 1) 1 / ratio.value else ratio.value, 2)
}
