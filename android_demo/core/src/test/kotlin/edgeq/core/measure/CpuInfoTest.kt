package edgeq.core.measure

import edgeq.core.model.RuntimeInfo
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Test

class CpuInfoTest {
    @Test
    fun `cores and features are those that Python reads`() {
        for (case in goldenCases("cpus")) {
            val cpu = CpuInfo(case.getString("cpuinfo"))
            assertEquals(case.textOrNull("cpu"), cpu.name, case.getString("name"))
            assertEquals(case.texts("features"), cpu.features, case.getString("name"))
            val widest = case.getString("widest")
            val expected = if (widest.isEmpty()) "aarch64" else "aarch64+$widest"
            assertEquals(expected, cpuFamily("arm64-v8a", cpu.features), case.getString("name"))
        }
    }

    @Test
    fun `the kernel path is written as edgeq writes it`() {
        val runtime = RuntimeInfo("litert", "2.3.0", "XNNPACK")
        val family = cpuFamily("x86_64", listOf("avx2", "avx512_vnni"))
        assertEquals("litert 2.3.0, XNNPACK, x86_64+avx512_vnni", kernelPath(runtime, family))
        assertEquals("armv7l+neon", cpuFamily("armeabi-v7a", listOf("neon", "vfpv4")))
        assertEquals("riscv64", cpuFamily("riscv64", emptyList()))
    }

    @Test
    fun `numbers that are none name no core`() {
        assertNull(CpuInfo("CPU implementer : 0x\nCPU part : 0xzz\n").name)
        assertNull(CpuInfo("CPU part : 0xd05\n").name)
    }
}
