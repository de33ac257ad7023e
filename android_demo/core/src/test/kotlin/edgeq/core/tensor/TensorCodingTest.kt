package edgeq.core.tensor

import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.model.ModelException
import edgeq.core.model.Quantization
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.random.Random
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class TensorCodingTest {
    @Test
    fun `a buffer is direct, in native order and as long as the tensor`() {
        val buffer = TensorInfo("x", TensorType.INT16, listOf(2, 3), null).newBuffer()
        assertTrue(buffer.isDirect)
        assertEquals(ByteOrder.nativeOrder(), buffer.order())
        assertEquals(12, buffer.remaining())
    }

    @Test
    fun `every integer stays what it is when decoded and encoded again`() {
        val random = Random(7)
        for (type in listOf(TensorType.INT8, TensorType.UINT8, TensorType.INT16)) {
            repeat(20) {
                val least = if (type == TensorType.UINT8) 0 else -(1 shl (8 * type.bytes - 1))
                val count = 1 shl 8 * type.bytes
                val zeroPoint = random.nextInt(least, least + count)
                // An int16 less its zero point takes 17 bits, and float32 has 24: both ways are exact enough.
                val scale = Math.scalb(1f + random.nextFloat(), random.nextInt(-60, 60))
                val info = TensorInfo("x", type, listOf(count), Quantization(scale, zeroPoint))
                val stored = info.newBuffer()
                for (index in 0 until count) {
                    if (type.bytes == 1) {
                        stored.put(index, index.toByte())
                    } else {
                        stored.putShort(2 * index, index.toShort())
                    }
                }
                val again = info.newBuffer()
                info.encode(info.decode(stored), again)
                assertEquals(stored, again, "$info")
            }
        }
    }

    @Test
    fun `positions and limits of buffers do not matter and stay`() {
        val info = TensorInfo("x", TensorType.FLOAT32, listOf(2), null)
        val buffer = info.newBuffer()
        buffer.position(8)
        info.encode(floatArrayOf(1.5f, -2f), buffer)
        assertEquals(8, buffer.position())
        assertArrayEquals(floatArrayOf(1.5f, -2f), info.decode(buffer))
    }

    @Test
    fun `bytes are in native order also where the buffer has another`() {
        val info = TensorInfo("x", TensorType.INT32, listOf(1), null)
        val buffer = ByteBuffer.allocate(4).order(ByteOrder.BIG_ENDIAN)
        info.encode(floatArrayOf(1f), buffer)
        assertEquals(1, buffer.order(ByteOrder.nativeOrder()).getInt(0))
    }

    @Test
    fun `integers without scale lose the fraction and must fit`() {
        val info = TensorInfo("ids", TensorType.INT8, listOf(2), null)
        val buffer = info.newBuffer()
        info.encode(floatArrayOf(127.9f, -1.9f), buffer)
        assertArrayEquals(floatArrayOf(127f, -1f), info.decode(buffer))
        val error = assertThrows(DataException::class.java) { info.encode(floatArrayOf(128f, 0f), buffer) }
        assertEquals("input ids: expected values of int8, found 128", error.message)
        assertThrows(DataException::class.java) { info.encode(floatArrayOf(Float.NaN, 0f), buffer) }
    }

    @Test
    fun `truth values are one or zero`() {
        val info = TensorInfo("mask", TensorType.BOOL, listOf(4), null)
        val buffer = info.newBuffer()
        info.encode(floatArrayOf(0f, -0f, 0.5f, Float.NaN), buffer)
        assertArrayEquals(floatArrayOf(0f, 0f, 1f, 1f), info.decode(buffer))
    }

    @Test
    fun `unsigned bytes are above zero`() {
        val info = TensorInfo("x", TensorType.UINT8, listOf(1), null)
        val buffer = info.newBuffer()
        info.encode(floatArrayOf(255f), buffer)
        assertArrayEquals(floatArrayOf(255f), info.decode(buffer))
    }

    @Test
    fun `items of an array keep integers that float32 would round`() {
        val large = (1L shl 53) + 1
        val data = ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(0, 5L).putLong(8, large)
        val info = TensorInfo("ids", TensorType.INT64, listOf(1), null)
        val buffer = info.newBuffer()
        info.encode(NpyArray(NpyType.INT64, listOf(2, 1), data), 1, buffer)
        assertEquals(large, buffer.getLong(0))
    }

    @Test
    fun `items of real numbers are quantized like the numbers themselves`() {
        val data = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN)
        listOf(9.0, 9.0, 1.5, 2.5).forEachIndexed { index, value -> data.putDouble(index * 8, value) }
        val info = TensorInfo("x", TensorType.INT8, listOf(2), Quantization(1f, 0))
        val buffer = info.newBuffer()
        info.encode(NpyArray(NpyType.FLOAT64, listOf(2, 2), data), 1, buffer)
        assertEquals(listOf<Byte>(2, 2), listOf(buffer.get(0), buffer.get(1)))
    }

    @Test
    fun `items of another shape are refused`() {
        val info = TensorInfo("x", TensorType.FLOAT32, listOf(1, 3), null)
        val items = NpyArray(NpyType.FLOAT32, listOf(1, 3, 1), ByteBuffer.allocate(12))
        val error = assertThrows(DataException::class.java) { info.encode(items, 0, info.newBuffer()) }
        assertEquals("input x: expected shape [1, 3], found [3, 1]", error.message)
    }

    @Test
    fun `another number of values is refused`() {
        val info = TensorInfo("x", TensorType.FLOAT32, listOf(1, 3), null)
        assertThrows(DataException::class.java) { info.encode(FloatArray(2), info.newBuffer()) }
    }

    @Test
    fun `NaN is refused where integers are stored and kept where floats are`() {
        val values = floatArrayOf(Float.NaN)
        val quantized = TensorInfo("x", TensorType.INT8, listOf(1), Quantization(1f, 0))
        val error = assertThrows(DataException::class.java) { quantized.encode(values, quantized.newBuffer()) }
        assertTrue(error.message.orEmpty().startsWith("the input has NaN, which no integer stands for"))
        val real = TensorInfo("x", TensorType.FLOAT32, listOf(1), null)
        val buffer = real.newBuffer()
        real.encode(values, buffer)
        assertTrue(real.decode(buffer).single().isNaN())
    }

    @Test
    fun `a scale that is none is refused`() {
        for (scale in listOf(0f, -1f, Float.NaN, Float.POSITIVE_INFINITY, 1e-40f)) {
            val info = TensorInfo("x", TensorType.INT8, listOf(1), Quantization(scale, 0))
            assertThrows(ModelException::class.java) { info.encode(FloatArray(1), info.newBuffer()) }
            assertThrows(ModelException::class.java) { info.decode(info.newBuffer()) }
        }
    }

    @Test
    fun `integers of 32 bits are not quantized to`() {
        val info = TensorInfo("x", TensorType.INT32, listOf(1), Quantization(1f, 0))
        assertThrows(DataException::class.java) { info.encode(FloatArray(1), info.newBuffer()) }
    }
}
