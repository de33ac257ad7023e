package edgeq.core.measure

import java.io.ByteArrayOutputStream
import java.io.File
import java.io.IOException

/**
 * What the kernel lets an app read; phones differ, and what cannot be read is null or empty.
 *
 * @param root where `proc` and `sys` are.
 */
class SystemFiles(private val root: File = File("/")) {
    /** The CPU; empty where `/proc/cpuinfo` cannot be read. */
    fun cpu(): CpuInfo = CpuInfo(text("proc/cpuinfo").orEmpty())

    /** Each core that is on, with what its frequency is steered by. */
    fun cores(): List<CoreState> =
        File(root, CPUS).list().orEmpty()
            .mapNotNull { name -> CORE.matchEntire(name)?.groupValues?.get(1)?.toInt() }
            .sorted()
            .filter { line("$CPUS/cpu$it/online") != "0" }
            .map { CoreState(it, line("$CPUS/cpu$it/cpufreq/scaling_governor"), frequencyMhz(it)) }

    /** Memory of the phone in bytes. */
    fun memoryBytes(): Long? = memory("MemTotal")

    /** Memory that programs can still take, in bytes. */
    fun availableMemoryBytes(): Long? = memory("MemAvailable")

    /** Load average of the last minute; Android keeps it from apps. */
    fun load1m(): Double? = line("proc/loadavg")?.substringBefore(' ')?.toDoubleOrNull()?.takeIf { it.isFinite() }

    private fun frequencyMhz(core: Int): Double? =
        line("$CPUS/cpu$core/cpufreq/scaling_cur_freq")?.toIntOrNull()?.takeIf { it > 0 }?.let { it / KHZ_PER_MHZ }

    private fun memory(field: String): Long? {
        val line = text("proc/meminfo").orEmpty().lineSequence().firstOrNull { it.startsWith("$field:") }
        val kilobytes = line?.let { KILOBYTES.find(it) }?.groupValues?.get(1)
        return kilobytes?.let { it.toLong() * BYTES_PER_KILOBYTE }
    }

    private fun line(path: String): String? =
        text(path)?.lineSequence()?.first()?.trim()?.take(LONGEST_LINE)?.ifEmpty { null }

    private fun text(path: String): String? = try {
        File(root, path).inputStream().use { input ->
            // Small: nearly all of these files are one line, and a look at a phone reads dozens of them.
            val block = ByteArray(BLOCK_BYTES)
            val bytes = ByteArrayOutputStream()
            var read = input.read(block)
            while (read > 0) {
                bytes.write(block, 0, read)
                read = input.read(block, 0, minOf(block.size, MOST_BYTES - bytes.size()))
            }
            bytes.toString(Charsets.UTF_8.name())
        }
    } catch (_: IOException) {
        null
    } catch (_: SecurityException) {
        null
    }

    private companion object {
        const val CPUS = "sys/devices/system/cpu"
        val CORE = Regex("cpu([0-9]{1,5})")
        val KILOBYTES = Regex(":\\s*([0-9]{1,15}) kB")
        const val BYTES_PER_KILOBYTE = 1024L
        const val KHZ_PER_MHZ = 1000.0
        const val LONGEST_LINE = 200
        const val BLOCK_BYTES = 1024

        /** `/proc/cpuinfo` of a server with 200 cores has 300 kB. */
        const val MOST_BYTES = 1 shl 20
    }
}
