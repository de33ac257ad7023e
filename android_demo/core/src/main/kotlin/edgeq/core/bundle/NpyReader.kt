package edgeq.core.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Reads the content of a `.npy` file of version 1 or 2, in the order of C and little-endian.
 *
 * The format is that of NumPy's NEP 1; its header is read strictly, in the form that NumPy writes.
 *
 * @param content of the file.
 * @param name for messages.
 * @param file that it is in, for messages.
 * @throws BundleException it is no such file.
 */
internal fun parseNpy(content: ByteArray, name: String, file: String = PARITY_NPZ): NpyArray {
    val bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    if (content.size < SHORTEST ||
        MAGIC.indices.any { content[it] != MAGIC[it] }
    ) {
        throw refused(name, file, "it is no array")
    }
    val version = content[MAGIC.size].toInt()
    val (start, length) = when (version) {
        1 -> 10 to (bytes.getShort(8).toLong() and 0xFFFF)
        2 -> 12 to (bytes.getInt(8).toLong() and 0xFFFFFFFFL)
        else -> throw refused(name, file, "version $version of its header is neither 1 nor 2")
    }
    if (length > LONGEST_HEADER || start + length > content.size) throw refused(name, file, "its header is cut off")
    val end = start + length.toInt()
    val header = String(content, start, length.toInt(), Charsets.ISO_8859_1)
    val match = HEADER.matchEntire(header) ?: throw refused(name, file, "its header is ${shown(header)}")
    val (descr, order, sizes) = match.destructured
    val type = NpyType.described(descr) ?: throw refused(name, file, "values of type ${shown(descr)} are unknown")
    val shape = shape(sizes, name, file)
    if (order == "True" && shape.count { it > 1 } > 1) throw refused(name, file, "it is in the order of Fortran")
    val expected = shape.fold(type.bytes.toDouble()) { product, size -> product * size }
    if (expected != (content.size - end).toDouble()) {
        throw refused(name, file, "expected ${expected.toLong()} bytes of values, found ${content.size - end}")
    }
    return NpyArray(type, shape, ByteBuffer.wrap(content, end, content.size - end).order(ByteOrder.LITTLE_ENDIAN))
}

private fun shape(sizes: String, name: String, file: String): List<Int> {
    val parts = sizes.split(",").map(String::trim).filter(String::isNotEmpty)
    if (parts.size > MOST_AXES) throw refused(name, file, "it has ${parts.size} axes")
    return parts.map { it.toIntOrNull() ?: throw refused(name, file, "${shown(it)} is no size") }
}

private fun refused(name: String, file: String, why: String) = damaged(file, "${shown(name)}: $why")

/** The first bytes of every `.npy`: 0x93 and NUMPY. */
private val MAGIC = byteArrayOf(0x93.toByte()) + "NUMPY".toByteArray(Charsets.US_ASCII)

private const val SHORTEST = 12

/** NumPy itself refuses longer ones. */
private const val LONGEST_HEADER = 10_000L

/** NumPy's own limit is 64. */
private const val MOST_AXES = 64

private val HEADER = Regex(
    """\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(((?:\d+, )*(?:\d+,?)?)\), \} *\n""",
)
