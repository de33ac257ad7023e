package edgeq.core.tensor

import edgeq.core.model.Quantization
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.json.JSONObject
import org.junit.jupiter.api.Assertions.assertArrayEquals
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class QuantizationGoldenTest {
    @Test
    fun `real numbers become the bytes that Python makes of them`() {
        for (case in Golden.cases("quantization")) {
            val real = floats(case.getString("real"))
            val info = tensor(case, real.size)
            val into = info.newBuffer()
            info.encode(real, into)
            val stored = ByteArray(info.byteCount).also { into.duplicate().get(it) }
            assertArrayEquals(unhex(case.getString("stored")), stored, "$info")
        }
    }

    @Test
    fun `integers mean the bits that Python makes of them`() {
        for (case in Golden.cases("quantization")) {
            val meant = floats(case.getString("meant"))
            val info = tensor(case, meant.size)
            val from = ByteBuffer.wrap(unhex(case.getString("integers"))).order(ByteOrder.nativeOrder())
            assertEquals(bits(meant), bits(info.decode(from)), "$info")
        }
    }

    private fun tensor(case: JSONObject, count: Int): TensorInfo {
        val how = Quantization(floats(case.getString("scale")).single(), case.getInt("zero_point"))
        return TensorInfo("x", checkNotNull(TensorType.named(case.getString("dtype"))), listOf(count), how)
    }
}
