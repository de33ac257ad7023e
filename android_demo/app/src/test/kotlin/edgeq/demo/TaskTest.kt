package edgeq.demo

import java.util.concurrent.Executor
import org.junit.Assert.assertEquals
import org.junit.Test

/** Work that outlives its screens. */
class TaskTest {
    private val atOnce = Executor { it.run() }
    private val task = Task<Int, String>(atOnce, atOnce)

    @Test
    fun `a screen that stops late does not take the next one's place`() {
        val lower = mutableListOf<TaskState<Int, String>>()
        val upper = mutableListOf<TaskState<Int, String>>()
        task.observe("lower") { lower += it }
        task.observe("upper") { upper += it }
        task.forget("lower")
        task.start { "done" }

        assertEquals(listOf(TaskState.Idle, TaskState.Running(null), TaskState.Done("done")), upper)
        assertEquals(listOf<TaskState<Int, String>>(TaskState.Idle), lower)
    }

    @Test
    fun `a screen that stopped is told nothing, and the next one the state of now`() {
        val told = mutableListOf<TaskState<Int, String>>()
        task.observe(this) { told += it }
        task.forget(this)
        task.start { "done" }
        assertEquals(1, told.size)

        task.observe(this) { told += it }
        assertEquals(TaskState.Done("done"), told.last())
    }

    @Test
    fun `what work throws is its state`() {
        val error = OutOfMemoryError("Failed to allocate")
        task.start { throw error }
        assertEquals(TaskState.Failed(error), task.state)
    }
}
