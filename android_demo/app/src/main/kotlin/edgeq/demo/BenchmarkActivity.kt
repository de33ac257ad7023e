package edgeq.demo

import android.content.ActivityNotFoundException
import android.content.ClipData
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.CheckBox
import android.widget.EditText
import android.widget.ProgressBar
import android.widget.TableLayout
import android.widget.TextView
import android.widget.Toast
import edgeq.core.measure.Phase
import edgeq.core.measure.Plan
import edgeq.core.measure.Progress
import kotlin.math.ceil

/**
 * Times all variants against each other and shares the results.
 *
 * A run goes on while the screen is turned. It ends where the user goes back or leaves the app: Android slows and stops
 * apps that nobody looks at, so that what they measure means nothing.
 */
class BenchmarkActivity : DemoActivity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        showLayout(R.layout.activity_benchmark)
        requireView<Button>(R.id.start_button).setOnClickListener { start() }
        requireView<Button>(R.id.stop_button).setOnClickListener { demo.benchmark.stop() }
        requireView<Button>(R.id.share_button).setOnClickListener { outcome()?.let(::share) }
        requireView<Button>(R.id.save_button).setOnClickListener { chooseFile() }
    }

    override fun onStart() {
        super.onStart()
        demo.benchmark.observe(this, ::render)
        demo.saving.observe(this, ::renderSaving)
    }

    override fun onPause() {
        if (isFinishing) {
            demo.benchmark.reset()
            demo.saving.reset()
        }
        super.onPause()
    }

    override fun onStop() {
        if (!isChangingConfigurations) demo.benchmark.stop()
        demo.benchmark.forget(this)
        demo.saving.forget(this)
        super.onStop()
    }

    override fun onActivityResult(requestCode: Int, resultCode: Int, data: Intent?) {
        super.onActivityResult(requestCode, resultCode, data)
        if (requestCode == SAVE && resultCode == RESULT_OK) data?.data?.let(::save)
    }

    private fun outcome(): BenchmarkOutcome? = (demo.benchmark.state as? TaskState.Done)?.result

    private fun start() {
        val threads = THREADS.filter { (id, _) -> requireView<CheckBox>(id).isChecked }.values.toList()
        if (threads.isEmpty()) return showProblem(getString(R.string.no_threads))
        val field = requireView<EditText>(R.id.seconds)
        val seconds = field.text.toString().toIntOrNull()
        if (seconds == null || seconds !in 1..MOST_SECONDS) {
            field.error = getString(R.string.seconds_range, MOST_SECONDS)
            return
        }
        val least = seconds.toDouble()
        val plan = Plan(threads = threads, leastSeconds = least, maxSeconds = maxOf(least, SLOW_SECONDS))
        val workbench = demo.workbench
        demo.benchmark.start { control -> workbench.benchmark(plan, control) }
    }

    private fun render(state: TaskState<BenchmarkProgress, BenchmarkOutcome>) {
        val isRunning = state is TaskState.Running
        for (id in SETTINGS) requireView<View>(id).isEnabled = !isRunning
        requireView<View>(R.id.start_button).showIf(!isRunning)
        requireView<View>(R.id.stop_button).showIf(isRunning)
        keepScreenOn(isRunning)
        renderProgress((state as? TaskState.Running)?.progress, isRunning)
        renderThermal()
        showProblem((state as? TaskState.Failed)?.let { explain(it.error) })
        renderResults((state as? TaskState.Done)?.result)
    }

    private fun keepScreenOn(isOn: Boolean) {
        val flag = WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON
        if (isOn) window.addFlags(flag) else window.clearFlags(flag)
    }

    /** The bar is not one that moves by itself: what draws takes time from what is measured. */
    private fun renderProgress(progress: BenchmarkProgress?, isRunning: Boolean) {
        val bar = requireView<ProgressBar>(R.id.progress)
        bar.showIf(isRunning)
        bar.progress = (bar.max * (progress?.share ?: 0.0)).toInt()
        val text = requireView<TextView>(R.id.progress_text)
        text.showIf(isRunning)
        text.text = progress?.let { told(it.now) } ?: getString(R.string.benchmark_starts)
    }

    private fun told(progress: Progress): String {
        val phase = when (progress.phase) {
            Phase.LOADING -> R.plurals.phase_loading
            Phase.PARITY -> R.plurals.phase_parity
            Phase.WARM_UP -> R.plurals.phase_warm_up
            Phase.MEASURING -> R.plurals.phase_measuring
        }
        val what = resources.getQuantityString(phase, progress.threads, progress.variant, progress.threads)
        val seconds = ceil(progress.secondsLeft ?: return what).toInt()
        return resources.getQuantityString(R.plurals.time_left, seconds, what, seconds)
    }

    private fun renderThermal() {
        val statuses = resources.getStringArray(R.array.thermal_statuses)
        val status = thermalStatus(this)
        requireView<TextView>(R.id.thermal).text = if (status == null) {
            getString(R.string.thermal_unknown)
        } else {
            getString(R.string.thermal, statuses.getOrElse(status) { "$status" })
        }
    }

    private fun renderResults(outcome: BenchmarkOutcome?) {
        val table = requireView<TableLayout>(R.id.table)
        table.removeAllViews()
        val report = outcome?.let { BenchmarkReport(this, it.session) }
        report?.fill(table)
        val remarks = requireView<TextView>(R.id.remarks)
        remarks.text = report?.remarks().orEmpty().joinToString("\n")
        remarks.showIf(remarks.text.isNotEmpty())
        showEnd(outcome)
        val isAny = outcome?.session?.measurements.orEmpty().isNotEmpty()
        requireView<View>(R.id.share_button).showIf(isAny)
        requireView<View>(R.id.save_button).showIf(isAny)
    }

    private fun showEnd(outcome: BenchmarkOutcome?) {
        val end = requireView<TextView>(R.id.end)
        end.showIf(outcome != null)
        val measured = outcome?.session?.measurements.orEmpty().size
        end.text = resources.getQuantityString(R.plurals.benchmark_end, measured, measured)
    }

    /** As text where that fits into an intent, else as a file. */
    private fun share(outcome: BenchmarkOutcome) {
        val model = outcome.session.measurements.first().model
        val send = Intent(Intent.ACTION_SEND).putExtra(Intent.EXTRA_SUBJECT, getString(R.string.share_subject, model))
        if (outcome.text != null) {
            send.setType("text/plain").putExtra(Intent.EXTRA_TEXT, outcome.text)
        } else if (outcome.isInFile) {
            attach(SharedFiles.uri(this, SharedFiles.RESULTS), send)
        } else {
            return showProblem(getString(R.string.share_too_large))
        }
        startActivity(Intent.createChooser(send, getString(R.string.share)))
    }

    private fun attach(file: Uri, send: Intent) {
        send.setType("application/json").putExtra(Intent.EXTRA_STREAM, file)
        send.clipData = ClipData.newRawUri(null, file)
        send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
    }

    private fun chooseFile() {
        val create = Intent(Intent.ACTION_CREATE_DOCUMENT)
            .addCategory(Intent.CATEGORY_OPENABLE)
            // Of no known kind: others would get that kind's extension behind the name.
            .setType("application/octet-stream")
            .putExtra(Intent.EXTRA_TITLE, SharedFiles.RESULTS)
        try {
            startActivityForResult(create, SAVE)
        } catch (_: ActivityNotFoundException) {
            showProblem(getString(R.string.no_app))
        }
    }

    private fun save(uri: Uri) {
        // Null where the process ended while the user chose the file.
        val session = outcome()?.session
        val workbench = demo.workbench
        demo.saving.start { workbench.save(session, uri) }
    }

    private fun renderSaving(state: TaskState<Unit, Uri>) {
        if (state is TaskState.Failed) showProblem(explain(state.error))
        if (state is TaskState.Done) {
            Toast.makeText(this, R.string.saved, Toast.LENGTH_LONG).show()
            demo.saving.reset()
        }
    }

    private companion object {
        const val SAVE = 1
        const val MOST_SECONDS = 600

        /** A slow variant may take longer than was asked for, to get some runs: as the desktop's `edgeq benchmark`. */
        const val SLOW_SECONDS = 60.0
        val THREADS = mapOf(R.id.threads_1 to 1, R.id.threads_2 to 2, R.id.threads_4 to 4)
        val SETTINGS = THREADS.keys + R.id.seconds
    }
}
