package edgeq.core.measure

import java.io.File
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir

class SystemFilesTest {
    @TempDir
    lateinit var root: File

    @Test
    fun `cores that are on are read in their order`() {
        write("sys/devices/system/cpu/cpu10/cpufreq/scaling_cur_freq", "2850000\n")
        write("sys/devices/system/cpu/cpu10/cpufreq/scaling_governor", "sched_pixel\n")
        write("sys/devices/system/cpu/cpu2/online", "0\n")
        write("sys/devices/system/cpu/cpu1/online", "1\n")
        write("sys/devices/system/cpu/cpufreq/policy0", "")
        val expected = listOf(CoreState(1, null, null), CoreState(10, "sched_pixel", 2850.0))
        assertEquals(expected, SystemFiles(root).cores())
    }

    @Test
    fun `memory is read in bytes`() {
        write("proc/meminfo", "MemTotal:        7650980 kB\nMemFree: 1 kB\nMemAvailable:    3154520 kB\n")
        assertEquals(7650980L * 1024, SystemFiles(root).memoryBytes())
        assertEquals(3154520L * 1024, SystemFiles(root).availableMemoryBytes())
    }

    @Test
    fun `what is missing or makes no sense is not known`() {
        assertNull(SystemFiles(root).memoryBytes())
        assertNull(SystemFiles(root).load1m())
        assertEquals(emptyList<CoreState>(), SystemFiles(root).cores())
        assertNull(SystemFiles(root).cpu().name)
        write("proc/meminfo", "MemTotal: 99999999999999999999999 kB\nMemAvailable: much\n")
        write("proc/loadavg", "NaN 1 2\n")
        write("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "99999999999999\n")
        assertNull(SystemFiles(root).memoryBytes())
        assertNull(SystemFiles(root).availableMemoryBytes())
        assertNull(SystemFiles(root).load1m())
        assertEquals(listOf(CoreState(0, null, null)), SystemFiles(root).cores())
    }

    @Test
    fun `a file of many kilobytes is read whole, and of one without an end its beginning`() {
        val before = "MemFree: 1 kB\n".repeat(30_000)
        write("proc/meminfo", before + "MemAvailable: 7 kB\n")
        assertEquals(7L * 1024, SystemFiles(root).availableMemoryBytes())
        write("proc/meminfo", before.repeat(4) + "MemAvailable: 7 kB\n")
        assertNull(SystemFiles(root).availableMemoryBytes())
    }

    private fun write(path: String, text: String) {
        val file = File(root, path)
        file.parentFile.mkdirs()
        file.writeText(text)
    }
}
