package edgeq.core.parity

import edgeq.core.bundle.Bundle
import edgeq.core.bundle.DemoBundle
import edgeq.core.bundle.NpyArray
import edgeq.core.bundle.NpyType
import edgeq.core.bundle.ParityData
import edgeq.core.model.Quantization
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import edgeq.core.tensor.Golden
import edgeq.core.tensor.littleEndian
import org.json.JSONObject
import org.junit.jupiter.api.Test

class MadeUpParityTest {
    private val demo = DemoBundle.reader().read()

    @Test
    fun `models that are not like the demo get the verdicts of Python`() {
        for (case in Golden.cases("parity_made_up")) {
            val outputs = case.getJSONArray("outputs").let { List(it.length()) { at -> tensor(it.getJSONObject(at)) } }
            val variant = demo.variants.first().copy(name = "made up", outputs = outputs)
            val bundle = Bundle(demo.name, listOf(variant), demo.preprocessing, demo.labels, demo.provenance)
            val n = case.getInt("n")
            val reference = outputs.associate { it.name to array(case, "reference", it, n, NpyType.FLOAT32) }
            val before = outputs.associate { it.name to array(case, "before", it, n) }
            val stored = outputs.associate { it.name to array(case, "stored", it, n) }
            val recorded = ParityData(n, emptyMap(), reference, mapOf(variant.name to before))
            val found = compareParity(bundle, recorded, variant, outputs, stored, case.getString("kernel_path"))
            assertSame(expectedResult(case.getJSONObject("result")), found, case.getString("disturbed"))
        }
    }

    private fun array(case: JSONObject, key: String, info: TensorInfo, n: Int, type: NpyType = NpyType.of(info.type)) =
        NpyArray(type, listOf(n) + info.shape, littleEndian(case.getJSONObject(key).getString(info.name)))

    private fun tensor(json: JSONObject): TensorInfo {
        val shape = json.getJSONArray("shape").let { List(it.length(), it::getInt) }
        val how = if (json.isNull("scale")) null else Quantization(json.getFloat("scale"), json.getInt("zero_point"))
        return TensorInfo(json.getString("name"), checkNotNull(TensorType.named(json.getString("dtype"))), shape, how)
    }
}
