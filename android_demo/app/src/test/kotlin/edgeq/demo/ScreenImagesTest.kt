package edgeq.demo

import android.app.Activity
import android.content.Intent
import android.graphics.Bitmap
import android.net.Uri
import android.view.View
import android.widget.CheckBox
import android.widget.TextView
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.WatchedFactory
import edgeq.demo.support.all
import edgeq.demo.support.brokenOffBundle
import edgeq.demo.support.bundleOf
import edgeq.demo.support.button
import edgeq.demo.support.count
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.photoOf
import edgeq.demo.support.screenshot
import edgeq.demo.support.toJpeg
import edgeq.demo.support.waitUntil
import java.util.concurrent.CountDownLatch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** Draws every screen, upright in light and dark and lying, and checks that what is on it can be read. */
class ScreenImagesTest : ScreenTest() {
    @Test
    fun `the first screen`() {
        drawAll(startMain(), "main")
    }

    @Test
    fun `a parity check that passed`() {
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button)
        waitUntil("the first check ends") { controller.get().button(R.id.check_all_button).isEnabled }
        controller.get().button(R.id.check_all_button).performClick()
        waitUntil("all checks end") { controller.get().button(R.id.check_all_button).isEnabled }

        drawAll(controller, "parity") { screen, image -> assertHas(image, screen.getColor(R.color.pass)) }
    }

    @Test
    fun `a parity check that failed`() {
        loadModelsWith(
            WatchedFactory(app.runnerFactory, disturb = { outputs ->
                for (output in outputs.values) output.put(0, (output.get(0) + 1).toByte())
            }),
        )
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the check ends") { controller.get().button(R.id.check_button).isEnabled }

        drawAll(controller, "parity-differs")
    }

    @Test
    fun `a check that runs`() {
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { gate.await() }))
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the model is loaded") { factory.opened == 1 }

        try {
            drawAll(controller, "parity-runs")
        } finally {
            gate.countDown()
        }
    }

    @Test
    fun `a benchmark`() {
        app.bundleSource = bundleOf("int8", "int8-io-float32", "dynamic", "float16", "float32")
        val controller = startFromMain(BenchmarkActivity::class.java, R.id.benchmark_button)
        controller.get().find<CheckBox>(R.id.threads_4).isChecked = false
        controller.get().button(R.id.start_button).performClick()
        waitUntil("the benchmark ends") { controller.get().isSeen(R.id.start_button) }

        drawAll(controller, "benchmark") { screen, _ ->
            val share = screen.button(R.id.share_button)
            assertTrue("results can be shared without a look for the button", share.isShown)
        }
    }

    @Test
    fun `a photo`() {
        val controller = startFromMain(ClassifyActivity::class.java, R.id.classify_button, "int8")
        val screen = controller.get()
        pick(screen, photoOf(recorded.inputs.values.single(), 0, FACTOR).toJpeg())
        waitUntil("it is classified") { screen.isSeen(R.id.answers) }

        drawAll(controller, "classify") { drawn, image ->
            // A lying phone shows the picture first.
            if (image.height > image.width) assertHas(image, drawn.getColor(R.color.bar))
        }
    }

    @Test
    fun `a photo that cannot be read`() {
        val controller = startFromMain(ClassifyActivity::class.java, R.id.classify_button, "int8")
        pick(controller.get(), "no image".toByteArray())
        waitUntil("it is told") { controller.get().isSeen(R.id.problem) }

        drawAll(controller, "classify-problem") { screen, image -> assertHas(image, screen.getColor(R.color.fail)) }
    }

    @Test
    fun `a bundle that cannot be read`() {
        app.bundleSource = brokenOffBundle("bundle.json")

        drawAll(startMain(), "problem") { screen, image -> assertHas(image, screen.getColor(R.color.fail)) }
    }

    private fun pick(screen: ClassifyActivity, photo: ByteArray) {
        val place = Uri.parse("content://photos/0")
        shadowOf(app.contentResolver).registerInputStreamSupplier(place) { photo.inputStream() }
        screen.button(R.id.pick_button).performClick()
        val request = shadowOf(screen).nextStartedActivityForResult
        shadowOf(screen).receiveResult(request.intent, Activity.RESULT_OK, Intent().setData(place))
    }

    /** Draws the screen as it is, then as it is after the phone was set to dark and was turned. */
    private fun <T : Activity> drawAll(
        controller: ActivityController<T>,
        name: String,
        check: (T, Bitmap) -> Unit = { _, _ -> },
    ) {
        for ((suffix, qualifiers) in LOOKS) {
            RuntimeEnvironment.setQualifiers(qualifiers)
            controller.configurationChange().visible()
            val screen = controller.get()
            val image = screen.screenshot("$name$suffix")
            assertNothingIsCut(screen)
            val background = image.count(image.getPixel(0, 0)).toDouble() / (image.width * image.height)
            assertTrue("$background of ${name + suffix} is background", background in BACKGROUND)
            check(screen, image)
        }
    }

    private fun assertHas(image: Bitmap, colour: Int) {
        assertTrue("%08x is not on the screen".format(colour), image.count(colour) > 0)
    }

    /** No text is cut: each line is as wide as its view at most, and no view leaves its parent sideways. */
    private fun assertNothingIsCut(screen: Activity) {
        val content = screen.find<View>(android.R.id.content)
        for (view in content.all().filter { it.isShown }.filterIsInstance<TextView>()) {
            val layout = view.layout ?: continue
            val text = "“${view.text}” in ${screen.javaClass.simpleName}"
            assertEquals("lines that are cut of $text", 0, (0 until layout.lineCount).sumOf(layout::getEllipsisCount))
            assertTrue("$text is ${view.height} high, its lines ${layout.height}", layout.height <= view.height)
        }
    }

    private companion object {
        const val FACTOR = 10

        /** Less is noise, more is an empty screen. */
        val BACKGROUND = 0.4..0.99

        val LOOKS = mapOf(
            "" to "w360dp-h720dp-port-notnight-xhdpi",
            "-dark" to "w360dp-h720dp-port-night-xhdpi",
            "-lying" to "w720dp-h360dp-land-notnight-xhdpi",
        )
    }
}
