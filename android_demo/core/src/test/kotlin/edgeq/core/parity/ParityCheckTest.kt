package edgeq.core.parity

import edgeq.core.bundle.DemoBundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.ParityData
import edgeq.core.bundle.Variant
import edgeq.core.model.ModelRunner
import edgeq.core.model.RuntimeInfo
import edgeq.core.model.TensorInfo
import edgeq.core.tensor.DataException
import edgeq.core.tensor.encode
import java.nio.ByteBuffer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ParityCheckTest {
    private val reader = DemoBundle.reader()
    private val bundle = reader.read()
    private val recorded = reader.parity(bundle)

    @Test
    fun `a runner that computes what was recorded passes, whatever the variant`() {
        for (variant in bundle.variants) {
            val result = checkNotNull(check(variant, Replay(variant)))
            assertTrue(result.passed && result.sameKernels, variant.name)
            assertEquals(0.0, result.differing)
            assertEquals(16, result.n)
            assertTrue(result.differences.isEmpty())
        }
    }

    @Test
    fun `tensors of other names are taken in their order`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val renamed = Replay(variant) { it.copy(name = "serving_default_${it.name}:0") }
        assertTrue(check(variant, renamed)?.passed == true)
    }

    @Test
    fun `inputs are given as the file stores them`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val runner = Replay(variant)
        check(variant, runner)
        val image = recorded.inputs.getValue("image")
        // Its scale is 1 and its zero point −128: the recorded pixels are whole.
        assertEquals(image.double(15 * 784 + 300), runner.lastInput.get(300) + 128.0)
    }

    @Test
    fun `outputs in the wrong order of inputs do not pass`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val result = checkNotNull(check(variant, Replay(variant, skip = 1)))
        assertTrue(!result.passed)
        assertTrue(result.differences.isNotEmpty())
    }

    @Test
    fun `it ends between two inputs when it is cancelled`() {
        val variant = bundle.variants.first()
        val runner = Replay(variant)
        assertNull(checkParity(bundle, recorded, variant, runner, "x") { runner.runs == 3 })
        assertEquals(3, runner.runs)
    }

    @Test
    fun `nothing is run where nothing can be compared`() {
        val variant = bundle.variants.first { it.name == "int8" }
        val runner = Replay(variant) { it.copy(shape = it.shape + 2) }
        assertNull(check(variant, runner))
        val without = ParityData(recorded.n, recorded.inputs, recorded.reference, emptyMap())
        assertNull(checkParity(bundle, without, variant, runner, "x") { false })
        assertEquals(0, runner.runs)
    }

    @Test
    fun `recorded inputs of another shape are refused`() {
        val variant = bundle.variants.first()
        val flat = recorded.inputs.mapValues { (_, one) ->
            NpyArray(one.type, listOf(16, 784), ByteBuffer.allocate(16 * 3136))
        }
        val other = ParityData(recorded.n, flat, recorded.reference, recorded.stored)
        val error = assertThrows(DataException::class.java) {
            checkParity(bundle, other, variant, Replay(variant), "x") { false }
        }
        assertEquals("input image: expected shape [1, 28, 28, 1], found [784]", error.message)
    }

    @Test
    fun `a reference without a number is a message`() {
        val variant = bundle.variants.first()
        val none = recorded.reference.mapValues { (_, one) ->
            val bytes = ByteBuffer.allocate(640)
            repeat(160) { bytes.putFloat(it * 4, Float.NaN) }
            NpyArray(one.type, one.shape, bytes)
        }
        val other = ParityData(recorded.n, recorded.inputs, none, recorded.stored)
        assertThrows(DataException::class.java) { checkParity(bundle, other, variant, Replay(variant), "x") { false } }
        assertNotNull(check(variant, Replay(variant)))
    }

    private fun check(variant: Variant, runner: ModelRunner) =
        checkParity(bundle, recorded, variant, runner, variant.check.kernelPath) { false }

    /** Gives the recorded outputs in turn, beginning at [skip]. */
    private inner class Replay(
        private val variant: Variant,
        private val skip: Int = 0,
        change: (TensorInfo) -> TensorInfo = { it },
    ) : ModelRunner {
        override val runtime = RuntimeInfo("replay", "1", "none")
        override val inputs = variant.inputs.map(change)
        override val outputs = variant.outputs.map(change)
        override val loadNanos = 0L
        var runs = 0
        lateinit var lastInput: ByteBuffer

        override fun run(inputs: Map<String, ByteBuffer>, outputs: Map<String, ByteBuffer>): Long {
            lastInput = inputs.values.first()
            val made = variant.outputs.single()
            val array = recorded.stored.getValue(variant.name).getValue(made.name)
            made.copy(quantization = null).encode(array, (runs + skip) % recorded.n, outputs.values.single())
            runs++
            return 1
        }

        override fun close() = Unit
    }
}
