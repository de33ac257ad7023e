package edgeq.demo

import android.app.Activity
import android.view.Gravity
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import edgeq.core.measure.Latency
import edgeq.core.measure.Measurement
import edgeq.core.measure.Session
import edgeq.core.measure.Verdict

/** A session as a table, and what must be said of it. */
internal class BenchmarkReport(private val activity: Activity, private val session: Session) {
    /** A header, and one row for each measurement. */
    fun fill(table: TableLayout) {
        val measured = session.measurements
        if (measured.isEmpty()) return
        val baseline = measured.firstNotNullOfOrNull { it.baseline }
        val compared = activity.getString(R.string.column_ratio, baseline.orEmpty())
        table.addView(row(FIRST.map(activity::getString) + compared + LAST.map(activity::getString)))
        for (one in measured) table.addView(row(cells(one)))
    }

    /** What makes the times less trustworthy, and what was left out; one line each. */
    fun remarks(): List<String> {
        val cancelled = listOf(activity.getString(R.string.cancelled)).filter { session.isCancelled }
        val failures = session.failures.map { activity.getString(R.string.benchmark_failure, it.variant, it.reason) }
        val wrong = session.measurements.filter { it.parity?.passed == false }
            .map { activity.getString(R.string.benchmark_parity_failed, it.variant.name) }
        val invalid = session.measurements.mapNotNull(::invalid)
        val warnings = session.measurements.flatMap { it.environment.warnings }
        return (cancelled + failures + wrong + invalid + (session.notes + warnings).map(::sentence)).distinct()
    }

    private fun invalid(one: Measurement): String? {
        val reason = one.invalid ?: return null
        return activity.getString(R.string.benchmark_invalid, one.variant.name, reason)
    }

    private fun cells(one: Measurement): List<String> {
        val latency = one.latency
        val (median, p90, least) = listOf(latency?.median?.value, latency?.p90Ms, latency?.minMs)
            .map { it?.let(Numbers::significant).orEmpty() }
        return listOf(one.variant.name, "${one.threads}", median, compared(one, latency), p90, least)
    }

    private fun compared(one: Measurement, latency: Latency?): String {
        val ratio = latency?.ratio
        return when {
            one.variant.name == one.baseline -> activity.getString(R.string.baseline)
            ratio == null -> ""
            latency.verdict == Verdict.FASTER -> activity.getString(R.string.faster, Numbers.factor(ratio))
            latency.verdict == Verdict.SLOWER -> activity.getString(R.string.slower, Numbers.factor(ratio))
            else -> activity.getString(R.string.no_difference)
        }
    }

    private fun row(cells: List<String>): TableRow {
        val row = TableRow(activity)
        for ((column, text) in cells.withIndex()) {
            val cell = activity.layoutInflater.inflate(R.layout.cell, row, false) as TextView
            cell.text = text
            cell.gravity = if (column in NUMBERS) Gravity.END else Gravity.START
            row.addView(cell)
        }
        return row
    }

    private companion object {
        /** Columns before the one that names the baseline: what a narrow screen shows without scrolling. */
        val FIRST = listOf(R.string.column_variant, R.string.column_threads, R.string.column_median)

        /** Columns behind it. */
        val LAST = listOf(R.string.column_p90, R.string.column_min)

        /** Columns with numbers. */
        val NUMBERS = setOf(1, 2, 4, 5)
    }
}
