package edgeq.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.ColorSpace
import android.media.ExifInterface
import android.net.Uri
import android.os.Build
import edgeq.core.image.Pixels
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream

/** A photo that cannot be read; [message] is a sentence for the screen. */
class PhotoException(message: String, cause: Throwable? = null) : Exception(message, cause)

/**
 * A decoded photo.
 *
 * @property pixels as they lie in the file, sideways where the camera was.
 * @property orientation by EXIF, 1 to 8.
 * @property width of the file's picture, before sampling.
 * @property height of the file's picture, before sampling.
 * @property sampling 1 for all pixels; 2 for half of the rows and columns, and so on.
 */
class Photo(val pixels: Pixels, val orientation: Int, val width: Int, val height: Int, val sampling: Int)

/**
 * Reads photos of any size in bounded memory.
 *
 * Up to [MOST_PIXELS] all pixels are decoded, and what follows computes what the desktop computes. Of larger photos the
 * decoder averages blocks of 2 × 2 pixels or more, so that values come out slightly different from the desktop's.
 *
 * The photo is copied to a file of the cache first: sources such as a cloud's photos can be read once only, and
 * `ExifInterface` reads streams from Android 7 on.
 */
class PhotoReader(private val context: Context) {
    /**
     * Reads a photo.
     *
     * @throws PhotoException it cannot be opened, is too large or is no image that Android decodes.
     */
    fun read(uri: Uri): Photo {
        val copy = File.createTempFile("photo", null, context.cacheDir)
        try {
            stream(uri).use { copy(it, copy) }
            return decode(copy)
        } catch (error: IOException) {
            throw PhotoException("The photo cannot be read: ${error.message}", error)
        } finally {
            copy.delete()
        }
    }

    /**
     * Reads a photo that is in memory.
     *
     * @throws PhotoException it is too large or no image that Android decodes, or there is no room for a copy.
     */
    fun read(content: ByteArray): Photo {
        val copy = File.createTempFile("photo", null, context.cacheDir)
        try {
            copy.writeBytes(content)
            return decode(copy)
        } catch (error: IOException) {
            throw PhotoException("The photo cannot be read: ${error.message}", error)
        } finally {
            copy.delete()
        }
    }

    private fun stream(uri: Uri): InputStream = try {
        context.contentResolver.openInputStream(uri) ?: throw PhotoException("The photo is gone: choose another one")
    } catch (error: FileNotFoundException) {
        throw PhotoException("The photo is gone: choose another one", error)
    } catch (error: SecurityException) {
        throw PhotoException("The photo may not be opened: choose it again", error)
    }

    private fun copy(from: InputStream, into: File) {
        into.outputStream().use { output ->
            val block = ByteArray(BLOCK_BYTES)
            var left = MOST_BYTES
            while (true) {
                val count = from.read(block)
                if (count < 0) return
                left -= count
                if (left < 0) throw tooLarge()
                output.write(block, 0, count)
            }
        }
    }

    private fun tooLarge() =
        PhotoException("The photo's file has more than ${MOST_BYTES shr MEBI} MB: choose a smaller one")

    private fun decode(file: File): Photo {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeFile(file.path, bounds)
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) {
            throw PhotoException("The file is no image that this phone decodes: choose a JPEG or PNG")
        }
        val sampling = sampling(bounds.outWidth, bounds.outHeight)
        val options = BitmapFactory.Options().apply {
            inSampleSize = sampling
            inScaled = false
            inPreferredConfig = Bitmap.Config.ARGB_8888
            // Colours as stored: edgeq drops transparency instead of blending it with black.
            inPremultiplied = false
        }
        val bitmap = BitmapFactory.decodeFile(file.path, options)
            ?: throw PhotoException("The image is damaged: choose another one")
        val pixels = try {
            pixels(bitmap)
        } finally {
            bitmap.recycle()
        }
        return Photo(pixels, orientation(file), bounds.outWidth, bounds.outHeight, sampling)
    }

    private fun pixels(bitmap: Bitmap): Pixels {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q && bitmap.config == Bitmap.Config.ARGB_8888) {
            // getPixels converts to sRGB what is in another colour space; the desktop takes the numbers as stored.
            bitmap.setColorSpace(ColorSpace.get(ColorSpace.Named.SRGB))
        }
        return Pixels.fromArgbRows(bitmap.width, bitmap.height) { row, into ->
            bitmap.getPixels(into, 0, bitmap.width, 0, row, bitmap.width, 1)
        }
    }

    private fun orientation(file: File): Int = try {
        ExifInterface(file.path).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
    } catch (_: IOException) {
        // A file without metadata, such as a GIF, says nothing of how it lies.
        ExifInterface.ORIENTATION_NORMAL
    }

    companion object {
        /**
         * Of a photo of which every pixel is decoded: 12 megapixels, as most phones take them (4096 × 3072). It takes 50
         * MB as a bitmap and 38 MB as [Pixels].
         */
        const val MOST_PIXELS: Int = 4096 * 3072

        private const val MEBI = 20
        private const val MOST_BYTES = 256L shl MEBI
        private const val BLOCK_BYTES = 1 shl 16

        /** The smallest power of two that takes a photo to at most [MOST_PIXELS]. */
        fun sampling(width: Int, height: Int): Int {
            var sampling = 1
            while ((width / sampling).toLong() * (height / sampling) > MOST_PIXELS) sampling *= 2
            return sampling
        }
    }
}
