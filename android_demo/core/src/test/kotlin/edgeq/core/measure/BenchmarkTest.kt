package edgeq.core.measure

import edgeq.core.model.ModelException
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class BenchmarkTest {
    private val phone = FakePhone("int8", "float32", "dynamic")

    private fun Benchmark.run() = run(progress = {}, isCancelled = { false })

    private fun Session.chunksMs() = measurements.associate { it.variant.name to it.latency?.chunksMs.orEmpty() }

    @Test
    fun `every variant is measured with every thread count, in rounds that pair`() {
        phone.nanos["int8"] = 500_000
        val session = phone.benchmark().run()
        val measured = session.measurements.map { Pair(it.variant.name, it.threads) }
        assertEquals(listOf(1, 2).flatMap { t -> listOf("int8", "float32", "dynamic").map { Pair(it, t) } }, measured)
        for (one in session.measurements) {
            val latency = checkNotNull(one.latency)
            assertEquals(List(6) { 2 }, latency.chunksMs.map { it.size })
            assertEquals(5.0, latency.loadMs)
            assertEquals("float32", one.baseline)
        }
        assertEquals(1, session.measurements.map { it.session }.toSet().size)
        val int8 = session.measurements.first().latency
        assertEquals(0.5, int8?.ratio?.value ?: 0.0, 1e-12)
        assertEquals(Verdict.FASTER, int8?.verdict)
        assertNull(session.measurements[1].latency?.ratio)
        assertEquals(emptyList<String>(), phone.open)
    }

    @Test
    fun `two runs of a turn are thrown away, one of a slow variant`() {
        val plan = Plan(listOf(1), 6, leastRuns = 6, leastSeconds = 0.0, warmupSeconds = 0.0, warmupRuns = 5)
        phone.benchmark(plan).run()
        assertEquals(3 * (1 + 5 + 6 * (2 + 1)), phone.runs)
        val slow = FakePhone("float32").apply { nanos["float32"] = 60_000_000 }
        slow.benchmark(plan).run()
        assertEquals(1 + 5 + 6 * (1 + 1), slow.runs)
    }

    @Test
    fun `a budget is kept with fewer runs, then with fewer rounds`() {
        phone.nanos["float32"] = 100_000_000
        val plan = Plan(listOf(1), 20, leastRuns = 200, leastSeconds = 0.0, maxSeconds = 10.0, warmupSeconds = 0.0)
        val chunks = phone.benchmark(plan).run().chunksMs()
        assertEquals(List(20) { 4 }, chunks.getValue("float32").map { it.size })
        assertEquals(List(20) { 10 }, chunks.getValue("int8").map { it.size })
        phone.nanos["float32"] = 1_000_000_000
        val slow = phone.benchmark(plan).run().chunksMs()
        assertEquals(List(5) { 1 }, slow.getValue("float32").map { it.size })
        assertEquals(5, slow.getValue("int8").size)
    }

    @Test
    fun `a variant that the runtime refuses fails, and the others are measured`() {
        phone.refuses["int8"] = { throw ModelException("op version 12 is not known") }
        val session = phone.benchmark().run()
        assertEquals(listOf(Failure("int8", 1, "op version 12 is not known")), session.failures)
        assertEquals(setOf("float32", "dynamic"), session.measurements.map { it.variant.name }.toSet())
        assertEquals(4, session.measurements.size)
    }

    @Test
    fun `a variant that fails in the middle fails with this thread count and is closed`() {
        val inTheMiddle = 20
        phone.breaks[Pair("dynamic", inTheMiddle)] = { throw ModelException("it broke") }
        val session = phone.benchmark().run()
        assertEquals(listOf(Failure("dynamic", 1, "it broke")), session.failures)
        assertEquals(setOf("int8", "float32"), session.measurements.map { it.variant.name }.toSet())
        assertEquals(List(6) { 2 }, session.measurements.first().latency?.chunksMs?.map { it.size })
        assertEquals(emptyList<String>(), phone.open)
    }

    @Test
    fun `without its baseline a variant has no ratio`() {
        phone.breaks[Pair("float32", 1)] = { throw ModelException("it broke") }
        val session = phone.benchmark().run()
        assertTrue(session.measurements.isNotEmpty())
        assertTrue(session.measurements.all { it.latency?.ratio == null && it.latency?.verdict == null })
    }

    @Test
    fun `memory that runs out is a reason`() {
        phone.refuses["float32"] = { throw OutOfMemoryError("Failed to allocate") }
        val session = phone.benchmark().run()
        assertTrue("more memory" in session.failures.single().reason)
        assertEquals(4, session.measurements.size)
    }

    @Test
    fun `very short runs are timed so often and no more, which is told`() {
        phone.nanos["int8"] = 1_000
        val plan = Plan(listOf(1, 2), 20, leastSeconds = 60.0, maxSeconds = 60.0, warmupSeconds = 0.0)
        val session = phone.benchmark(plan).run()
        for (chunks in session.chunksMs().values) assertEquals(List(20) { 1000 }, chunks.map { it.size })
        assertEquals(2, session.notes.size)
        assertTrue("20000 runs were timed of int8, float32, dynamic" in session.notes.first(), session.notes.first())
        assertEquals(emptyList<String>(), phone.benchmark().run().notes)
    }

    @Test
    fun `where the memory ends between two thread counts, what was finished stands`() {
        var looks = 0
        val dying = phone.host.copy(
            observe = {
                if (++looks > LOOKS_OF_FIRST) throw OutOfMemoryError("Failed to allocate")
                phone.host.observe()
            },
        )
        val session = phone.benchmark(host = dying).run()
        assertEquals(setOf(1), session.measurements.map { it.threads }.toSet())
        assertEquals(3, session.measurements.size)
        assertTrue(session.isCancelled)
        assertTrue("memory" in session.notes.single(), "${session.notes}")
        assertEquals(emptyList<String>(), phone.open)
    }

    @Test
    fun `where everything fails there is no measurement and no crash`() {
        for (name in listOf("int8", "float32", "dynamic")) phone.refuses[name] = { throw ModelException("no") }
        val session = phone.benchmark().run()
        assertEquals(emptyList<Measurement>(), session.measurements)
        assertEquals(3, session.failures.size)
    }

    @Test
    fun `cancelled at any run, everything is closed and whole thread counts stand`() {
        phone.benchmark().run()
        val all = phone.runs
        for (last in listOf(0, 1, 4, all / 2 - 1, all / 2 + 5, all - 1)) {
            val other = FakePhone("int8", "float32", "dynamic")
            val session = other.benchmark().run(progress = {}, isCancelled = { other.runs >= last })
            assertTrue(session.isCancelled)
            assertEquals(emptyList<String>(), other.open)
            assertTrue(other.runs <= last + 1, "${other.runs} runs after $last")
            assertEquals(if (last > all / 2) 3 else 0, session.measurements.size, "cancelled after $last of $all")
        }
    }

    @Test
    fun `a progress that throws leaves nothing open`() {
        val gone: (Progress) -> Unit = { check(it.phase != Phase.MEASURING) }
        assertThrows(IllegalStateException::class.java) { phone.benchmark().run(gone) { false } }
        assertEquals(emptyList<String>(), phone.open)
    }

    @Test
    fun `progress names each phase and the seconds fall to nothing`() {
        val told = mutableListOf<Progress>()
        phone.benchmark().run(progress = { told += it }, isCancelled = { false })
        val ofFirst = told.filter { it.threads == 1 }.map { it.phase }.distinct()
        assertEquals(listOf(Phase.LOADING, Phase.PARITY, Phase.WARM_UP, Phase.MEASURING), ofFirst)
        assertTrue(told.none { it.threads == 2 && it.phase == Phase.PARITY })
        assertNull(told.first().secondsLeft)
        assertTrue(told.filter { it.threads == 2 }.all { (it.secondsLeft ?: -1.0) >= 0.0 })
    }

    @Test
    fun `more threads than cores are left out with a note`() {
        val session = phone.benchmark(Plan(listOf(1, 4, 16), 6), phone.host.copy(cores = 4)).run()
        assertEquals(setOf(1, 4), session.measurements.map { it.threads }.toSet())
        assertEquals(listOf("16 threads were left out: this phone has 4 cores"), session.notes)
    }

    @Test
    fun `times are invalid where the thermal status rose to severe`() {
        phone.thermalStatuses = listOf(0, 0, 3)
        val invalid = phone.benchmark().run().measurements.map { it.invalid }
        assertTrue(invalid.all { it != null && "thermal status 0 before, 3 meanwhile" in it }, "$invalid")
    }

    @Test
    fun `the phone is not looked at between rounds that take less than the interval`() {
        phone.benchmark(Plan(listOf(1), 6, leastRuns = 6, leastSeconds = 0.0)).run()
        assertEquals(3, phone.looks, "when the session begins, before the rounds and after them")
    }

    @Test
    fun `a plan without rounds is refused`() {
        for (make in listOf({ Plan(rounds = 0) }, { Plan(threads = listOf(0)) }, { Plan(maxSeconds = 0.0) })) {
            assertThrows(IllegalArgumentException::class.java) { make() }
        }
    }

    @Test
    fun `a thermal status that is moderate, was severe before or is not told only warns`() {
        phone.thermalStatuses = listOf(0, 0, 2)
        val moderate = phone.benchmark().run().measurements
        assertTrue(moderate.all { it.invalid == null })
        assertTrue(moderate.first().environment.warnings.any { "rose from 0 to 2" in it })
        for (statuses in listOf(listOf(3), listOf(null))) {
            val other = FakePhone("float32").apply { thermalStatuses = statuses }
            assertTrue(other.benchmark().run().measurements.all { it.invalid == null })
        }
    }

    @Test
    fun `what slows the phone is warned of`() {
        phone.observation = Observation(
            cores = listOf(CoreState(0, "powersave", 300.0), CoreState(7, "performance", 2800.0)),
            batteryPercent = 9,
            batteryTemperatureC = 41.5,
            isPowered = false,
            savesPower = true,
        )
        phone.thermalStatuses = listOf(1)
        val warnings = phone.benchmark(host = phone.host.copy(emulator = "Android emulator")).run()
            .measurements.first().environment.warnings
        val about = listOf("emulated", "'powersave'", "battery saver", "runs on battery", "9 %", "42 C", "at the start")
        for (word in about) assertTrue(warnings.any { word in it }, "$word: $warnings")
        assertEquals(about.size, warnings.size)
    }

    private companion object {
        /** When the session begins, before the rounds of the first thread count and after them. */
        const val LOOKS_OF_FIRST = 3
    }
}
