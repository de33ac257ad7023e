package edgeq.demo

import android.app.Activity
import android.content.Intent
import android.net.Uri
import android.view.View
import android.widget.CheckBox
import android.widget.EditText
import android.widget.TableLayout
import android.widget.TableRow
import android.widget.TextView
import edgeq.core.model.ModelException
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.WatchedFactory
import edgeq.demo.support.back
import edgeq.demo.support.bundleOf
import edgeq.demo.support.button
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.text
import edgeq.demo.support.waitUntil
import java.io.ByteArrayOutputStream
import java.io.File
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** The screen that measures; it really does, for as short as it lets a user choose. */
class BenchmarkScreenTest : ScreenTest() {
    @Before
    fun fewVariants() {
        app.bundleSource = bundleOf("int8", "float32")
    }

    @Test
    fun `fills the table and shares the results in the schema of edgeq`() {
        val screen = startBenchmark().get()
        waitUntil("the benchmark ends") { screen.isSeen(R.id.start_button) }

        val rows = screen.rows()
        assertEquals(screen.getString(R.string.column_variant), rows.first().first())
        assertEquals(listOf("int8", "float32"), rows.drop(1).map { it.first() })
        val float = rows.last()
        assertEquals(screen.getString(R.string.baseline), float[RATIO])
        for (time in rows.drop(1).flatMap { it.drop(2) - it[RATIO] }) assertTrue("$rows", time.toDouble() > 0)

        screen.button(R.id.share_button).performClick()
        val lines = received(shadowOf(screen).nextStartedActivity)
        assertMeasured(lines)
        keep(lines)
    }

    @Test
    fun `a benchmark outlives a turn of the phone and is saved where the user says`() {
        val controller = startBenchmark()
        waitUntil("it measures") { factory.ran > 0 }
        turn(controller)
        val screen = controller.get()
        assertTrue(screen.isSeen(R.id.stop_button))
        waitUntil("the benchmark ends") { screen.isSeen(R.id.start_button) }
        assertEquals(3, screen.rows().size)
        assertEquals("no model is loaded again", 2, factory.opened)

        screen.button(R.id.save_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        assertEquals(Intent.ACTION_CREATE_DOCUMENT, request.intent.action)
        assertEquals("the name keeps its end", "application/octet-stream", request.intent.type)
        val saved = ByteArrayOutputStream()
        shadowOf(app.contentResolver).registerOutputStream(place, saved)
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, Intent().setData(place))
        waitUntil("the results are saved") { app.saving.state == TaskState.Idle }
        assertMeasured(saved.toString())
    }

    @Test
    fun `a file that is replaced holds nothing of what it held`() {
        val screen = measured()
        val earlier = File(app.cacheDir, "earlier.jsonl").apply { writeText("earlier\n".repeat(LONG)) }
        receive(screen, Uri.fromFile(earlier))

        assertMeasured(earlier.readText())
    }

    @Test
    fun `results are saved though the process ended while the user chose a file`() {
        measured()
        // What a new process has: the file of the cache and no outcome.
        app.benchmark.reset()
        val again = start(BenchmarkActivity::class.java).get()
        val saved = ByteArrayOutputStream()
        shadowOf(app.contentResolver).registerOutputStream(place, saved)
        receive(again, place)

        assertMeasured(saved.toString())
        assertFalse(again.isSeen(R.id.problem))
    }

    @Test
    fun `results that are gone are told`() {
        val screen = measured()
        File(app.cacheDir, SharedFiles.RESULTS).delete()
        app.benchmark.reset()
        receive(screen, place)

        assertEquals(screen.getString(R.string.results_gone), screen.text(R.id.problem))
    }

    @Test
    fun `the end is told to a screen reader, and the results are in a file of their own`() {
        val screen = measured()

        val end = screen.find<TextView>(R.id.end)
        assertEquals(View.ACCESSIBILITY_LIVE_REGION_POLITE, end.accessibilityLiveRegion)
        assertEquals(screen.resources.getQuantityString(R.plurals.benchmark_end, 2, 2), end.text.toString())
        assertMeasured(File(app.cacheDir, SharedFiles.RESULTS).readText())
        assertEquals(listOf(SharedFiles.RESULTS), app.cacheDir.list().orEmpty().filter { "results" in it })
    }

    @Test
    fun `going back ends the benchmark and closes every model`() {
        val controller = startBenchmark()
        waitUntil("it measures") { factory.ran > 0 }
        controller.back()
        waitUntil("every model is closed") { factory.stillOpen == 0 }

        assertEquals(TaskState.Idle, app.benchmark.state)
    }

    @Test
    fun `leaving the app ends the benchmark and says so on return`() {
        val controller = startBenchmark()
        waitUntil("it measures") { factory.ran > 0 }
        controller.pause().stop()
        waitUntil("every model is closed") { factory.stillOpen == 0 }
        controller.restart().start().resume()
        waitUntil("the screen is told") { controller.get().isSeen(R.id.start_button) }

        val screen = controller.get()
        assertTrue(screen.text(R.id.remarks), screen.getString(R.string.cancelled) in screen.text(R.id.remarks))
    }

