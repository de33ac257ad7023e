package edgeq.core.jvm

import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.ParityData
import edgeq.core.measure.SystemFiles
import edgeq.core.measure.cpuFamily
import edgeq.core.measure.kernelPath
import edgeq.core.model.ModelException
import edgeq.core.model.ModelRunner
import edgeq.core.model.TensorType
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class LiteRtRunnerTest {
    private val desktop = DesktopBundle.orSkip()

    @Test
    fun `tensors are those of the bundle`() {
        for (variant in desktop.bundle.variants) {
            desktop.open(variant).use { runner ->
                assertEquals(variant.inputs, runner.inputs, variant.name)
                assertEquals(variant.outputs, runner.outputs, variant.name)
                assertTrue(runner.loadNanos > 0)
            }
        }
    }

    @Test
    fun `stored outputs of every variant and thread count go to Python, which compares them`() {
        for (variant in desktop.bundle.variants) {
            val ofOneThread = desktop.open(variant).use { it.storedOutputs(desktop.recorded) }
            for ((name, bytes) in ofOneThread) {
                val file = DesktopBundle.outFile("outputs/${variant.name}/$name.bin") ?: continue
                file.parentFile.mkdirs()
                file.writeBytes(bytes)
            }
            if (variant.outputs.any { it.type == TensorType.FLOAT32 }) continue
            val ofTwoThreads = desktop.open(variant, threads = 2).use { it.storedOutputs(desktop.recorded) }
            for ((name, bytes) in ofOneThread) assertTrue(bytes.contentEquals(ofTwoThreads[name]), variant.name)
        }
    }

    @Test
    fun `integer outputs are the recorded bits where the kernels are the recorded ones`() {
        val features = SystemFiles().cpu().features
        for (variant in desktop.bundle.variants) {
            desktop.open(variant).use { runner ->
                val here = kernelPath(runner.runtime, cpuFamily(System.getProperty("os.arch").pythonName(), features))
                if (here == variant.check.kernelPath) assertRecordedBits(runner, desktop.recorded, variant.name)
            }
        }
    }

    @Test
    fun `a file that is no model is refused with a reason and leaves nothing open`() {
        val junk = ByteBuffer.allocateDirect(JUNK_BYTES).order(ByteOrder.nativeOrder())
        val error = assertThrows(ModelException::class.java) { desktop.factory.open(junk, 1) }
        assertTrue(error.message.orEmpty().startsWith("LiteRT refuses the file"), error.message)
    }

    @Test
    fun `closing twice is as good as closing once`() {
        val runner = desktop.open(desktop.bundle.variants.first())
        runner.close()
        runner.close()
    }

    private companion object {
        const val JUNK_BYTES = 1000

        fun String.pythonName() = if (this == "amd64") "x86_64" else this

        fun assertRecordedBits(runner: ModelRunner, recorded: ParityData, variant: String) {
            val expected = recorded.stored.getValue(variant)
            for ((name, bytes) in runner.storedOutputs(recorded)) {
                val info = runner.outputs.first { it.name == name }
                if (info.type == TensorType.FLOAT32) continue
                assertEquals(expected.getValue(name).values(), bytes.values(info.type), "$variant $name")
            }
        }

        fun NpyArray.values(): List<Long> = List(count) { long(it) }

        fun ByteArray.values(type: TensorType): List<Long> {
            val buffer = ByteBuffer.wrap(this).order(ByteOrder.nativeOrder())
            return List(size / type.bytes) {
                when (type) {
                    TensorType.INT8 -> buffer.get().toLong()
                    TensorType.UINT8 -> buffer.get().toLong() and UNSIGNED
                    TensorType.INT16 -> buffer.getShort().toLong()
                    else -> throw IllegalArgumentException("$type is not what int8 models store")
                }
            }
        }

        const val UNSIGNED = 0xFFL
    }
}
