package edgeq.core.bundle

import edgeq.core.bundle.DemoBundle.variant
import edgeq.core.model.Quantization
import edgeq.core.model.TensorInfo
import edgeq.core.model.TensorType
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class BundleReaderTest {
    @Test
    fun `the demo bundle is read with what its manifest says`() {
        val bundle = DemoBundle.reader().read()
        assertEquals("fashion_mnist", bundle.name)
        assertEquals(
            listOf("float32", "float16", "dynamic", "int8", "int8-io-float32", "int16x8"),
            bundle.variants.map { it.name },
        )
        assertEquals("float32", bundle.baseline?.name)
        assertEquals("Ankle boot", bundle.labels.last())
        assertEquals("raw", bundle.preprocessing.name)
        val int8 = bundle.variants.first { it.name == "int8" }
        val image = TensorInfo("image", TensorType.INT8, listOf(1, 28, 28, 1), Quantization(1f, -128))
        assertEquals(listOf(image), int8.inputs)
        val classes = TensorInfo("class", TensorType.INT8, listOf(1, 10), Quantization(1f / 256, -128))
        assertEquals(listOf(classes), int8.outputs)
        assertEquals(16, int8.check.n)
        assertEquals(1.0, int8.check.agreement)
        assertTrue(bundle.unsupported.isEmpty())
    }

    @Test
    fun `numbers are those that Python wrote`() {
        val int16 = DemoBundle.reader().read().variants.first { it.name == "int16x8" }
        assertEquals(0.007782219909131527.toFloat(), int16.inputs.single().quantization?.scale)
        assertEquals(36.14870734580253, int16.check.sqnrDb)
    }

    @Test
    fun `every model is read mapped and streamed`() {
        val streamed = BundleReader(MemorySource(DemoBundle.files()))
        for (variant in DemoBundle.reader().read().variants) {
            val expected = ByteBuffer.wrap(File(DemoBundle.folder, variant.file).readBytes())
            for (model in listOf(DemoBundle.reader().model(variant), streamed.model(variant))) {
                assertTrue(model.isDirect)
                assertEquals(ByteOrder.nativeOrder(), model.order())
                assertEquals(expected, model)
            }
        }
    }

    @Test
    fun `an altered model is refused with both digests, mapped and streamed`() {
        val variant = DemoBundle.reader().read().variants.first { it.name == "int8" }
        val files = DemoBundle.files()
        val altered = files.getValue(variant.file).also { it[1000] = (it[1000] + 1).toByte() }
        val mapped = object : BundleSource {
            override fun open(name: String) = throw IOException("not needed")

            override fun map(name: String): ByteBuffer = ByteBuffer.wrap(altered)
        }
        val expected = "fashion_mnist.int8.tflite is not the file that bundle.json describes: expected SHA-256 " +
            "${variant.sha256.take(12)}…, found ${sha256(altered).take(12)}…: $PUT_IN_AGAIN"
        for (source in listOf(MemorySource(files), mapped)) {
            val error = assertThrows(BundleException::class.java) { BundleReader(source).model(variant) }
            assertEquals(expected, error.message)
        }
    }

    @Test
    fun `a model that is longer or shorter than it should be is refused`() {
        val variant = DemoBundle.reader().read().variants.first()
        for (change in listOf<(ByteArray) -> ByteArray>({ it + 0 }, { it.copyOf(it.size - 1) }, { ByteArray(0) })) {
            val files = DemoBundle.files()
            files[variant.file] = change(files.getValue(variant.file))
            val error = assertThrows(BundleException::class.java) { BundleReader(MemorySource(files)).model(variant) }
            assertTrue("is not the file that bundle.json describes" in error.message.orEmpty(), error.message)
        }
    }

    @Test
    fun `a size that a manifest made up takes no memory`() {
        val variant = DemoBundle.reader().read().variants.first().copy(sizeBytes = Int.MAX_VALUE.toLong())
        assertThrows(BundleException::class.java) { BundleReader(MemorySource(DemoBundle.files())).model(variant) }
        assertThrows(BundleException::class.java) {
            BundleReader(MemorySource(DemoBundle.files())).model(variant.copy(sizeBytes = 1L shl 40))
        }
    }

    @Test
    fun `a file that is missing is named`() {
        val reader = DemoBundle.reader()
        val variant = reader.read().variants.first()
        for (name in listOf("bundle.json", "parity.npz", variant.file)) {
            val files = DemoBundle.files().apply { remove(name) }
            val without = BundleReader(MemorySource(files))
            val error = assertThrows(BundleException::class.java) {
                without.read().let { without.parity(it) }
                without.model(variant)
            }
            assertEquals("$name is missing in the bundle; $PUT_IN_AGAIN", error.message)
        }
    }

    @Test
    fun `a source that fails is a message`() {
        val failing = BundleReader { throw IOException("card\nremoved") }
        val error = assertThrows(BundleException::class.java) { failing.read() }
        assertEquals("bundle.json cannot be read: card removed; $PUT_IN_AGAIN", error.message)
    }

    @Test
    fun `altered parity data are refused`() {
        val files = DemoBundle.files()
        files.getValue("parity.npz")[500] = 1
        val reader = BundleReader(MemorySource(files))
        val error = assertThrows(BundleException::class.java) { reader.parity(reader.read()) }
        assertTrue(error.message.orEmpty().startsWith("parity.npz is not the file that bundle.json describes"))
    }

    @Test
    fun `parity data of the variants that are left out stay in the file`() {
        val reader = DemoBundle.altered { it.getJSONArray("variants").remove(0) }
        val data = reader.parity(reader.read())
        assertEquals(16, data.n)
        assertEquals(listOf(16, 1, 28, 28, 1), data.inputs.getValue("image").shape)
        assertEquals(listOf("float16", "dynamic", "int8", "int8-io-float32", "int16x8"), data.stored.keys.toList())
        assertEquals(NpyType.INT16, data.stored.getValue("int16x8").getValue("class").type)
    }

    @Test
    fun `a variant with a type that no app runs is left out with the reason`() {
        val bundle = DemoBundle.altered {
            it.variant(1).getJSONArray("inputs").getJSONObject(0).put("dtype", "float64")
        }.read()
        assertEquals(5, bundle.variants.size)
        assertEquals(mapOf("float16" to "image is float64, a type it does not run"), bundle.unsupported)
    }
}
