package edgeq.demo

import java.util.concurrent.Executor

/** How far a [Task] is. */
sealed interface TaskState<out P : Any, out R : Any> {
    /** Not started, or cancelled. */
    data object Idle : TaskState<Nothing, Nothing>

    /** At work; [progress] is null until the work says something. */
    data class Running<P : Any>(val progress: P?) : TaskState<P, Nothing>

    /** Done. */
    data class Done<R : Any>(val result: R) : TaskState<Nothing, R>

    /** Stopped by [error]. */
    data class Failed(val error: Throwable) : TaskState<Nothing, Nothing>
}

/** What work gets to say how far it is, and to ask whether it is still wanted. */
interface TaskControl<in P : Any> {
    /** Whether the work should return as soon as it can; what it returns then is still shown after [Task.stop]. */
    val isCancelled: Boolean

    /** Tells the screen; called on the working thread. */
    fun report(progress: P)
}

/**
 * Work off the main thread whose state outlives the screen that started it: the [DemoApplication] holds it, and a screen
 * that was turned looks at it again.
 *
 * All of its functions are called on the main thread.
 *
 * @param worker runs the work; one thread, so that nothing disturbs a measurement.
 * @param main runs on the main thread.
 */
class Task<P : Any, R : Any>(private val worker: Executor, private val main: Executor) {
    /** How far it is. */
    var state: TaskState<P, R> = TaskState.Idle
        private set

    private var observer: ((TaskState<P, R>) -> Unit)? = null
    private var owner: Any? = null
    private var current: Run? = null

    /**
     * Starts work; what was running is cancelled and forgotten.
     *
     * @param work returns null where it was cancelled and has nothing to show. What it throws becomes
     * [TaskState.Failed]; the process goes on.
     */
    fun start(work: (TaskControl<P>) -> R?) {
        current?.isCancelled = true
        val run = Run(work)
        current = run
        show(TaskState.Running(null))
        worker.execute(run)
    }

    /** Asks the work to end early; what it has by then is shown. */
    fun stop() {
        current?.isCancelled = true
    }

    /** Stops the work and forgets it and its result. */
    fun reset() {
        stop()
        current = null
        show(TaskState.Idle)
    }

    /** Tells [observer] the state now and whenever it changes, and no longer the one before; [owner] is whose it is. */
    fun observe(owner: Any, observer: (TaskState<P, R>) -> Unit) {
        this.owner = owner
        this.observer = observer
        observer(state)
    }

    /** Tells [owner] nothing more: a screen that stops, maybe after the next one began to observe, which is told on. */
    fun forget(owner: Any) {
        if (this.owner !== owner) return
        this.owner = null
        observer = null
    }

    private fun show(next: TaskState<P, R>) {
        state = next
        observer?.invoke(next)
    }

    private inner class Run(private val work: (TaskControl<P>) -> R?) : Runnable, TaskControl<P> {
        @Volatile
        override var isCancelled: Boolean = false

        override fun report(progress: P) = post(TaskState.Running(progress))

        override fun run() {
            if (isCancelled) {
                return post(TaskState.Idle)
            }
            val end = outcome()
            main.execute {
                if (current === this) {
                    current = null
                    show(end)
                }
            }
        }

        // The boundary of all work: an error becomes a message on the screen instead of the end of the process.
        @Suppress("TooGenericExceptionCaught")
        private fun outcome(): TaskState<P, R> = try {
            work(this)?.let { TaskState.Done(it) } ?: TaskState.Idle
        } catch (error: Exception) {
            TaskState.Failed(error)
        } catch (error: OutOfMemoryError) {
            TaskState.Failed(error)
        }

        private fun post(state: TaskState<P, R>) = main.execute { if (current === this) show(state) }
    }
}
