package edgeq.core.bundle

import edgeq.core.tensor.Golden
import edgeq.core.tensor.littleEndian
import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import kotlin.random.Random
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class ParityReaderTest {
    @Test
    fun `arrays of every type are read from stored and from compressed archives`() {
        for (name in listOf("stored.npz", "compressed.npz")) {
            val archive = ZipArchive(Golden.bytes(name), 1L shl 20)
            val cases = Golden.cases("arrays")
            assertEquals(cases.map { it.getString("name") + ".npy" }, archive.names.toList())
            for (case in cases) {
                val array = parseNpy(archive.read(case.getString("name") + ".npy"), "x")
                assertEquals(case.getString("dtype"), array.type.jsonName)
                assertEquals(case.getJSONArray("shape").let { List(it.length(), it::getInt) }, array.shape)
                val expected = NpyArray(array.type, array.shape, littleEndian(case.getString("values")))
                assertEquals(expected.numbers(), array.numbers())
            }
        }
    }

    @Test
    fun `arrays are sorted by what they are`() {
        val data = parseParity(Golden.bytes("compressed.npz"), setOf("int8"))
        assertEquals(2, data.n)
        assertEquals(listOf("image", "/größe:0"), data.inputs.keys.toList())
        assertEquals(listOf("class"), data.reference.keys.toList())
        assertEquals(setOf("int8"), data.stored.keys)
        assertEquals(8, data.stored.getValue("int8").size)
        assertEquals(Double.POSITIVE_INFINITY, data.reference.getValue("class").double(3))
    }

    @Test
    fun `archives that take more than is allowed are refused`() {
        val archive = ZipArchive(zip("a" to ByteArray(5000), "b" to ByteArray(5000)), 9999)
        assertEquals(5000, archive.read("a").size)
        assertTrue("its entries take more than" in refusal { archive.read("b") })
    }

    @Test
    fun `a size that no compression reaches takes no memory`() {
        val content = zip("a" to ByteArray(5000))
        val at = content.indexOfSignature(0x02014b50)
        ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).putInt(at + 24, 1 shl 30)
        assertTrue("the size of a is wrong" in refusal { ZipArchive(content, Long.MAX_VALUE).read("a") })
    }

    @Test
    fun `values that were changed are noticed`() {
        val content = Golden.bytes("stored.npz")
        val entry = ZipArchive(content, 1L shl 20).names.first()
        // Behind the local header, its names and the array's header: the first value.
        val at = content.indexOfSignature(0x04034b50) + 30 + entry.length + 20 + 128
        content[at] = (content[at] + 1).toByte()
        assertTrue("the checksum of $entry is wrong" in refusal { ZipArchive(content, 1L shl 20).read(entry) })
    }

    @Test
    fun `an archive with an entry twice is refused`() {
        val content = zip("a" to ByteArray(1), "b" to ByteArray(1))
        val at = content.indexOfSignature(0x02014b50, content.indexOfSignature(0x02014b50) + 1)
        content[at + 46] = 'a'.code.toByte()
        assertTrue("a is in it twice" in refusal { ZipArchive(content, 100) })
    }

    @Test
    fun `headers that NumPy would not write are refused`() {
        val usual = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
        assertEquals(listOf(2), parseNpy(npy(usual), "x").shape)
        assertEquals(listOf(2), parseNpy(npy(usual, version = 2), "x").shape)
        val flat = "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }"
        assertEquals(listOf(1, 2), parseNpy(npy(flat), "x").shape)
        for ((header, reason) in listOf(
            "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }" to "values of type >f4 are unknown",
            "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }" to "values of type |O are unknown",
            "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }" to "it is in the order of Fortran",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }" to "expected 12 bytes of values, found 8",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,), }" to "99999999999 is no size",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }" to "its header is",
            "{'descr': '<f4', 'shape': (2,), 'fortran_order': False, }" to "its header is",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (${"1, ".repeat(70)}2), }" to "it has 71 axes",
        )) {
            assertTrue(reason in refusal { parseNpy(npy(header), "x") }, header)
        }
        assertTrue("neither 1 nor 2" in refusal { parseNpy(npy("{}", 3), "x") })
        assertTrue("it is no array" in refusal { parseNpy(ByteArray(100), "x") })
        assertTrue("it is no array" in refusal { parseNpy(ByteArray(0), "x") })
    }

    @Test
    fun `arrays of different numbers of items are refused`() {
        val two = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }")
        val one = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }")
        assertEquals(2, parseParity(zip("input/x.npy" to two, "float/y.npy" to two), emptySet()).n)
        for (content in listOf(
            zip("input/x.npy" to two, "float/y.npy" to one),
            zip("input/x.npy" to two),
            zip("other.npy" to two),
        )) {
            assertTrue("of one number" in refusal { parseParity(content, emptySet()) })
        }
    }

    @Test
    fun `no damage makes another error than a message`() {
        val random = Random(13)
        var refused = 0
        for (name in listOf("stored.npz", "compressed.npz")) {
            val content = Golden.bytes(name)
            repeat(1500) {
                val damaged = content.copyOf(if (random.nextInt(4) == 0) random.nextInt(content.size) else content.size)
                repeat(random.nextInt(1, 5)) {
                    if (damaged.isNotEmpty()) damaged[random.nextInt(damaged.size)] = random.nextInt().toByte()
                }
                try {
                    parseParity(damaged, setOf("int8"))
                } catch (error: BundleException) {
                    refused++
                    assertTrue('\n' !in error.message.orEmpty(), error.message)
                }
            }
        }
        assertTrue(refused > 1000, "$refused")
    }

    private fun refusal(action: () -> Unit): String =
        assertThrows(BundleException::class.java) { action() }.message.orEmpty()

    private fun NpyArray.numbers() = List(count) { if (type.isReal) double(it).toRawBits() else long(it) }

    private fun npy(header: String, version: Int = 1): ByteArray {
        val text = header.toByteArray() + '\n'.code.toByte()
        val length = ByteBuffer.allocate(if (version == 1) 2 else 4).order(ByteOrder.LITTLE_ENDIAN)
        if (version == 1) length.putShort(text.size.toShort()) else length.putInt(text.size)
        return byteArrayOf(0x93.toByte()) + "NUMPY".toByteArray() + byteArrayOf(version.toByte(), 0) + length.array() +
            text + ByteArray(8)
    }

    private fun zip(vararg entries: Pair<String, ByteArray>): ByteArray {
        val result = ByteArrayOutputStream()
        ZipOutputStream(result).use { zip ->
            for ((name, content) in entries) {
                zip.putNextEntry(ZipEntry(name))
                zip.write(content)
            }
        }
        return result.toByteArray()
    }

    private fun ByteArray.indexOfSignature(signature: Int, from: Int = 0): Int {
        val bytes = ByteBuffer.wrap(this).order(ByteOrder.LITTLE_ENDIAN)
        return (from..size - 4).first { bytes.getInt(it) == signature }
    }
}
