package edgeq.core.jvm

import edgeq.core.measure.Benchmark
import edgeq.core.measure.Host
import edgeq.core.measure.Observation
import edgeq.core.measure.Plan
import edgeq.core.measure.SystemFiles
import edgeq.core.measure.toJsonLine
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class DesktopMeasurementsTest {
    private val desktop = DesktopBundle.orSkip()

    @Test
    fun `all variants are measured with a real runtime, and the lines go to Python`() {
        val plan = Plan(listOf(1, 2), 6, leastRuns = 12, leastSeconds = 0.0, warmupSeconds = 0.0)
        val benchmark = Benchmark(
            desktop.bundle,
            desktop.recorded,
            desktop.bundle.variants,
            desktop.reader::model,
            desktop.factory,
            host(),
            plan,
        )
        val session = benchmark.run(progress = {}, isCancelled = { false })
        assertEquals(emptyList<Any>(), session.failures)
        assertEquals(2 * desktop.bundle.variants.size, session.measurements.size)
        val lines = session.measurements.joinToString("") { it.toJsonLine() + "\n" }
        DesktopBundle.outFile("measurements.jsonl")?.writeText(lines)
    }

    /** A made-up phone with this machine's CPU. */
    private fun host(): Host {
        val files = SystemFiles()
        val cpu = files.cpu()
        return Host(
            model = "Example Phone 1",
            chip = "Example Chip",
            cpu = cpu.name ?: "unknown CPU",
            android = "Android 14 (SDK 34)",
            abi = System.getProperty("os.arch").let { if (it == "amd64") "x86_64" else it },
            features = cpu.features,
            cores = maxOf(2, Runtime.getRuntime().availableProcessors()),
            memoryBytes = files.memoryBytes(),
            emulator = null,
            installation = "1a2b3c4d",
            edgeqVersion = "1.0.0",
            observe = {
                Observation(
                    cores = files.cores(),
                    load1m = files.load1m(),
                    availableMemoryBytes = files.availableMemoryBytes(),
                    thermalStatus = 0,
                    isPowered = true,
                )
            },
        )
    }
}
