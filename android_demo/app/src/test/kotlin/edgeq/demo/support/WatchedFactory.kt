package edgeq.demo.support

import android.os.Looper
import edgeq.core.model.ModelRunner
import edgeq.core.model.RunnerFactory
import java.nio.ByteBuffer
import java.util.Collections
import java.util.concurrent.atomic.AtomicInteger

/**
 * Watches what an app does with the models that it loads: how many are open, and from which thread.
 *
 * @param factory that loads them.
 * @param disturb changes the outputs of a run, as another kernel would; nothing by default.
 */
class WatchedFactory(
    private val factory: RunnerFactory,
    private val disturb: (Map<String, ByteBuffer>) -> Unit = {},
) : RunnerFactory {
    private val opens = AtomicInteger()
    private val runs = AtomicInteger()
    private val closes = AtomicInteger()
    private val onMain: MutableList<String> = Collections.synchronizedList(mutableListOf())

    /** Models loaded until now. */
    val opened: Int get() = opens.get()

    /** Inferences until now. */
    val ran: Int get() = runs.get()

    /** Models loaded and not closed yet. */
    val stillOpen: Int get() = opens.get() - closes.get()

    /** What was done on the main thread, where nothing may wait for a model. */
    val doneOnMainThread: List<String> get() = onMain.toList()

    override fun open(model: ByteBuffer, threads: Int): ModelRunner {
        note("open")
        val runner = factory.open(model, threads)
        opens.incrementAndGet()
        return Watched(runner)
    }

    private fun note(action: String) {
        if (Looper.myLooper() == Looper.getMainLooper()) onMain += action
    }

    private inner class Watched(private val runner: ModelRunner) : ModelRunner by runner {
        override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long {
            note("run")
            val nanos = runner.run(inputs, outputs)
            runs.incrementAndGet()
            disturb(outputs)
            return nanos
        }

        override fun close() {
            note("close")
            runner.close()
            closes.incrementAndGet()
        }
    }
}
