package edgeq.demo

import android.view.View
import android.widget.TextView
import edgeq.core.model.ModelException
import edgeq.demo.support.ScreenTest
import edgeq.demo.support.WatchedFactory
import edgeq.demo.support.all
import edgeq.demo.support.alteredBundle
import edgeq.demo.support.back
import edgeq.demo.support.button
import edgeq.demo.support.fileOf
import edgeq.demo.support.find
import edgeq.demo.support.isSeen
import edgeq.demo.support.text
import edgeq.demo.support.texts
import edgeq.demo.support.waitUntil
import java.nio.ByteBuffer
import java.util.concurrent.CountDownLatch
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test

/** The screen that shows whether the phone computes what the desktop recorded. */
class ParityScreenTest : ScreenTest() {
    @Test
    fun `every variant is green where the kernels compute what they should`() {
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button).get()
        waitUntil("the first check ends") { screen.button(R.id.check_all_button).isEnabled }
        screen.button(R.id.check_all_button).performClick()
        waitUntil("all checks end") { screen.button(R.id.check_all_button).isEnabled }

        assertEquals(
            bundle.variants.map { screen.getString(R.string.parity_passed, it.name) },
            screen.verdicts().map { it.text.toString() },
        )
        assertEquals(setOf(screen.getColor(R.color.pass)), screen.verdicts().map { it.currentTextColor }.toSet())
    }

    @Test
    fun `only the chosen variant is checked at first`() {
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertEquals(screen.getString(R.string.parity_passed, "int8"), screen.verdicts().single().text.toString())
        assertEquals(1, factory.opened)
    }

    @Test
    fun `a disturbed output is red and shows what differs`() {
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = ::disturb))
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        val verdict = screen.verdicts().single()
        assertEquals(screen.getString(R.string.parity_failed, "int8"), verdict.text.toString())
        assertEquals(screen.getColor(R.color.fail), verdict.currentTextColor)
        assertTrue(screen.texts().toString(), screen.texts().any { "recorded" in it && "here" in it })
    }

    @Test
    fun `a check outlives a turn of the phone`() {
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { gate.await() }))
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the model is loaded") { factory.opened == 1 }
        turn(controller)
        val screen = controller.get()
        assertTrue(screen.isSeen(R.id.stop_button))
        gate.countDown()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertEquals(screen.getString(R.string.parity_passed, "int8"), screen.verdicts().single().text.toString())
        assertEquals("the check is not started again", 1, factory.opened)
    }

    @Test
    fun `a result outlives a turn of the phone`() {
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the check ends") { controller.get().button(R.id.check_button).isEnabled }
        turn(controller)

        assertEquals(
            controller.get().getString(R.string.parity_passed, "int8"),
            controller.get().verdicts().single().text.toString(),
        )
        assertEquals(1, factory.opened)
    }

    @Test
    fun `going back ends the check and closes the model`() {
        val gate = CountDownLatch(1)
        loadModelsWith(WatchedFactory(app.runnerFactory, disturb = { gate.await() }))
        val controller = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8")
        waitUntil("the model is loaded") { factory.opened == 1 }
        controller.back()
        gate.countDown()
        waitUntil("the model is closed") { factory.stillOpen == 0 }

        assertTrue("the first of ${recorded.n} inputs is the last", factory.ran <= 1)
        assertEquals(TaskState.Idle, app.parity.state)
    }

    @Test
    fun `a variant that the runtime refuses is named with its reason and the others are checked`() {
        val real = app.runnerFactory
        val refused = "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'"
        var loads = 0
        loadModelsWith(
            WatchedFactory({ model, threads ->
                loads += 1
                if (loads == 2) throw ModelException(refused) else real.open(model, threads)
            }),
        )
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button).get()
        waitUntil("the first check ends") { screen.button(R.id.check_all_button).isEnabled }
        loads = 0
        screen.button(R.id.check_all_button).performClick()
        waitUntil("all checks end") { screen.button(R.id.check_all_button).isEnabled }

        val second = bundle.variants[1].name
        assertEquals(screen.getString(R.string.parity_not_run, second), screen.verdicts()[1].text.toString())
        assertTrue(screen.texts().toString(), refused in screen.texts())
        assertEquals(bundle.variants.size, screen.verdicts().size)
    }

    @Test
    fun `an altered model is told with what to do`() {
        app.bundleSource = alteredBundle(fileOf("int8"))
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertTrue(screen.texts().toString(), screen.texts().any { fileOf("int8") in it })
        assertEquals("an altered model is not loaded", 0, factory.opened)
    }

    @Test
    fun `where one model is altered the others are checked`() {
        app.bundleSource = alteredBundle(fileOf("int8"))
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button).get()
        waitUntil("the first check ends") { screen.button(R.id.check_all_button).isEnabled }
        screen.button(R.id.check_all_button).performClick()
        waitUntil("all checks end") { screen.button(R.id.check_all_button).isEnabled }

        val expected = bundle.variants.map {
            val verdict = if (it.name == "int8") R.string.parity_not_run else R.string.parity_passed
            screen.getString(verdict, it.name)
        }
        assertEquals(expected, screen.verdicts().map { it.text.toString() })
    }

    @Test
    fun `altered parity data is told`() {
        app.bundleSource = alteredBundle("parity.npz")
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }

        assertTrue(screen.isSeen(R.id.problem))
        assertTrue(screen.text(R.id.problem), "parity.npz" in screen.text(R.id.problem))
        assertEquals(emptyList<View>(), screen.verdicts())
    }

    @Test
    fun `too little memory is told and the next check works`() {
        val real = app.runnerFactory
        loadModelsWith(WatchedFactory({ _, _ -> throw OutOfMemoryError("Failed to allocate 1 byte") }))
        val screen = startFromMain(ParityActivity::class.java, R.id.parity_button, "int8").get()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }
        assertTrue(screen.texts().toString(), screen.texts().any { "more memory" in it })

        loadModelsWith(WatchedFactory(real))
        screen.button(R.id.check_button).performClick()
        waitUntil("the check ends") { screen.button(R.id.check_button).isEnabled }
        assertFalse(screen.isSeen(R.id.problem))
        assertEquals(screen.getString(R.string.parity_passed, "int8"), screen.verdicts().single().text.toString())
    }

    private fun ParityActivity.verdicts(): List<TextView> =
        find<View>(R.id.results).all().filter { it.id == R.id.verdict }.filterIsInstance<TextView>()

    private companion object {
        /** As a wrong rounding mode would, and worse: every second value is far off. */
        fun disturb(outputs: Map<String, ByteBuffer>) {
            for (buffer in outputs.values) {
                for (index in 0 until buffer.capacity() step 2) buffer.put(index, (buffer.get(index) + 50).toByte())
            }
        }
    }
}
