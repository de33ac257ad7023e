package edgeq.demo.support

import android.graphics.Bitmap
import android.graphics.Color
import android.graphics.Matrix
import edgeq.core.bundle.NpyArray
import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer

/** Quality of the JPEGs: of a phone's camera, about. */
private const val QUALITY = 95

private const val ORIENTATION_TAG = 0x0112
private const val SHORT = 3
private const val START_OF_IMAGE = 2
private const val APP1 = 0xFFE1
private const val EXIF_BYTES = 34

/** A grey picture of values 0 to 255: the recorded input number [index], drawn [factor] times as large. */
fun photoOf(images: NpyArray, index: Int, factor: Int): Bitmap {
    val (height, width) = images.shape.takeLast(3)
    val first = index * height * width
    val colours = IntArray(height * width) { pixel ->
        val grey = images.double(first + pixel).toInt()
        Color.rgb(grey, grey, grey)
    }
    val picture = Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888)
    return Bitmap.createScaledBitmap(picture, width * factor, height * factor, false)
}

/** The picture turned clockwise. */
fun Bitmap.turned(degrees: Float): Bitmap =
    Bitmap.createBitmap(this, 0, 0, width, height, Matrix().apply { postRotate(degrees) }, false)

/** A JPEG without metadata. */
fun Bitmap.toJpeg(): ByteArray =
    ByteArrayOutputStream().also { compress(Bitmap.CompressFormat.JPEG, QUALITY, it) }.toByteArray()

/**
 * The JPEG with an EXIF block that holds nothing but the orientation, from 1 to 8 (Exif 2.32, section 4.6.4): the
 * block follows the start of the image.
 */
fun ByteArray.withOrientation(orientation: Int): ByteArray {
    val block = ByteBuffer.allocate(2 + EXIF_BYTES)
    block.putShort(APP1.toShort()).putShort(EXIF_BYTES.toShort()).put("Exif\u0000\u0000".toByteArray())
    block.put("MM\u0000*".toByteArray()).putInt(EXIF_HEADER)
    block.putShort(1).putShort(ORIENTATION_TAG.toShort()).putShort(SHORT.toShort()).putInt(1)
    block.putShort(orientation.toShort()).putShort(0).putInt(0)
    return copyOfRange(0, START_OF_IMAGE) + block.array() + copyOfRange(START_OF_IMAGE, size)
}

/** Bytes from the byte order mark to the first directory. */
private const val EXIF_HEADER = 8
