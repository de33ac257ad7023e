package edgeq.core.measure

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
            val bytes = ByteArray(MOST_BYTES)
            var length = 0
            var read = input.read(bytes)
            while (read > 0) {
                length += read
                read = input.read(bytes, length, bytes.size - length)
            }
            String(bytes, 0, length, Charsets.UTF_8)
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

        /** `/proc/cpuinfo` of a server with 200 cores has 300 kB. */
        const val MOST_BYTES = 1 shl 20
    }
}
