package edgeq.core.bundle

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.CRC32
import java.util.zip.DataFormatException
import java.util.zip.Inflater

/**
 * The entries of a ZIP archive in memory, as `.npz` files are: stored or deflated, not encrypted, of less than 4 GB.
 *
 * The platform's own reader is not used because it differs: since Android 14 it refuses names such as `input//x`, which
 * tensors may have, and old versions do not know the Zip64 fields that NumPy writes into local headers.
 * The format is that of PKWARE's APPNOTE 6.3, sections 4.3 and 4.4.
 *
 * @param content of the archive.
 * @param most bytes that all entries together may hold when they are read.
 * @param file name of the archive, for messages.
 * @throws BundleException it is no such archive.
 */
internal class ZipArchive(
    private val content: ByteArray,
    private val most: Long,
    private val file: String = PARITY_NPZ,
) {
    private val bytes: ByteBuffer = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    private val entries: Map<String, Entry> = directory()
    private var taken = 0L

    /** Names of the entries, in the archive's order. */
    val names: Set<String> get() = entries.keys

    /**
     * The content of an entry.
     *
     * @throws BundleException it is damaged, or all that was read is more than was allowed.
     */
    fun read(name: String): ByteArray {
        val entry = entries[name] ?: throw damaged(file, "it has no $name")
        taken += entry.size
        if (taken > most) throw damaged(file, "its entries take more than ${most shr MEBI} MiB")
        val start = startOf(entry)
        val result = when (entry.method) {
            STORED -> stored(entry, start)
            DEFLATED -> inflated(entry, start)
            else -> throw damaged(file, "method ${entry.method} of ${shown(name)} is neither stored nor deflated")
        }
        val checksum = CRC32().apply { update(result) }.value
        if (checksum != entry.checksum) throw damaged(file, "the checksum of ${shown(name)} is wrong")
        return result
    }

    private class Entry(
        val name: String,
        val method: Int,
        val checksum: Long,
        val compressed: Long,
        val size: Long,
        val offset: Long,
    )

    private fun directory(): Map<String, Entry> {
        val end = endOfDirectory()
        val count = unsigned16(end + END_COUNT)
        var position = unsigned32(end + END_OFFSET)
        val result = LinkedHashMap<String, Entry>()
        repeat(count) {
            if (position + CENTRAL_BYTES > end || unsigned32(position.toInt()) != CENTRAL_SIGNATURE) {
                throw damaged(file, "its directory is cut off")
            }
            val at = position.toInt()
            val next = position + CENTRAL_BYTES + unsigned16(at + 28) + unsigned16(at + 30) + unsigned16(at + 32)
            if (next > end) throw damaged(file, "its directory is cut off")
            val entry = entry(at)
            if (result.put(entry.name, entry) != null) throw damaged(file, "${shown(entry.name)} is in it twice")
            position = next
        }
        return result
    }

    private fun entry(at: Int): Entry {
        val flags = unsigned16(at + 8)
        val charset = if (flags and UTF8_FLAG != 0) Charsets.UTF_8 else Charsets.ISO_8859_1
        val name = String(content, at + CENTRAL_BYTES, unsigned16(at + 28), charset)
        if (flags and ENCRYPTED_FLAG != 0) throw damaged(file, "${shown(name)} is encrypted")
        return Entry(
            name = name,
            method = unsigned16(at + 10),
            checksum = unsigned32(at + 16),
            compressed = unsigned32(at + 20),
            size = unsigned32(at + 24),
            offset = unsigned32(at + 42),
        )
    }

    private fun endOfDirectory(): Int {
        val first = maxOf(0, content.size - END_BYTES - LONGEST_COMMENT)
        for (position in content.size - END_BYTES downTo first) {
            if (unsigned32(position) == END_SIGNATURE) return position
        }
        throw damaged(file, "it is no ZIP archive, or cut off")
    }

    /** Where the entry's data begin: the local header has lengths of its own. */
    private fun startOf(entry: Entry): Int {
        if (entry.offset + LOCAL_BYTES > content.size || unsigned32(entry.offset.toInt()) != LOCAL_SIGNATURE) {
            throw damaged(file, "${shown(entry.name)} is not where the directory says")
        }
        val at = entry.offset.toInt()
        val start = entry.offset + LOCAL_BYTES + unsigned16(at + 26) + unsigned16(at + 28)
        if (start + entry.compressed > content.size) throw damaged(file, "${shown(entry.name)} is cut off")
        return start.toInt()
    }

    private fun stored(entry: Entry, start: Int): ByteArray {
        if (entry.size != entry.compressed) throw damaged(file, "the size of ${shown(entry.name)} is wrong")
        return content.copyOfRange(start, start + entry.size.toInt())
    }

    private fun inflated(entry: Entry, start: Int): ByteArray {
        if (entry.size >
            entry.compressed * DEFLATE_RATIO
        ) {
            throw damaged(file, "the size of ${shown(entry.name)} is wrong")
        }
        // One byte more than it should be, so that a longer stream is noticed.
        val result = ByteArray(entry.size.toInt() + 1)
        val inflater = Inflater(true)
        try {
            inflater.setInput(content, start, entry.compressed.toInt())
            var length = 0
            while (!inflater.finished()) {
                val count = inflater.inflate(result, length, result.size - length)
                if (count == 0 && !inflater.finished()) break
                length += count
            }
            if (!inflater.finished() || length.toLong() != entry.size) {
                throw damaged(file, "the size of ${shown(entry.name)} is wrong")
            }
        } catch (error: DataFormatException) {
            throw damaged(file, "${shown(entry.name)} cannot be decompressed: ${shown(error.message)}")
        } finally {
            inflater.end()
        }
        return result.copyOf(entry.size.toInt())
    }

    private fun unsigned16(position: Int): Int = bytes.getShort(position).toInt() and 0xFFFF

    private fun unsigned32(position: Int): Long = bytes.getInt(position).toLong() and 0xFFFFFFFFL

    private companion object {
        const val MEBI = 20
        const val STORED = 0
        const val DEFLATED = 8
        const val ENCRYPTED_FLAG = 1
        const val UTF8_FLAG = 1 shl 11
        const val LOCAL_SIGNATURE = 0x04034b50L
        const val LOCAL_BYTES = 30
        const val CENTRAL_SIGNATURE = 0x02014b50L
        const val CENTRAL_BYTES = 46
        const val END_SIGNATURE = 0x06054b50L
        const val END_BYTES = 22
        const val END_COUNT = 10
        const val END_OFFSET = 16
        const val LONGEST_COMMENT = 0xFFFF

        /** Deflate makes at most 1032 bytes of one: zlib's technical details. */
        const val DEFLATE_RATIO = 1032L
    }
}

internal fun damaged(file: String, what: String) = BundleException("$file cannot be read: $what; $PUT_IN_AGAIN")
