package edgeq.core.bundle

import java.io.ByteArrayOutputStream
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.security.MessageDigest

/**
 * Reads a bundle and trusts nothing in it: sizes are bounded, and every file is compared with its digest when it is
 * read.
 */
class BundleReader(private val source: BundleSource) {
    /**
     * Reads `bundle.json`.
     *
     * @throws BundleException it is missing, damaged, of a newer version, or holds no variant that this app can run.
     */
    fun read(): Bundle {
        val bundle = parseManifest(content(BUNDLE_JSON, MANIFEST_BYTES).toString(Charsets.UTF_8))
        if (PARITY_NPZ !in bundle.files) {
            throw BundleException("$BUNDLE_JSON is damaged: it says nothing of $PARITY_NPZ; $PUT_IN_AGAIN")
        }
        return bundle
    }

    /**
     * The content of a variant's file: a direct buffer in native byte order, at position 0.
     *
     * @throws BundleException the file is missing, is not the one that `bundle.json` describes, or needs more memory
     * than there is.
     */
    fun model(variant: Variant): ByteBuffer = reading(variant.file) {
        requirePlain(variant.file)
        if (variant.sizeBytes !in 0..Int.MAX_VALUE) {
            throw BundleException(
                "${variant.file}: expected at most 2 GB, which is what the format can hold, " +
                    "found ${variant.sizeBytes} bytes in $BUNDLE_JSON; $PUT_IN_AGAIN",
            )
        }
        val mapped = source.map(variant.file)
        if (mapped == null) copied(variant) else checked(variant, mapped)
    }

    /**
     * Reads `parity.npz`: the arrays of the inputs, of the source model and of the bundle's variants.
     *
     * @throws BundleException it is missing, altered or damaged.
     */
    fun parity(bundle: Bundle): ParityData {
        val expected = bundle.files[PARITY_NPZ] ?: throw BundleException("$BUNDLE_JSON says nothing of $PARITY_NPZ")
        val content = content(PARITY_NPZ, PARITY_BYTES)
        requireSame(PARITY_NPZ, expected, sha256().digest(content).hexadecimal())
        return reading(PARITY_NPZ) { parseParity(content, bundle.variants.map(Variant::name).toSet()) }
    }

    /**
     * Reads `photos.zip`; null in a bundle without photos.
     *
     * @throws BundleException it is missing, altered, damaged or of a newer version.
     */
    fun photos(bundle: Bundle): RecordedPhotos? {
        val expected = bundle.files[PHOTOS_ZIP] ?: return null
        val content = content(PHOTOS_ZIP, PHOTOS_BYTES)
        requireSame(PHOTOS_ZIP, expected, sha256().digest(content).hexadecimal())
        return reading(PHOTOS_ZIP) { parsePhotos(content, bundle.variants.map(Variant::name).toSet()) }
    }

    private fun checked(variant: Variant, mapped: ByteBuffer): ByteBuffer {
        val digest = sha256()
        digest.update(mapped.duplicate())
        requireSame(variant.file, variant.sha256, digest.digest().hexadecimal())
        return mapped.order(ByteOrder.nativeOrder())
    }

    /** Reads twice, so that no more memory is taken than the file really needs, whatever the manifest says. */
    private fun copied(variant: Variant): ByteBuffer {
        requireSame(variant.file, variant.sha256, digestOf(variant) { })
        val buffer = ByteBuffer.allocateDirect(variant.sizeBytes.toInt()).order(ByteOrder.nativeOrder())
        val target = buffer.duplicate()
        requireSame(variant.file, variant.sha256, digestOf(variant) { target.put(it) })
        return buffer
    }

    /** The file's digest, or that of its beginning where it is longer than it should be. */
    private fun digestOf(variant: Variant, take: (ByteBuffer) -> Unit): String {
        val digest = sha256()
        var left = variant.sizeBytes
        source.open(variant.file).use { stream ->
            val block = ByteArray(BLOCK_BYTES)
            while (true) {
                val count = stream.read(block)
                if (count < 0) break
                left -= count
                if (left < 0) throw wrongSize(variant)
                digest.update(block, 0, count)
                take(ByteBuffer.wrap(block, 0, count))
            }
        }
        if (left > 0) throw wrongSize(variant)
        return digest.digest().hexadecimal()
    }

    private fun wrongSize(variant: Variant) = BundleException(
        "${variant.file} is not the file that $BUNDLE_JSON describes: expected ${variant.sizeBytes} bytes, " +
            "found another size: $PUT_IN_AGAIN",
    )

    private fun requireSame(name: String, expected: String, found: String) {
        if (found != expected) {
            throw BundleException(
                "$name is not the file that $BUNDLE_JSON describes: expected SHA-256 " +
                    "${expected.take(DIGITS_SHOWN)}…, found ${found.take(DIGITS_SHOWN)}…: $PUT_IN_AGAIN",
            )
        }
    }

    private fun content(name: String, most: Int): ByteArray = reading(name) {
        source.open(name).use { read(it, name, most) }
    }

    private fun read(stream: InputStream, name: String, most: Int): ByteArray {
        val result = ByteArrayOutputStream()
        val block = ByteArray(BLOCK_BYTES)
        while (true) {
            val count = stream.read(block)
            if (count < 0) return result.toByteArray()
            if (count > most - result.size()) {
                throw BundleException("$name has more than ${most shr MEBI} MiB, expected less; $PUT_IN_AGAIN")
            }
            result.write(block, 0, count)
        }
    }

    private fun <T> reading(name: String, read: () -> T): T = try {
        read()
    } catch (error: FileNotFoundException) {
        throw BundleException("$name is missing in the bundle; $PUT_IN_AGAIN", error)
    } catch (error: IOException) {
        throw BundleException("$name cannot be read: ${shown(error.message)}; $PUT_IN_AGAIN", error)
    } catch (error: OutOfMemoryError) {
        throw BundleException("$name needs more memory than this device gives the app: choose a smaller variant", error)
    }

    private companion object {
        const val BLOCK_BYTES = 1 shl 16
        const val MEBI = 20
        const val DIGITS_SHOWN = 12

        /** A digest of each calibration item is the most of it: 69 bytes each, so that 200,000 items fit. */
        const val MANIFEST_BYTES = 16 shl MEBI

        /** edgeq writes inputs of 1 MiB, and outputs of the source model and of each variant beside. */
        const val PARITY_BYTES = 128 shl MEBI

        /** edgeq writes photos of 2 MiB together, pixels of 4 MiB, and outputs of each variant beside. */
        const val PHOTOS_BYTES = 64 shl MEBI

        fun sha256(): MessageDigest = MessageDigest.getInstance("SHA-256")
    }
}
