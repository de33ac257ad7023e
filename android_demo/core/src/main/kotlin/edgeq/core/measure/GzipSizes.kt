package edgeq.core.measure

import edgeq.core.bundle.Variant
import edgeq.core.model.readWhole
import java.nio.ByteBuffer
import java.util.zip.Deflater

/** Sizes of files after gzip level 9 where the bundle does not say; each is computed once, which takes a while. */
internal class GzipSizes {
    private val sizes = HashMap<String, Long>()

    /** The variant, with that size. */
    fun of(variant: Variant, model: ByteBuffer): Variant {
        if (variant.gzipBytes != null) return variant
        return variant.copy(gzipBytes = sizes.getOrPut(variant.name) { gzipBytes(model.duplicate()) })
    }
}

/** Header and end of a gzip file without a name (RFC 1952, section 2.3). */
private const val FRAME_BYTES = 18
private const val PIECE_BYTES = 1 shl 16

private fun gzipBytes(model: ByteBuffer): Long {
    val deflater = Deflater(Deflater.BEST_COMPRESSION, true)
    try {
        val piece = ByteArray(PIECE_BYTES)
        val thrownAway = ByteArray(PIECE_BYTES)
        readWhole(model)
        while (!deflater.finished()) {
            if (deflater.needsInput()) {
                val length = minOf(piece.size, model.remaining())
                model.get(piece, 0, length)
                deflater.setInput(piece, 0, length)
                if (!model.hasRemaining()) deflater.finish()
            }
            deflater.deflate(thrownAway)
        }
        return deflater.bytesWritten + FRAME_BYTES
    } finally {
        deflater.end()
    }
}
