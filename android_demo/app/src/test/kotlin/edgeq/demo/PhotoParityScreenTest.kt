package edgeq.demo

import android.view.View
import android.widget.TextView
import edgeq.core.bundle.BundleReader
import edgeq.core.bundle.BundleSource
import edgeq.core.bundle.FolderSource
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.WatchedFactory
import edgeq.demo.support.all
import edgeq.demo.support.back
import edgeq.demo.support.button
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.text
import edgeq.demo.support.waitUntil
import edgeq.demo.support.wholeBundle
import java.io.File
import java.nio.ByteBuffer
import java.util.concurrent.CountDownLatch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test

/** What the parity screen says of photos, which Android's own code decodes. */
class PhotoParityScreenTest : ScreenTest() {
    private val source: BundleSource =
        FolderSource(File(requireNotNull(System.getProperty("edgeq.photos")) { "edgeq.photos names no bundle" }))

    @Before
    fun usePhotos() {
        app.bundleSource = source
    }

    @Test
    fun `photos that Android decodes give the desktop's pixels and answers with every variant`() {
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button).get()
        waitUntil("the first check ends") { screen.button(R.id.check_all_button).isEnabled }
        screen.button(R.id.check_all_button).performClick()
        waitUntil("all checks end") { screen.button(R.id.check_all_button).isEnabled }

        val resources = screen.resources
        val expected = listOf(
            resources.getQuantityString(R.plurals.photos_pixels, 6, 6, 6),
            resources.getString(R.string.photos_inferred),
            resources.getQuantityString(R.plurals.photos_answers, 6, 6, 6),
        ).joinToString("\n")
        assertEquals(listOf(expected, expected), screen.shown(R.id.photos))
        assertEquals(emptyList<String>(), screen.shown(R.id.photo_details))
        assertEquals(
            listOf("int8", "float32").map { screen.getString(R.string.parity_passed, it) },
            screen.shown(R.id.verdict),
        )
    }

    @Test
    fun `other answers are red and named by photo and class`() {
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = ::turnRound))
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertEquals(listOf(screen.getString(R.string.parity_failed, "int8")), screen.shown(R.id.verdict))
        assertTrue(screen.getString(R.string.photos_not_inferred) in screen.shown(R.id.photos).single())
        assertTrue(screen.shown(R.id.photo_details).single(), "red on the desktop, blue here" in screen.details())
    }

    @Test
    fun `altered photos are told`() {
        val altered = source.open("photos.zip").use { it.readBytes() }.also { it[it.size / 2]++ }
        app.bundleSource = BundleSource { if (it == "photos.zip") altered.inputStream() else source.open(it) }
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertTrue(screen.text(R.id.problem), "photos.zip is not the file" in screen.text(R.id.problem))
    }

    @Test
    fun `going back ends the photos too`() {
        val recorded = BundleReader(source).let { it.parity(it.read()).n }
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { if (factory.ran > recorded) gate.await() }))
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the first photo is run") { factory.ran > recorded }
        controller.back()
        gate.countDown()
        waitUntil("the model is closed") { factory.stillOpen == 0 }

        assertTrue("the first photo is the last", factory.ran <= recorded + 2)
        assertEquals(TaskState.Idle, app.parity.state)
    }

    @Test
    fun `without photos nothing is said of them`() {
        app.bundleSource = wholeBundle()
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertFalse(screen.isSeen(R.id.problem))
        assertEquals(emptyList<String>(), screen.shown(R.id.photos))
    }

    private fun ParityActivity.details() = shown(R.id.photo_details).single()

    private fun ParityActivity.shown(id: Int): List<String> =
        find<View>(R.id.results).all().filter { it.id == id && it.isShown }.filterIsInstance<TextView>()
            .map { it.text.toString() }

    private companion object {
        /** The last class becomes the first. */
        fun turnRound(outputs: Map<String, ByteBuffer>) {
            for (buffer in outputs.values) {
                val bytes = ByteArray(buffer.capacity()).also { buffer.duplicate().apply { clear() }.get(it) }
                for (index in bytes.indices) buffer.put(index, bytes[bytes.size - 1 - index])
            }
        }
    }
}