    @Test
    fun `a variant that the runtime refuses is named and the others are measured`() {
        val real = app.runnerFactory
        val refused = "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'"
        val larger = bundle.variants.first { it.name == "float32" }.sizeBytes
        loadModelsWith(
            WatchedFactory({ model, threads ->
                if (model.capacity().toLong() != larger) throw ModelException(refused)
                real.open(model, threads)
            }),
        )
        val screen = startBenchmark().get()
        waitUntil("the benchmark ends") { screen.isSeen(R.id.start_button) }

        assertEquals(listOf("float32"), screen.rows().drop(1).map { it.first() })
        val told = screen.getString(R.string.benchmark_failure, "int8", refused)
        assertTrue(screen.text(R.id.remarks), told in screen.text(R.id.remarks))
    }

    @Test
    fun `too little memory is told`() {
        loadModelsWith(WatchedFactory({ _, _ -> throw OutOfMemoryError("Failed to allocate 1 byte") }))
        val screen = startBenchmark().get()
        waitUntil("the benchmark ends") { screen.isSeen(R.id.start_button) }

        val told = screen.text(R.id.remarks) + screen.text(R.id.problem)
        assertTrue(told, "memory" in told)
        assertFalse(screen.isSeen(R.id.share_button))
    }

    @Test
    fun `settings that make no sense are told before anything is loaded`() {
        val screen = startFromMain(BenchmarkActivity::class.java, R.id.benchmark_button).get()
        for (id in listOf(R.id.threads_1, R.id.threads_2, R.id.threads_4)) screen.find<CheckBox>(id).isChecked = false
        screen.button(R.id.start_button).performClick()
        assertEquals(screen.getString(R.string.no_threads), screen.text(R.id.problem))

        screen.find<CheckBox>(R.id.threads_1).isChecked = true
        screen.find<EditText>(R.id.seconds).setText("0")
        screen.button(R.id.start_button).performClick()
        assertTrue(screen.find<EditText>(R.id.seconds).error.isNotEmpty())
        assertEquals(0, factory.opened)
    }

    private val place: Uri get() = Uri.parse("content://documents/results")

    private fun measured(): BenchmarkActivity {
        val screen = startBenchmark().get()
        waitUntil("the benchmark ends") { screen.isSeen(R.id.start_button) }
        return screen
    }

    private fun receive(screen: BenchmarkActivity, place: Uri) {
        screen.button(R.id.save_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, Intent().setData(place))
        waitUntil("the results are saved") { app.saving.state !is TaskState.Running }
    }

    private fun startBenchmark(): ActivityController<BenchmarkActivity> {
        val controller = startFromMain(BenchmarkActivity::class.java, R.id.benchmark_button)
        val screen = controller.get()
        screen.find<CheckBox>(R.id.threads_4).isChecked = false
        screen.find<EditText>(R.id.seconds).setText("1")
        screen.button(R.id.start_button).performClick()
        assertTrue(screen.isSeen(R.id.stop_button))
        return controller
    }

    private fun BenchmarkActivity.rows(): List<List<String>> {
        val table = find<TableLayout>(R.id.table)
        return (0 until table.childCount).map { number ->
            val row = table.getChildAt(number) as TableRow
            (0 until row.childCount).map { (row.getChildAt(it) as TextView).text.toString() }
        }
    }

    /** What another app gets: text, or a file where there is more than fits into an intent. */
    @Suppress("DEPRECATION") // The typed functions are of API 33; this app runs on 23.
    private fun received(chooser: Intent): String {
        val send = requireNotNull(chooser.getParcelableExtra<Intent>(Intent.EXTRA_INTENT))
        assertEquals(Intent.ACTION_SEND, send.action)
        send.getStringExtra(Intent.EXTRA_TEXT)?.let { return it }
        assertTrue(send.flags and Intent.FLAG_GRANT_READ_URI_PERMISSION != 0)
        val file = requireNotNull(send.getParcelableExtra<Uri>(Intent.EXTRA_STREAM))
        return requireNotNull(app.contentResolver.openInputStream(file)).bufferedReader().use { it.readText() }
    }

    private fun assertMeasured(lines: String) {
        val measured = lines.trim().lines().map(::JSONObject)
        assertEquals(2, measured.size)
        for (one in measured) assertEquals(SCHEMA, one.getInt("schema"))
        assertEquals(1, measured.map { it.getString("session") }.distinct().size)
    }

    /** For the reader of measurements in Python, where a folder for it is named. */
    private fun keep(lines: String) {
        val folder = File(System.getProperty("edgeq.screens") ?: return)
        folder.mkdirs()
        File(folder, SharedFiles.RESULTS).writeText(lines)
    }

    private companion object {
        const val SCHEMA = 3

        /** Column of the ratio to the baseline. */
        const val RATIO = 3

        /** Lines of a file that is longer than the results. */
        const val LONG = 1_000_000
    }
}
